"""What a training says of its progress, on a terminal, in a notebook and in a file."""

from pathlib import Path

import pytest
from tests.small import train

from remblai.recipes import ae
from remblai.runs import progress
from remblai.training import State


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that have passed, which a test sets."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_the_first_steps_say_how_long_the_training_takes(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    state = State(ae((2,)), steps=1000)
    with progress.Progress(state, quiet=False) as shown:
        for _ in range(40):
            clock[0] += 0.25
            shown.step()
    # 12 steps have taken 3 seconds, so 1,000 take 250
    assert capsys.readouterr().err.splitlines() == ["expected: about 4 min for 1,000 steps, by the first 12"]


@pytest.mark.parametrize(("steps", "quiet"), [(30, False), (1000, True)])
def test_nothing_is_said_of_a_short_training_or_where_nothing_is_to_be_heard(
    steps: int, quiet: bool, clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with progress.Progress(State(ae((2,)), steps=steps), quiet) as shown:
        for _ in range(20):
            clock[0] += 0.25
            shown.step()
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("bare")
def test_the_banner_names_model_network_device_and_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(tmp_path / "run", quiet=False)
    first, second = capsys.readouterr().err.splitlines()[:2]
    assert first.startswith("model: ")
    assert "parameters on cpu, 20 steps of 20, into" in first
    assert first.endswith(str(tmp_path / "run"))
    assert second == "network: mlp: encoder linear 16-16-2; decoder linear 16-16-64"


def test_a_notebook_has_a_bar_although_it_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bar, _ = progress.bar_class()
    for notebook in (False, True):
        monkeypatch.setattr(progress, "bar_class", lambda: (bar, notebook))  # noqa: B023  # called within the round
        with progress.Progress(State(ae((2,)), steps=10), quiet=False) as shown:
            shown.step()
        assert ("/10" in capsys.readouterr().err) == notebook
