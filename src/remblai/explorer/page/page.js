// The page: what it says of the runs, the gallery, and where everything starts.

import { ask, newest } from "./server.js";
import { cell, count, paintLarge, setBackground, setColumns } from "./drawing.js";
import { byId, called, complain, grouped, guarded, state } from "./state.js";
import { classControl, drawPlane, planeControls, setClass, shows, sliders } from "./code.js";
import { attributes, beside, law, neighbours, walk } from "./panels.js";

const reconstruct = shows(async (place, name) => {
  const found = await ask("encode", { place });
  const pair = () => {
    byId("original-part").hidden = state.facts.kind === "rows";
    if (state.facts.kind !== "rows") paintLarge(byId("original"), found.data);
    byId("original-words").textContent = `held-out datum ${called(place, name)}`;
    if (found.class === undefined || found.class === state.class) return;
    setClass(found.class);
    drawPlane();
  };
  return [found, `reconstruction of held-out datum ${called(place, name)}`, pair];
});

function pick(place, name) {
  state.picked = [...state.picked.filter((one) => one !== place), place].slice(-2);
  for (const button of byId("gallery").children) button.setAttribute("aria-pressed", `${state.picked.includes(Number(button.dataset.place))}`);
  if (state.facts.encodes) reconstruct(place, name);
}

const gallery = newest(guarded(async () => {
  const { start, names, data } = await ask("gallery", { start: state.gallery });
  const cells = names.map((name, at) => {
    const made = cell(data, at, name ?? `${start + at}`, () => pick(start + at, name));
    made.dataset.place = start + at;
    made.setAttribute("aria-label", `held-out datum ${called(start + at, name)}`);
    made.setAttribute("aria-pressed", `${state.picked.includes(start + at)}`);
    return made;
  });
  byId("gallery").replaceChildren(...cells);
  byId("gallery-place").textContent = `${grouped(start)} to ${grouped(start + count(data) - 1)} of ${grouped(state.facts.held_out)}`;
  byId("earlier").disabled = start === 0;
  byId("later").disabled = start + state.facts.page >= state.facts.held_out;
}));

function describe() {
  const { facts } = state, [run, other] = facts.runs;
  byId("title").textContent = other ? `${run.name} beside ${other.name}` : run.name;
  byId("summary").textContent = `${run.recipe} on ${run.data}, step ${grouped(run.step)}${facts.conditional.length ? `, conditional on ${facts.conditional.length} classes` : ""}, codes of ${run.latent} coordinates. ${run.summary}`;
  const bounded = facts.bounded ? " A code off the prior's support is moved to the nearest code on it before it is decoded." : "";
  byId("code-note").textContent = `Sliders go from the 0.1 % to the 99.9 % quantile of the law that samples are decoded from (${run.law}).${bounded}`;
  byId("plane-section").hidden = facts.latent < 2 || facts.kind === "rows";
  byId("plane-note").textContent = facts.kind === "points"
    ? "Two coordinates change, the others stay; each dot is one code of a grid, decoded. Click near a dot, or move with the arrow keys, to take its code."
    : "Two coordinates change, the others stay. Click a cell, or move with the arrow keys, to take its code.";
  byId("gallery-section").hidden = !facts.encodes && !other;
  byId("attribute-section").hidden = facts.classes.length < 2;
  byId("beside-section").hidden = !other;
  byId("law-section").hidden = !facts.runs.some((one) => one.encodes);
  const strangers = facts.runs.filter((one) => !one.owns_data).map((one) => one.name);
  if (strangers.length) {
    const words = `${strangers.join(" and ")}: trained on other data than these. Data called held out here may be training data.`;
    byId("summary").append(" ", words);
  }
}

function page(by) {
  const next = state.gallery + by * state.facts.page;
  if (next < 0 || next >= state.facts.held_out) return;
  state.gallery = next;
  gallery();
}

async function start() {
  state.facts = await ask("facts");
  setColumns(state.facts.columns);
  if (state.facts.kind === "points") setBackground(state.facts.background);
  describe();
  classControl();
  planeControls();
  sliders();
  const draw = shows(async () => {
    const seed = state.seed++;
    return [await ask("sample", { seed }), `draw ${seed + 1} of the law of codes`];
  });
  byId("draw").addEventListener("click", draw);
  byId("fewer").addEventListener("click", () => sliders(-1));
  byId("more").addEventListener("click", () => sliders(1));
  byId("earlier").addEventListener("click", () => page(-1));
  byId("later").addEventListener("click", () => page(1));
  for (const panel of [walk, attributes, neighbours, law, beside]) panel();
  await draw();
  await gallery();
  document.body.dataset.ready = "yes";
}

start().catch((problem) => complain(problem.message));
