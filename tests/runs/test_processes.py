"""One run by two processes: they train one model, the first one writes, and a lost one ends the job."""

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.processes import start
from tests.small import SMALL, last

import remblai
from remblai.runs import loop as loop_module
from remblai.runs import train as train_module
from remblai.runs.folder import Run
from remblai.training import Step

WORLD = 2


def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        found: int = free.getsockname()[1]
        return found


def joined(rank: int, where: int) -> None:
    """The variables that torchrun sets."""
    torch.set_num_threads(1)
    names = {"WORLD_SIZE": WORLD, "RANK": rank, "LOCAL_RANK": rank, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": where}
    os.environ.update({name: str(value) for name, value in names.items()})
    train_module.measure = train_module.write_report = lambda *_: None  # type: ignore[assignment]


def attempt(out: Path, **options: Any) -> str:
    """What a training said; the empty text where it was done."""
    try:
        remblai.train("wae-mmd", out=out, **SMALL | {"checkpoint_every": 10, "schedule": "constant"} | options)
    except (ValueError, ConnectionError) as problem:
        return str(problem)
    return ""


def work(rank: int, ports: list[int], folder: str) -> None:
    out, said = Path(folder), {}
    cases: dict[str, dict[str, Any]] = {
        "whole": {"evaluate_every": 10},
        "half": {"steps": 10, "evaluate_every": 10},
        "odd": {"batch_size": 25},
        "other": {"lr": 1e-3 * (1 + rank)},
        "other data": {"data": ("digits", "ring")[rank], "network": "mlp"},
    }
    for (name, options), where in zip(cases.items(), ports, strict=False):
        joined(rank, where)
        said[name] = attempt(out / name.split()[0], **options)
    joined(rank, ports[-1])
    said["anew"] = attempt(out / "anew")
    joined(rank, ports[-2])
    said["replaced"] = attempt(out / "anew", overwrite=True, seed=1)
    joined(rank, ports[-3])
    said["resumed"] = attempt(out / "half", resume=True, evaluate_every=10)
    Path(folder, f"{rank}.json").write_text(json.dumps(said))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, str]]]:
    folder = Path(tmp_path_factory.mktemp("processes"))
    start(work, [port() for _ in range(8)], str(folder), count=WORLD)
    return folder, [json.loads((folder / f"{rank}.json").read_text()) for rank in range(WORLD)]


def test_two_processes_write_one_run(trained: tuple[Path, list[dict[str, str]]]) -> None:
    folder, said = trained
    assert [each["whole"] for each in said] == ["", ""]
    run = Run.open(folder / "whole")
    assert run.settings["status"] == "complete"
    assert run.settings["processes"] == WORLD
    lines = [line for line in run.terms() if "terms" in line]
    assert [line["step"] for line in lines] == list(range(1, 21))
    assert lines[-1]["images"] == 20 * SMALL["batch_size"]
    assert [line["step"] for line in run.terms() if "validation" in line] == [10, 20]


def test_a_resumed_run_of_as_many_processes_equals_one_that_never_stopped(trained: Any) -> None:
    folder, said = trained
    assert [each["half"] + each["resumed"] for each in said] == ["", ""]
    assert last(folder / "whole") == last(folder / "half")


def test_a_run_is_replaced_by_two_processes(trained: Any) -> None:
    folder, said = trained
    assert [each["anew"] + each["replaced"] for each in said] == ["", ""]
    assert Run.open(folder / "anew").settings["seed"] == 1


def test_a_run_of_two_processes_goes_on_in_one(trained: Any, bare: None) -> None:
    folder, _ = trained
    assert attempt(folder / "whole", resume=True, steps=24, evaluate_every=10) == ""
    assert Run.open(folder / "whole").settings["processes"] == 1
    assert [line["step"] for line in Run.open(folder / "whole").terms() if "terms" in line] == list(range(1, 25))


def test_what_two_processes_cannot_do_together_is_refused_in_both(trained: Any) -> None:
    folder, said = trained
    for each in said:
        assert each["odd"].startswith("batch_size: expected a multiple of the 2 processes")
        assert each["odd"].endswith("got 25: use 24 or 26.")
        assert "got others in process 1: lr is 0.001, there 0.002. Start all" in each["other"]
        assert "data spec is digits, there ring" in each["other data"]
    assert not (folder / "odd").exists()
    assert not (folder / "other").exists()


def lost(rank: int, where: int, folder: str) -> None:
    joined(rank, where)
    real = loop_module.steps

    def ends_early(state: Any, batches: Any) -> Any:
        step: Step
        for step in real(state, batches):
            if step.number == 5 and rank == 1:
                os._exit(0)
            yield step

    loop_module.steps = ends_early  # type: ignore[assignment]
    said = attempt(Path(folder) / "run", checkpoint_every=3)
    Path(folder, f"{rank}.json").write_text(json.dumps(said))


def test_a_lost_process_ends_the_job_with_what_to_do(tmp_path: Path) -> None:
    start(lost, port(), str(tmp_path), count=WORLD)
    said = json.loads((tmp_path / "0.json").read_text())
    assert said.startswith("process 0 of 2: another process was lost")
    assert said.endswith("start again with --resume, which continues from the last checkpoint.")
    run = Run.open(tmp_path / "run")
    assert [int(path.name) for path in sorted((run.folder / "checkpoints").glob("0*"))] == [3]
