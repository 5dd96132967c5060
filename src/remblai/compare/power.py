"""What a metric of two samples can see: the smallest fault of points that it tells from their law."""

from typing import Annotated, Any

from torch import Tensor

from remblai.compare.measures import METRICS, PUBLISHED, name_of
from remblai.config.registry import Choice, make
from remblai.discrepancies import as_discrepancy
from remblai.laws import PRIORS, Prior
from remblai.statistics.power import Sees, seen_faults


def metric_power(
    metric: Annotated[Choice, METRICS], d: int, n: int, *, prior: Choice | Prior = "normal", **search: Any
) -> list[Sees]:
    """For each fault: the smallest size that a metric sees between n points and n points of their law, and the n.

    Args:
        metric: a name of `METRICS`, or {"name": ..., option: ...}.
        d: the numbers of a point.
        n: points of each sample.
        prior: the law: a name of `laws.PRIORS`, options, or a live one.
        **search: repeats, most and seed of `statistics.power.seen_faults`.

    Raises:
        ValueError: an unknown metric, or one of images alone.
    """
    name = name_of(metric)
    if name in PUBLISHED:
        raise ValueError(f"metric: expected one of points, got {name}, which is of images: such as frechet.")
    law = make(PRIORS, prior, "prior", latent=d)
    statistic = make(METRICS, metric, "metric", prior=law, latent=d)
    measure = as_discrepancy(statistic).estimate

    def estimate(points: Tensor) -> Tensor:
        return measure(points, law.sample(len(points)))

    return seen_faults(estimate, law, n, **search)
