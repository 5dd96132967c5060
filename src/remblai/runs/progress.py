"""The progress of a training: a bar with rate, remaining time and terms on a terminal, plain lines in a log file."""

import sys
import time
from typing import Any, Self

from tqdm import tqdm

from remblai.runtime.text import printable
from remblai.training import State

SECONDS = 10.0
"""The least time between the plain lines of a log file."""


class Progress:
    """Shows the steps of a state while it is trained.

    Args:
        state: what is trained; its step and its steps are the bar's.
        quiet: show nothing.
    """

    def __init__(self, state: State, quiet: bool) -> None:
        self._quiet, self._terminal = quiet, sys.stderr.isatty()
        hidden = quiet or not self._terminal
        self._bar = tqdm(total=state.steps, initial=state.step, unit="step", disable=hidden, dynamic_ncols=True)
        self._steps, self._printed = state.steps, time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        self._bar.close()

    def step(self) -> None:
        """Counts one step."""
        self._bar.update()

    def show(self, line: dict[str, Any]) -> None:
        """Shows a line of the log."""
        terms = {name: f"{term['weighted']:.4g}" for name, term in line["terms"].items()}
        self._bar.set_postfix(terms, refresh=False)
        done = line["step"] == self._steps
        if not self._quiet and not self._terminal and (done or time.monotonic() - self._printed >= SECONDS):
            self._printed = time.monotonic()
            words = "  ".join(f"{name} {value}" for name, value in terms.items())
            spent, share = line["seconds"], line["step"] / (self._steps or line["step"])
            expected = f"{spent:.0f} s" if done else f"{spent:.0f} s of about {spent / share:.0f}"
            print(f"step {line['step']}/{self._steps}  {expected}  {words}", file=sys.stderr, flush=True)

    def say(self, words: str) -> None:
        """Prints one line."""
        if not self._quiet:
            tqdm.write(printable(words), file=sys.stderr)
