"""Every address of the page, and who is refused."""

import re
import warnings
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra explore is not installed")
pytest.importorskip("httpx", reason="Starlette's TestClient needs httpx")

from remblai.explorer.explored import Explored
from remblai.explorer.queries import QUERIES
from remblai.explorer.routes import FILES, LARGEST, application

TOKEN = "right"
CODE = [0.5, -1.0, 0.25]
FIELDS: dict[str, dict[str, Any]] = {
    "facts": {},
    "gallery": {"start": 0},
    "encode": {"place": 0},
    "sample": {"seed": 0},
    "decode": {"code": CODE},
    "plane": {"code": CODE, "across": 0, "up": 1, "cells": 2},
    "walk": {"start": CODE, "end": CODE, "steps": 2},
    "attribute": {"code": CODE, "minus": 0, "plus": 1, "strength": 0.5},
    "neighbours": {"code": CODE, "k": 1},
    "copies": {},
    "law": {},
    "beside": {"start": 0, "end": 1, "steps": 2, "seed": 0},
}


@pytest.fixture(scope="module")
def client(digits: Explored, sphere: Explored) -> Any:
    with warnings.catch_warnings(action="ignore"):  # it prefers a successor of httpx
        from starlette.testclient import TestClient
    return TestClient(application([digits, sphere], TOKEN), base_url="http://127.0.0.1:8000")


@pytest.mark.parametrize("name", list(QUERIES))
def test_each_query_is_answered(client: Any, name: str) -> None:
    answer = client.post(f"/{TOKEN}/query/{name}", json=FIELDS[name])
    assert answer.status_code == 200, answer.text
    assert isinstance(answer.json(), dict)


@pytest.mark.parametrize("name", [name for name in QUERIES if name != "attribute"])
def test_each_query_on_a_conditional_model_is_answered(classes: Explored, digits: Explored, name: str) -> None:
    with warnings.catch_warnings(action="ignore"):
        from starlette.testclient import TestClient
    client = TestClient(application([classes, digits], TOKEN), base_url="http://127.0.0.1:8000")
    of_classes = {"class": 4, "start_class": 4, "end_class": 2}
    answer = client.post(f"/{TOKEN}/query/{name}", json=FIELDS[name] | of_classes)
    assert answer.status_code == 200, answer.text


def test_the_files_of_the_page_are_served_and_no_others(client: Any) -> None:
    assert client.get(f"/{TOKEN}/").text.startswith("<!doctype html>")
    types = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
    for name in FILES:
        answer = client.get(f"/{TOKEN}/{name}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(types[name.rpartition(".")[2]])
    for name in ("nothing.js", "..%2Froutes.py", "%2e%2e/routes.py", "../routes.py"):
        assert client.get(f"/{TOKEN}/{name}").status_code in (403, 404), name


@pytest.mark.parametrize(
    "path", ["/", "/query/facts", "/wrong/", "/wrong/query/facts", "/right-/", "/Right/", "/ri/ght/", "/é/"]
)
def test_without_the_token_nothing_is_answered(client: Any, path: str) -> None:
    for answer in (client.get(path), client.post(path, json={})):
        assert answer.status_code == 403
        assert TOKEN not in answer.text.replace("no valid token", "")


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("127.0.0.1:8000", 200),
        ("localhost:8000", 200),
        ("[::1]:8000", 200),
        ("LOCALHOST", 200),
        ("evil.example", 403),
        ("evil.example:8000", 403),
        ("127.0.0.1.evil.example", 403),
        ("127.0.0.1@evil.example", 403),
        ("evil.example@127.0.0.1", 403),
        ("192.168.0.1", 403),
        ("[::1", 403),
        ("", 403),
    ],
)
def test_other_hosts_are_refused(client: Any, host: str, code: int) -> None:
    assert client.get(f"/{TOKEN}/", headers={"host": host}).status_code == code


@pytest.mark.parametrize(
    ("origin", "code"),
    [("http://127.0.0.1:8000", 200), ("http://127.0.0.1:9000", 403), ("https://evil.example", 403), ("null", 403)],
)
def test_other_pages_may_not_ask(client: Any, origin: str, code: int) -> None:
    headers = {"origin": origin}
    assert client.post(f"/{TOKEN}/query/decode", json=FIELDS["decode"], headers=headers).status_code == code


def test_queries_are_bounded_json(client: Any) -> None:
    address = f"/{TOKEN}/query/decode"
    json_type = {"content-type": "application/json"}
    assert client.post(address, content=b"{}", headers={"content-type": "text/plain"}).status_code == 415
    assert client.post(address, content=b" " * (LARGEST + 1), headers=json_type).status_code == 413
    for body in (b"", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"code": [NaN, 1, 1]}', b'{"code": [1e999, 1, 1]}'):
        answer = client.post(address, content=body, headers=json_type)
        assert answer.status_code == 400, body[:20]
        assert "expected" in answer.json()["error"]
    assert client.post(f"/{TOKEN}/query/nonsense", json={}).status_code == 404
    for verb in ("get", "put", "delete", "patch", "options"):
        assert getattr(client, verb)(address).status_code in (404, 405)
    assert client.post(f"/{TOKEN}/", json={}).status_code == 405


def test_every_answer_forbids_what_the_page_does_not_need(client: Any) -> None:
    answers = [
        client.get(f"/{TOKEN}/"),
        client.get("/"),
        client.get(f"/{TOKEN}/nothing"),
        client.post(f"/{TOKEN}/query/facts", json={}),
    ]
    for answer in answers:
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert policy["connect-src"] == policy["script-src"] == policy["style-src"] == "'self'"
        assert policy["frame-ancestors"] == "'none'"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


def test_the_page_runs_nothing_inline_and_names_its_controls(client: Any) -> None:
    page = client.get(f"/{TOKEN}/").text
    assert "<noscript>" in page
    assert not re.search(r"<script(?![^>]* src=)|<style|\son\w+=|\sstyle=|https?://", page)
    scripts = "".join(client.get(f"/{TOKEN}/{name}").text for name in FILES if name.endswith(".js"))
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", scripts)
    for control in re.findall(r"<(?:input|select)[^>]*>", page):
        name = re.search(r'id="([^"]+)"', control)
        assert name is not None
        assert re.search(rf"<label[^>]*>[^<]*{re.escape(control)}", page), control
    wanted = set(re.findall(r'byId\("([\w-]+)"\)', scripts))
    assert wanted <= set(re.findall(r'id="([\w-]+)"', page))


def test_the_address_without_its_last_slash_leads_to_the_page(client: Any) -> None:
    """Its files are named as those of a folder: without the slash they would be asked for beside it."""
    answer = client.get(f"/{TOKEN}", follow_redirects=False)
    assert answer.status_code == 307 and answer.headers["location"].endswith(f"/{TOKEN}/")


def test_an_entry_that_is_no_number_is_named(client: Any) -> None:
    wrong = [0.0] * len(FIELDS["decode"]["code"])
    wrong[1] = 1e9
    answer = client.post(f"/{TOKEN}/query/decode", json={"code": wrong})
    assert answer.status_code == 400 and "got 1000000000.0 at place 1" in answer.json()["error"]
