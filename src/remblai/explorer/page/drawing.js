// Pictures on canvases: images from RGBA bytes, points of a plane over held-out ones, outlines of histograms; rows as text.

const SIDE = 480, EDGE = 46, FEW = 6;
let frame = null; // of points: the background and its bounds
let columns = []; // of points and rows

export function setColumns(names) {
  columns = names;
}

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
  return (pictures.points ?? pictures.rows)?.length ?? pictures.count;
}

function image(pictures, at) {
  pictures.bytes ??= bytes(pictures.rgba);
  const size = 4 * pictures.width * pictures.height;
  return new ImageData(pictures.bytes.slice(at * size, (at + 1) * size), pictures.width, pictures.height);
}

// One picture of several.
function paint(canvas, pictures, at = 0) {
  if (pictures.points) {
    scatter(canvas, [pictures.points[at]]);
    return;
  }
  canvas.classList.add("pixels");
  canvas.width = pictures.width;
  canvas.height = pictures.height;
  canvas.getContext("2d").putImageData(image(pictures, at), 0, 0);
}

// The picture that stands by itself: of points the axes are written, of a row a table takes the place of the canvas.
export function paintLarge(canvas, pictures) {
  if (!pictures.rows) {
    paint(canvas, pictures);
    if (pictures.points) {
      axes(canvas);
      canvas.nextElementSibling.textContent = cellWords(pictures, 0);
    }
    return;
  }
  canvas.hidden = true;
  const lines = columns.map((name, at) => element("div", {}, element("dt", {}, name), element("dd", {}, pictures.rows[0][at])));
  canvas.nextElementSibling.replaceChildren(element("dl", { class: "record" }, ...lines));
}

// Points and rows in words.
function cellWords(pictures, at) {
  const values = pictures.rows?.[at] ?? pictures.points[at].map((value) => Number(value.toPrecision(4)).toString());
  const words = columns.map((name, place) => `${name} ${values[place]}`);
  return words.length > FEW ? `${words.slice(0, FEW).join(", ")} ...` : words.join(", ");
}

// The names of the columns and the ends of their axes, at the edges of a scatter.
function axes(canvas) {
  const pen = canvas.getContext("2d"), [across, up] = frame.bounds.map((ends) => ends.map((value) => Number(value.toPrecision(3)).toString()));
  pen.fillStyle = colour("--quiet");
  pen.font = "17px system-ui, sans-serif";
  const write = (words, x, y, align) => {
    pen.textAlign = align;
    pen.fillText(words, x, y, SIDE / 2);
  };
  const below = SIDE - 8;
  write(across[0], EDGE, below, "left");
  write(columns[0], SIDE / 2, below, "center");
  write(across[1], SIDE - 8, below, "right");
  pen.save();
  pen.rotate(-Math.PI / 2);
  write(up[0], EDGE - SIDE, 18, "left");
  write(columns[1], -SIDE / 2, 18, "center");
  write(up[1], -8, 18, "right");
  pen.restore();
}

function place(point) {
  return point.map((value, at) => {
    const [low, high] = frame.bounds[at], share = (value - low) / (high - low), inside = (EDGE + (SIDE - EDGE) * share) / SIDE;
    return at ? 1 - inside : inside;
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
  dots(points, points.length > 1 ? 6 : 16, colour("--model"), 0.9);
  if (chosen >= 0) dots([points[chosen]], 12, colour("--ink"), 1);
}

// Pictures on a square of cells, with the chosen cell framed; of points, all of them with the chosen one large.
export function paintPlane(canvas, pictures, cells, chosen) {
  if (pictures.points) {
    scatter(canvas, pictures.points, chosen);
    axes(canvas);
    return;
  }
  canvas.classList.add("pixels");
  const { width, height } = pictures, gap = Math.max(1, Math.round(width / 24)), wide = width + gap, high = height + gap;
  canvas.width = wide * cells - gap;
  canvas.height = high * cells - gap;
  const pen = canvas.getContext("2d");
  for (let at = 0; at < cells * cells; at++) {
    pen.putImageData(image(pictures, at), (at % cells) * wide, Math.floor(at / cells) * high);
  }
  if (chosen < 0) return;
  const line = Math.max(1, Math.round(width / 12));
  pen.strokeStyle = colour("--model");
  pen.lineWidth = line;
  pen.strokeRect((chosen % cells) * wide + line / 2, Math.floor(chosen / cells) * high + line / 2, width - line, height - line);
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
  const parts = [words];
  if (!pictures.rows) {
    const canvas = element("canvas", { "aria-hidden": "true" });
    paint(canvas, pictures, at);
    parts.unshift(canvas);
  }
  if (!pictures.rgba) parts.push(element("span", { class: "values" }, cellWords(pictures, at)));
  if (action === null) return element("div", {}, ...parts);
  const button = element("button", { type: "button" }, ...parts);
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
