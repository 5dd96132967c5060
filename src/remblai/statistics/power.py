"""What a penalty on codes can see in one batch: the smallest fault of the codes that it tells from the prior."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from remblai.laws.priors import Prior
from remblai.runtime import rng
from remblai.statistics.statistic import at_least

Estimate = Callable[[Tensor], Tensor]
"""From codes (n, k) to the penalty, a scalar that is large where their law is not the prior."""

LEVEL = 0.05
POWER = 0.8
HALVINGS = 8
"""Of the interval of sizes, in the search for the smallest that is seen."""
NULL = 4
"""Draws of the prior behind the threshold for each draw with a fault."""
REPEATS_OF_N = 40
"""Draws behind each power in the search for n."""


@dataclass(frozen=True)
class Fault:
    """A fault of known size that is put into codes.

    Attributes:
        name: of the fault.
        unit: what its size is.
        largest: the size at which it is complete, or at which the search ends.
        least: coordinates that codes must have.
        put: from codes (n, k) of the prior and a size to faulty codes.
    """

    name: str
    unit: str
    largest: float
    least: int
    put: Callable[[Tensor, float], Tensor]


@dataclass(frozen=True)
class Sees:
    """What one batch sees of a fault.

    Attributes:
        fault: its name.
        unit: what its size is.
        smallest: the smallest size that is seen in 80 % of batches; None where even the largest is not.
        largest: the largest size that was tried.
        power: the share of batches that see the largest size.
        n_needed: so many codes see the largest size in 80 % of batches, and fewer may: n, or n doubled until they do;
            None where `most` do not.
        most: the largest n that was tried.
    """

    fault: str
    unit: str
    smallest: float | None
    largest: float
    power: float
    n_needed: int | None
    most: int


def _first(codes: Tensor, column: Tensor) -> Tensor:
    return torch.cat([column[:, None], codes[:, 1:]], 1)


def _second(codes: Tensor, column: Tensor) -> Tensor:
    return torch.cat([codes[:, :1], column[:, None], codes[:, 2:]], 1)


def _mixed(codes: Tensor, other: Tensor, size: float) -> Tensor:
    """The second axis mixed with a column that is not correlated with it: its mean and its variance are kept."""
    axis = codes[:, 1]
    return _second(codes, axis.mean() + axis.std() * (math.sqrt(1 - size**2) * _unit(axis) + size * _unit(other)))


def _unit(column: Tensor) -> Tensor:
    """The column (n,) with mean 0 and variance 1; 0 where it does not vary."""
    centred = column - column.mean()
    return centred / centred.std().clamp(min=torch.finfo(column.dtype).tiny)


FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault("shift", "standard deviations along one axis", 2.0, 1,
              lambda z, s: _first(z, z[:, 0] + s * z[:, 0].std())),
        Fault("scale", "share by which all axes are wider", 1.0, 1, lambda z, s: (1 + s) * z),
        Fault("dead axis", "share of one axis's standard deviation that is lost", 1.0, 1,
              lambda z, s: _first(z, (1 - s) * z[:, 0])),
        Fault("tied pair", "correlation of two axes", 1.0, 2, lambda z, s: _mixed(z, z[:, 0], s)),
        Fault("curve", "correlation of one axis with the square of another", 1.0, 2,
              lambda z, s: _mixed(z, _unit(z[:, 0]) ** 2, s)),
    )
}  # fmt: skip
"""Faults of codes by name."""


def seen_faults(
    estimate: Estimate, prior: Prior, n: int, *, repeats: int = 100, most: int = 4096, seed: int = 0
) -> list[Sees]:
    """For each fault: the smallest size that a batch of n codes sees at 80 %, and an n that is enough for the whole.

    A batch sees a fault where its estimate is above the 95 % quantile of batches that follow the prior. The same draws
    are used for every size, and the smallest is found by halving: the power is taken to grow with the size.

    Args:
        estimate: the penalty of codes (n, k).
        prior: the law that codes should follow.
        n: codes of a batch, at least 2.
        repeats: batches behind each power; its standard error, with that of the quantile, is at most about
            3 / (4 sqrt(repeats)).
        most: the largest n in the search for the n that is needed.
        seed: the draws are a function of it; torch's global generators are left as they were.

    Raises:
        ValueError: fewer than 2 codes, or fewer than 20 repeats.
    """
    at_least(2, "codes a batch", n)
    at_least(20, "repeats", repeats)
    faults = [fault for fault in FAULTS.values() if prior.latent >= fault.least]
    with torch.no_grad(), rng.seeded(seed, prior.device):
        here = _Batches(estimate, prior, n, repeats)
        found = []
        for fault in faults:
            power = here.power(fault, fault.largest)
            smallest = smallest_seen(partial(here.power, fault), fault.largest) if power >= POWER else None
            needed = n if power >= POWER else None
            found.append(Sees(fault.name, fault.unit, smallest, fault.largest, power, needed, max(n, most)))
        return _with_n(found, estimate, prior, n, most, min(repeats, REPEATS_OF_N))


def power_of(estimate: Estimate, prior: Prior, n: int, fault: str, *, repeats: int = 40, seed: int = 0) -> float:
    """The share of batches of n codes in which the whole fault is seen.

    Args:
        estimate: the penalty of codes (n, k).
        prior: the law that codes should follow.
        n: codes of a batch.
        fault: a name of `FAULTS`.
        repeats: batches behind the share.
        seed: the draws are a function of it; torch's global generators are left as they were.

    Raises:
        ValueError: an unknown fault, one that needs more coordinates than codes have, or fewer than 2 codes.
    """
    at_least(2, "codes a batch", n)
    known = [name for name, one in FAULTS.items() if prior.latent >= one.least]
    if fault not in known:
        raise ValueError(
            f"fault: expected one of {', '.join(known)} for codes of {prior.latent} coordinates, got {fault!r}."
        )
    with torch.no_grad(), rng.seeded(seed, prior.device):
        return _Batches(estimate, prior, n, repeats).power(FAULTS[fault], FAULTS[fault].largest)


class _Batches:
    """Batches of codes of the prior, and the threshold above which an estimate is seen."""

    def __init__(self, estimate: Estimate, prior: Prior, n: int, repeats: int) -> None:
        self.estimate, self.device = estimate, prior.device
        null = torch.stack([estimate(prior.sample(n)) for _ in range(NULL * repeats)])
        self.threshold = float(null.double().quantile(1 - LEVEL))
        self.batches = [prior.sample(n) for _ in range(repeats)]

    def power(self, fault: Fault, size: float) -> float:
        """The share of batches with the fault whose estimate is above the threshold.

        What the estimate draws itself, as a second sample, is the same for every size.
        """
        with rng.seeded(len(self.batches), self.device):
            seen = [float(self.estimate(fault.put(codes, size))) > self.threshold for codes in self.batches]
        return sum(seen) / len(seen)


def smallest_seen(power: Callable[[float], float], largest: float) -> float:
    """The smallest size that is seen with probability `POWER`, by halving; the power is taken to grow with the size.

    Args:
        power: size -> probability of being seen; at least `POWER` at the largest.
        largest: where the search ends.
    """
    low, high = 0.0, largest
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if power(middle) >= POWER else (middle, high)
    return high


def _with_n(found: list[Sees], estimate: Estimate, prior: Prior, n: int, most: int, repeats: int) -> list[Sees]:
    """The n that each fault needs that n codes do not see: doubled until 80 % of batches see it."""
    missing = {sees.fault for sees in found if sees.n_needed is None}
    needed: dict[str, int] = {}
    for larger in _doubled(n, most):
        if not missing:
            break
        batches = _Batches(estimate, prior, larger, repeats)
        needed |= {name: larger for name in missing if batches.power(FAULTS[name], FAULTS[name].largest) >= POWER}
        missing -= needed.keys()
    return [replace(sees, n_needed=sees.n_needed or needed.get(sees.fault)) for sees in found]


def _doubled(n: int, most: int) -> Iterator[int]:
    while 2 * n <= most:
        n *= 2
        yield n
