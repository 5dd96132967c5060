"""The page over real sockets: by Python, by the command, and in a real browser where there is one."""

import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="the extra explore is not installed")

import remblai
from remblai.cli.main import main
from remblai.explorer.serving import bound

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)


def test_the_page_is_served_until_it_is_stopped(models: dict[str, remblai.Trained]) -> None:
    with remblai.explore(models["digits"]) as page:
        address, port = page.url, int(page.url.split(":")[2].split("/")[0])
        assert address.startswith("http://127.0.0.1:")
        assert len(address.rstrip("/").rpartition("/")[2]) == 32
        with urllib.request.urlopen(address) as answer:
            assert b"<!doctype html>" in answer.read()
            policy = answer.headers["content-security-policy"]
        assert (
            "frame-ancestors http://127.0.0.1:* http://localhost:* https://127.0.0.1:* https://localhost:*;" in policy
        )
        assert re.findall(r'(?:src|href)="([^"]+)"', page._repr_html_()) == [address] * 2
        assert 'sandbox="allow-scripts allow-same-origin"' in page._repr_html_()
        with pytest.raises(ValueError, match=f"port: expected a free port, {port} cannot be taken"):
            bound(port)
    bound(port).close()
    assert "stopped" in page._repr_html_()
    assert "src=" not in page._repr_html_()
    page.stop()  # a second time is nothing


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_is_a_port(port: int) -> None:
    with pytest.raises(ValueError, match="up to 65535"):
        bound(port)


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["explore", *words])
    out, err = capsys.readouterr()
    assert (ended.value.code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("error: ")
    return err


def test_a_port_in_use_is_one_line(digits_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert "address already in use" in refused([str(digits_folder), "--port", port], capsys)


def test_runs_of_other_shapes_are_one_line(
    models: dict[str, remblai.Trained], capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(models["digits"].folder), "--beside", str(models["points"].folder)]
    assert "got 1 x 8 x 8 in digits and 2 in points" in refused(words, capsys)


def test_a_missing_extra_is_named(models: dict[str, remblai.Trained], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "remblai.explorer.serving")
    with pytest.raises(ValueError, match=r"uvicorn is missing: use pip install 'remblai\[explore\]'"):
        remblai.explore(models["digits"])


@pytest.mark.parametrize("outside", [signal.SIG_DFL, signal.SIG_IGN], ids=["terminal", "background"])
def test_ctrl_c_ends_the_command(digits_folder: Path, outside: signal.Handlers) -> None:
    """Also of a job in the background, for which a shell ignores SIGINT."""
    words = [sys.executable, "-m", "remblai", "explore", str(digits_folder), "--device", "cpu"]
    before = signal.signal(signal.SIGINT, outside)  # a process that is started inherits what is ignored
    try:
        command = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, before)
    with command:
        assert command.stdout is not None
        address = command.stdout.readline().strip()
        with urllib.request.urlopen(address) as answer:
            assert answer.status == 200
        command.send_signal(signal.SIGINT)
        _, err = command.communicate(timeout=60)
    assert (command.returncode, err) == (130, "error: stopped\n")


PICTURE = "document.getElementById('current').toDataURL()"


@pytest.fixture(scope="module")
def browser() -> Any:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no Chromium here")
    with playwright.sync_playwright() as play:
        opened = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.mark.parametrize(
    ("name", "width", "scheme"), [("digits", 1200, "light"), ("points", 390, "dark"), ("classes", 390, "light")]
)
def test_the_page_works_in_a_browser(
    browser: Any, models: dict[str, remblai.Trained], name: str, width: int, scheme: str
) -> None:
    tab = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    said: list[str] = []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda problem: said.append(str(problem)))
    with remblai.explore(models[name], models[name]) as page:
        tab.goto(page.url)
        tab.wait_for_selector("body[data-ready=yes]", state="attached")
        before = tab.evaluate(PICTURE)
        slider = tab.locator("#axis-0")
        slider.focus()
        slider.press("ArrowRight")
        tab.wait_for_selector("#origin:has-text('moved by hand')")
        while tab.evaluate(PICTURE) == before:
            tab.wait_for_timeout(10)
        tab.locator("#plane").press("ArrowUp")
        tab.wait_for_selector("#origin:has-text('taken from the plane')")
        tab.click("#set-start")
        tab.click("#draw")
        tab.wait_for_selector("#origin:has-text('draw')")
        tab.click("#set-end")
        tab.wait_for_selector("#walk button:nth-child(9)")
        for wanted, found in (("#find-near", "#near canvas"), ("#find-copies", "#copies:not(:empty)")):
            tab.click(wanted)
            tab.wait_for_selector(found)
        tab.wait_for_selector("#copies:has-text('p =')")
        tab.click("#show-beside")
        tab.wait_for_selector("#beside canvas")
        if name == "digits":
            tab.click("#gallery button:nth-child(2)")
            tab.wait_for_selector("#origin:has-text('reconstruction')")
            tab.locator("#strength").press("End")
            tab.wait_for_selector("#origin:has-text('moved 2 times')")
            tab.click("#show-law")
            tab.wait_for_selector("#law svg", state="attached")
        if name == "classes":
            before = tab.evaluate(PICTURE)
            tab.select_option("#class", "8")
            tab.wait_for_selector("#origin:has-text('decoded as 8')")
            while tab.evaluate(PICTURE) == before:
                tab.wait_for_timeout(10)
            tab.click("#gallery button:nth-child(2)")
            tab.wait_for_selector("#origin:has-text('reconstruction')")
            said_of = tab.get_attribute("#gallery button:nth-child(2)", "aria-label")
            assert said_of.endswith(f", {tab.input_value('#class')}"), "the class of what was picked"
        assert tab.is_hidden("#class-label") == (name != "classes")
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert tab.is_hidden("#problem")
    tab.close()
    assert said == []
