"""The loop of a run: signals, terms and checkpoints meet at one step."""

import signal
from pathlib import Path

import pytest
from tests.small import train

from remblai.runs.folder import Run
from remblai.runs.plateau import Plateau
from remblai.runtime.signals import Interrupted


@pytest.mark.usefixtures("bare")
def test_a_signal_after_the_terms_of_a_step_waits_for_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    passed, real = [], Plateau.pass_over

    def interrupt(plateau: Plateau) -> None:
        real(plateau)
        passed.append(0)
        if len(passed) == 100:  # of 300: the terms of every third are written
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Plateau, "pass_over", interrupt)
    with pytest.raises(Interrupted):
        train(tmp_path / "run", steps=300)
    run = Run.open(tmp_path / "run")
    checkpoint = run.load()
    assert checkpoint is not None
    assert checkpoint.number == run.terms()[-1]["step"] == 101
