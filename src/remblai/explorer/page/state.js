// What the page knows, and small things that its parts share. A conditional model decodes codes as those of `class`.

// `turn` is the action that decides what is shown: an answer to an earlier one comes too late. An end of the walk is a
// code with the class that it had.
export const state = { facts: null, class: undefined, code: null, base: null, start: null, end: null, picked: [], gallery: 0, seed: 0, turn: null };

export const byId = (id) => document.getElementById(id);

export const grouped = (value) => value.toLocaleString("en");

// What a datum is called: its place in the split, and its class where it has one.
export const called = (place, name) => `${place}${name === null ? "" : ` (class ${name})`}`;

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

// Work that a button starts: it waits, and says so, until the answer is there.
export function onClick(id, work) {
  const button = byId(id), asked = guarded(work);
  button.addEventListener("click", async () => {
    button.disabled = true;
    button.setAttribute("aria-busy", "true");
    await asked();
    button.disabled = false;
    button.removeAttribute("aria-busy");
  });
}

export function complain(words) {
  byId("problem").textContent = words;
  byId("problem").hidden = false;
}
