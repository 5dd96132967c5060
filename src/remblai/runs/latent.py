"""`--latent auto`: how many coordinates codes have, by the data's own dimension and a short training."""

import itertools
import math
from collections.abc import Mapping
from typing import Any

import torch

from remblai.data import Dataset
from remblai.laws.means import mean_of
from remblai.metrics.axes import axes
from remblai.runs.feed import batches
from remblai.runs.resolve import Resolved
from remblai.runtime import distributed, rng
from remblai.runtime.processes import from_first
from remblai.statistics.intrinsic_dimension import maximum_likelihood, two_neighbours
from remblai.training import State, steps

ROWS = 2000
"""Training data behind the estimates, at most."""
PROBE = 300
"""Steps of the short training."""
DRAWS = 4096
"""Draws of the prior behind its variances."""
FILLED = 0.8
"""The share of the coordinates that the codes' effective rank must reach for all of them to be kept."""


def chosen_latent(
    earlier: Mapping[str, Any] | None, resolved: Resolved, dataset: Dataset, where: torch.device
) -> dict[str, Any] | None:
    """Replaces the option `latent` by a number where it is auto; the facts behind it, None where it is not auto.

    The number is the two-neighbour estimate of the data's intrinsic dimension, rounded: a deterministic encoder's codes
    lie on a surface of that many dimensions, which fills a prior of no more (Rubenstein et al. 2018, arXiv 1802.03761).
    Then the recipe is trained for a short time with so many coordinates. Where the effective rank of the codes' means
    is below 80 % of them, the number is that rank, rounded up.

    Args:
        earlier: the settings of the run that is resumed, which keeps its choice; None of a new one.
        resolved: the recipe with its options, of which `latent` is changed.
        dataset: of the run.
        where: the device of the training.

    Raises:
        ValueError: fewer than 20 different training data.
    """
    if resolved.arguments.get("latent") != "auto":
        return None
    if earlier is not None and "latent_choice" in earlier:
        facts: dict[str, Any] = dict(earlier["latent_choice"])
    else:
        facts = from_first(_choose(resolved, dataset, where) if distributed.rank() == 0 else {})
    resolved.arguments["latent"] = facts["latent"]
    return facts


def latent_in_words(facts: Mapping[str, Any]) -> str:
    """A line on the choice, from what `chosen_latent` gave."""
    why = "the codes' effective rank" if facts["latent"] < facts["wanted"] else "the data's dimension"
    return (
        f"{facts['latent']} coordinates, by {why}: nearest neighbours give {facts['two_neighbours']:.1f} dimensions "
        f"(standard error {facts['two_neighbours_error']:.1f}; by maximum likelihood "
        f"{facts['maximum_likelihood']:.1f}, {facts['maximum_likelihood_error']:.1f}) of {facts['n']:,} training data; "
        f"after {facts['probe_steps']} steps with {facts['wanted']} coordinates the codes have effective rank "
        f"{facts['effective_rank']:.1f}"
    )


def _choose(resolved: Resolved, dataset: Dataset, where: torch.device) -> dict[str, Any]:
    """The number of coordinates, and what it follows from."""
    x = dataset.train[: min(ROWS, len(dataset.train))]
    pairs, likelihood = two_neighbours(x), maximum_likelihood(x)
    wanted = min(max(1, round(pairs.value)), math.prod(dataset.shape))
    rank, count = _probe(resolved, dataset, where, wanted, x)
    latent = wanted if rank >= FILLED * wanted else max(1, math.ceil(rank))
    return {
        "latent": latent,
        "wanted": wanted,
        "two_neighbours": pairs.value,
        "two_neighbours_error": pairs.error,
        "maximum_likelihood": likelihood.value,
        "maximum_likelihood_error": likelihood.error,
        "effective_rank": rank,
        "probe_steps": count,
        "n": len(x),
    }


def _probe(
    resolved: Resolved, dataset: Dataset, where: torch.device, latent: int, x: torch.Tensor
) -> tuple[float, int]:
    """The effective rank of the codes of x after a short training with so many coordinates, and its steps."""
    resolved.arguments["latent"] = latent
    with rng.seeded(0, where), distributed.single_process(wanted=True):
        objective = resolved.build(dataset.shape).to(where)
        count = min(PROBE, resolved.loop["steps"])
        state = State(objective, **resolved.loop | {"steps": count, "warm_start": 0})
        for _ in itertools.islice(steps(state, batches(state, dataset, 0)), count):
            pass
        with torch.no_grad():
            means = mean_of(objective.eval().encode(x.to(where)).law)
            variances = objective.prior().sample((DRAWS,)).var(0)  # not every law knows its own
    return axes(means.cpu(), variances.cpu()).effective_rank, count
