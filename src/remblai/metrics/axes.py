"""Which axes of the codes carry anything: active units, dead axes by their number, the effective rank."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from remblai.metrics.codes import drawn_codes, prior_of
from remblai.metrics.faults import Faults, in_deviations, larger
from remblai.metrics.metric import Compute, Figure
from remblai.metrics.pairs import flat
from remblai.metrics.sets import Sets
from remblai.statistics import halves

DRAWS = 20
"""Samples of the prior behind the floor of the effective rank and its standard deviation."""
THRESHOLD = 0.01
"""An axis is active where the codes' means vary by more than this share of the prior's variance."""


class Axes(NamedTuple):
    """What the codes' means show of their axes.

    Attributes:
        active: axes that vary with the data.
        dead: numbers, from 0, of those that do not.
        effective_rank: exp of the entropy of the spectrum, as shares: between 1 and the number of axes.
        spectrum: eigenvalues of the means' covariance, from the largest; in directions of their own, not of the axes.
    """

    active: int
    dead: list[int]
    effective_rank: float
    spectrum: list[float]


def axes(means: Any, variances: Any = 1.0) -> Axes:
    """Active and dead axes and the effective rank of codes, from the means of their laws Q(Z|X).

    Draws of the codes do not show this: the codes of an encoder that ignores its data are draws of the prior, and look
    perfect. Their means E[Z|X] are constant then. An axis u is active where Var_X(E[Z_u|X]) > 0.01 of the prior's
    variance. The effective rank counts directions, also where dead or tied ones lie between the axes; those whose
    variance is below the same threshold are left out, so that it is 0 where all means are about equal.

    Args:
        means: E[Z|X] (n, k) of n data.
        variances: of the prior, one number or (k,).

    Raises:
        ValueError: fewer than 2 rows, NaN or infinity.

    Source: Burda, Grosse and Salakhutdinov 2016, arXiv 1509.00519, section 5.2; Roy and Vetterli, "The effective rank"
    (2007).
    """
    z = flat("the codes' means", means).double()
    if len(z) < 2:
        raise ValueError(f"axes need the means of at least 2 codes, got {len(z)}: take more data.")
    variance = z.var(0)
    limit = THRESHOLD * torch.as_tensor(variances, dtype=torch.float64, device=z.device)
    dead = (variance <= limit).nonzero()[:, 0].tolist()
    spectrum = torch.linalg.svdvals(z - z.mean(0)).square() / (len(z) - 1)
    active = spectrum[spectrum > limit.mean()]  # noise of dead directions is even, and would look like full rank
    rank = float(torch.special.entr(active / active.sum()).sum().exp()) if len(active) else 0.0
    return Axes(z.shape[1] - len(dead), dead, rank, spectrum.tolist())


def figure_of_active_axes(sets: Sets) -> Figure:
    """How many axes of the codes vary with the data, beside how many there are; `dead` has the others' numbers."""
    found = _axes(sets)
    values = [axes(_means(sets)[mask], _variances(sets)).active for mask in _halves(sets)]
    deviation = float(torch.tensor(values, dtype=torch.float64).std())
    n, k = _means(sets).shape
    return {"value": float(found.active), "floor": float(k), "spread": deviation, "n": n, "dead": found.dead}


def figure_of_effective_rank(sets: Sets) -> Figure:
    """The effective rank of the codes' means, beside that of as many draws of the prior; `spectrum` has the rest."""
    found, null = _axes(sets), _null_ranks(sets)
    return {
        "value": found.effective_rank,
        "floor": float(null.mean()),
        "spread": float(null.std()),
        "n": len(_means(sets)),
        "spectrum": [float(f"{value:.4g}") for value in found.spectrum],
    }


def shifts_of_axes(compute: Compute, faults: Faults, spread: float = 0.0) -> dict[str, float]:
    """By how much a dead axis shifts the figure: draws of the prior, once as they are and once with an axis at 0."""
    sets = faults.sets
    prior, n = prior_of(sets), len(_means(sets))
    draws = drawn_codes(prior, n, 1, sets.seed + 6)[0]
    killed = draws.clone()
    killed[:, 0] = 0.0
    plain, faulty = (compute(sets.with_code_means(codes)) for codes in (draws, killed))
    assert plain is not None and faulty is not None
    return {"dead axis": in_deviations(faulty["value"] - plain["value"], larger(plain["spread"], spread))}


def _null_ranks(sets: Sets) -> Tensor:
    """The effective ranks (`DRAWS`,) of as many draws of the prior as there are means."""

    def drawn() -> Tensor:
        every = drawn_codes(prior_of(sets), len(_means(sets)), DRAWS, sets.seed)
        return torch.tensor([axes(one, _variances(sets)).effective_rank for one in every], dtype=torch.float64)

    found: Tensor = sets.real("ranks of the prior", drawn)
    return found


def _axes(sets: Sets) -> Axes:
    found: Axes = sets.shared("axes", lambda: axes(_means(sets), _variances(sets)))
    return found


def _means(sets: Sets) -> Tensor:
    return flat("the codes' means", sets.code_means)


def _variances(sets: Sets) -> Tensor:
    """The prior's variance (k,), of many draws: not every law knows its own."""
    prior = prior_of(sets)
    found: Tensor = sets.real("prior variances", lambda: drawn_codes(prior, 4096, 1, 0)[0].var(0))
    return found.to(_means(sets).device)


def _halves(sets: Sets) -> Tensor:
    n = len(_means(sets))
    return halves(n, sets.repeats, torch.Generator().manual_seed(sets.seed + 7))[1:]
