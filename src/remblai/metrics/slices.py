"""Sliced Wasserstein distances: of whole rows, and of small patches at every level of a Laplacian pyramid."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import conv2d, normalize, pad

from remblai.discrepancies.cloud_slices import cloud_means
from remblai.discrepancies.slices import Lines
from remblai.metrics.metric import Figure
from remblai.metrics.pairs import flat
from remblai.metrics.samples import beside_floors
from remblai.metrics.sets import Sets
from remblai.statistics import halves
from remblai.statistics.statistic import at_least

PATCH = 7
"""Pixels a side of a patch."""
PATCHES, DIRECTIONS = 128, 512
"""Patches of an image at each level, and directions, of published figures."""
CARD_PATCHES, CARD_DIRECTIONS, CARD_HALVES = 4096, 64, 8
"""Of the card: patches of all images of a set together at a level, at most; directions; random halves, at most."""
TAPS = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
"""The binomial filter of both directions of the pyramid."""


def sliced_w2_squared(x: Any, y: Any, directions: int = DIRECTIONS, seed: int = 0) -> float:
    """The mean over random directions of the squared W_2 of the projections of two samples of one size.

    Args:
        x: real data (n, ...), flattened to rows.
        y: samples (n, ...).
        directions: how many, uniform on the sphere.
        seed: of the directions.

    Raises:
        ValueError: different sizes, NaN or infinity, or no direction.

    Source: Bonneel et al. 2015. In d dimensions it is at most W_2^2 / d.
    """
    x = flat("the first sample", x)
    y = flat("the second sample", y, x)
    _one_size(len(x), len(y))
    return float(_sliced(x, y, _directions(x.shape[1], directions, seed), 2))


def patch_sliced_w1(x: Any, y: Any, patches: int = PATCHES, directions: int = DIRECTIONS, seed: int = 0) -> float:
    """The sliced W_1 of patches of 7 x 7 pixels of two sets of images, averaged over the levels of Laplacian pyramids.

    At each level the patches of each set are drawn at random places and normalised by the mean and the standard
    deviation of each channel over all patches of the set: brightness and contrast of a whole set are not seen. On each
    direction it is W_1 of the projections. Published figures take 2^14 images, and are 1,000 times as large.

    Args:
        x: real images (n, c, h, w), at least 7 x 7.
        y: samples (n, c, h, w).
        patches: of each image at each level.
        directions: how many.
        seed: of the patches and directions.

    Raises:
        ValueError: other shapes, different sizes, NaN or infinity, or no patch or direction.

    Source: Karras, Aila, Laine and Lehtinen 2018, section 5, arXiv 1710.10196; the filters, the borders and the
    normalisation are those of its code, of which the levels of 16 pixels and more are those here for sides that are
    powers of 2.
    """
    x, y = torch.as_tensor(x), torch.as_tensor(y)
    if x.ndim != 4 or x.shape != y.shape or min(x.shape[2:]) < PATCH:
        raise ValueError(
            f"patch_sliced_w1: expected two sets of as many images (n, c, h, w) of at least {PATCH} x {PATCH} pixels, "
            f"got shapes {tuple(x.shape)} and {tuple(y.shape)}: choose sliced_w2_squared for points or smaller images."
        )
    for name, part in (("the first sample", x), ("the second sample", y)):
        flat(name, part)
    at_least(1, "patches of an image", patches)
    draws = torch.Generator().manual_seed(seed)
    first, second = (patches_of(part.float(), patches, draws) for part in (x, y))
    return float(_over_levels(first, second, directions, seed).mean())


def pyramid(x: Tensor) -> list[Tensor]:
    """The levels of the Laplacian pyramid of images (n, c, h, w): details of each size, last the small images.

    A level is halved while the smaller side of its half is at least twice that of a patch.
    """
    levels = []
    while min(x.shape[2:]) >= 4 * PATCH - 1:
        small = _filtered(x)[:, :, ::2, ::2]
        large = x.new_zeros(*x.shape[:2], 2 * small.shape[2], 2 * small.shape[3])
        large[:, :, ::2, ::2] = small
        levels.append(x - (4.0 * _filtered(large))[:, :, : x.shape[2], : x.shape[3]])
        x = small
    return [*levels, x]


def patches_of(x: Tensor, count: int, draws: torch.Generator) -> list[Tensor]:
    """Random patches (n, count, c, 7, 7) of each image (n, c, h, w) at each level of its pyramid."""
    found = []
    for level in pyramid(x):
        top, left = (torch.randint(side - PATCH + 1, (len(x), count), generator=draws) for side in level.shape[2:])
        reach = torch.arange(PATCH)
        rows, columns = (top[..., None] + reach)[..., :, None], (left[..., None] + reach)[..., None, :]
        image = torch.arange(len(x))[:, None, None, None]
        found.append(level.permute(0, 2, 3, 1)[image, rows, columns].permute(0, 1, 4, 2, 3))
    return found


def figure_of_slices(sets: Sets) -> Figure:
    """The sliced W_2^2 of rows between held-out data and samples."""
    along = _directions(sets.held_out.shape[1], CARD_DIRECTIONS, sets.seed + 8).to(sets.held_out)

    def sliced(other: Tensor) -> Tensor:
        return torch.stack([_sliced(sets.held_out[mask], other[mask], along, 2) for mask in _masks(sets)])

    return beside_floors(sliced(sets.samples), sets.real("sliced floor", lambda: sliced(sets.train)), sets.n)


def figure_of_patches(sets: Sets) -> Figure | None:
    """The sliced W_1 of patches between held-out data and samples; None of images smaller than a patch."""
    if min(sets.row_shape[1:]) < PATCH:
        return None
    count = max(1, CARD_PATCHES // sets.n)

    def drawn(rows: Tensor, seed: int) -> list[Tensor]:
        return patches_of(sets.shaped(rows), count, torch.Generator().manual_seed(sets.seed + seed))

    held_out = sets.real("patches of held-out data", lambda: drawn(sets.held_out, 9))

    def over_levels(rows: Tensor) -> Tensor:
        patches, found = drawn(rows, 10), []
        for mask in _masks(sets):
            first, second = ([level[mask] for level in levels] for levels in (held_out, patches))
            found.append(_over_levels(first, second, CARD_DIRECTIONS, sets.seed + 8))
        return torch.stack(found)

    values, floors = over_levels(sets.samples), sets.real("patches floor", lambda: over_levels(sets.train).mean(1))
    sides = ["x".join(map(str, level.shape[2:])) for level in pyramid(sets.shaped(sets.held_out[:1]))]
    figure = beside_floors(values.mean(1), floors, sets.n)
    figure["by_level"] = dict(zip(sides, values[0].tolist(), strict=True))
    return figure


def _masks(sets: Sets) -> Tensor:
    """The whole and random halves, of a generator of their own."""
    draws, repeats = torch.Generator().manual_seed(sets.seed + 11), min(sets.repeats, CARD_HALVES)
    return halves(sets.n, repeats, draws).to(sets.held_out.device)


def _over_levels(x: list[Tensor], y: list[Tensor], directions: int, seed: int) -> Tensor:
    """The sliced W_1 (levels,) of normalised patches (n, count, c, 7, 7) of each level."""
    along = _directions(x[0][0, 0].numel(), directions, seed).to(x[0])
    return torch.stack([_sliced(_normalised(a), _normalised(b), along, 1) for a, b in zip(x, y, strict=True)])


def _normalised(patches: Tensor) -> Tensor:
    """Patches (n, count, c, 7, 7) as rows, each channel of mean 0 and standard deviation 1; 0 where it is constant."""
    rows = patches.flatten(0, 1)
    deviations, means = torch.std_mean(rows, (0, 2, 3), correction=0, keepdim=True)
    centred = rows - means
    return torch.where(deviations > 0, centred / deviations, torch.zeros_like(centred)).flatten(1)


def _sliced(x: Tensor, y: Tensor, along: Tensor, p: int) -> Tensor:
    """The mean over directions (d, k) of W_p^p of the projections of x (n, d) and y (n, d)."""
    return cloud_means(x[None], y[None], None, None, Lines(along.T, along.shape[1]), p)[0].double()


def _directions(d: int, count: int, seed: int) -> Tensor:
    """Directions (d, count), uniform on the sphere."""
    at_least(1, "directions", count)
    return normalize(torch.randn(d, count, generator=torch.Generator().manual_seed(seed)), dim=0)


def _filtered(x: Tensor) -> Tensor:
    """Images (n, c, h, w) blurred by the binomial filter, mirrored at the border without repeating its pixels."""
    taps = x.new_tensor(TAPS)
    window = torch.outer(taps, taps)[None, None]
    planes = pad(x.flatten(0, 1)[:, None], (2, 2, 2, 2), mode="reflect")
    return conv2d(planes, window).reshape(x.shape)


def _one_size(n: int, m: int) -> None:
    if n != m:
        raise ValueError(f"a sliced distance of the card takes two samples of one size, got {n} and {m} rows.")
