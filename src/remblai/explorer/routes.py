"""The addresses of the page: its files, and one for each query."""

from pathlib import Path
from threading import Lock

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from remblai.config.registry import unknown
from remblai.explorer.fields import parsed
from remblai.explorer.guard import Guard
from remblai.explorer.queries import QUERIES, Runs
from remblai.runtime.text import printable

PAGE = Path(__file__).parent / "page"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
INDEX = "index.html"
SCRIPTS = ("page", "panels", "code", "drawing", "state", "server")
FILES = (INDEX, "page.css", "icon.svg", *(f"{name}.js" for name in SCRIPTS))
LARGEST = 256 * 1024
"""Bytes of a query, at most."""


def application(runs: Runs, token: str, framed: bool = False) -> ASGIApp:
    """The server of a page on one run, or on two side by side.

    Args:
        runs: them.
        token: the first part of every address.
        framed: whether a notebook on this machine may show the page in a frame.
    """
    lock = Lock()  # torch's generators, and what is computed once, belong to one query at a time

    def answered(name: str, body: bytes) -> Response:
        try:
            with lock:
                return JSONResponse(QUERIES[name](runs, parsed(body)))
        except ValueError as problem:
            return JSONResponse({"error": printable(str(problem))}, 400)

    async def query(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in QUERIES:
            return JSONResponse({"error": printable(str(unknown("query", name, list(QUERIES))))}, 404)
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return JSONResponse({"error": "expected a query of type application/json."}, 415)
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > LARGEST:
                return JSONResponse({"error": f"expected a query of at most {LARGEST:,} bytes."}, 413)
        return await run_in_threadpool(answered, name, body)

    async def file(request: Request) -> Response:
        name = request.path_params.get("name", INDEX)
        if name not in FILES:
            return Response(status_code=404)
        return FileResponse(PAGE / name, media_type=TYPES[Path(name).suffix])

    routes = [Route("/query/{name}", query, methods=["POST"])]
    routes += [Route(path, file, methods=["GET"]) for path in ("/", "/{name}")]
    app = Starlette(routes=routes)
    app.router.redirect_slashes = False
    return Guard(app, token, framed)
