"""What torchrun and srun say of a launch, and processes that do not meet."""

import datetime

import pytest
import torch
import torch.distributed as dist

from remblai.runtime import devices, processes
from remblai.runtime.processes import Launch, averages, from_all, from_first, launched, together

TORCHRUN = {"WORLD_SIZE": "4", "RANK": "3", "LOCAL_RANK": "1", "MASTER_ADDR": "node1", "MASTER_PORT": "29400"}
SRUN = {
    "SLURM_STEP_NUM_TASKS": "8",
    "SLURM_PROCID": "5",
    "SLURM_LOCALID": "1",
    "SLURM_STEP_NODELIST": "gpu[03-05,9],cpu1",
    "SLURM_JOB_ID": "123456",
}


def test_torchruns_variables() -> None:
    assert launched(TORCHRUN) == Launch(4, 3, 1, "node1", 29400)


def test_sruns_variables() -> None:
    assert launched(SRUN) == Launch(8, 5, 1, "gpu03", 23_456)
    assert launched(SRUN | {"MASTER_ADDR": "node7", "MASTER_PORT": "1234"}) == Launch(8, 5, 1, "node7", 1234)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"WORLD_SIZE": "1"},
        {"SLURM_NTASKS": "8", "SLURM_PROCID": "0"},
        {"SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"},
    ],
)
def test_one_process_is_alone(environment: dict[str, str]) -> None:
    """A script of sbatch that runs remblai without srun has Slurm's variables of the job, not those of a step."""
    assert launched(environment) is None


@pytest.mark.parametrize("missing", ["RANK", "LOCAL_RANK", "MASTER_PORT"])
def test_variables_that_are_missing_are_named(missing: str) -> None:
    environment = {name: value for name, value in TORCHRUN.items() if name != missing}
    with pytest.raises(
        ValueError, match=rf"{missing}: expected a whole number beside WORLD_SIZE=4, got nothing: start"
    ):
        launched(environment)


@pytest.mark.parametrize(
    ("nodes", "first"), [("node1", "node1"), ("a[1-2]", "a1"), ("a[07,9],b", "a07"), ("a,b", "a"), ("a-b-3", "a-b-3")]
)
def test_the_first_host_of_slurms_lists(nodes: str, first: str) -> None:
    assert processes._first_host(nodes) == first


def test_processes_that_do_not_come_are_an_error_with_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "CONNECT", datetime.timedelta(seconds=1))
    for name, value in (TORCHRUN | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0", "RANK": "0"}).items():
        monkeypatch.setenv(name, value)
    with (
        pytest.raises(
            ConnectionError, match=r"process 0 of 4: expected to meet the others at 127.0.0.1:0 within 1 sec"
        ),
        together(torch.device("cpu")),
    ):
        pass
    assert not dist.is_initialized()


@pytest.mark.parametrize("words", ["Connection closed by peer [127.0.0.1]:1", "NCCL error: remote process exited"])
def test_a_lost_process_is_told_from_other_errors(words: str) -> None:
    assert processes.LOST.search(words)
    assert not processes.LOST.search("mat1 and mat2 shapes cannot be multiplied (3x4 and 5x6)")


def test_one_process_is_the_trivial_case() -> None:
    assert from_first(3) == 3
    assert from_all(3) == [3]
    assert averages({"a": torch.tensor(1.0)}) == {"a": torch.tensor(1.0)}


def test_the_gpu_of_a_process_is_that_of_its_number_on_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert devices.choose("auto", 1) == torch.device("cuda:1")
    assert devices.choose("cuda:0", 1) == torch.device("cuda:0")
    assert devices.choose("cpu", 1) == torch.device("cpu")
    with pytest.raises(ValueError, match="'cuda:2' was asked for but 2 GPUs are visible"):
        devices.choose("cuda", 2)
