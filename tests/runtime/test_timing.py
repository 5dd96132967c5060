"""What is said of blocks that take time."""

import logging
import time

import pytest

from remblai.runtime import timing
from remblai.runtime.timing import BUSY, timed


def test_a_long_block_says_so_while_it_runs_and_a_short_one_only_how_long_it_took(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(timing, "FIRST", 0.05)
    monkeypatch.setattr(timing, "NEXT", 0.05)
    with caplog.at_level(BUSY, logger="remblai"):
        with timed("short"):
            pass
        with timed("long"):
            time.sleep(0.3)
    said = [record.message for record in caplog.records]
    assert len(said) >= 2
    assert all(message.startswith("long: 0 s so far") for message in said)
    count = len(said)
    time.sleep(0.15)
    assert len(caplog.records) == count  # it has ended
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="remblai"), pytest.raises(KeyError), timed("failing"):
        raise KeyError
    assert caplog.records == []


def test_nothing_is_said_where_no_one_listens(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(timing, "FIRST", 0.01)
    with timed("long"):
        time.sleep(0.1)
    assert capsys.readouterr().err == ""
