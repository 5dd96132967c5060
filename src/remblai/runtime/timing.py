"""What took how long, for the log that `--verbose` shows."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

LOG = logging.getLogger(__name__)


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Logs the seconds that its block takes, under this name."""
    began = time.perf_counter()
    yield
    LOG.info("%s: %.2f s", what, time.perf_counter() - began)
