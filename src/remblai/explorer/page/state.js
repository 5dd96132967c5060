// What the page knows, and small things that its parts share. A conditional model decodes codes as those of `class`.

// `turn` is the action that decides what is shown: an answer to an earlier one comes too late.
export const state = { facts: null, class: undefined, code: null, base: null, start: null, end: null, picked: [], gallery: 0, seed: 0, turn: null };

export const byId = (id) => document.getElementById(id);

export const round = (value) => Number(value.toPrecision(3)).toString().replace("-", "\u2212");

// The work, whose errors are shown on the page.
export function guarded(work) {
  return async (...given) => {
    try {
      await work(...given);
      byId("problem").hidden = true;
    } catch (problem) {
      complain(problem.message);
    }
  };
}

export function complain(words) {
  byId("problem").textContent = words;
  byId("problem").hidden = false;
}
