"""What a penalty can see of the codes of one batch; a model is told where it is blind."""

from typing import Any

from torch import Tensor

from remblai.config.registry import Choice, make
from remblai.laws import PRIORS, Prior
from remblai.objectives.objective import Code, Objective
from remblai.objectives.penalties import Penalty
from remblai.objectives.table import make_penalty
from remblai.objectives.weights import has_critic
from remblai.statistics.power import Estimate, Sees, power_of, seen_faults

BLIND = 0.2
"""A batch is blind to a fault that it sees with a smaller probability than this; false alarms alone are .05."""
ASKED = "dead axis"
REPEATS = 40
MOST_PAIRS = 2_000_000
"""Pairs of codes, over all batches that are drawn, above which a training does not stop to ask."""


def penalty_power(
    penalty: Choice | Penalty, latent: int, n: int, *, prior: Choice | Prior = "normal", **search: Any
) -> list[Sees]:
    """For each fault of codes: the smallest size that a penalty sees in a batch, and the n that the whole fault needs.

    Args:
        penalty: a name of `PENALTIES`, {"name": ..., option: ...}, or a live one.
        latent: the number of coordinates of a code.
        n: codes of a batch.
        prior: the law that codes should follow: a name of `laws.PRIORS`, options, or a live one.
        **search: repeats, most and seed of `statistics.power.seen_faults`.

    Raises:
        ValueError: a penalty with a critic, or one that does not compare the codes of a batch with the prior.
    """
    law = make(PRIORS, prior, "prior", latent=latent)
    part = make_penalty(penalty, prior=law, latent=latent)
    return seen_faults(estimate_of(part, law), law, n, **search)


def estimate_of(penalty: Penalty, prior: Prior) -> Estimate:
    """The penalty as a function of codes alone.

    Raises:
        ValueError: it has a critic, or reads more than codes.
    """
    name = type(penalty).__name__
    if has_critic(penalty):
        raise ValueError("penalty: expected one without a critic, whose power depends on its training: such as mmd.")
    if not penalty.reads_codes_alone:
        raise ValueError(f"penalty: expected one that compares codes with the prior, got {name}: such as mmd.")

    def estimate(z: Tensor) -> Tensor:
        # such penalties read neither the data nor the law of each code
        return penalty(Code(z, prior(), z), prior())  # type: ignore[no-any-return]

    return estimate


def blindness(objective: Objective, n: int) -> str | None:
    """A line that says that a batch of n codes cannot see a dead axis, where that is so; None where it can be seen.

    None too where the penalty has a critic or reads more than codes, and where the question would take long.
    """
    penalty, prior = getattr(objective, "penalty", None), getattr(objective, "prior", None)
    if not isinstance(penalty, Penalty) or prior is None or n < 2 or n * n * REPEATS * 5 > MOST_PAIRS:
        return None
    try:
        estimate = estimate_of(penalty, prior)
    except ValueError:
        return None
    seen = power_of(estimate, prior, n, ASKED, repeats=REPEATS)
    if seen >= BLIND:
        return None
    return (
        f"a batch of {n} cannot see a dead axis among {prior.latent}: the penalty tells it from the prior in "
        f"{seen:.0%} of {REPEATS} batches that were drawn, where chance alone gives 5%; see `remblai power`"
    )
