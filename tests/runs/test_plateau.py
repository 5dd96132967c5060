"""Training that stops where the validation score no longer improves, and goes on where it was interrupted."""

from pathlib import Path
from typing import Any

import pytest
from tests.small import last, train

from remblai.objectives.weights import weight_in_words
from remblai.runs import processes
from remblai.runs.evaluate import choices
from remblai.runs.folder import Run
from remblai.runs.plateau import Plateau, asked_or_earlier, evaluation_interval

SCORES = {2: 3.0, 4: 2.0, 6: 2.5, 8: 2.0, 10: 1.0}
"""The validation score by step: after step 4 two evaluations are no better."""
OPTIONS: dict[str, Any] = {"evaluate_every": 2, "checkpoint_every": 2, "schedule": "constant", "patience": 2}


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch, bare: None) -> None:
    """Evaluations give `SCORES`."""
    monkeypatch.setattr(
        processes, "validation_scores", lambda state, *_: {"energy_distance_squared": SCORES[state.step]}
    )


def test_the_scores_are_followed_and_an_equal_one_is_no_improvement() -> None:
    plateau, seen = Plateau(2), []
    for score in SCORES.values():
        plateau.observe(score)
        seen.append((plateau.best, plateau.improved, plateau.waited, plateau.reached))
    assert seen == [
        (3.0, True, 0, False),
        (2.0, True, 0, False),
        (2.0, False, 1, False),
        (2.0, False, 2, True),
        (1.0, True, 0, False),
    ]
    assert not Plateau(None).reached
    for earlier in (None, {}):
        assert asked_or_earlier({"patience": None, "keep": None}, earlier) == {"patience": None, "keep": 2}
    assert asked_or_earlier({"patience": None, "keep": 4}, {"patience": 3, "keep": 5}) == {"patience": 3, "keep": 4}


@pytest.mark.usefixtures("scripted")
def test_a_training_stops_keeps_the_best_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    train(out, steps=10, **OPTIONS | {"quiet": False})
    run = Run.open(out)
    assert run.settings["status"] == "complete"
    assert run.settings["early_stop"] == {"step": 8, "best_step": 4, "best": 2.0, "patience": 2}
    assert [getattr(run.pointed(name), "name", "") for name in ("best", "last")] == ["00000004", "00000008"]
    train(out, steps=10, resume=True, **OPTIONS | {"quiet": False, "patience": None})
    told = capsys.readouterr().err
    assert "stopped at step 8: 2 evaluations in a row had no smaller energy distance" in told
    assert "is complete: it stopped at step 8" in told
    assert "patience: 2" in (out / "config.yaml").read_text()


@pytest.mark.usefixtures("scripted")
def test_a_resumed_training_stops_where_one_without_a_break_does(tmp_path: Path) -> None:
    train(tmp_path / "whole", steps=10, **OPTIONS)
    train(tmp_path / "parts", steps=6, **OPTIONS)
    assert Run.open(tmp_path / "parts").settings["early_stop"] is None
    train(tmp_path / "parts", steps=10, resume=True, **OPTIONS | {"evaluate_every": None})  # as it had
    assert last(tmp_path / "whole") == last(tmp_path / "parts")
    assert Run.open(tmp_path / "parts").settings["early_stop"]["step"] == 8
    train(tmp_path / "parts", steps=10, resume=True, **OPTIONS | {"patience": 3})  # more patience goes on
    run = Run.open(tmp_path / "parts")
    assert (run.settings["early_stop"], getattr(run.pointed("best"), "name", "")) == (None, "00000010")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"evaluate_every": 0}, "patience: expected evaluations to wait for, got patience 2 with evaluate_every 0"),
        ({"patience": 0}, "patience: expected at least 1, got 0"),
    ],
)
def test_what_cannot_stop_is_refused(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        train(tmp_path / "run", **OPTIONS | options)
    assert not (tmp_path / "run").exists() or not any((tmp_path / "run").iterdir())


def test_the_page_says_what_was_chosen() -> None:
    held = {"value": 30.0, "level": 1.9, "asked": 2.0, "null_mean": 0.0, "null_deviation": 0.01, "cap": 9000.0}
    stop = Plateau(2).stop_of(8000, 4000) | {"best": 0.0123}
    data: dict[str, Any] = {"data": {"units": {}}}
    assert choices(data | {"held_weight": None, "early_stop": None}) == {}
    found = choices(data | {"held_weight": held, "early_stop": stop})
    assert found["weight auto"] == weight_in_words(held)
    assert found["weight auto"].startswith("the weight is 30: the codes' discrepancy is 1.90 standard deviations")
    assert "stopped at step 8,000" in found["early stop"]
    assert "than 0.0123 at step 4,000" in found["early stop"]


@pytest.mark.parametrize(
    ("asked", "steps", "interval"),
    [
        (None, 20, 50),
        (None, 300, 50),
        (None, 2000, 200),
        (None, 10_000, 1000),
        (None, 10**6, 1000),
        (7, 2000, 7),
        (0, 9, 0),
    ],
)
def test_a_run_is_evaluated_ten_times_or_so_unless_it_is_asked_otherwise(
    asked: int | None, steps: int, interval: int
) -> None:
    assert evaluation_interval(asked, steps) == interval


@pytest.mark.usefixtures("bare")
def test_a_resumed_training_keeps_the_checkpoints_that_were_asked_for(tmp_path: Path) -> None:
    options: dict[str, Any] = {"batch_size": 20, "evaluate_every": 0}
    train(tmp_path / "run", steps=6, checkpoint_every=2, keep=9, **options)
    train(tmp_path / "run", steps=9, resume=True, **options)
    kept = sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir() if path.name.isdigit())
    assert [int(name) for name in kept] == [2, 4, 6, 8, 9]
    assert "checkpoint_every: 2" in (tmp_path / "run" / "config.yaml").read_text()
