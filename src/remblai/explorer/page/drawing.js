// Pictures on canvases: images from RGBA bytes, points of a plane over held-out ones, outlines of histograms.

const SIDE = 480;
let frame = null; // of points: the background and its bounds

export function setBackground(background) {
  const points = background.points;
  const bounds = [0, 1].map((at) => {
    const values = points.map((point) => point[at]);
    const low = Math.min(...values), high = Math.max(...values), margin = 0.15 * (high - low || 1);
    return [low - margin, high + margin];
  });
  frame = { points, bounds };
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function bytes(text) {
  return Uint8ClampedArray.from(atob(text), (letter) => letter.charCodeAt(0));
}

export function count(pictures) {
  return pictures.points ? pictures.points.length : pictures.count;
}

function image(pictures, at) {
  pictures.bytes ??= bytes(pictures.rgba);
  const size = 4 * pictures.width * pictures.height;
  return new ImageData(pictures.bytes.slice(at * size, (at + 1) * size), pictures.width, pictures.height);
}

// One picture of several.
export function paint(canvas, pictures, at = 0) {
  if (pictures.points) {
    scatter(canvas, [pictures.points[at]]);
    return;
  }
  canvas.width = pictures.width;
  canvas.height = pictures.height;
  canvas.getContext("2d").putImageData(image(pictures, at), 0, 0);
}

function place(point) {
  return point.map((value, at) => {
    const [low, high] = frame.bounds[at], share = (value - low) / (high - low);
    return at ? 1 - share : share;
  });
}

// Which point is nearest to a place on the canvas, whose sides are 1.
export function nearestPoint(points, x, y) {
  const far = points.map((point) => {
    const [left, top] = place(point);
    return (left - x) ** 2 + (top - y) ** 2;
  });
  return far.indexOf(Math.min(...far));
}

function scatter(canvas, points, chosen = -1) {
  canvas.width = canvas.height = SIDE;
  const pen = canvas.getContext("2d");
  const dots = (of, radius, fill, alpha) => {
    pen.fillStyle = fill;
    pen.globalAlpha = alpha;
    for (const point of of) {
      const [x, y] = place(point).map((share) => SIDE * share);
      pen.beginPath();
      pen.arc(x, y, radius, 0, 2 * Math.PI);
      pen.fill();
    }
    pen.globalAlpha = 1;
  };
  dots(frame.points, 4, colour("--data"), 0.35);
  dots(points, points.length > 1 ? 6 : 12, colour("--model"), 0.9);
  if (chosen >= 0) dots([points[chosen]], 12, colour("--ink"), 1);
}

// Pictures on a square of cells, with the chosen cell framed; of points, all of them with the chosen one large.
export function paintPlane(canvas, pictures, cells, chosen) {
  if (pictures.points) {
    scatter(canvas, pictures.points, chosen);
    return;
  }
  const { width, height } = pictures;
  canvas.width = width * cells;
  canvas.height = height * cells;
  const pen = canvas.getContext("2d");
  for (let at = 0; at < cells * cells; at++) {
    pen.putImageData(image(pictures, at), (at % cells) * width, Math.floor(at / cells) * height);
  }
  if (chosen < 0) return;
  const line = Math.max(1, Math.round(width / 12));
  pen.strokeStyle = colour("--model");
  pen.lineWidth = line;
  pen.strokeRect((chosen % cells) * width + line / 2, Math.floor(chosen / cells) * height + line / 2, width - line, height - line);
}

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key in made && typeof value !== "string") made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

// A cell of a list: a picture with words below, a button where it does something.
export function cell(pictures, at, words, action = null) {
  const canvas = element("canvas", { "aria-hidden": "true" });
  paint(canvas, pictures, at);
  if (action === null) return element("div", {}, canvas, words);
  const button = element("button", { type: "button" }, canvas, words);
  button.addEventListener("click", action);
  return button;
}

export function histogram(axis) {
  const space = "http://www.w3.org/2000/svg", top = Math.max(...axis.codes, ...axis.law, 1e-12);
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 100 40");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  for (const name of ["law", "codes"]) {
    const step = 100 / axis[name].length;
    const points = axis[name].flatMap((value, at) => [at, at + 1].map((edge) => `${edge * step},${39 - (37 * value) / top}`));
    const line = document.createElementNS(space, "polyline");
    line.setAttribute("points", points.join(" "));
    line.setAttribute("class", name);
    svg.append(line);
  }
  return svg;
}
