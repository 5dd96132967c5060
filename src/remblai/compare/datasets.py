"""The distance between two data sets, by any metric, with what it can be trusted for."""

import functools
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, TypeVar, cast

import numpy as np
import torch
from torch import Tensor

from remblai.compare.distance_text import lines, rows, title
from remblai.compare.measures import METRICS, PUBLISHED, Scale, features_for, name_of
from remblai.compare.permutations import EXCEEDANCES, PATIENT, Tested, affordable, permuted
from remblai.compare.points import Pair, read_pair
from remblai.config.registry import Choice, make
from remblai.discrepancies import as_discrepancy
from remblai.distances import DIVERGENCES, Plan
from remblai.distances.validation import seed_number
from remblai.features.published import INCEPTION_SHA256
from remblai.runtime import rng
from remblai.runtime.notebook import table
from remblai.runtime.text import printable
from remblai.runtime.timing import timed
from remblai.statistics import Confidence, Floor, Statistic, interval
from remblai.statistics.statistic import at_least

F = TypeVar("F", bound=Callable[..., Any])
MOST = 2000
"""Points of each set by default, at most: the best plan of so many takes about half a second."""
MOST_NUMBERS = 100_000
"""Numbers of each set by default, at most, where the metric takes little longer for more points."""
ON_THE_LINE = ("wasserstein", "exact", "energy-distance")
"""Metrics that take little longer for more points on the line, where they sort."""
IN_ANY_DIMENSION = ("sliced", "frechet", "covariance", *DIVERGENCES)
"""Metrics that take little longer for more points of any dimension."""
FEWEST = 4
"""Points of each set behind an interval."""
LARGE_P = 8.0
"""Exponents of W_p above which there is no interval: that of W_inf, of heavy tails, held in 67 % of tests."""
WARM = 32
"""Points of each set in the call that loads what an estimate needs, before it is timed."""


@dataclass(frozen=True, eq=False, repr=False)
class Distance:
    """A measured distance. It prints as the command `distance` does.

    Attributes:
        metric: its name.
        options: of the metric.
        value: the estimate, which may be infinite.
        points: of A and of B, with how many there are of each.
        test: the permutation test of equal laws, with the floor; None where none was asked for.
        interval: around the value; None where none was asked for, or where there is none.
        reasons: why a part is missing, by its name.
        plan: how mass is transported, where the metric has a plan.
        seconds: that the estimate took.
    """

    metric: str
    options: Mapping[str, Any]
    value: float
    points: Pair
    test: Tested | None
    interval: Confidence | None
    reasons: Mapping[str, str]
    plan: Plan | None
    seconds: float

    @property
    def x(self) -> Tensor:
        """The points (n, d) of A."""
        return self.points.x

    @property
    def y(self) -> Tensor:
        """The points (m, d) of B."""
        return self.points.y

    @property
    def floor(self) -> Floor | None:
        """Mean and standard deviation of the value over random splits of both sets together, at the same n and m."""
        return self.test.floor if self.test else None

    @property
    def p_value(self) -> float | None:
        """How often a random split looks at least this different."""
        return self.test.p_value if self.test else None

    def __repr__(self) -> str:
        return printable("\n".join(lines(self)))

    def _repr_html_(self) -> str:
        return table(title(self), rows(self))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; an infinite value or exponent is the text "infinity"."""
        plan = self.plan
        return {
            "schema": 1,
            "metric": self.metric,
            "options": {k: "infinity" if v == np.inf else v for k, v in self.options.items()},
            "n": len(self.x),
            "m": len(self.y),
            "of": list(self.points.sizes),
            "d": self.x.shape[1],
            "units": self.points.units,
            "features": self.points.features,
            "notes": list(self.points.notes),
            "value": self.value if np.isfinite(self.value) else "infinity",
            "floor": self.floor and self.floor._asdict(),
            "interval": self.interval and self.interval._asdict(),
            "p_value": self.p_value,
            "permutations": self.test.permutations if self.test else 0,
            "reasons": dict(self.reasons),
            "seconds": self.seconds,
        } | ({} if plan is None else {"plan": _plan_to_json(plan)})


def _without_masses(function: F) -> F:
    """The function, which says where masses go when they are given as those of `transport`."""

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        if len(args) > 1 and options.keys() & {"a", "b"}:
            raise ValueError(
                "distance: a and b are the two data sets, which are given already, and all points count alike: points "
                "with masses go to remblai.distances.transport(x, y, a=..., b=...)."
            )
        return function(*args, **options)

    return cast(F, call)


@_without_masses
def distance(
    a: Any,
    b: Any,
    metric: Annotated[Choice, METRICS] = "wasserstein",
    n: int | None = None,
    seed: int = 0,
    repeats: int = 20,
    permutations: int | None = None,
    data_options: Mapping[str, Any] | None = None,
    raw: bool = False,
    features: Choice | None = None,
    **options: Any,
) -> Distance:
    """The distance between two data sets: images as pixels on the scale 0 to 1, points in standard deviations.

    Those of each column are of both sets together, in tables and in arrays (n, d) alike: `raw` leaves the units.

    Args:
        a: data: a name, a folder or a file; NAME:test picks a split; in Python also arrays, tensors, data frames and
            what `data.load` returns.
        b: the data that it is compared with.
        metric: how.
        n: at most so many points of each, drawn without replacement. None is 2,000, and of metrics that take little
            longer for more (optimal transport and energy distance on the line, sliced, frechet, f-divergences) as many
            as have 100,000 numbers, if these are more.
        seed: of what is drawn.
        repeats: random halves for the interval; 0 leaves it out.
        permutations: of the two-sample test, which gives the floor too; 0 leaves both out. None is 200, or the most of
            99, 49, 29 and 19 that take about 30 seconds; where they take seconds, they end once 10 look at least as
            different. A number that is given is the same on every machine.
        data_options: of `data.load`, for both, as far as each has them.
        raw: leave points in their own units, as `distances.wasserstein` takes them.
        features: compared in place of pixels: of `features.FEATURES`, or a callable; fitted to A's train split. Those
            of `fid` and `kid` are inception.
        **options: of the metric, by name.

    Raises:
        ValueError: data that cannot be read or compared, or an unknown metric or option.
    """
    if n is not None:
        n = at_least(2, "n", n)
    repeats = at_least(2, "repeats", repeats, or_none=True)
    if permutations is not None:  # a floor has a standard deviation
        permutations = at_least(2, "permutations", permutations, or_none=True)
    if options and callable(metric):
        raise ValueError(
            f"distance: expected no options of a metric that is a function, got {', '.join(options)}: set them in "
            "it, as functools.partial does."
        )
    if options:
        metric = {**(metric if isinstance(metric, Mapping) else {"name": metric}), **options}
    draws = torch.Generator().manual_seed(seed_number("seed", seed))
    name = name_of(metric)
    features = features_for(name, features)
    points = read_pair(a, b, partial(_most, name) if n is None else n, draws, raw, data_options, features)
    _check_published(name, points)
    x, y = points.x, points.y
    statistic = make(METRICS, metric, "metric", prior=Scale.of(x, y), latent=x.shape[1])
    with timed("the value"):
        value, seconds = _timed(statistic, x, y, seed)
    reasons: dict[str, str] = {}
    confidence = tested = None
    if getattr(statistic, "p", 0.0) > LARGE_P:
        reasons["interval"] = "with so large a p the farthest pairs decide, whose error halves of a sample do not show"
    elif repeats:
        confidence, reasons["interval"] = _interval(statistic, x, y, value, repeats, draws)
    count = affordable(seconds) if permutations is None else permutations
    if count:
        early = permutations is None and seconds * count > PATIENT
        with timed("random splits"):
            tested, reasons["floor"] = permuted(
                statistic, x, y, count, draws, name not in DIVERGENCES, EXCEEDANCES if early else None
            )
    planned = getattr(statistic, "plan", None)
    with timed("the plan"):
        plan = planned(x, y) if planned else None
    if planned and plan is None:
        reasons["plan"] = "|x - y|^p is no finite number for so large a p: the value is found from distances"
    return Distance(
        metric=name,
        options={k: v for k, v in metric.items() if k != "name"} if isinstance(metric, Mapping) else {},
        value=value,
        points=points,
        test=tested,
        interval=confidence,
        reasons={part: reason for part, reason in reasons.items() if reason},
        plan=plan,
        seconds=seconds,
    )


def _most(metric: str, d: int) -> int:
    """Points of each set by default, of d numbers each."""
    fast = metric in IN_ANY_DIMENSION or (metric in ON_THE_LINE and d == 1)
    return max(MOST, MOST_NUMBERS // d) if fast else MOST


def _check_published(metric: str, points: Pair) -> None:
    """Refuses `fid` and `kid` of other features than the published ones.

    Raises:
        ValueError: features of another name, or other weights.
    """
    if metric in PUBLISHED and not points.standard:
        assert points.features is not None
        plain = {"fid": "frechet", "kid": "kernel-distance"}[metric]
        raise ValueError(
            f"{metric}: expected the published Inception features, whose weights have a sha256 that begins with "
            f"{INCEPTION_SHA256}, got {points.features['name']} ({points.features['sha256'][:8]}): use --metric "
            f"{plain}, which is the same figure on any features."
        )


@timed("the interval")
def _interval(
    statistic: Statistic, x: Tensor, y: Tensor, value: float, repeats: int, draws: torch.Generator
) -> tuple[Confidence | None, str]:
    """The interval, or why there is none."""
    if min(len(x), len(y)) < FEWEST:
        return None, f"an interval needs at least {FEWEST} points of each"
    if not np.isfinite(value):
        return None, "the value is infinite"
    try:
        return interval(statistic, x, y, repeats=repeats, generator=draws), ""
    except ValueError as problem:
        if "finite estimate" not in str(problem):
            raise
        return None, "the value is infinite between halves of the samples"


def _timed(statistic: Statistic, x: Tensor, y: Tensor, seed: int) -> tuple[float, float]:
    """The estimate, which may be infinite, and its seconds: packages that it needs are loaded before."""
    measure = as_discrepancy(statistic).estimate
    with rng.seeded(seed), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the estimate itself says it again
        measure(x[:WARM], y[: WARM - (len(x) != len(y))])  # of equal numbers where these are: others take other ways
    start = time.perf_counter()
    with rng.seeded(seed), torch.no_grad():
        value = float(measure(x, y))
    return value, time.perf_counter() - start


def _plan_to_json(plan: Plan) -> dict[str, Any]:
    return {
        "value": float(plan.value),
        "cost": float(plan.cost),
        "method": plan.method,
        "epsilon": plan.epsilon,
        "certificate": plan.certificate()._asdict(),
        "marginal_error": plan.marginal_error,
        "converged": plan.converged,
        "iterations": plan.iterations,
    }
