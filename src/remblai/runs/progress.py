"""What a long training shows: a bar with rate, remaining time and terms on a terminal, plain lines in a log file."""

import sys
import time
from pathlib import Path
from typing import Any, Self

from tqdm import tqdm

from remblai.training import State

SECONDS = 10.0
"""Between the plain lines of a log file."""


class Progress:
    """Shows the steps of a state as they are made.

    Args:
        state: the run; its number and its steps are the bar's.
        quiet: show nothing.
        folder: where TensorBoard's event files go, or None.

    Raises:
        ValueError: TensorBoard is wanted but not installed.
    """

    def __init__(self, state: State, quiet: bool, folder: Path | None) -> None:
        self._quiet, self._terminal = quiet, sys.stderr.isatty()
        hidden = quiet or not self._terminal
        self._bar = tqdm(total=state.steps, initial=state.step, unit="step", disable=hidden, dynamic_ncols=True)
        self._steps, self._said = state.steps, time.monotonic()
        self._writer = _writer(folder) if folder is not None else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        self._bar.close()
        if self._writer is not None:
            self._writer.close()

    def step(self) -> None:
        """One step is done."""
        self._bar.update()

    def show(self, line: dict[str, Any]) -> None:
        """Shows a line of the log."""
        terms = {name: f"{term['weighted']:.4g}" for name, term in line["terms"].items()}
        self._bar.set_postfix(terms, refresh=False)
        done = line["step"] == self._steps
        if not self._quiet and not self._terminal and (done or time.monotonic() - self._said >= SECONDS):
            self._said = time.monotonic()
            words = "  ".join(f"{name} {value}" for name, value in terms.items())
            print(f"step {line['step']}/{self._steps}  {line['seconds']:.0f} s  {words}", file=sys.stderr, flush=True)
        if self._writer is not None:
            for name, term in line["terms"].items():
                self._writer.add_scalar(name, term["weighted"], line["step"])

    def say(self, words: str) -> None:
        """One line for the person who waits."""
        if not self._quiet:
            tqdm.write(words, file=sys.stderr)


def _writer(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise ValueError("--tensorboard needs the tensorboard package: pip install 'remblai[tensorboard]'.") from None
    return SummaryWriter(str(folder / "tensorboard"))
