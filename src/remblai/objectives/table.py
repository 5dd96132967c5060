"""The penalties by name."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Annotated, Any

from remblai.config.registry import Choice, make
from remblai.critics import ALL_DISCREPANCIES
from remblai.discrepancies import Discrepancy, as_discrepancy
from remblai.laws import Prior
from remblai.networks.classes import Count
from remblai.objectives.joint import joint
from remblai.objectives.penalties import CodeNorm, Conditional, Marginal, Penalty, Sum

PARTS: dict[str, Callable[..., Discrepancy | Penalty]] = {
    **ALL_DISCREPANCIES,
    "conditional": Conditional,
    "code-norm": CodeNorm,
}
"""What a sum of penalties is made of."""

AXES = MappingProxyType({"name": "sliced", "kind": "axes"})


def both(
    prior: Prior,
    latent: int,
    *,
    classes: Count = None,
    first: Annotated[Choice, PARTS] = AXES,
    second: Annotated[Choice, PARTS] = "covariance",
    first_weight: float = 1.0,
    second_weight: float = 1.0,
) -> Sum:
    """Two penalties, each with its weight; for sums of more, pass a live `Sum`.

    Args:
        prior: the law that the codes are compared with.
        latent: the number of coordinates of a code.
        classes: how many, of a conditional model.
        first: one penalty; quantiles along the axes see a single dead or folded axis among many.
        second: the other; the covariance sees tied axes.
        first_weight: the first one's weight, at least 0.
        second_weight: the second one's weight, at least 0.
    """
    context: dict[str, Any] = {"prior": prior, "latent": latent, "classes": classes}
    return Sum((first_weight, make_penalty(first, **context)), (second_weight, make_penalty(second, **context)))


PENALTIES: dict[str, Callable[..., Discrepancy | Penalty]] = {**PARTS, "joint": joint, "sum": both}
"""Penalties by name: discrepancies from the prior, what needs each code's law, and sums."""


def make_penalty(choice: Choice | Penalty | Discrepancy, **context: Any) -> Penalty:
    """The penalty of a name, an options mapping or a live part; a discrepancy compares the prior with the codes.

    Args:
        choice: a name of `PENALTIES`, `{"name": ..., option: ...}`, a `Penalty`, a `Discrepancy`, or a plain
            function or module D(x, y) of draws x of the prior and codes y.
        **context: what the factories ask for: `prior`, `latent`, `classes` and `network`, the model's networks.

    Raises:
        ValueError: an unknown name or option, or what is no part.
    """
    part = make(PENALTIES, choice, "penalty", **context)
    return part if isinstance(part, Penalty) else Marginal(as_discrepancy(part, "penalty"))
