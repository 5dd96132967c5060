"""Processes of a test, forked from one that has imported torch and remblai: that takes longer than most tests."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from typing import Any

import torch.multiprocessing as mp

IMPORTED = ["remblai.cli.train", "remblai.runs.train", "torch._dynamo"]
"""The last one, a compiler, is otherwise imported with the first optimiser: seconds, in each process."""


def forking() -> ForkServerContext:
    """The context whose processes are forked so."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    return context


def start(work: Callable[..., None], *args: Any, count: int) -> None:
    """Runs work(rank, *args) in so many processes, and waits for them."""
    forking()
    mp.start_processes(work, args, nprocs=count, start_method="forkserver")
