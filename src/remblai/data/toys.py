"""Toys on the plane with a known law, endless: ring, grid, swiss roll and two moons.

Their points are what they are, neither standardised nor scaled, so that the modes stay where the papers put them.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from remblai.data.dataset import SPLITS, Dataset, Draw, Modes, Points, Split
from remblai.data.rows import Rows
from remblai.data.units import Units

NOMINAL = {"train": 10_000, "validation": 2_000, "test": 2_000}


def ring(modes: int = 8, radius: float = 2.0, deviation: float = 0.1) -> Dataset:
    """Gaussians on a circle, all of one weight: the mode-dropping test of Unrolled GANs.

    Args:
        modes: how many Gaussians.
        radius: of the circle that their centres lie on.
        deviation: the standard deviation of each Gaussian.

    Raises:
        ValueError: modes below 1; radius or deviation not above 0.

    Source: Metz et al., "Unrolled generative adversarial networks", 2017 (arXiv 1611.02163).
    """
    _at_least_one("modes", modes)
    _positive(radius=radius, deviation=deviation)
    angle = 2 * np.pi * np.arange(modes) / modes
    return _mixture("ring", radius * np.stack([np.cos(angle), np.sin(angle)], 1), deviation)


def grid(side: int = 5, spacing: float = 2.0, deviation: float = 0.05) -> Dataset:
    """Gaussians on a square grid about 0, all of one weight; the default has the 25 modes of PacGAN and others.

    Args:
        side: Gaussians along a side.
        spacing: between neighbouring centres.
        deviation: the standard deviation of each Gaussian.

    Raises:
        ValueError: side below 1; spacing or deviation not above 0.

    Source: Lin et al., "PacGAN", 2018 (arXiv 1712.04086), section 4.1.
    """
    _at_least_one("side", side)
    _positive(spacing=spacing, deviation=deviation)
    line = spacing * (np.arange(side) - (side - 1) / 2)
    return _mixture("grid", np.stack(np.meshgrid(line, line, indexing="ij"), -1).reshape(-1, 2), deviation)


def swiss_roll(noise: float = 0.25, scale: float = 7.5) -> Dataset:
    """A spiral: t (cos t, sin t) with t uniform on [1.5 pi, 4.5 pi], plus Gaussian noise, divided by the scale.

    Args:
        noise: standard deviation of the noise, before the division.
        scale: what the points are divided by; 7.5 keeps them within about 2 of 0.

    Raises:
        ValueError: negative noise, or a scale not above 0.

    Source: the toy of Gulrajani et al., "Improved training of Wasserstein GANs", 2017 (arXiv 1704.00028), figure 1.
    """
    _not_negative(noise=noise)
    _positive(scale=scale)

    def draw(generator: np.random.Generator, n: int) -> Points:
        t = 1.5 * np.pi * (1 + 2 * generator.random(n))
        spiral = np.stack([t * np.cos(t), t * np.sin(t)], 1)
        return ((spiral + noise * generator.standard_normal((n, 2))) / scale).astype(np.float32), None

    return _endless("swiss-roll", draw, f"swiss-roll noise={noise} scale={scale}")


def two_moons(noise: float = 0.1) -> Dataset:
    """Two half circles that reach into each other, plus Gaussian noise; the label says which.

    Upper moon (cos t, sin t), lower moon (1 - cos t, 0.5 - sin t), t uniform on [0, pi].

    Args:
        noise: standard deviation of the noise.

    Raises:
        ValueError: negative noise.

    Source: the toy of scikit-learn's `make_moons`.
    """
    _not_negative(noise=noise)

    def draw(generator: np.random.Generator, n: int) -> Points:
        lower = generator.integers(0, 2, n)
        t = np.pi * generator.random(n)
        sign = 1 - 2 * lower
        moons = np.stack([lower + sign * np.cos(t), 0.5 * lower + sign * np.sin(t)], 1)
        return (moons + noise * generator.standard_normal((n, 2))).astype(np.float32), lower

    return _endless("two-moons", draw, f"two-moons noise={noise}", ["upper", "lower"])


def _mixture(name: str, centres: NDArray[np.float64], deviation: float) -> Dataset:
    def draw(generator: np.random.Generator, n: int) -> Points:
        mode = generator.integers(0, len(centres), n)
        return (centres[mode] + deviation * generator.standard_normal((n, 2))).astype(np.float32), mode

    identity = f"{name} centres={centres.tolist()} deviation={deviation}"
    return _endless(name, draw, identity, [str(k) for k in range(len(centres))], Modes(centres, deviation))


def _endless(
    name: str, draw: Draw, identity: str, classes: Sequence[str] | None = None, modes: Modes | None = None
) -> Dataset:
    def split(which: str) -> Split:
        n = NOMINAL[which]
        sample, labels = draw(np.random.default_rng([n, SPLITS.index(which)]), n)
        known = None if labels is None else torch.from_numpy(labels)
        return Split(which, Rows(sample), torch.arange(n), known, draw)

    note = "endless: every batch is fresh; " + ", ".join(f"{n} fixed {which} samples" for which, n in NOMINAL.items())
    known = None if classes is None else list(classes)
    return Dataset(name, Units((2,)), split("train"), split("validation"), split("test"), known, note, modes, identity)


def _at_least_one(name: str, value: int) -> None:
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}")


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not 0 < value < np.inf:
            raise ValueError(f"{name} must be above 0 and finite, got {value}")


def _not_negative(**values: float) -> None:
    for name, value in values.items():
        if not 0 <= value < np.inf:
            raise ValueError(f"{name} must be at least 0 and finite, got {value}")
