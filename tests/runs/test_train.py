"""From a recipe and data to a run: evaluation, resuming, divergence, small data."""

import errno
import itertools
import json
import math
import os
import shutil
import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.small import SMALL, last, train
from torch import Tensor, nn

import remblai
from remblai.objectives import Objective
from remblai.recipes import recipe
from remblai.runs import log
from remblai.runs.folder import Run
from remblai.training import Diverged
from remblai.training.schedules import LearningRate


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("name", ["wae-mmd", "wae-gan", "vae", "ae"])
def test_evaluation_during_training_changes_no_byte(tmp_path: Path, name: str) -> None:
    for every in (0, 3):
        options = {} if name == "wae-mmd" else {"penalty.width": 16} if name == "wae-gan" else {}
        train(tmp_path / str(every), name, evaluate_every=every, checkpoint_every=5, **options)
    assert last(tmp_path / "0") == last(tmp_path / "3")
    lines = Run.open(tmp_path / "3").terms()
    assert [line["step"] for line in lines if "validation" in line] == [3, 6, 9, 12, 15, 18, 20]
    assert (tmp_path / "3/checkpoints/best").is_symlink()


@pytest.mark.usefixtures("bare")
def test_the_seed_and_nothing_else_decides(tmp_path: Path) -> None:
    torch.rand(7)
    train(tmp_path / "a", seed=3)
    train(tmp_path / "b", seed=3)
    train(tmp_path / "c", seed=4)
    assert last(tmp_path / "a") == last(tmp_path / "b") != last(tmp_path / "c")


@pytest.mark.usefixtures("bare")
def test_resume_starts_goes_on_and_says_when_all_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(tmp_path / "whole", steps=30)
    out = tmp_path / "run"
    train(out, steps=20, resume=True)
    train(out, steps=20, resume=True, quiet=False)
    assert "is complete: all its 20 steps are done" in capsys.readouterr().err
    assert Run.open(out).settings["status"] == "complete"
    Run.open(out).update(status="running", ended=None)  # as a kill between the last checkpoint and its note leaves it
    train(out, steps=20, resume=True)
    assert Run.open(out).settings["status"] == "complete"
    assert Run.open(out).settings["ended"] is not None
    train(out, steps=30, resume=True)
    assert Run.open(out).settings["loop"]["steps"] == 30
    checkpoint = Run.open(out).load()
    assert checkpoint is not None
    assert checkpoint.number == 30


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("data", ["digits", "ring"])
def test_more_steps_at_a_constant_rate_are_the_longer_run(tmp_path: Path, data: str) -> None:
    train(tmp_path / "whole", steps=30, schedule="constant", data=data)
    train(tmp_path / "run", steps=20, schedule="constant", data=data)
    train(tmp_path / "run", steps=30, schedule="constant", data=data, resume=True)
    assert last(tmp_path / "whole") == last(tmp_path / "run")


@pytest.mark.usefixtures("bare")
def test_resume_falls_back_from_a_damaged_checkpoint(tmp_path: Path) -> None:
    train(tmp_path / "whole", steps=30, checkpoint_every=10, keep=3)
    out = tmp_path / "run"
    shutil.copytree(tmp_path / "whole", out, symlinks=True)
    weights = out / "checkpoints/00000030/weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    with pytest.warns(UserWarning, match="00000030 is damaged"):
        train(out, steps=30, checkpoint_every=10, keep=1, resume=True)
    assert last(out) == last(tmp_path / "whole")


class Explodes(Objective):
    """Finite terms and gradients that are infinite from a given step on."""

    def __init__(self, shape: tuple[int, ...], at: int) -> None:
        super().__init__()
        self.shape, self.at, self.calls = shape, at, -1
        self.place = nn.Parameter(torch.zeros(()))
        self.other = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        self.calls += 1
        big = math.inf if self.calls >= self.at else 1.0
        return {"transport": _Times.apply(self.place, big) - self.place.detach() + self.other}  # type: ignore[no-untyped-call]

    def sample(self, n: int) -> Tensor:
        return self.place.detach().expand(n, *self.shape).clone()


class _Times(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0] * ctx.factor, None


@recipe(lr=1e-3, steps=40, optimiser="sgd", betas=(0.0, 0.9), average=0.9)
def explodes(shape: tuple[int, ...], at: int = 29) -> Objective:
    """Explodes."""
    return Explodes(shape, at)


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("how", ["log", "checkpoint", "score"])
def test_poisoned_weights_never_reach_a_checkpoint(tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if how != "log":
        monkeypatch.setattr(log, "gradient_norms", lambda _: {})
    every = {"log": (10, 0), "checkpoint": (10, 0), "score": (20, 15)}[how]
    out = tmp_path / "run"
    with pytest.raises(Diverged) as problem:
        remblai.train(
            explodes,
            out=out,
            quiet=True,
            device="cpu",
            batch_size=5,
            checkpoint_every=every[0],
            evaluate_every=every[1],
        )
    assert problem.value.term == ("gradient of the model" if how == "log" else "place")
    run = Run.open(out)
    assert (problem.value.number, run.settings["status"]) == (30, "diverged")
    checkpoint = run.load()
    assert checkpoint is not None
    assert checkpoint.number == 20
    assert all(torch.isfinite(value).all() for value in checkpoint.weights.values())
    json.loads((out / "terms.jsonl").read_text().splitlines()[-1], parse_constant=pytest.fail)


@pytest.mark.usefixtures("bare")
def test_a_rate_that_is_far_too_large_stops_with_the_step_and_the_term(tmp_path: Path) -> None:
    out = tmp_path / "run"
    train(out, "ae", steps=20, optimiser="sgd", lr=1e-6, schedule="constant")
    with pytest.raises(Diverged, match=r"the transport was not a finite number at step \d"):
        train(tmp_path / "bad", "ae", steps=50, optimiser="sgd", lr=1e20, checkpoint_every=1)
    checkpoint = Run.open(tmp_path / "bad").load()
    assert checkpoint is None or all(torch.isfinite(value).all() for value in checkpoint.weights.values())


@pytest.mark.parametrize("n", [12, 40])
def test_very_little_data_still_ends_in_a_report(tmp_path: Path, n: int) -> None:
    np.save(tmp_path / "few.npy", np.random.default_rng(0).integers(0, 256, (n, 6, 6), dtype=np.uint8))
    options = SMALL | {"batch_size": 4, "evaluate_every": 10, "data_options": {"layout": "nhw"}}
    remblai.train("wae-mmd", data=str(tmp_path / "few.npy"), out=tmp_path / "run", **options)
    assert (tmp_path / "run/report.html").is_file()


@pytest.mark.usefixtures("bare")
def test_a_free_folder_is_found_under_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for expected in ("wae-mmd-digits", "wae-mmd-digits-2"):
        assert remblai.train("wae-mmd", **SMALL).folder == Path("runs") / expected


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("name", ["critic_steps", "critic_lr", "critic_schedule", "own_batches"])
def test_settings_of_critics_are_refused_where_there_are_none(tmp_path: Path, name: str) -> None:
    value = {"critic_steps": 5, "critic_lr": 0.1, "critic_schedule": "cosine", "own_batches": True}[name]
    with pytest.raises(ValueError, match=f"{name}: this model trains no critic"):
        train(tmp_path / "run", "vae", **{name: value})
    assert not (tmp_path / "run").exists()
    critic = {"name": "adversarial", "width": 8, "depth": 1}
    assert train(tmp_path / "run", "wae-mmd", penalty=critic, **{name: value}).objective.penalty is not None


@pytest.mark.usefixtures("bare")
def test_a_schedule_and_an_optimiser_of_ones_own_are_recorded_and_asked_for_again(tmp_path: Path) -> None:
    """A function that equals the recipe's cosine trains the same bytes; only a training needs it again."""
    cosine = LearningRate(1.0, "cosine", (), ())
    train(tmp_path / "named")
    mine = train(tmp_path / "mine", schedule=cosine)
    assert last(tmp_path / "mine") == last(tmp_path / "named")
    assert mine.run.settings["loop"]["schedule"] == "custom:LearningRate"
    assert "schedule: custom:LearningRate" in (tmp_path / "mine/config.yaml").read_text()
    assert np.array_equal(remblai.load(tmp_path / "mine").sample(3, seed=0), mine.sample(3, seed=0))
    for asked in ({"resume": True, "out": tmp_path / "mine"}, {"from_run": tmp_path / "mine", "out": tmp_path / "b"}):
        with pytest.raises(ValueError, match=r"live part for 'schedule' \(custom:LearningRate\): pass it as schedule="):
            remblai.train(**asked)
    remblai.train(from_run=tmp_path / "mine", out=tmp_path / "b", schedule=cosine, quiet=True)
    assert last(tmp_path / "b") == last(tmp_path / "mine")
    train(tmp_path / "mine", schedule=cosine, resume=True)
    with pytest.raises(ValueError, match=r"schedule was custom:LearningRate, now constant.*schedule, has to be passed"):
        train(tmp_path / "mine", schedule="constant", resume=True)
    ours = train(tmp_path / "rule", optimiser=torch.optim.RAdam)
    assert ours.run.settings["loop"]["optimiser"] == "custom:RAdam"
    with pytest.raises(ValueError, match="Known: constant, cosine, step"):
        train(tmp_path / "c", schedule="stairs")


def test_a_cost_of_ones_own_is_a_function_of_pairs(tmp_path: Path) -> None:
    def cost(x: Tensor, y: Tensor) -> Tensor:
        return (x - y).abs().sum(-1)

    mine = train(tmp_path / "mine", "ae", cost=cost)
    theirs = train(tmp_path / "theirs", "ae", cost="manhattan")
    assert np.array_equal(mine.sample(4, seed=0), theirs.sample(4, seed=0))
    assert np.array_equal(remblai.load(tmp_path / "mine", cost=cost).sample(4, seed=0), mine.sample(4, seed=0))


def test_the_log_has_each_term_raw_and_weighted(tmp_path: Path) -> None:
    train(tmp_path / "run", "wae-gan", weight=4.0, steps=40, **{"penalty.width": 8})
    lines = Run.open(tmp_path / "run").terms()
    assert [line["step"] for line in lines] == list(range(1, 41))
    for line in lines:
        assert line["images"] == 20 * line["step"]
        assert line["terms"].keys() == {"transport", "penalty", "adversary"}
        assert line["terms"]["penalty"]["weighted"] == pytest.approx(4 * line["terms"]["penalty"]["raw"])
        assert line["gradient_norms"].keys() == line["lr"].keys() == {"model", "critics"}
    assert all(b["seconds"] >= a["seconds"] for a, b in itertools.pairwise(lines))


@pytest.mark.usefixtures("bare")
def test_a_full_disk_keeps_the_checkpoint_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = torch.save

    def full(*args: Any) -> None:
        if args[0]["number"] > 10:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(*args)

    monkeypatch.setattr("torch.save", full)
    with pytest.raises(OSError, match="No space left"):
        train(tmp_path / "run", checkpoint_every=5)
    monkeypatch.undo()
    checkpoint = Run.open(tmp_path / "run").load()
    assert checkpoint is not None
    assert checkpoint.number == 10
    assert not list((tmp_path / "run/checkpoints").glob(".writing*"))


@pytest.mark.usefixtures("bare")
def test_tensorboard_gets_the_terms(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    train(tmp_path / "run", tensorboard=True)
    assert list((tmp_path / "run/tensorboard").glob("events*"))


@pytest.mark.usefixtures("bare")
def test_it_trains_in_a_thread_where_no_signal_can_be_caught(tmp_path: Path) -> None:
    thread = threading.Thread(target=train, args=(tmp_path / "run",))
    thread.start()
    thread.join()
    assert Run.open(tmp_path / "run").settings["status"] == "complete"


def test_a_whole_run_has_its_metrics_and_its_page(tmp_path: Path) -> None:
    trained = train(tmp_path / "run", evaluate_every=10)
    metrics = trained.run.metrics()
    assert metrics
    assert {"value", "floor", "spread", "n"} <= metrics["w2"].keys()
    page = (tmp_path / "run/report.html").read_text()
    assert "http" not in page.replace("http://www.w3.org", "")
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.usefixtures("bare")
def test_a_run_that_fails_for_whatever_reason_does_not_seem_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*given: Any) -> dict[str, Any]:
        if (tmp_path / "run/checkpoints/last").exists():
            raise RuntimeError("out of luck")
        return log.log_line(*given)

    monkeypatch.setattr("remblai.runs.loop.log_line", fails)
    with pytest.raises(RuntimeError, match="out of luck"):
        train(tmp_path / "run", checkpoint_every=5)
    assert Run.open(tmp_path / "run").settings["status"] == "failed"
