"""What a GPU gives: steps, MMD, Sinkhorn, exact transport, feeding and several processes, beside their peers.

    python benchmarks/gpu.py [--only steps mmd sinkhorn exact feed processes] [--device cuda] [--seconds 330] [--quick]

One run prints the whole table, medians and ratios, with the peak memory of the device. Peers (pythae, POT, GeomLoss,
flash-sinkhorn) are measured where they can be imported; plainly written torch always is. A row that cannot run here
says why. `--seconds` ends the run in time: rows that are left are named. Where there is no GPU the same code runs on
the CPU at small sizes: those figures say nothing about a GPU.
"""

import argparse
import itertools
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import pairs
from remblai.data import Dataset
from remblai.data.splits import Part, images
from remblai.discrepancies import MMD
from remblai.distances import transport
from remblai.kernels import Gaussian
from remblai.runs.feed import batches, channels_last_weights
from remblai.runs.measure import Choice, timed
from remblai.runs.resolve import Resolved, resolve
from remblai.runtime import devices
from remblai.training import State, steps
from remblai.training.players import critics_of, sides

FLOP = 5.5e9
"""Of a step of the full-width WAE-MMD, for one image."""


class Table:
    """Prints rows as they are measured, until the time is over."""

    def __init__(self, device: torch.device, seconds: float, quick: bool) -> None:
        self.device, self.quick = device, quick
        self.end = time.perf_counter() + seconds

    def row(self, name: str, measure: Callable[[], str]) -> None:
        """One row; a failure is printed in its place, for one peer must not end the table."""
        if time.perf_counter() > self.end:
            print(f"{name:58s}  not measured: the time is over", flush=True)
            return
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.device)
        try:
            words = measure()
        except Exception as problem:
            words = f"failed: {type(problem).__name__}: {str(problem).strip().partition(chr(10))[0][:90]}"
        print(f"{name:58s}  {words}  {self._peak()}", flush=True)

    def _peak(self) -> str:
        if self.device.type != "cuda":
            return ""
        return f"peak {torch.cuda.max_memory_allocated(self.device) / 2**20:,.0f} MB"

    def median(self, call: Callable[[], object], most: int = 20) -> float:
        """Median seconds of a call, by the clock, with the device's work in it."""
        call()
        found: list[float] = []
        began = time.perf_counter()
        while len(found) < (2 if self.quick else most) and (len(found) < 3 or time.perf_counter() - began < 3.0):
            self.wait()
            start = time.perf_counter()
            call()
            self.wait()
            found.append(time.perf_counter() - start)
        return statistics.median(found)

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def wae(width: int, batch: int) -> Resolved:
    """The paper's networks at a width, with an MMD against a sample of the prior, as peers compute it."""
    options = {"network": "wae", "network.width": width, "penalty.closed_form": False}
    return resolve("wae-mmd", options | {"batch_size": batch, "steps": 1_000_000})


def step_rows(table: Table) -> None:
    """Training steps as `remblai train` runs them, beside pythae and a bare captured step."""
    gpu = table.device.type == "cuda"
    widths = ((128, 1000), (128, 100), (32, 100), (32, 1000)) if gpu else ((4, 20),)
    data = images("blobs", {"whole": Part(pairs.blobs(20_000 if gpu else 500, (1, 28, 28)))})
    rate = matrix_rate(table)
    print(f"measured rate of bfloat16 matrix products: {rate / 1e12:.1f} TFLOP/s")
    for (width, batch), precision in itertools.product(widths, ("bfloat16", "float32")):
        name = f"WAE-MMD width {width}, batch {batch}, {precision}"
        resolved = wae(width, batch)
        peer = {"rate": 0.0}
        table.row(
            f"{name}: pythae", lambda p=precision, r=resolved, b=batch, s=peer: pythae_row(table, data, r, b, p, s)
        )
        for graph, compiled in ((False, False), (True, False), (True, True)):
            if (graph or compiled) and (not gpu or table.quick):
                continue
            choice = Choice("channels-last", precision, graph, compiled, gpu)  # type: ignore[arg-type]
            words = "graph, compiled" if compiled else "graph" if graph else "eager"
            table.row(
                f"{name}: remblai, {words}",
                lambda c=choice, r=resolved, s=peer, w=width: ours(table, data, r, c, s, w, rate),
            )
    for name in ("wae-gan", "wgan-gp"):
        batch = 100 if gpu else 8
        resolved = resolve(name, {"batch_size": batch, "critic_steps": 1, "steps": 1_000_000})
        plain = {"rate": 0.0}
        table.row(f"{name}, batch {batch}: plainly written", partial(plain_row, table, data, resolved, plain))
        for graph in (False, True) if gpu else (False,):
            choice = Choice("channels-last", "float32", graph, False, gpu)
            words = f"{name}, batch {batch}: remblai, {'graph' if graph else 'eager'}"
            table.row(words, partial(ours, table, data, resolved, choice, plain, 0, 0.0))
    table.row("loop over a bare captured step, width 32, batch 100", lambda: bare_row(table, data))


def ours(
    table: Table, data: Dataset, resolved: Resolved, choice: Choice, peer: dict[str, float], width: int, rate: float
) -> str:
    found = timed(resolved, data, table.device, choice, 0.2 if table.quick else 2.0)
    words = f"{found.rate:9,.0f} images/s"
    words += f"  x{found.rate / peer['rate']:.2f} of the peer" if peer["rate"] else ""
    words += f"  {found.rate * FLOP / rate:.0%} of the matrix rate" if width == 128 and rate else ""
    return words + (f"  ({found.fell_back})" if found.fell_back else "")


def pythae_row(
    table: Table, data: Dataset, resolved: Resolved, batch: int, precision: str, peer: dict[str, float]
) -> str:
    """pythae's own trainer on the same networks, with amp for bfloat16."""
    if find_spec("pythae") is None:
        return "not measured: pythae is not installed here"
    import peers

    torch.manual_seed(0)
    objective = resolved.build(data.shape)
    shown = data.train[: 20 * batch]
    epoch = peers.pythae_side(objective, shown, torch.get_num_threads(), batch, table.device, precision == "bfloat16")
    seconds = table.median(epoch, 3)
    peer["rate"] = len(shown) / seconds
    return f"{peer['rate']:9,.0f} images/s"


def plain_row(table: Table, data: Dataset, resolved: Resolved, peer: dict[str, float]) -> str:
    """One step of the critic and one of the model as a user writes them: Adam as it comes, plain layout, no graph."""
    torch.manual_seed(0)
    objective = resolved.build(data.shape).to(table.device).train()
    inner, outer = (list(side.values()) for side in sides(objective))
    critic, model = (torch.optim.Adam(side, lr=1e-4) for side in (inner, outer))
    stream = data.train.batches(resolved.loop["batch_size"], device=table.device)

    def step() -> None:
        x = next(stream)
        critic.zero_grad()
        loss = objective.adversary_loss(x)
        assert loss is not None
        loss.backward()
        critic.step()
        for part in critics_of(objective).values():
            part.project()
        model.zero_grad()
        sum(objective(x).values()).backward()  # type: ignore[union-attr]
        model.step()

    seconds = table.median(lambda: [step() for _ in range(20)], 10) / 20
    peer["rate"] = resolved.loop["batch_size"] / seconds
    return f"{peer['rate']:9,.0f} images/s"


def bare_row(table: Table, data: Dataset) -> str:
    """The loop with its average, schedule and guard over the replay of a captured forward, backward and Adam."""
    if table.device.type != "cuda":
        return "not measured: CUDA graphs are those of a CUDA device"
    resolved = wae(32, 100)
    with devices.tuned(table.device):
        objective = resolved.build(data.shape).to(table.device)
        channels_last_weights(objective)
        state = State(objective, **resolved.loop | {"steps": None, "average": None, "schedule": "constant"}, graph=True)
        stream = batches(state, data, 0)
        run = steps(state, stream)
        loop = table.median(lambda: [next(run) for _ in range(100)], 10)
        (replay,) = state.graphs.replays()
        xs = [next(stream)]
        bare = table.median(lambda: [replay([next(stream)]) for _ in range(100)], 10)
        alone = table.median(lambda: [replay(xs) for _ in range(100)], 10)
    return f"x{loop / bare:.3f} of its replays with batches, x{loop / alone:.3f} without"


def matrix_rate(table: Table) -> float:
    n = 8192 if table.device.type == "cuda" else 256
    x = torch.randn(n, n, device=table.device, dtype=torch.bfloat16)
    return 2.0 * n**3 / table.median(lambda: x @ x)


def mmd_rows(table: Table) -> None:
    """Value and gradient of the MMD beside plain torch."""
    for n in (100, 1_000, 10_000, 30_000, 100_000) if table.device.type == "cuda" else (100, 1_000):
        x, y = (torch.randn(n, 64, device=table.device) + shift for shift in (0.0, 0.5))
        y.requires_grad_()
        own, seconds = MMD(Gaussian(64.0).to(table.device)), list[float]()
        losses = {"plain torch": plain_mmd, "remblai": own} if n <= 30_000 else {"remblai": own}
        for name, loss in losses.items():
            measure = partial(mmd_row, table, loss, x, y, seconds)
            table.row(f"MMD gradient n {n:,}, d 64: {name}", measure)


def mmd_row(table: Table, loss: Callable[[Tensor, Tensor], Tensor], x: Tensor, y: Tensor, seconds: list[float]) -> str:
    """Value and gradient, beside the first of the sides where there are several."""
    seconds.append(table.median(lambda: torch.autograd.grad(loss(x, y), y)))
    words = f"{1e3 * seconds[-1]:9.2f} ms"
    return words + (f"  x{seconds[0] / seconds[-1]:.2f} of plain torch" if len(seconds) > 1 else "")


def plain_mmd(x: Tensor, y: Tensor) -> Tensor:
    def gram(a: Tensor, b: Tensor) -> Tensor:
        squares = a.square().sum(1)[:, None] + b.square().sum(1) - 2.0 * a @ b.T
        return torch.exp(squares.clamp(min=0.0) / -128.0)

    n, xx, yy = len(x), gram(x, x), gram(y, y)
    within = (xx.sum() - xx.trace() + yy.sum() - yy.trace()) / (n * (n - 1))
    return within - 2.0 * gram(x, y).mean()


def sinkhorn_rows(table: Table) -> None:
    """Entropic transport to a marginal error of 1e-3; peers at settings that come nearest."""
    gpu = table.device.type == "cuda"
    for n, d, share in (
        ((2_000, 64, 0.05), (10_000, 64, 0.05), (50_000, 64, 0.05), (10_000, 2, 0.01)) if gpu else ((300, 8, 0.05),)
    ):
        torch.manual_seed(0)
        x, y = torch.randn(n, d, device=table.device), 0.8 * torch.randn(n, d, device=table.device) + 0.5
        mean = float(x.square().sum(1).mean() + y.square().sum(1).mean() - 2.0 * x.mean(0) @ y.mean(0))
        name, epsilon = f"Sinkhorn n {n:,}, d {d}, epsilon {share} of the mean", share * mean
        table.row(f"{name}: remblai", partial(ours_sinkhorn, table, x, y, epsilon))
        for peer in ("flash_sinkhorn", "geomloss"):
            table.row(f"{name}: {peer}", partial(samples_loss, table, peer, x, y, epsilon))
        if n <= 10_000:
            table.row(f"{name}: POT, float32", partial(pot_sinkhorn, table, x, y, epsilon))


def ours_sinkhorn(table: Table, x: Tensor, y: Tensor, epsilon: float) -> str:
    plan = transport(x, y, cost="square", epsilon=epsilon, tolerance=1e-3)
    seconds = table.median(lambda: transport(x, y, cost="square", epsilon=epsilon, tolerance=1e-3), 10)
    return f"{1e3 * seconds:9.2f} ms  error {plan.marginal_error:.1e}, {plan.iterations} iterations"


def samples_loss(table: Table, module: str, x: Tensor, y: Tensor, epsilon: float) -> str:
    """The interface of GeomLoss, which flash-sinkhorn has too: cost |x - y|^2 / 2, so half of our epsilon."""
    if find_spec(module) is None:
        return f"not measured: {module} is not installed here"
    loss = __import__(module).SamplesLoss(
        "sinkhorn", p=2, blur=(epsilon / 2.0) ** 0.5, scaling=0.9, debias=False, potentials=True
    )
    n = len(x)
    f, g = (2.0 * h.flatten() for h in loss(x, y))
    error = marginal_error(x, y, f, g, epsilon)
    seconds = table.median(lambda: loss(x, y), 10)
    return f"{1e3 * seconds:9.2f} ms  error {error:.1e}, n {n:,}"


def pot_sinkhorn(table: Table, x: Tensor, y: Tensor, epsilon: float) -> str:
    if find_spec("ot") is None:
        return "not measured: POT is not installed here"
    import ot

    a = torch.full((len(x),), 1.0 / len(x), device=x.device)

    def solve() -> Any:
        return ot.sinkhorn(
            a, a, torch.cdist(x, y).square(), epsilon, stopThr=1e-4, numItermax=1000, warn=False, log=True
        )

    seconds, (plan, _) = table.median(solve, 5), solve()
    error = float((plan.sum(0) - a).abs().sum() + (plan.sum(1) - a).abs().sum())
    return f"{1e3 * seconds:9.2f} ms  error {error:.1e}"


def marginal_error(x: Tensor, y: Tensor, f: Tensor, g: Tensor, epsilon: float) -> float:
    """|P 1 - a|_1 + |P' 1 - b|_1 of the plan of these potentials, in float64, a block of rows at a time."""
    n, columns, error = len(x), torch.zeros(len(y), dtype=torch.float64, device=y.device), 0.0
    for rows in torch.arange(n, device=x.device).split(1000):
        costs = torch.cdist(x[rows].double(), y.double()).square()
        plan = ((f[rows, None].double() + g.double() - costs) / epsilon).exp() / n / len(y)
        error += float((plan.sum(1) - 1.0 / n).abs().sum())
        columns += plan.sum(0)
    return error + float((columns - 1.0 / len(y)).abs().sum())


def exact_rows(table: Table) -> None:
    """Exact transport from tensors of the device, beside our own time on the CPU."""
    n = 2_000 if table.quick else 10_000
    n = n if table.device.type == "cuda" else 300
    x, y = torch.randn(n, 64), 0.8 * torch.randn(n, 64) + 0.5
    for where in dict.fromkeys((torch.device("cpu"), table.device)):
        a, b = x.to(where), y.to(where)
        table.row(
            f"exact n {n:,}, d 64, from {where.type}",
            lambda a=a, b=b: f"{1e3 * table.median(lambda: transport(a, b), 1):9.0f} ms",
        )


def feed_rows(table: Table) -> None:
    """The share of the time in which steps wait for batches of a memory-mapped set of 64x64 colour images."""
    n = 200_000 if table.device.type == "cuda" and not table.quick else 4_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.npy"
        out = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(n, 64, 64, 3))
        for first in range(0, n, 2_000):
            out[first : first + 2_000] = np.random.default_rng(first).integers(
                0, 256, out[first : first + 2_000].shape, np.uint8
            )
        out.flush()
        mapped = np.load(path, mmap_mode="c").transpose(0, 3, 1, 2)
        data = images("mapped", {"whole": Part(mapped)})
        data.train.rows._fits = lambda device: device.type == "cpu"  # type: ignore[method-assign]  # as of a set too large
        width = 64 if table.device.type == "cuda" else 4
        table.row(f"feeding: {n:,} images 64x64x3 from the disk, batch 100", lambda: feed_row(table, data, width))


def feed_row(table: Table, data: Dataset, width: int) -> str:
    resolved = resolve("wae-mmd", {"network": "dcgan", "network.width": width, "batch_size": 100, "steps": 10**6})
    objective = resolved.build(data.shape).to(table.device)
    state = State(objective, **resolved.loop | {"steps": None})
    waited = 0.0

    def watched(stream: Iterator[Tensor]) -> Iterator[Tensor]:
        nonlocal waited
        while True:
            table.wait()  # what the device still does is not waiting for a batch
            began = time.perf_counter()
            x = next(stream)
            table.wait()
            waited += time.perf_counter() - began
            yield x

    run = steps(state, watched(batches(state, data, 0)))
    for _ in range(5):
        next(run)
    waited, began, count = 0.0, time.perf_counter(), 0
    while time.perf_counter() - began < (1.0 if table.quick else 10.0):
        next(run)
        count += 1
    seconds = time.perf_counter() - began
    return f"{100 * count / seconds:9,.0f} images/s  {waited / seconds:.1%} of the time is waiting"


def process_rows(table: Table) -> None:
    """The same training by one process and by two, on the CPU's cores."""
    count = 50 if table.quick else 300
    command = ["-m", "remblai", "train", "wae-mmd", "--data", "digits", "--steps", str(count), "--batch-size", "100"]
    command += ["--device", "cpu", "--evaluate-every", "0", "--quiet", "--threads", "1"]
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    for name, start in (("one process", []), ("two processes", torchrun)):
        table.row(f"wae-mmd on digits, {count} steps: {name}", lambda s=start: process_row([*s, *command]))


def process_row(words: list[str]) -> str:
    from remblai.runs.folder import Run

    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/run"
        done = subprocess.run([sys.executable, *words, "--out", out], capture_output=True, text=True, check=False)
        if done.returncode:
            return f"failed: {done.stderr.strip().splitlines()[-1][:90]}"
        last = [line for line in Run.open(out).terms() if "terms" in line][-1]
    terms = ", ".join(f"{name} {term['weighted']:.4f}" for name, term in last["terms"].items())
    return f"{1e3 * last['seconds'] / last['step']:9.2f} ms a step  {terms}"


SECTIONS: dict[str, Callable[[Table], None]] = {
    "steps": step_rows,
    "mmd": mmd_rows,
    "sinkhorn": sinkhorn_rows,
    "exact": exact_rows,
    "feed": feed_rows,
    "processes": process_rows,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS), default=list(SECTIONS))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seconds", type=float, default=330.0)
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    options = parser.parse_args()
    device = devices.choose(options.device)
    card = torch.cuda.get_device_name(device) if device.type == "cuda" else "no GPU: the CPU, at small sizes"
    print(f"torch {torch.__version__}, {card}, {devices.arithmetic(device)}", flush=True)
    table = Table(device, options.seconds, options.quick)
    for name in options.only:
        SECTIONS[name](table)


if __name__ == "__main__":
    main()
