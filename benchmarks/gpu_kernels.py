"""Kernels of a GPU against plain torch, GeomLoss, POT and flash-sinkhorn: MMD, entropic and exact transport.

Every row is the median of some runs after a first one, with the ratio to each peer that is installed and the peak of
the memory that the run added. Peers are taken from the environment: pip install geomloss pot flash-sinkhorn. Entropic
rows compare at equal error: each side is asked for the fewest iterations, of a schedule that doubles them, at which
the marginal error of its plan, measured in float64 by one function for all, is at most the one stated.
"""

import argparse
import math
import statistics
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from itertools import product
from typing import Any, NamedTuple

import torch
from torch import Tensor

from remblai.discrepancies import MMD, Sliced
from remblai.distances import emd, transport
from remblai.distances.pairwise import availability
from remblai.kernels import Energy, Gaussian, Kernel

MIB = 2**20


class Row(NamedTuple):
    """What one side took: median seconds, peak memory in MiB above what it started with, and its error."""

    seconds: float
    memory: float
    error: float | None = None


def measured(run: Callable[[], Any], repeats: int, device: torch.device) -> Row:
    run()
    times = []
    wait(device)
    before = 0
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
    for _ in range(repeats):
        began = time.perf_counter()
        run()
        wait(device)
        times.append(time.perf_counter() - began)
    peak = (torch.cuda.max_memory_allocated(device) - before) / MIB if device.type == "cuda" else float("nan")
    return Row(statistics.median(times), peak)


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def shown(title: str, rows: dict[str, Row | str]) -> None:
    ours = rows.get("remblai")
    print(title)
    for name, row in rows.items():
        if isinstance(row, str):
            print(f"    {name:<22} {row}")
            continue
        ratio = f"  {row.seconds / ours.seconds:6.2f} x remblai" if isinstance(ours, Row) and name != "remblai" else ""
        error = "" if row.error is None else f"  error {row.error:.1e}"
        print(f"    {name:<22} {1e3 * row.seconds:9.2f} ms  {row.memory:8.0f} MiB{error}{ratio}")
    print(flush=True)


def safely(run: Callable[[], Row | str]) -> Row | str:
    try:
        return run()
    except torch.OutOfMemoryError:
        torch.cuda.empty_cache()
        return "out of memory"
    except Exception as problem:  # a peer's failure is a row, not the end of the table
        return f"{type(problem).__name__}: {str(problem).splitlines()[0][:120]}"


def samples(n: int, d: int, device: torch.device) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(2, n, d, generator=generator)
    return x.to(device), (0.9 * y + 0.3).to(device).requires_grad_()


def plain_mmd(kernel: Callable[[Tensor], Tensor], x: Tensor, y: Tensor) -> Tensor:
    """The unbiased estimate as one writes it in torch."""
    n, m = len(x), len(y)
    xx, yy, xy = (kernel(torch.cdist(one, other).square()) for one, other in ((x, x), (y, y), (x, y)))
    within = (xx.sum() - xx.diagonal().sum()) / (n * (n - 1)) + (yy.sum() - yy.diagonal().sum()) / (m * (m - 1))
    return within - 2.0 * xy.mean()


KERNELS: dict[str, Callable[[int], tuple[Kernel, Callable[[Tensor], Tensor]]]] = {
    "gaussian": lambda d: (Gaussian(float(d)), lambda squares: torch.exp(-0.5 / d * squares)),
    "energy": lambda _: (Energy(), lambda squares: -squares.clamp(min=1e-12).sqrt()),
}
"""Kernels of points (n, d), and their functions of the squared distance."""


def mmd_row(n: int, d: int, name: str, device: torch.device, repeats: int) -> None:
    x, y = samples(n, d, device)
    kernel, formula = KERNELS[name](d)
    ours = MMD(kernel)
    sides = {"remblai": lambda: ours(x, y), "plain torch": lambda: plain_mmd(formula, x, y)}
    shown(f"MMD ({name}), value and gradient, n = {n}, d = {d}", of_gradients(sides, y, device, repeats))


def sliced_row(n: int, device: torch.device, repeats: int) -> None:
    x, y = samples(n, 64, device)
    sides = {"remblai": lambda: Sliced(128)(x, y)}
    shown(f"Sliced(128), value and gradient, n = {n}, d = 64", of_gradients(sides, y, device, repeats))


def of_gradients(
    sides: dict[str, Callable[[], Tensor]], y: Tensor, device: torch.device, repeats: int
) -> dict[str, Row | str]:
    return {
        name: safely(partial(measured, partial(gradient, loss, y), repeats, device)) for name, loss in sides.items()
    }


def gradient(loss: Callable[[], Tensor], y: Tensor) -> Tensor:
    return torch.autograd.grad(loss(), y)[0]


def marginal_error(x: Tensor, y: Tensor, f: Tensor, g: Tensor, epsilon: float) -> float:
    """|P 1 - a|_1 + |P' 1 - b|_1 of P = exp((f + g - |x - y|^2) / epsilon) / (n m), in float64 by blocks of rows."""
    x, y, f, g = (one.detach().double() for one in (x, y, f, g))
    n, m = len(x), len(y)
    columns, rows = torch.zeros_like(g), 0.0
    for part in torch.arange(n, device=x.device).split(max(1, 2**25 // m)):
        block = ((f[part, None] + g - torch.cdist(x[part], y).square()) / epsilon).exp() / (n * m)
        rows += float((block.sum(1) - 1.0 / n).abs().sum())
        columns += block.sum(0)
    return rows + float((columns - 1.0 / m).abs().sum())


Solver = Callable[[int], tuple[Tensor, Tensor]]
"""From a number of iterations to potentials f (n,), g (m,) for the cost |x - y|^2."""


def at_error(solve: Solver, x: Tensor, y: Tensor, epsilon: float, error: float, repeats: int) -> Row | str:
    """The row of the fewest iterations, 5 times a power of 2, that reach the error."""
    found, count = math.nan, 0
    for count in (5 * 2**k for k in range(9)):
        found = marginal_error(x, y, *solve(count), epsilon)
        if found <= error:
            return measured(partial(solve, count), repeats, x.device)._replace(error=found)
    return f"error {found:.1e} after {count} iterations"


def peers(x: Tensor, y: Tensor, epsilon: float) -> dict[str, Solver]:
    """Those that are installed, with the cost |x - y|^2."""
    found: dict[str, Solver] = {}
    if find_spec("flash_sinkhorn"):
        found["flash-sinkhorn"] = partial(flash, x, y, epsilon)
    if find_spec("geomloss"):
        for backend in ("tensorized", "online"):
            found[f"GeomLoss {backend}"] = partial(geomloss, x, y, epsilon, backend)
    if find_spec("ot"):
        found["POT, stored, float32"] = partial(pot, x, y, epsilon)
    return found


def flash(x: Tensor, y: Tensor, epsilon: float, count: int) -> tuple[Tensor, Tensor]:
    from flash_sinkhorn import SamplesLoss

    loss = SamplesLoss(
        eps=epsilon, n_iters=count, backend="alternating", use_epsilon_scaling=False, debias=False, potentials=True
    )
    f, g = loss(x, y)
    return f.flatten(), g.flatten()


def geomloss(x: Tensor, y: Tensor, epsilon: float, backend: str, count: int) -> tuple[Tensor, Tensor]:
    """Its cost is |x - y|^2 / 2, so its epsilon, blur^2, is half of ours, and so are its potentials."""
    from geomloss import SamplesLoss

    loss = SamplesLoss(
        "sinkhorn",
        p=2,
        blur=(epsilon / 2.0) ** 0.5,
        scaling=1.0 - 1.0 / count,  # from which its number of iterations follows
        debias=False,
        potentials=True,
        backend=backend,
    )
    f, g = loss(x, y)
    return 2.0 * f.flatten(), 2.0 * g.flatten()


def pot(x: Tensor, y: Tensor, epsilon: float, count: int) -> tuple[Tensor, Tensor]:
    import ot

    n, m = len(x), len(y)
    a, b = (torch.full((size,), 1.0 / size, device=x.device) for size in (n, m))
    costs = torch.cdist(x, y).square()
    _, log = ot.bregman.sinkhorn_log(a, b, costs, epsilon, numItermax=count, stopThr=0.0, log=True, warn=False)
    return epsilon * (log["log_u"] + math.log(n)), epsilon * (log["log_v"] + math.log(m))


def ours(x: Tensor, y: Tensor, epsilon: float, error: float, device: torch.device, repeats: int) -> Row:
    solve = partial(transport, x, y, epsilon=epsilon, tolerance=error)
    return measured(solve, repeats, device)._replace(error=marginal_error(x, y, *solve().potentials, epsilon))


def entropic_row(n: int, d: int, share: float, error: float, device: torch.device, repeats: int) -> None:
    x, y = samples(n, d, device)
    leaf, y = y, y.detach()
    epsilon = share * float(2.0 * x.var(0).sum())
    rows: dict[str, Row | str] = {"remblai": safely(partial(ours, x, y, epsilon, error, device, repeats))}
    for name, solve in peers(x, y, epsilon).items():
        rows[name] = safely(partial(at_error, solve, x, y, epsilon, error, repeats))
    shown(f"Sinkhorn, n = {n}, d = {d}, epsilon {share} of the mean cost, error {error:g}", rows)
    sides = {"remblai": lambda: transport(x, leaf, epsilon=epsilon, tolerance=error).value}
    shown("    the same with its gradient", of_gradients(sides, leaf, device, repeats))


def exact_row(n: int, device: torch.device) -> None:
    x, y = (one.detach() for one in samples(n, 64, device))
    sides: dict[str, Callable[[], Any]] = {
        "remblai": lambda: transport(x, y),
        "remblai, CPU tensors": lambda: transport(x.cpu(), y.cpu()),
    }
    if n <= 5_000:
        costs = torch.cdist(x, y).square().double().cpu()
        sides["network simplex, CPU"] = lambda: emd(None, None, costs, "network-simplex")
    rows = {name: safely(partial(measured, run, 1, device)) for name, run in sides.items()}
    shown(f"exact transport, n = {n}, d = 64", rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes: only shows that the script runs")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", choices=["mmd", "entropic", "exact"])
    options = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    print(f"torch {torch.__version__}, {name}, kernels {'on' if availability.available(device) else 'off'}\n")
    sizes = (200,) if options.quick else (100, 1_000, 10_000, 100_000)
    if options.only in (None, "mmd"):
        for n, d, kernel in product(sizes, (2, 64, 784), KERNELS):
            mmd_row(n, d, kernel, device, options.repeats)
        for n in sizes:
            sliced_row(n, device, options.repeats)
    if options.only in (None, "entropic"):
        for n, (d, share) in product((200,) if options.quick else (2_000, 10_000, 50_000), ((64, 0.05), (2, 0.01))):
            entropic_row(n, d, share, 1e-3, device, options.repeats)
    if options.only in (None, "exact"):
        for n in (200,) if options.quick else (2_000, 10_000):
            exact_row(n, device)


if __name__ == "__main__":
    main()
