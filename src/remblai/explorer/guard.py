"""Who may ask: the holder of the token, from a page of this server, through a loopback name. All others get 403."""

import secrets
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
"""Names of the loopback device: another one in the Host header is a page elsewhere whose name leads here."""
NOTEBOOKS = " ".join(f"{scheme}://{name}:*" for scheme in ("http", "https") for name in ("127.0.0.1", "localhost"))
"""Pages that may show this one in a frame where a notebook asked for it: those of loopback names."""
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors {ancestors}; require-trusted-types-for 'script'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Guard:
    """An application behind a token: `/TOKEN/rest` is passed on as `/rest`, everything else is refused with 403.

    Args:
        app: the application.
        token: the first part of every address.
        framed: whether a notebook on this machine may show the page in a frame.
    """

    def __init__(self, app: ASGIApp, token: str, framed: bool = False) -> None:
        self.app, self.token = app, token.encode()
        ancestors = NOTEBOOKS if framed else "'none'"
        self.headers = {name: value.replace("{ancestors}", ancestors) for name, value in HEADERS.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuses, or passes on; every answer carries the headers."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self.headers)
            await send(message)

        token, _, rest = scope["path"].lstrip("/").partition("/")
        if not is_local(headers.get("host", "")):
            refusal = "This page answers to loopback names only."
        elif not secrets.compare_digest(token.encode(), self.token):
            refusal = "The address has no valid token: open the address that `remblai explore` printed."
        elif "origin" in headers and headers["origin"] != f"http://{headers['host']}":
            refusal = "Other pages may not ask."
        elif scope["path"] == f"/{token}":  # its files are named as those of a folder
            await RedirectResponse(f"/{token}/")(scope, receive, with_headers)
            return
        else:
            await self.app({**scope, "path": f"/{rest}", "raw_path": None}, receive, with_headers)
            return
        await PlainTextResponse(refusal, 403)(scope, receive, with_headers)


def is_local(host: str) -> bool:
    """Whether a Host header names the loopback device."""
    try:
        return urlsplit(f"//{host}").hostname in NAMES and "@" not in host
    except ValueError:
        return False
