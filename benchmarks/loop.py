"""What the training loop costs over a bare PyTorch step: same objective, same batches, same optimiser.

    python benchmarks/loop.py [--net conv mlp] [--threads 1] [--pairs 21] [--data mnist-folder] [--compile] [--quick]

The loop is what `remblai train wae-mmd` runs, with the recipe's own average, schedule and watch for NaN; the bare step
is forward, backward and fused Adam. Both take turns in one process, a block of steps each, A B A B ...: a pair's ratio
compares two blocks that ran within a second of each other, and the median over the pairs is what to read. CPU time is
this process's own, which other work on the machine disturbs least. Target: the conv net's loop at most 1.05.
"""

import argparse
import copy
import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

import pairs
from remblai.data import Dataset, Split
from remblai.objectives import Objective
from remblai.runs.resolve import Resolved, resolve
from remblai.training import State, check, steps

BATCH = 100
NETS: dict[str, dict[str, Any]] = {
    "conv": {"network": "dcgan", "network.width": 32},  # 28-14-7-3 with 32, 64, 128 channels
    "wae": {"network": "wae", "network.width": 32},  # 28-14-7-4-2 with 32 to 256 channels
    "mlp": {"network": "mlp", "network.width": 512, "network.depth": 1},  # 784-512-8-512-784
}
BLOCKS = {"conv": 10, "wae": 2, "mlp": 60}
"""Steps in a block: about half a second."""


def recipe(net: str, **options: Any) -> Resolved:
    """wae-mmd with this network."""
    return resolve("wae-mmd", NETS[net] | {"batch_size": BATCH, "steps": 1_000_000} | options)


def built(resolved: Resolved, data: Dataset) -> Objective:
    """The objective as training prepares it."""
    torch.manual_seed(0)
    return resolved.build(data.shape).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def laid_out(x: Tensor) -> Tensor:
    """Images as training prepares them."""
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x


def looped(objective: Objective, resolved: Resolved, data: Dataset, **options: Any) -> Iterator[object]:
    """The loop of the package."""
    state = State(objective, **resolved.loop, **options)
    for step in steps(state, map(laid_out, data.train.batches(BATCH))):
        yield step
        if step.number % 50 == 0:
            check(state)


def bare(objective: Objective, resolved: Resolved, data: Dataset) -> Iterator[object]:
    """The least that trains: no watch, no average, no schedule, no counters."""
    optimiser = torch.optim.Adam(
        objective.parameters(), lr=resolved.loop["lr"], betas=resolved.loop["betas"], fused=True
    )
    objective.train()
    for x in resident(data.train):
        loss = sum(objective(laid_out(x)).values())
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[union-attr]
        optimiser.step()
        yield loss


def resident(split: Split) -> Iterator[Tensor]:
    """Endless batches of a uint8 tensor in memory."""
    images = torch.from_numpy(split.rows.array[split.index.numpy()])
    while True:
        for index in torch.randperm(len(images)).split(BATCH):
            if len(index) == BATCH:
                yield images.index_select(0, index).float().div_(255)


def block(side: Iterator[object], n: int) -> Callable[[], None]:
    """A block of n steps."""

    def run() -> None:
        for _ in itertools.islice(side, n):
            pass

    return run


def compare(net: str, data: Dataset, n: int, count: int, compiled: bool) -> None:
    """Prints the loop against the bare step on one network."""
    resolved = recipe(net)
    objective = built(resolved, data)
    sides = {
        "bare": block(bare(copy.deepcopy(objective), resolved, data), n),
        "loop": block(looped(copy.deepcopy(objective), resolved, data), n),
        "loop, no average": block(looped(copy.deepcopy(objective), recipe(net, average=None), data), n),
    }
    if compiled:
        sides["loop, compiled"] = block(looped(objective, resolved, data, compile=True), n)
        began = time.perf_counter()
        sides["loop, compiled"]()
        print(f"{net}: the first {n} compiled steps took {time.perf_counter() - began:.0f} s")
    found = pairs.interleaved(sides, count)
    for name in sides:
        line = f"{net:5s} {name:17s}"
        for clock in ("cpu", "wall"):
            middle, least, most = pairs.ratio(found, name, "bare", clock)
            each = pairs.median(found, name, clock) / n
            line += (
                f"  {clock} {1e3 * each:7.2f} ms {BATCH / each:7.0f} images/s x{middle:.3f} [{least:.3f} {most:.3f}]"
            )
        print(line, flush=True)
    share(net, resolved, data, max(3, n // 2))


def share(net: str, resolved: Resolved, data: Dataset, n: int) -> None:
    """Prints the penalty's part of a step: its forward and backward on codes that are already there."""
    objective = built(resolved, data)
    x = laid_out(next(data.train.batches(BATCH)))
    code = objective.encode(x)  # type: ignore[operator]
    z = code.z.detach().requires_grad_()

    def penalty() -> None:
        objective.penalty(code._replace(z=z), objective.prior()).backward()  # type: ignore[operator]

    sides = {
        "penalty": block(iter(penalty, 0), 20),
        "step": block(bare(objective, resolved, data), n),
    }
    found = pairs.interleaved(sides, 5)
    each, whole = pairs.median(found, "penalty") / 20, pairs.median(found, "step") / n
    print(
        f"{net:5s} the MMD's forward and backward: {1e3 * each:.2f} ms, {each / whole:.1%} of a bare step", flush=True
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", nargs="+", choices=list(NETS), default=["conv", "mlp"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--pairs", type=int, default=21)
    parser.add_argument("--data", help="a name or folder of 28x28 images; synthetic ones when not given")
    parser.add_argument("--compile", action="store_true", help="time the compiled loop too (CPUs need a C++ compiler)")
    parser.add_argument("--quick", action="store_true", help="a few steps, to see that it runs")
    options = parser.parse_args()
    print(pairs.machine(options.threads), flush=True)
    data = pairs.dataset(options.data, 2_000 if options.quick else 20_000)
    for net in options.net:
        n, count = (2, 2) if options.quick else (BLOCKS[net], options.pairs)
        compare(net, data, n, count, options.compile)


if __name__ == "__main__":
    main()
