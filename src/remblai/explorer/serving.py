"""A page that is served on the loopback device, until it is stopped."""

import html
import secrets
import socket
import time
from threading import Thread

import uvicorn

from remblai.explorer.queries import Runs
from remblai.explorer.routes import application

HOST = "127.0.0.1"
HEIGHT = 760
"""Pixels of the frame in a notebook."""
PATIENCE = 10.0
"""Seconds that the server may take to start or to stop."""


class Page:
    """The page of one run, or of two side by side. Its address holds a random token, without which it answers 403.

    Queries draw codes from torch's global generator under a seed, and leave it as it was: train in another process.

    Args:
        runs: them.
        port: 0 takes a free one.
        framed: whether a notebook on this machine may show it in a frame.

    Raises:
        ValueError: a port that is in use, not allowed, or none.
    """

    def __init__(self, runs: Runs, port: int = 0, framed: bool = False) -> None:
        self._socket = bound(port)
        token = secrets.token_urlsafe(24)
        self.url = f"http://{HOST}:{self._socket.getsockname()[1]}/{token}/"
        options = uvicorn.Config(
            application(runs, token, framed), log_level="error", access_log=False, ws="none", lifespan="off",
            server_header=False, timeout_graceful_shutdown=1, limit_concurrency=64,
        )  # fmt: skip
        self._server = uvicorn.Server(options)
        self._thread: Thread | None = None
        self._stopped = False

    def serve(self) -> None:
        """Serves in this thread until `stop`, or Ctrl-C, which is raised again."""
        self._server.run([self._socket])
        if self._thread is None and not self._stopped:
            raise KeyboardInterrupt  # uvicorn's own is lost where SIGINT is ignored, as in a job in the background

    def start(self) -> "Page":
        """Serves in a thread of its own, which ends with the program; returns when the page answers.

        Raises:
            RuntimeError: the server does not start.
        """
        self._thread = Thread(target=self.serve, daemon=True)
        self._thread.start()
        end = time.monotonic() + PATIENCE
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > end:
                raise RuntimeError(f"the page at {self.url} could not be served.")
            time.sleep(0.01)
        return self

    def wait(self) -> None:
        """Waits until the page is stopped."""
        if self._thread is not None:
            self._thread.join()

    def stop(self) -> None:
        """Ends the server of `start`, and frees the port."""
        self._stopped = self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(PATIENCE)
        self._socket.close()

    def __enter__(self) -> "Page":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<a page at {self.url}{', stopped' * self._stopped}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the page in a frame, and its address; of one that is stopped words alone."""
        if self._stopped:
            return f"<p>{html.escape(repr(self))}</p>"
        address = html.escape(self.url, quote=True)
        return (
            f'<iframe src="{address}" title="the code space of the run" width="100%" height="{HEIGHT}" '
            'style="border:1px solid #8886" sandbox="allow-scripts allow-same-origin"></iframe>'
            f'<p><a href="{address}" target="_blank" rel="noopener">{address}</a></p>'
        )


def bound(port: int) -> socket.socket:
    """A socket that listens on the loopback device.

    Raises:
        ValueError: the port is none, in use or not allowed.
    """
    if not 0 <= port <= 65535:
        raise ValueError(f"port: expected 0, for a free one, or a port up to 65535, got {port}.")
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        listening.listen()
    except OSError as problem:
        listening.close()
        reason = (problem.strerror or str(problem)).lower()
        raise ValueError(
            f"port: expected a free port, {port} cannot be taken ({reason}): choose another, or leave --port out."
        ) from None
    return listening
