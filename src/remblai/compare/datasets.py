"""The distance between two data sets, by any metric, with what it can be trusted for."""

import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor

from remblai.compare.pairs import label, points_of
from remblai.config.registry import Choice, make
from remblai.costs import power
from remblai.discrepancies import DISCREPANCIES
from remblai.distances import DIVERGENCES, Plan, f_divergence, transport, wasserstein
from remblai.distances.entropic.schedule import mean_cost
from remblai.distances.problem import Problem
from remblai.distances.validation import exponent
from remblai.report.plans import heat, matched
from remblai.runtime import rng
from remblai.runtime.files import whole
from remblai.statistics.statistic import Floor, Statistic
from remblai.statistics.subsampling import Confidence, floor, interval
from remblai.statistics.two_sample import two_sample_test


class Wasserstein:
    """W_p, the p-th root of the least mean of |x - y|^p over all couplings: exact, by linear programming.

    Args:
        p: the exponent, at least 1.
    """

    def __init__(self, p: float = 2.0) -> None:
        self.p = exponent(p)

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """W_p between the samples x (n, d) and y (m, d)."""
        return wasserstein(x, y, self.p)

    def plan(self, x: Tensor, y: Tensor) -> Plan:
        """The best plan; its value is W_p^p."""
        return transport(x, y, power(self.p))


SAME = 1e-5
"""Values that differ by less than this share of the column's largest are one, for divergences of repeated values."""


def _empirical(name: str) -> Callable[[], Statistic]:
    """An f-divergence between the empirical laws of two samples: for data that repeat their values."""

    def divergence(x: Tensor, y: Tensor) -> Tensor:
        both = torch.cat([x, y]).double()
        # Tables come standardised and back, after which equal values differ a little.
        steps = both / both.abs().amax(0).clamp(min=1e-300) / SAME
        _, where = torch.unique(steps.round(), dim=0, return_inverse=True)
        cells = int(where.max()) + 1
        if cells == len(both):
            warnings.warn(
                f"{name}: no value occurs twice, so that the samples have nothing in common whatever their laws are: "
                "take mmd or wasserstein for such data",
                stacklevel=1,  # told once, whoever calls
            )
        p, q = (torch.bincount(part, minlength=cells).double() / len(part) for part in where.split([len(x), len(y)]))
        return f_divergence(name, p, q)

    def factory() -> Statistic:
        return divergence

    factory.__doc__ = f"The f-divergence {name} of two samples' empirical laws, for data that repeat their values."
    return factory


METRICS: dict[str, Callable[..., Statistic]] = {
    "wasserstein": Wasserstein,
    **DISCREPANCIES,
    **{name: _empirical(name) for name in DIVERGENCES},
}
"""Every metric by name; a critic's distance is no metric before the critic is trained."""


@dataclass(frozen=True)
class Spread:
    """Where a kernel's scale is read from when there is no prior: the mean squared distance between the two sets."""

    square_distance: float
    latent: int


@dataclass(frozen=True, eq=False)
class Distance:
    """A measured distance.

    Attributes:
        metric: its name. options: of the metric.
        value: the estimate. n and m: points of A and of B.
        floor: the same between two draws of A alone. interval: around the value. p_value: of P = Q.
        plan: how mass is carried, where the metric has a plan. x and y: the points.
        seconds: that the estimate took.
    """

    metric: str
    options: Mapping[str, Any]
    value: float
    x: Tensor
    y: Tensor
    floor: Floor | None
    interval: Confidence | None
    p_value: float | None
    plan: Plan | None
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; an infinite value is the text "infinity"."""
        n, m, d = len(self.x), len(self.y), self.x.shape[1]
        told: dict[str, Any] = {
            "schema": 1,
            "metric": self.metric,
            "options": dict(self.options),
            "n": n,
            "m": m,
            "d": d,
        }
        told["value"] = self.value if np.isfinite(self.value) else "infinity"
        told["floor"] = self.floor and self.floor._asdict()
        told["interval"] = self.interval and self.interval._asdict()
        told["p_value"] = self.p_value
        told["seconds"] = self.seconds
        if self.plan is not None:
            told["plan"] = {
                "value": float(self.plan.value),
                "cost": float(self.plan.cost),
                "method": self.plan.method,
                "epsilon": self.plan.epsilon,
                "certificate": self.plan.certificate()._asdict(),
                "marginal_error": self.plan.marginal_error,
                "converged": self.plan.converged,
                "iterations": self.plan.iterations,
            }
        return told


def distance(
    a: Any,
    b: Any,
    metric: Annotated[Choice, METRICS] = "wasserstein",
    n: int = 1000,
    seed: int = 0,
    repeats: int = 20,
    permutations: int = 0,
    data_options: Mapping[str, Any] | None = None,
) -> Distance:
    """The distance between two data sets: images as pixels on the scale 0 to 1, tables in their own units.

    Args:
        a: data: a name, a folder or a file; NAME:test picks a split; in Python also arrays, tensors, data frames and
            what `data.load` returns.
        b: the data that it is compared with.
        metric: how.
        n: at most so many points of each, drawn without replacement.
        seed: of the draw.
        repeats: draws for the floor and for the interval; 0 leaves both out.
        permutations: of a two-sample test; 0 leaves it out.
        data_options: of `data.load`, for both, as far as each has them.

    Raises:
        ValueError: data that cannot be read or compared, or an unknown metric or option.
    """
    if n < 2:
        raise ValueError(f"n: expected at least 2 points, got {n}.")
    draws = torch.Generator().manual_seed(seed)
    every = points_of(a, b, data_options)
    shapes = [one.shape[1:] for one in every]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"distance: expected points of one shape, got {tuple(shapes[0])} in {label(a)} and {tuple(shapes[1])} in "
            f"{label(b)}: use data of the same size."
        )
    x, y = (one[torch.randperm(len(one), generator=draws)[:n]].flatten(1) for one in every)
    statistic = make(METRICS, metric, "metric", prior=_spread(x, y), latent=x.shape[1])
    start = time.perf_counter()
    value = _value(statistic, x, y, seed)
    seconds = time.perf_counter() - start
    finite = np.isfinite(value)
    whole_of_a = every[0][torch.randperm(len(every[0]), generator=draws)[: 2 * n]].flatten(1)
    side = min(len(x), len(y), len(whole_of_a) // 2)
    plan = getattr(statistic, "plan", None)
    return Distance(
        metric=metric if isinstance(metric, str) else str(metric["name"]) if isinstance(metric, Mapping) else "custom",
        options={k: v for k, v in metric.items() if k != "name"} if isinstance(metric, Mapping) else {},
        value=value,
        x=x,
        y=y,
        floor=floor(statistic, whole_of_a, side, repeats, draws) if repeats and finite else None,
        interval=interval(statistic, x, y, repeats=repeats, generator=draws) if repeats and finite else None,
        p_value=two_sample_test(statistic, x, y, permutations, draws).p_value if permutations and finite else None,
        plan=plan(x, y) if plan else None,
        seconds=seconds,
    )


def save_plan(path: Path, found: Distance) -> None:
    """Writes the plan: rows, columns and masses of its entries, potentials f and g, the points x and y, and its value.

    Raises:
        ValueError: the metric has no plan, or the name does not end in .npz.
    """
    plan = _plan(found)
    if path.suffix != ".npz":
        raise ValueError(f"plan: expected a name that ends in .npz, got {str(path)!r}.")
    rows, columns, masses = plan.entries
    f, g = plan.potentials
    parts: dict[str, Any] = {
        "rows": rows,
        "columns": columns,
        "masses": masses,
        "f": f,
        "g": g,
        "x": found.x,
        "y": found.y,
    }
    parts = {name: np.asarray(part) for name, part in parts.items()} | {"value": float(plan.value)}
    with whole(path) as temporary:
        np.savez(temporary, **parts)


def save_figure(path: Path, found: Distance, names: tuple[str, str]) -> None:
    """Draws the plan: matched points in the plane, otherwise a map of the coupling along the data's main direction.

    Raises:
        ValueError: the metric has no plan, or the name does not end in .png.
    """
    plan = _plan(found)
    if path.suffix != ".png":
        raise ValueError(f"figure: expected a name that ends in .png, got {str(path)!r}.")
    x, y = found.x.double(), found.y.double()
    if x.shape[1] == 2:
        picture = matched(x, y, *plan.entries, names=names)
    else:
        both = torch.cat([x, y]) - torch.cat([x, y]).mean(0)
        along = torch.linalg.svd(both, full_matrices=False).Vh[0]
        picture = heat(plan.coupling[(x @ along).argsort()][:, (y @ along).argsort()], names=names)
    with whole(path) as temporary:
        temporary.write_bytes(picture)


def _plan(found: Distance) -> Plan:
    if found.plan is None:
        raise ValueError(f"metric {found.metric!r} has no plan: take wasserstein, exact or entropic.")
    return found.plan


def _spread(x: Tensor, y: Tensor) -> Spread:
    """E|X - Y|^2 over pairs of the two samples."""
    return Spread(max(mean_cost(Problem.of_points(x, y)), 1e-12), x.shape[1])


@torch.no_grad()
def _value(statistic: Statistic, x: Tensor, y: Tensor, seed: int) -> float:
    """The estimate, which may be infinite; what it draws itself is a function of the seed."""
    measured = getattr(statistic, "estimate", statistic)
    with rng.seeded(seed):
        return float(measured(x, y))
