"""Real processes are killed at any point, and go on as if nothing had been."""

import os
import random
import signal
import time
from collections.abc import Iterator
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import pytest
from tests.processes import forking
from tests.small import last

from remblai.cli.main import main
from remblai.runs import train as train_module
from remblai.runs.folder import Run


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    """What forks each process, with one thread."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    yield forking()
    os.environ.pop("OMP_NUM_THREADS") if before is None else os.environ.update(OMP_NUM_THREADS=before)


LONG = {
    "wae-mmd": ["--data", "digits"],
    "wae-gan": ["--data", "digits", "--penalty.width", "16", "--penalty.depth", "2"],
}
STEPS, EVERY = 200, 6


def bare_main(words: list[str]) -> None:
    """The command without the figures and the page at its end, which take longer than the training."""
    train_module.measure = lambda *_: None  # type: ignore[assignment]
    train_module.write_report = lambda *_: None  # type: ignore[assignment,return-value]
    main(words)


def start(context: Any, name: str, out: Path, *more: str) -> ForkServerProcess:
    words = (
        f"train {name} --out {out} --latent 2 --network mlp --network.width 16 --steps {STEPS} --batch-size 20".split()
    )
    words += f"--checkpoint-every {EVERY} --evaluate-every 40 --noise 0.1 --quiet --device cpu --threads 1".split()
    process: ForkServerProcess = context.Process(target=bare_main, args=([*words, *LONG[name], *more],))
    process.start()
    return process


def reached(process: ForkServerProcess, folder: Path, number: int, writing: bool) -> bool:
    """Waits until the run has the checkpoint of a step and, if wanted, is writing the next one; whether it lives."""
    checkpoints = folder / "checkpoints"
    while process.is_alive():
        names = [path.name for path in checkpoints.iterdir()] if checkpoints.is_dir() else []
        done = max((int(name) for name in names if name.isdigit()), default=0) >= number
        if done and (not writing or any(name.startswith(".writing") for name in names)):
            return True
        time.sleep(0.0005)
    return False


@pytest.fixture(scope="module", params=sorted(LONG))
def undisturbed(request: pytest.FixtureRequest, server: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed") / request.param
    process = start(server, request.param, folder)
    process.join()
    assert process.exitcode == 0
    return folder


def test_kills_at_any_point_change_no_byte(undisturbed: Path, server: Any, tmp_path: Path) -> None:
    name, folder = undisturbed.name, tmp_path / "killed"
    chance = random.Random(0)
    plan = [
        (0, False, signal.SIGKILL),  # before there is anything to go on from, perhaps
        (EVERY, True, signal.SIGKILL),  # while a checkpoint is written
        (50, False, signal.SIGTERM),
        (80, True, signal.SIGKILL),
        (110, False, signal.SIGINT),
        (140, False, signal.SIGKILL),
    ]
    codes = {signal.SIGKILL: -signal.SIGKILL, signal.SIGTERM: 143, signal.SIGINT: 130}
    kills = 0
    for number, writing, how in plan:
        process = start(server, name, folder, "--resume")
        if not reached(process, folder, number, writing):  # on a busy machine it may end before this one looks
            break
        kills += 1
        time.sleep(0 if writing else chance.random() / 50)
        os.kill(process.pid or 0, how)
        process.join()
        assert process.exitcode == codes[how]
        if how is not signal.SIGKILL:
            run = Run.open(folder)
            checkpoint = run.load()
            assert checkpoint is not None
            assert checkpoint.number == run.terms()[-1]["step"]
            assert run.settings["status"] == "stopped"
    assert kills >= 4
    process = start(server, name, folder, "--resume")
    process.join()
    assert process.exitcode == 0
    assert last(folder).keys() == {"weights.safetensors", "average.safetensors"}
    assert last(folder) == last(undisturbed)
    run, whole = Run.open(folder), Run.open(undisturbed)
    assert run.settings["status"] == "complete"
    assert not list((folder / "checkpoints").glob(".*"))
    ours, theirs = ([line for line in one.terms() if "terms" in line] for one in (run, whole))
    steps = [line["step"] for line in ours]
    assert steps == sorted(set(steps))
    by_step = {line["step"]: line["terms"] for line in ours}
    assert all(by_step[line["step"]] == line["terms"] for line in theirs)
    assert [(r.pointed("best") or Path()).name for r in (run, whole)] == [(whole.pointed("best") or Path()).name] * 2
