"""Ctrl-C, SIGTERM and SIGHUP while training: the step that runs is finished and saved first."""

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


class Interrupted(Exception):
    """A signal stopped the training after a checkpoint was written."""

    def __init__(self, signum: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signum).name}; --resume continues from the checkpoint")
        self.signum = signum


class Terminated(BaseException):
    """SIGTERM or SIGHUP came outside the training loop.

    Like `KeyboardInterrupt` it is no `Exception`: no handler keeps it.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signum).name}")
        self.signum = signum


def ending_signals() -> list[signal.Signals]:
    """SIGTERM, and SIGHUP (the terminal closed) where the system has it and nobody, such as nohup, ignores it."""
    hang_up: signal.Signals | None = getattr(signal, "SIGHUP", None)
    if hang_up is None or signal.getsignal(hang_up) == signal.SIG_IGN:
        return [signal.SIGTERM]
    return [signal.SIGTERM, hang_up]


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """A list that Ctrl-C, SIGTERM or SIGHUP fills, so that the running step is finished; a second one acts at once."""
    seen: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield seen
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, *ending_signals())}

    def note(number: int, frame: object) -> None:
        seen.append(number)
        signal.signal(number, before[signal.Signals(number)])

    with ExitStack() as stack:
        for number, handler in before.items():
            signal.signal(number, note)
            stack.callback(signal.signal, number, handler)
        yield seen
