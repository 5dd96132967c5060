// The panels below the code: walks, attributes, neighbours, the law of codes, side by side.

import { ask, newest } from "./server.js";
import { cell, count, element, histogram } from "./drawing.js";
import { byId, called, grouped, guarded, onClick, round, state } from "./state.js";
import { drawPlane, setClass, shows } from "./code.js";

const STEPS = 9;

function cells(pictures, words, action = null) {
  return Array.from({ length: count(pictures) }, (_, at) => cell(pictures, at, words(at), action && (() => action(at))));
}

function table(head, rows) {
  const line = (name, values) => element("tr", {}, ...values.map((value, at) => element(at && name === "td" ? "td" : "th", { scope: at ? "col" : "row" }, value)));
  const heads = element("thead", {}, line("th", head));
  return [heads, element("tbody", {}, ...rows.map((row) => line("td", row)))];
}

const drawWalk = newest(guarded(async () => {
  if (!state.start || !state.end) return;
  const { start, end } = state, classes = { start_class: start.class, end_class: end.class };
  const { codes, decoded } = await ask("walk", { start: start.code, end: end.code, steps: STEPS, ...classes });
  const take = shows(async (at) => {
    // a step between two classes is of both: by itself it is decoded as the nearer one
    const label = 2 * at < STEPS ? start.class : end.class, found = await ask("decode", { code: codes[at], class: label });
    return [{ code: codes[at], ...found }, `step ${at + 1} of the walk`, () => {
      if (label === undefined) return;
      setClass(label);
      drawPlane();
    }];
  });
  byId("walk").replaceChildren(...cells(decoded, (at) => `${at + 1}`, take));
  for (const [at, button] of [...byId("walk").children].entries()) button.setAttribute("aria-label", `step ${at + 1} of ${STEPS}`);
}));

export function walk() {
  for (const end of ["start", "end"]) {
    const button = byId(`set-${end}`);
    button.addEventListener("click", () => {
      state[end] = { code: state.code, class: state.class };
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
  const apart = () => {
    for (const [id, other] of [["minus", "plus"], ["plus", "minus"]]) {
      for (const option of byId(id).options) option.disabled = option.value === byId(other).value;
    }
  };
  apart();
  for (const id of ["minus", "plus"]) byId(id).addEventListener("input", apart);
  for (const id of ["minus", "plus", "strength"]) byId(id).addEventListener("input", move);
  byId("reset-attribute").addEventListener("click", () => {
    state.turn = {};  // a move that is not answered yet is none
    state.base = null;
    byId("strength").value = 0;
    byId("strength-value").textContent = "0";
  });
}

export function neighbours() {
  onClick("find-near", async () => {
    const { code } = state;
    const found = await ask("neighbours", { code, k: 6 });
    if (state.code !== code) return;  // those of another code
    byId("near-words").textContent = found.words;
    byId("near").replaceChildren(...cells(found.data, (at) => `training datum ${grouped(found.places[at])}, distance ${round(found.distances[at])}`));
    const row = (name, of) => [name, round(of.least), round(of.low), round(of.middle), round(of.high)];
    const rows = [row(`held-out data (${grouped(found.n)})`, found.held_out)];
    if (found.restored) rows.push(row("their reconstructions", found.restored));
    const searched = found.searched === found.train ? grouped(found.train) : `${grouped(found.searched)} of the ${grouped(found.train)}`;
    byId("near-table").replaceChildren(
      element("caption", { class: "small" }, `Distance to the nearest of ${searched} training data, in ${found.unit}. What is shown: ${round(found.distances[0])}.`),
      ...table(["", "least", "5 %", "median", "95 %"], rows));
    byId("near-table").hidden = false;
  });
  onClick("find-copies", async () => {
    const { runs } = await ask("copies");
    byId("copies").textContent = runs.map((run) => run.share === undefined
      ? `${run.name}: trained on other data than these.`
      : `${run.name}: ${round(100 * run.share)} % of ${grouped(run.samples)} samples have a training datum as their nearest among ${grouped(run.train)} ` +
        `training and ${grouped(run.held_out)} held-out data, where ${round(100 * run.expected)} % is expected if nothing is copied (p = ${round(run.p_value)}, one-sided). ` +
        "Shares scatter more widely where many samples have one and the same nearest datum, which the p-value takes into account.").join(" ");
  });
}

export function law() {
  byId("law-note").replaceChildren(
    element("span", { class: "key-codes" }, "Held-out codes"), ", axis by axis, against ",
    element("span", { class: "key-law" }, "the law that samples are decoded from"),
    ". W1 is the distance between the two along an axis; its floor is the largest of 19 samples of the law itself, which one axis in 20 exceeds by chance.");
  onClick("show-law", async () => {
    const { runs } = await ask("law");
    byId("law").replaceChildren(...runs.filter((run) => run.axes.length).flatMap(axesOf));
  });
}

const laws = { prior: "the prior", generator: "the law that the run's generator of codes learned" };

function axesOf(run) {
  const chance = round(run.latent / 20);
  const some = run.axes.length < run.latent ? ` The ${run.axes.length} farthest are shown.` : "";
  const words = `${run.above} of ${run.latent} axes exceed their floor (${chance} by chance): ${grouped(run.n)} held-out codes against ${laws[run.law] ?? `the fitted law (${run.law})`}.${some}`;
  const figures = run.axes.map((axis) => element("figure", {}, histogram(axis), element("figcaption", {},
    `code_${axis.place}, ${round(axis.low)} to ${round(axis.high)}: W1 ${round(axis.w1)}, floor ${round(axis.floor)}${axis.w1 > axis.floor ? " (above)" : ""}`)));
  return [element("h3", {}, run.name), element("p", { class: "small" }, words), element("div", { class: "axes" }, ...figures)];
}

export function beside() {
  onClick("show-beside", async () => {
    const [start, end = start === 0 ? Math.min(1, state.facts.held_out - 1) : 0] = state.picked.length ? state.picked : [0];
    const { data, names, runs } = await ask("beside", { start, end, steps: STEPS, seed: state.seed });
    const shown = [element("h3", {}, "Held-out data"), element("div", { class: "cells" }, ...cells(data, (at) => `datum ${called([start, end][at], names[at])}`))];
    for (const run of runs) {
      shown.push(element("h3", {}, run.name));
      if (run.walk) {
        shown.push(element("p", { class: "small" }, `Walk between their codes; errors of the two reconstructions: ${run.errors.map(round).join(" and ")} (${state.facts.unit})`));
        shown.push(element("div", { class: "cells" }, ...cells(run.walk, (at) => `${at + 1}`)));
      }
      const of = run.drawn ? "Samples, of classes drawn by their shares" : "Samples";
      shown.push(element("p", { class: "small" }, of), element("div", { class: "cells" }, ...cells(run.samples, (at) => run.drawn?.[at] ?? `${at + 1}`)));
    }
    byId("beside").replaceChildren(...shown);
  });
}
