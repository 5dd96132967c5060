// Queries of the server: JSON both ways, at addresses below the token.

import { state } from "./state.js";

export async function ask(name, fields = {}) {
  const response = await fetch(`query/${name}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ class: state.class, ...fields }),
  }).catch(() => {
    throw new Error("the page has no server any more: start remblai explore again.");
  });
  const answer = await response.json().catch(() => ({ error: `the server answered ${response.status}.` }));
  if (!response.ok) throw new Error(answer.error ?? `the server answered ${response.status}.`);
  return answer;
}

// A function that is called for the newest arguments only: what comes while it works replaces what waits.
export function newest(work) {
  let busy = false, waiting = null;
  return async function run(...given) {
    if (busy) { waiting = given; return; }
    busy = true;
    try {
      await work(...given);
    } finally {
      busy = false;
      if (waiting !== null) {
        const next = waiting;
        waiting = null;
        run(...next);
      }
    }
  };
}
