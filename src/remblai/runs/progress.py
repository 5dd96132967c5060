"""The progress of a training: a bar with rate, remaining time and terms, or plain lines in a log file."""

import sys
import time
from typing import Any, Self

from remblai.runtime.notebook import bar_class
from remblai.runtime.text import duration, printable
from remblai.training import State

SECONDS = 10.0
"""The least time between the plain lines of a log file."""
EARLY = 3.0
"""Seconds after which the rate of the first steps says how long the training will take."""
LONG = 10.0
"""Seconds that are worth announcing, at least."""


class Progress:
    """Shows the steps of a state while it is trained: a bar on a terminal and in a notebook, elsewhere lines of text.

    Args:
        state: what is trained; its step and its steps are the bar's.
        quiet: show nothing.
    """

    def __init__(self, state: State, quiet: bool) -> None:
        bar, notebook = bar_class()
        self._quiet, self._shown = quiet, notebook or sys.stderr.isatty()
        hidden = quiet or not self._shown
        self._bar = bar(total=state.steps, initial=state.step, unit="step", disable=hidden, dynamic_ncols=True)
        self._steps, self._printed = state.steps, time.monotonic()
        self._began, self._done, self._announced = time.monotonic(), 0, False
        self._left = (state.steps or 0) - state.step

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        self._bar.close()

    def step(self) -> None:
        """Counts one step; the first ones say how long the others will take."""
        self._bar.update()
        self._done += 1
        spent = time.monotonic() - self._began
        if self._announced or spent < EARLY:
            return
        self._announced = True
        expected = spent / self._done * self._left
        if expected >= LONG:
            self.say(f"expected: about {duration(expected)} for {self._left:,} steps, by the first {self._done:,}")

    def show(self, line: dict[str, Any]) -> None:
        """Shows a line of the log."""
        terms = {name: f"{term['weighted']:.4g}" for name, term in line["terms"].items()}
        self._bar.set_postfix(terms, refresh=False)
        done = line["step"] == self._steps
        if not self._quiet and not self._shown and (done or time.monotonic() - self._printed >= SECONDS):
            self._printed = time.monotonic()
            words = "  ".join(f"{name} {value}" for name, value in terms.items())
            spent, share = line["seconds"], line["step"] / (self._steps or line["step"])
            expected = f"{spent:.0f} s" if done else f"{spent:.0f} s of about {spent / share:.0f}"
            print(f"step {line['step']}/{self._steps}  {expected}  {words}", file=sys.stderr, flush=True)

    def say(self, words: str) -> None:
        """Prints one line."""
        if not self._quiet:
            self._bar.write(printable(words), file=sys.stderr)
