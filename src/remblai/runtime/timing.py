"""What took how long, for the log that `--verbose` shows, and what takes long, for every command."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

LOG = logging.getLogger(__name__)
BUSY = 25
"""The level of what is said while a block takes long: between that of seconds and that of warnings."""
FIRST, NEXT = 10.0, 30.0
"""Seconds after which that is said first, and between the times that follow."""


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Logs the seconds that its block takes, under this name; while it takes long also how long so far."""
    began, ended = time.perf_counter(), threading.Event()
    if LOG.isEnabledFor(BUSY):
        threading.Thread(target=_say_so, args=(what, began, ended), daemon=True).start()
    try:
        yield
    finally:
        ended.set()
    LOG.info("%s: %.2f s", what, time.perf_counter() - began)


def _say_so(what: str, began: float, ended: threading.Event) -> None:
    wait = FIRST
    while not ended.wait(wait):
        LOG.log(BUSY, "%s: %.0f s so far", what, time.perf_counter() - began)
        wait = NEXT
