"""The progress of a training: a bar with rate, remaining time and terms on a terminal, plain lines in a log file."""

import sys
import time
from collections.abc import Callable
from typing import Any, Self

from tqdm import tqdm

from remblai.runs.folder import Run
from remblai.runtime.text import printable
from remblai.training import State

SECONDS = 10.0
"""The least time between the plain lines of a log file."""


class Progress:
    """Shows the steps of a state while it is trained.

    Args:
        state: what is trained; its step and its steps are the bar's.
        quiet: show nothing.
        run: where TensorBoard's event files go, or None. They wait until the run is in its place.

    Raises:
        ValueError: TensorBoard is wanted but not installed.
    """

    def __init__(self, state: State, quiet: bool, run: Run | None) -> None:
        self._quiet, self._terminal = quiet, sys.stderr.isatty()
        hidden = quiet or not self._terminal
        self._bar = tqdm(total=state.steps, initial=state.step, unit="step", disable=hidden, dynamic_ncols=True)
        self._steps, self._printed = state.steps, time.monotonic()
        self._run, self._make_writer = run, _summary_writer() if run is not None else None
        self._writer: Any = None
        self._points: list[tuple[str, float, int]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        self._bar.close()
        self._write()
        if self._writer is not None:
            self._writer.close()

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
        if self._make_writer is not None:
            self._points += [(name, term["weighted"], line["step"]) for name, term in line["terms"].items()]
            self._write()

    def say(self, words: str) -> None:
        """Prints one line."""
        if not self._quiet:
            tqdm.write(printable(words), file=sys.stderr)

    def _write(self) -> None:
        """Hands the points to TensorBoard, once the run's folder is the one where it stays."""
        if self._run is None or self._make_writer is None or self._run.replaces:
            return
        if self._writer is None:
            self._writer = self._make_writer(str(self._run.folder / "tensorboard"))
        for point in self._points:
            self._writer.add_scalar(*point)
        self._points.clear()


def _summary_writer() -> Callable[[str], Any]:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ValueError("--tensorboard needs the tensorboard package: pip install 'remblai[tensorboard]'.") from None
    return SummaryWriter
