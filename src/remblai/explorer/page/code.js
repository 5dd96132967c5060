// The code that is shown, and what moves it: sliders and the plane.

import { ask, newest } from "./server.js";
import { element, nearestPoint, paintLarge, paintPlane } from "./drawing.js";
import { byId, guarded, round, state } from "./state.js";

const PER_PAGE = 16, CELLS = 9;
const chosen = { first: 0, plane: null };

// An action whose answer is a code and its picture: `work` returns { code, decoded } and the words that say where it is
// from. The answer is dropped where another action came after it, so that no picture stands beside another's code.
export const shows = (work) => guarded(async (...given) => {
  const turn = state.turn = {};
  try {
    const [{ code, decoded }, words, then] = await work(...given);
    if (state.turn !== turn) return;
    place(code, words);
    paintLarge(byId("current"), decoded);
    then?.();
  } catch (problem) {
    if (state.turn !== turn || !state.code) throw problem;
    await redraw().finally(() => { throw problem; });  // what an earlier action left undrawn; the first problem is told
  }
});

// The code that is shown from now on, everywhere but in its picture.
function place(code, words) {
  state.code = code;
  state.base = null;
  byId("strength").value = 0;
  byId("strength-value").textContent = "0";
  byId("origin").textContent = words;
  byId("original-part").hidden = true;
  byId("current").setAttribute("aria-label", `the decoded code: ${words}`);
  byId("near").replaceChildren();  // those of another code
  byId("near-words").textContent = "";
  byId("near-table").hidden = true;
  for (const input of byId("sliders").querySelectorAll("input")) setSlider(input);
  drawPlane();
}

function setSlider(input) {
  const value = state.code[Number(input.dataset.axis)];
  if (document.activeElement !== input) input.value = value;
  input.nextElementSibling.textContent = round(value);
}

async function redraw() {
  const { code, turn } = state;
  const { decoded } = await ask("decode", { code });
  if (state.turn === turn) paintLarge(byId("current"), decoded);  // while a slider moves, what waits decodes its next code
}

const decode = newest(guarded(redraw));

// A code taken by hand: its picture follows.
function take(code, words) {
  if (!state.turn?.byHand) state.turn = { byHand: true };
  place(code, words);
  decode();
}

function moveTo(axis, value) {
  take(state.code.with(axis, value), "moved by hand");
}

export function setClass(label) {
  state.class = label;
  byId("class").value = `${label}`;
}

// Of a conditional model: the class as which codes are decoded.
export function classControl() {
  const names = state.facts.conditional;
  byId("class-label").hidden = !names.length;
  if (!names.length) return;
  for (const [label, name] of names.entries()) byId("class").append(element("option", { value: `${label}` }, name));
  setClass(0);
  byId("class").addEventListener("change", () => {
    state.class = Number(byId("class").value);
    take(state.code, `decoded as ${names[state.class]}`);
  });
}

export function sliders(by = 0) {
  const { latent, low, high } = state.facts;
  chosen.first += by * PER_PAGE;
  const last = Math.min(chosen.first + PER_PAGE, latent);
  byId("sliders").replaceChildren();
  for (let axis = chosen.first; axis < last; axis++) {
    const id = `axis-${axis}`;
    const input = element("input", { type: "range", id, min: `${low[axis]}`, max: `${high[axis]}`, step: "any" });
    input.dataset.axis = axis;
    input.addEventListener("input", () => moveTo(axis, Number(input.value)));
    input.addEventListener("keydown", (event) => nudge(event, axis));
    const label = element("label", { for: id }, `code_${axis}`);
    byId("sliders").append(element("div", { class: "slider" }, label, input, element("output", { for: id })));
    if (state.code) setSlider(input);
  }
  byId("pager").hidden = latent <= PER_PAGE;
  byId("shown-axes").textContent = `${chosen.first + 1} to ${last} of ${latent}`;
  byId("fewer").disabled = chosen.first === 0;
  byId("more").disabled = last === latent;
}

// With step "any" an arrow key moves by a whole unit in some browsers: here by a fortieth of the range.
function nudge(event, axis) {
  const way = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
  if (way === undefined) return;
  event.preventDefault();
  const { low, high } = state.facts, moved = state.code[axis] + (way * (high[axis] - low[axis])) / 40;
  event.target.value = Math.min(high[axis], Math.max(low[axis], moved));
  moveTo(axis, Number(event.target.value));
}

function placeOf(code) {
  const { low, high } = state.facts;
  const along = (axis) => Math.round(((code[axis] - low[axis]) / (high[axis] - low[axis])) * (CELLS - 1));
  return [along(Number(byId("across").value)), CELLS - 1 - along(Number(byId("up").value))];
}

function cellOf(code) {
  const [column, row] = placeOf(code);
  return Math.min(column, row) < 0 || Math.max(column, row) >= CELLS ? -1 : row * CELLS + column;
}

export const drawPlane = newest(guarded(async () => {
  if (byId("plane-section").hidden) return;
  const across = Number(byId("across").value), up = Number(byId("up").value);
  const others = JSON.stringify([state.class, across, up, state.code.map((value, axis) => (axis === across || axis === up ? 0 : value))]);
  if (chosen.plane?.others !== others) {
    const { decoded } = await ask("plane", { code: state.code, across, up, cells: CELLS });
    chosen.plane = { others, decoded };
  }
  paintPlane(byId("plane"), chosen.plane.decoded, CELLS, cellOf(state.code));
  const { low, high } = state.facts, ends = (axis) => `code_${axis} from ${round(low[axis])} to ${round(high[axis])}`;
  byId("plane-ends").textContent = `${ends(across)} across, ${ends(up)} up`;
}));

function takeCell(column, row) {
  const { low, high } = state.facts, across = Number(byId("across").value), up = Number(byId("up").value);
  const at = (axis, place) => low[axis] + ((high[axis] - low[axis]) * Math.min(CELLS - 1, Math.max(0, place))) / (CELLS - 1);
  const code = state.code.with(across, at(across, column)).with(up, at(up, CELLS - 1 - row));
  take(code, "taken from the plane");
}

export function planeControls() {
  const canvas = byId("plane");
  for (const [id, axis] of [["across", 0], ["up", 1]]) {
    const select = byId(id);
    for (let one = 0; one < state.facts.latent; one++) select.append(element("option", { value: `${one}` }, `code_${one}`));
    select.value = `${axis}`;
    select.addEventListener("change", () => {
      const other = byId(id === "across" ? "up" : "across");
      if (other.value === select.value) other.value = `${(Number(select.value) + 1) % state.facts.latent}`;
      drawPlane();
    });
  }
  canvas.addEventListener("click", (event) => {
    const box = canvas.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width, y = (event.clientY - box.top) / box.height;
    const points = chosen.plane?.decoded.points;
    const at = points ? nearestPoint(points, x, y) : Math.floor(y * CELLS) * CELLS + Math.floor(x * CELLS);
    takeCell(at % CELLS, Math.floor(at / CELLS));
  });
  canvas.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!move) return;
    event.preventDefault();
    const [column, row] = placeOf(state.code).map((one) => Math.min(CELLS - 1, Math.max(0, one)));  // the nearest cell
    takeCell(column + move[0], row + move[1]);
  });
}
