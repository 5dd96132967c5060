"""What `distance` can measure, by name: W_p, the discrepancies, the f-divergences and the metrics of the card."""

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar, cast

import torch
from torch import Tensor

from remblai.config.registry import Choice
from remblai.costs import power
from remblai.discrepancies import DISCREPANCIES, Frechet
from remblai.discrepancies.discrepancy import OfParts
from remblai.distances import DIVERGENCES, Plan, f_divergence, transport, wasserstein
from remblai.distances.exact.parts import least_costs_of_parts
from remblai.distances.rooted import STEEP
from remblai.distances.validation import exponent
from remblai.metrics import METRICS as CARD
from remblai.metrics.metric import OfTwo
from remblai.statistics import Statistic

F = TypeVar("F")


class Wasserstein:
    """W_p, the p-th root of the least mean of |x - y|^p over all couplings: exact, by linear programming.

    Args:
        p: the exponent, at least 1; inf is the bottleneck distance, the least over couplings of the largest |x - y|.
    """

    nonnegative = True
    homogeneity = 1.0

    def __init__(self, p: float = 2.0) -> None:
        self.p = exponent(p, infinite=True)

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """W_p between the samples x (n, d) and y (m, d)."""
        return wasserstein(x, y, self.p)

    def of_parts(self, points: Tensor, first: Tensor, second: Tensor) -> OfParts | None:
        """Between two parts of the same points, for many choices of the parts, with one matrix of costs for all."""
        if self.p > STEEP:
            return None
        costs = least_costs_of_parts(points, power(self.p), first, second)
        return None if costs is None else OfParts.rounded(costs.clamp(min=0.0) ** (1.0 / self.p))

    def plan(self, x: Tensor, y: Tensor) -> Plan | None:
        """The best plan, whose value is W_p^p; None where p is so large that distances^p leave the range of float64."""
        farthest = _farthest(x.double(), y.double())
        largest = float(farthest**self.p)
        if math.isinf(self.p) or not math.isfinite(largest) or (largest == 0.0 and farthest > 0.0):
            return None
        return transport(x, y, power(self.p))


def _farthest(x: Tensor, y: Tensor) -> Tensor:
    """The largest distance of a pair (n, d), (m, d); on the line without the matrix of all."""
    if x.shape[1] > 1:
        return torch.cdist(x, y).amax()
    return torch.maximum(x.max() - y.min(), y.max() - x.min())


def _empirical(name: str) -> Callable[[], Statistic]:
    """An f-divergence between the empirical laws of two samples: for data that repeat their values."""

    def divergence(x: Tensor, y: Tensor) -> Tensor:
        both = torch.cat([x, y])
        # of rows of one number the values themselves are sorted, which is faster
        _, where = torch.unique(both, dim=0 if both.shape[1] > 1 else None, return_inverse=True)
        where = where.flatten()
        cells = int(where.max()) + 1
        if cells == len(both):
            warnings.warn(
                f"{name}: no value occurs twice, so that the samples have nothing in common whatever their laws are: "
                "use mmd or wasserstein for such data",
                stacklevel=1,  # one warning, whoever calls
            )
        p, q = (torch.bincount(part, minlength=cells).double() / len(part) for part in where.split([len(x), len(y)]))
        return f_divergence(name, p, q)

    divergence.nonnegative = True  # type: ignore[attr-defined]  # as `statistics.interval` reads them
    divergence.maximum = DIVERGENCES[name].maximum  # type: ignore[attr-defined]

    def factory() -> Statistic:
        return divergence

    factory.__doc__ = f"The f-divergence {name} of two samples' empirical laws, for data that repeat their values."
    return factory


class _OfTheCard:
    """A metric of the card between the samples x (n, ...) and y (m, ...), in float64."""

    def __init__(self, statistic: OfTwo) -> None:
        self.compute = statistic.compute
        self.unbiased, self.nonnegative = statistic.unbiased, statistic.nonnegative
        self.maximum = statistic.maximum

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """The value."""
        return torch.tensor(self.compute(x, y), dtype=torch.float64)


def _of_the_card(label: str, statistic: OfTwo) -> Callable[[], Statistic]:
    """A metric of the card as a statistic of two samples."""

    def factory() -> Statistic:
        return _OfTheCard(statistic)

    factory.__doc__ = f"{label}: {statistic.meaning}."
    return factory


def fid() -> Statistic:
    """The squared Frechet distance, in float64, on the published Inception features and on no others."""
    frechet = Frechet()

    def distance(x: Tensor, y: Tensor) -> Tensor:
        return cast(Tensor, frechet(x.double(), y.double()))

    distance.nonnegative = True  # type: ignore[attr-defined]  # as `statistics.interval` reads them
    distance.homogeneity = frechet.homogeneity  # type: ignore[attr-defined]
    return distance


def kid() -> Statistic:
    """The unbiased kernel distance, in float64, on the published Inception features and on no others."""
    return _OfTheCard(OF_THE_CARD["kernel-distance"])


OF_THE_CARD = {name.replace("_", "-"): row.statistic for name, row in CARD.items() if row.statistic is not None}
"""The metrics of the card that are statistics of two samples, by name."""

PUBLISHED = ("fid", "kid")
"""Metrics that are of the published Inception features alone."""


def features_for(metric: str, features: F | None) -> F | str | None:
    """The features that a metric is taken on: those named, else Inception's for `fid` and `kid`; None for none."""
    return "inception" if features is None and metric in PUBLISHED else features


METRICS: dict[str, Callable[..., Statistic]] = {
    "wasserstein": Wasserstein,
    **DISCREPANCIES,
    **{name: _empirical(name) for name in DIVERGENCES},
    **{name: _of_the_card(CARD[name.replace("-", "_")].label, of) for name, of in OF_THE_CARD.items()},
    "fid": fid,
    "kid": kid,
}
"""Every metric by name; a critic's distance is no metric before the critic is trained."""


def name_of(metric: Choice) -> str:
    """The name of a metric that is chosen: of a function its own, "custom" of another live one."""
    if isinstance(metric, str):
        return metric
    return str(metric.get("name")) if isinstance(metric, Mapping) else getattr(metric, "__name__", "custom")


@dataclass(frozen=True)
class Scale:
    """Where a kernel's scale is read from when there is no prior: the mean squared distance within both sets together.

    It is of the pooled points, so that it is the same for every way to split them in two.
    """

    square_distance: float
    latent: int

    @classmethod
    def of(cls, x: Tensor, y: Tensor) -> "Scale":
        """Of two samples (n, d), (m, d): twice the trace of their covariance."""
        variances = torch.cat([x, y]).double().var(0, correction=0)
        return cls(max(2.0 * float(variances.sum()), 1e-12), x.shape[1])
