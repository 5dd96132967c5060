"""Several processes that were started together, by torchrun or Slurm: how they meet, agree and part."""

import datetime
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from remblai.runtime.distributed import rank, world
from remblai.runtime.text import first_line

T = TypeVar("T")

CONNECT = datetime.timedelta(seconds=30)
"""How long the processes wait for each other at the start."""

EXCHANGE = datetime.timedelta(minutes=10)
"""How long a process waits for the others at an exchange, such as while the first one writes a checkpoint."""

LOST = re.compile(
    "connection (closed|reset|refused)|broken pipe|timed out|watchdog|socket|nccl|remote process|peer", re.IGNORECASE
)
"""How gloo and NCCL say that another process is gone."""


class Launch(NamedTuple):
    """What the starter says: how many processes there are, which one this is, and where they meet.

    Attributes:
        world: how many.
        rank: this one's number among all, from 0.
        local: its number among those of this machine, which is the number of its GPU.
        host: of the first process.
        port: where it listens.
    """

    world: int
    rank: int
    local: int
    host: str
    port: int


def launched(environment: Mapping[str, str] = os.environ) -> Launch | None:
    """The launch that the variables of torchrun or of Slurm's srun describe; None where one process is alone.

    Raises:
        ValueError: variables that are missing or no numbers.
    """
    if "WORLD_SIZE" in environment:
        names = {"world": "WORLD_SIZE", "rank": "RANK", "local": "LOCAL_RANK", "port": "MASTER_PORT"}
        host = environment.get("MASTER_ADDR", "127.0.0.1")
    elif "SLURM_STEP_NUM_TASKS" in environment and "SLURM_PROCID" in environment:
        # only srun sets the first: a script of sbatch that runs remblai without srun is one process
        names = {"world": "SLURM_STEP_NUM_TASKS", "rank": "SLURM_PROCID", "local": "SLURM_LOCALID"}
        host = environment.get("MASTER_ADDR") or _first_host(environment.get("SLURM_STEP_NODELIST", "127.0.0.1"))
        job = environment.get("SLURM_JOB_ID", "0")
        environment = {"MASTER_PORT": str(20_000 + int(job) % 20_000 if job.isdecimal() else 29_500), **environment}
        names["port"] = "MASTER_PORT"
    else:
        return None
    if environment[names["world"]] == "1":
        return None
    values = {name: environment.get(variable, "") for name, variable in names.items()}
    for name, value in values.items():
        if not value.isdecimal():
            raise ValueError(
                f"{names[name]}: expected a whole number beside {names['world']}={environment[names['world']]}, got "
                f"{value or 'nothing'}: start several processes by torchrun or srun, or unset {names['world']}."
            )
    return Launch(host=host, **{name: int(value) for name, value in values.items()})


@contextmanager
def together(device: torch.device) -> Iterator[None]:
    """Within it the processes that were started together exchange tensors: by NCCL between GPUs, by gloo otherwise.

    Raises:
        ConnectionError: they do not meet within 30 seconds, or one of them is lost.
    """
    launch = launched()
    if launch is None or dist.is_initialized():
        yield
        return
    _meet(launch, device)
    try:
        yield
    except RuntimeError as problem:
        if not LOST.search(str(problem)):
            raise
        words = first_line(problem)
        raise ConnectionError(
            f"process {launch.rank} of {launch.world}: another process was lost ({words}). Look for its own error, "
            "then start again with --resume, which continues from the last checkpoint."
        ) from problem
    finally:
        dist.destroy_process_group()


def _meet(launch: Launch, device: torch.device) -> None:
    place = f"{launch.host}:{launch.port}"
    try:
        agent = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"  # torchrun listens there itself
        store = dist.TCPStore(  # type: ignore[attr-defined]  # torch's stub leaves it out
            launch.host,
            launch.port,
            launch.world,
            is_master=launch.rank == 0 and not agent,
            timeout=CONNECT,
            wait_for_workers=False,
        )
        own = dist.PrefixStore(  # type: ignore[attr-defined]  # the same
            f"remblai/{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store
        )
        own.set(f"here/{launch.rank}", "yes")
        own.wait([f"here/{number}" for number in range(launch.world)], CONNECT)
        backend = "nccl" if device.type == "cuda" else "gloo"
        if device.type == "cuda":
            torch.cuda.set_device(device)  # NCCL exchanges objects on the current device
        dist.init_process_group(backend, store=own, rank=launch.rank, world_size=launch.world, timeout=EXCHANGE)
    except (RuntimeError, ValueError) as problem:
        words = first_line(problem)
        raise ConnectionError(
            f"process {launch.rank} of {launch.world}: expected to meet the others at {place} within "
            f"{CONNECT.seconds} seconds, which failed ({words}): check that all {launch.world} were started, with one "
            "MASTER_ADDR and MASTER_PORT, and that no firewall lies between."
        ) from problem


def from_first(value: T) -> T:
    """The first process's value, in every process; what the others pass is not read."""
    if world() == 1:
        return value
    box = [value if rank() == 0 else None]
    dist.broadcast_object_list(box, 0)
    found: T = box[0]  # type: ignore[assignment]  # every process has the first one's now
    return found


def from_all(value: T) -> list[T]:
    """Each process's value, by rank."""
    if world() == 1:
        return [value]
    found: list[Any] = [None] * world()
    dist.all_gather_object(found, value)
    return found


@torch.no_grad()
def averages(terms: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The mean of each scalar over the processes, by one exchange."""
    if world() == 1:
        return dict(terms)
    values = torch.stack([term.detach().double() for term in terms.values()])
    dist.all_reduce(values)
    return dict(zip(terms, (values / world()).unbind(), strict=True))


def _first_host(nodes: str) -> str:
    """The first name of a list of Slurm's: `gpu[03-05,9],cpu1` -> `gpu03`."""
    match = re.match(r"([^,\[]+)(?:\[(\d+))?", nodes)
    return nodes if match is None else match[1] + (match[2] or "")
