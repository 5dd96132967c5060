// The panels below the code: walks, attributes, neighbours, the law of codes, side by side.

import { ask, newest } from "./server.js";
import { cell, count, element, histogram } from "./drawing.js";
import { byId, guarded, round, state } from "./state.js";
import { shows } from "./code.js";

const STEPS = 9;

function cells(pictures, words, action = null) {
  return Array.from({ length: count(pictures) }, (_, at) => cell(pictures, at, words(at), action && (() => action(at))));
}

function table(head, rows) {
  const line = (name, values) => element("tr", {}, ...values.map((value, at) => element(at && name === "td" ? "td" : "th", { scope: at ? "col" : "row" }, value)));
  const heads = element("thead", {}, line("th", head));
  return [heads, element("tbody", {}, ...rows.map((row) => line("td", row)))];
}

export const drawWalk = newest(guarded(async () => {
  if (!state.start || !state.end) return;
  const { codes, decoded } = await ask("walk", { start: state.start, end: state.end, steps: STEPS });
  const take = shows(async (at) => [{ code: codes[at], ...await ask("decode", { code: codes[at] }) }, `step ${at + 1} of the walk`]);
  byId("walk").replaceChildren(...cells(decoded, (at) => `${at + 1}`, take));
  for (const [at, button] of [...byId("walk").children].entries()) button.setAttribute("aria-label", `step ${at + 1} of ${STEPS}`);
}));

export function walk() {
  byId("class").addEventListener("change", () => drawWalk());
  for (const end of ["start", "end"]) {
    const button = byId(`set-${end}`);
    button.addEventListener("click", () => {
      state[end] = state.code;
      button.textContent = `Set as ${end} (set)`;
      drawWalk();
    });
  }
}

export function attributes() {
  for (const [id, chosen] of [["minus", 0], ["plus", 1]]) {
    for (const { label, name } of state.facts.classes) byId(id).append(element("option", { value: `${label}` }, name));
    if (state.facts.classes.length > 1) byId(id).selectedIndex = chosen;
  }
  const move = newest(shows(async () => {
    const base = state.base ?? state.code, strength = Number(byId("strength").value);
    const name = (id) => byId(id).selectedOptions[0].textContent;
    const fields = { code: base, minus: Number(byId("minus").value), plus: Number(byId("plus").value), strength };
    const words = `moved ${round(strength)} times from ${name("minus")} to ${name("plus")}`;
    const answer = await ask("attribute", fields), last = byId("strength").value;
    const goOn = () => {  // the next move begins where this one did
      state.base = base;
      byId("strength").value = last;
      byId("strength-value").textContent = round(strength);
    };
    return [answer, words, goOn];
  }));
  for (const id of ["minus", "plus", "strength"]) byId(id).addEventListener("input", move);
  byId("reset-attribute").addEventListener("click", () => {
    state.turn = {};  // a move that is not answered yet is none
    state.base = null;
    byId("strength").value = 0;
    byId("strength-value").textContent = "0";
  });
}

export function neighbours() {
  byId("find-near").addEventListener("click", guarded(async () => {
    const { code } = state;
    const found = await ask("neighbours", { code, k: 6 });
    if (state.code !== code) return;  // those of another code
    byId("near-words").textContent = found.words;
    byId("near").replaceChildren(...cells(found.data, (at) => `training datum ${found.places[at]}: ${round(found.distances[at])}`));
    const row = (name, of) => [name, round(of.least), round(of.low), round(of.middle), round(of.high)];
    const rows = [row(`held-out data (${found.n})`, found.held_out)];
    if (found.restored) rows.push(row("their reconstructions", found.restored));
    rows.push(["what is shown", round(found.distances[0]), "", "", ""]);
    byId("near-table").replaceChildren(
      element("caption", { class: "small" }, `Distance to the nearest of ${found.searched} of ${found.train} training data, ${found.unit}`),
      ...table(["", "least", "5 %", "median", "95 %"], rows));
    byId("near-table").hidden = false;
  }));
  byId("find-copies").addEventListener("click", guarded(async () => {
    byId("copies").textContent = "Searching ...";
    const { runs } = await ask("copies").catch((problem) => { byId("copies").textContent = ""; throw problem; });
    byId("copies").textContent = runs.map((run) => run.share === undefined
      ? `${run.name}: trained on other data than these.`
      : `${run.name}: ${round(100 * run.share)} % of ${run.samples} samples have a training datum as their nearest among ${run.data} training and ` +
        `${run.data} held-out data; about 50 % is expected where nothing is copied, less exactly where samples share neighbours, which the p-value ` +
        `knows (p = ${round(run.p_value)}, one-sided).`).join(" ");
  }));
}

export function law() {
  byId("law-note").replaceChildren(
    element("span", { class: "key-codes" }, "Held-out codes"), ", axis by axis, against ",
    element("span", { class: "key-law" }, "the law that samples are decoded from"),
    ". W1 is the distance between the two along an axis; its floor is the largest of 19 samples of the law itself, which one axis in 20 exceeds by chance.");
  byId("show-law").addEventListener("click", guarded(async () => {
    const { runs } = await ask("law");
    byId("law").replaceChildren(...runs.filter((run) => run.axes.length).flatMap(axesOf));
  }));
}

function axesOf(run) {
  const chance = round(run.latent / 20);
  const some = run.axes.length < run.latent ? ` The ${run.axes.length} farthest are shown.` : "";
  const words = `${run.above} of ${run.latent} axes exceed their floor (${chance} by chance), ${run.n} held-out codes against the law ${run.law}.${some}`;
  const figures = run.axes.map((axis) => element("figure", {}, histogram(axis), element("figcaption", {},
    `code_${axis.place}, ${round(axis.low)} to ${round(axis.high)}: W1 ${round(axis.w1)}, floor ${round(axis.floor)}${axis.w1 > axis.floor ? " (above)" : ""}`)));
  return [element("h3", {}, run.name), element("p", { class: "small" }, words), element("div", { class: "axes" }, ...figures)];
}

export function beside() {
  byId("show-beside").addEventListener("click", guarded(async () => {
    const [start, end = start === 0 ? Math.min(1, state.facts.held_out - 1) : 0] = state.picked.length ? state.picked : [0];
    const { data, runs } = await ask("beside", { start, end, steps: STEPS, seed: state.seed });
    const shown = [element("h3", {}, "Held-out data"), element("div", { class: "cells" }, ...cells(data, (at) => `${[start, end][at]}`))];
    for (const run of runs) {
      shown.push(element("h3", {}, run.name));
      if (run.walk) {
        shown.push(element("p", { class: "small" }, `Walk between their codes; errors of the two reconstructions: ${run.errors.map(round).join(" and ")} (${state.facts.unit})`));
        shown.push(element("div", { class: "cells" }, ...cells(run.walk, (at) => `${at + 1}`)));
      }
      shown.push(element("p", { class: "small" }, "Samples"), element("div", { class: "cells" }, ...cells(run.samples, (at) => `${at + 1}`)));
    }
    byId("beside").replaceChildren(...shown);
  }));
}
