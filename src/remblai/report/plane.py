"""The plane in which codes look least like the prior: of all 2-D views of a code space, the worst."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LEVELS = 200
STARTS = 64
STEPS = 40
CLIMBS = 6
CHANCE = 1e-9
"""A difference of two correlations that is rounding."""
ROWS = 4
"""Codes a coordinate, at least: among fewer some direction shows anything, and only the coordinates are compared."""


@dataclass(frozen=True)
class Plane:
    """Two orthonormal directions `axes (k, 2)`, and W_2 between codes and prior along each, `distances (2,)`.

    `coordinates` are their numbers where they are two coordinates of the code.
    """

    axes: Floats
    distances: tuple[float, float]
    coordinates: tuple[int, int] | None = None

    @property
    def names(self) -> tuple[str, str]:
        """The two directions in words."""
        if self.coordinates is None:
            return "least Gaussian direction", "least Gaussian of those orthogonal to it"
        return f"code_{self.coordinates[0]}", f"code_{self.coordinates[1]}"


def least_gaussian_plane(codes: Any, prior: Any, seed: int = 0) -> Plane:
    """The direction along which codes are farthest from the prior in W_2, and the worst one orthogonal to it.

    Along a direction W_2 is the distance between the quantiles, so a wrong mean, a wrong width, two humps and a heavy
    tail all count, against any prior. (The official WAE code's plane, which the name comes from, maximises
    |covariance - I|^2 + |mean|^2, which two humps of the right width leave at 0.) The search starts from the axes, the
    codes' principal and independent directions and random ones, and climbs the gradient from the best few. The worst of
    many directions is above 0 even for a perfect model: compare with the same search on another prior sample. Of fewer
    than 4 codes a coordinate the two worst coordinates are taken: some direction always shows all codes at one point,
    or far out, whatever their law is.

    Args:
        codes: (n, k) with k >= 2.
        prior: a sample (m, k) of the prior.
        seed: of the random directions.

    Raises:
        ValueError: not two tables of the same k >= 2 columns.
    """
    z, p = np.asarray(codes, dtype=np.float64), np.asarray(prior, dtype=np.float64)
    if z.ndim != 2 or p.ndim != 2 or z.shape[1] != p.shape[1] or z.shape[1] < 2:
        raise ValueError(
            f"plane: expected codes and prior (n, k) of one k above 1, got {z.shape} and {p.shape}: use quantiles."
        )
    k = z.shape[1]
    if len(z) < ROWS * k:
        return _worst_coordinates(z, p)
    starts = np.concatenate([np.eye(k), *_structured(z), _unit(np.random.default_rng(seed).normal(size=(STARTS, k)))])
    first, far = _worst(z, p, starts)
    basis = np.linalg.svd(first[None], full_matrices=True)[2][1:]  # (k - 1, k): the orthogonal complement
    second, near = _worst(z @ basis.T, p @ basis.T, _unit(starts @ basis.T))
    return Plane(np.stack([first, second @ basis], axis=1), (far, near))


def _worst_coordinates(z: Floats, p: Floats) -> Plane:
    """The two coordinates along which codes are farthest from the prior."""
    axes = np.eye(z.shape[1])
    values = np.array([_gap(z, p, axis)[0] for axis in axes]) ** 0.5
    first, second = np.argsort(-values, kind="stable")[:2].tolist()
    return Plane(axes[:, [first, second]], (float(values[first]), float(values[second])), (first, second))


def _structured(z: Floats) -> tuple[Floats, Floats]:
    """The principal directions, and those told apart by their kurtosis (by fourth moments: Cardoso 1989)."""
    z = z - z.mean(0)
    widths, turn = np.linalg.eigh(z.T @ z / len(z))
    whiten = turn / np.sqrt(np.maximum(widths, 1e-6 * widths.max() + 1e-30))
    white = z @ whiten
    fourth = (white * (white**2).sum(1, keepdims=True)).T @ white
    return turn.T, _unit((whiten @ np.linalg.eigh(fourth)[1]).T)


def _unit(directions: Floats) -> Floats:
    lengths = np.linalg.norm(directions, axis=1)
    units: Floats = directions[lengths > 1e-9] / lengths[lengths > 1e-9, None]
    return units


def _worst(z: Floats, p: Floats, starts: Floats) -> tuple[Floats, float]:
    """The farthest direction found by climbing from the few best starts."""
    values = np.array([_gap(z, p, direction)[0] for direction in starts])
    return max((_climb(z, p, starts[i]) for i in values.argsort()[-CLIMBS:]), key=lambda found: found[1])


def _climb(z: Floats, p: Floats, best: Floats) -> tuple[Floats, float]:
    """Steps along the gradient of W_2^2 on the sphere, kept while they climb, halved when they do not."""
    (value, slope), step = _gap(z, p, best), 1.0
    for _ in range(STEPS):
        along = slope - (slope @ best) * best
        size = np.linalg.norm(along)
        if size < 1e-12 or step < 1e-4:
            break
        tried = best + step * along / size
        tried /= np.linalg.norm(tried)
        found = _gap(z, p, tried)
        if found[0] > value:
            best, (value, slope) = tried, found
        else:
            step /= 2
    return best, float(value**0.5)


def _gap(z: Floats, p: Floats, direction: Floats) -> tuple[float, Floats]:
    """W_2^2 along a direction, by its quantiles at LEVELS levels, and its gradient by the direction."""
    along_z, along_p = z @ direction, p @ direction
    order_z, order_p = np.argsort(along_z), np.argsort(along_p)
    levels = (np.arange(LEVELS) + 0.5) / LEVELS
    rows_z, rows_p = (order[(levels * len(order)).astype(int)] for order in (order_z, order_p))
    gap = along_z[rows_z] - along_p[rows_p]
    return float((gap**2).mean()), 2 * gap @ (z[rows_z] - p[rows_p]) / LEVELS


def least_like(x: Any, y: Any) -> tuple[int, int]:
    """The two columns of x (n, d), d of 2 or more, whose correlation in y (m, d) differs most; the first of equals.

    The correlation of two columns is that of the rows which have both: NaN is an empty cell.
    """
    apart = np.nan_to_num(np.abs(_correlations(np.asarray(x)) - _correlations(np.asarray(y))))
    apart[apart < CHANCE] = 0.0
    first, second = np.unravel_index(int(np.triu(apart, 1).argmax()), apart.shape)
    return (int(first), int(second)) if first < second else (0, 1)


def _correlations(x: Floats) -> Floats:
    """The correlation of each two columns of x (n, d) over the rows in which neither is NaN; NaN where it has none."""
    there = np.isfinite(x)
    count = np.maximum(there.sum(0), 1)
    filled = np.where(there, x, 0.0)
    middle = filled.sum(0) / count
    filled = np.where(there, x - middle, 0.0)
    filled /= np.sqrt((filled**2).sum(0) / count) + 1e-300
    here = there.astype(np.float64)
    both = here.T @ here  # rows that have both
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (filled.T @ here) / both
        spread = ((filled**2).T @ here) / both - mean**2
        found: Floats = ((filled.T @ filled) / both - mean * mean.T) / np.sqrt(spread * spread.T)
    return found
