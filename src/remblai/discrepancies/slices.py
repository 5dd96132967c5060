"""Optimal transport between the projections of points on lines: values and gradients, a block of lines at a time."""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from remblai.distances.envelope import with_gradients
from remblai.distances.monotone import staircase

ENTRIES_AT_ONCE = {"cpu": 2**20, "cuda": 2**26}
"""Projections (lines times points) of a sample that are in memory at a time: few blocks keep a GPU busy."""

SPARE = 29
"""Bits of a float64 that are 0 where it holds a float32."""


class Lines(NamedTuple):
    """Lines through the origin: unit vectors (l, d), or the d axes, which need no product.

    Attributes:
        directions: (l, d); None means the axes.
        number: l.
    """

    directions: Tensor | None
    number: int

    def projected(self, x: Tensor, part: slice) -> Tensor:
        """The points (n, d) on some of the lines, (l, n), in new memory, each row contiguous."""
        if self.directions is None:
            return x[:, part].T.clone(memory_format=torch.contiguous_format)
        return self.directions[part] @ x.T

    def of_clouds(self, x: Tensor, part: slice) -> Tensor:
        """The clouds (B, n, d) on some of the lines, (B, l, n)."""
        return x[..., part].mT if self.directions is None else self.directions[part] @ x.mT

    def lift(self, gradients: Tensor, onto: Tensor, part: slice) -> None:
        """Adds to the gradient (n, d) of points that of their projections (l, n) on some of the lines."""
        if self.directions is None:
            onto[:, part] += gradients.T
        else:
            onto.addmm_(gradients.T, self.directions[part])

    def blocks(self, points: int, device: torch.device) -> list[slice]:
        """The lines in turn, as many at a time as memory allows."""
        size = max(1, ENTRIES_AT_ONCE.get(device.type, 2**20) // points)
        return [slice(first, min(first + size, self.number)) for first in range(0, self.number, size)]


class Quantiles(NamedTuple):
    """A law by the quantiles of its projections.

    Attributes:
        location: (d,).
        scale: (d,), of each coordinate.
        levels: ascending quantiles of the standard law (n,), or of each coordinate (d, n) along the axes.
        rest: W_p^p to the law minus W_p^p to its levels, at scale 1.
    """

    location: Tensor
    scale: Tensor
    levels: Tensor
    rest: Tensor | float

    def along(self, lines: Lines, part: slice) -> tuple[Tensor, Tensor]:
        """The ascending quantiles on some of the lines (l, n), and the rest on each (l,)."""
        if lines.directions is None:
            location, scale = self.location[part], self.scale[part]
        else:
            chosen = lines.directions[part]
            location, scale = chosen @ self.location, (chosen.square() @ self.scale.square()).sqrt()
        levels = self.levels if self.levels.dim() == 1 else self.levels[part]
        return location[:, None] + scale[:, None] * levels, self.rest * scale.square()


class Joined(NamedTuple):
    """The plan between n and m ascending points of equal weight: rank i with rank j, `weight` of the mass (k,)."""

    i: Tensor
    j: Tensor
    weight: Tensor


def joined(n: int, m: int, like: Tensor) -> Joined:
    """The plan by quantiles between n ranks and m, for points of the type and the device of `like`."""
    make = _joined_on.__wrapped__ if torch.compiler.is_compiling() else _joined_on
    return make(n, m, like.dtype, like.device)


@lru_cache(maxsize=16)
def _joined_on(n: int, m: int, dtype: torch.dtype, device: torch.device) -> Joined:
    """Kept, because it would be copied to the device at every call."""
    path = staircase(np.arange(1, n + 1) / n, np.arange(1, m + 1) / m)
    with torch.inference_mode(False):  # training uses it too
        i, j, weight = (torch.from_numpy(part).to(device) for part in path)
        return Joined(i, j, weight.to(dtype))


def along_each(x: Tensor | Quantiles, y: Tensor, lines: Lines, p: float) -> Tensor:
    """W_p^p on each line (l,) by differentiable steps of torch, all lines at once."""
    whole = slice(0, lines.number)
    b = lines.projected(y, whole).sort(1).values
    if not isinstance(x, Tensor):
        a, rest = x.along(lines, whole)
        return power_of(a - b, p).mean(1).double() + rest
    a = lines.projected(x, whole).sort(1).values
    if len(x) == len(y):
        return power_of(a - b, p).mean(1).double()
    plan: Joined = joined(len(x), len(y), y)
    powers = power_of(a[:, plan.i] - b[:, plan.j], p)
    return (powers @ plan.weight).double()


def mean(x: Tensor | Quantiles, y: Tensor, lines: Lines, p: float) -> Tensor:
    """The mean of W_p^p over lines between x (n, d) or a law and y (m, d); differentiable once, in the points."""
    if torch.compiler.is_compiling():  # compiled code sorts by itself
        return along_each(x, y, lines, p).mean().to(y.dtype)
    value, gradients = _blocked(x, y, lines, p)
    sides = [(side, part) for side, part in zip((x, y), gradients, strict=True) if part is not None]
    return with_gradients(value.to(y.dtype), [(side, part) for side, part in sides if isinstance(side, Tensor)])


@torch.no_grad()
def _blocked(x: Tensor | Quantiles, y: Tensor, lines: Lines, p: float) -> tuple[Tensor, list[Tensor | None]]:
    """The mean, and its gradients in the samples that require one: nothing larger than the points is kept."""
    n, m = (len(x) if isinstance(x, Tensor) else len(y)), len(y)
    plan = None if n == m else joined(n, m, y)
    gradients = [torch.zeros_like(s) if isinstance(s, Tensor) and s.requires_grad else None for s in (x, y)]
    total = y.new_zeros((), dtype=torch.float64)
    for part in lines.blocks(max(n, m), y.device):
        if isinstance(x, Tensor):
            a, order = ordered(lines.projected(x, part), gradients[0] is not None)
        else:
            (a, rest), order = x.along(lines, part), None
            total += rest.sum()
        b, order_y = ordered(lines.projected(y, part), gradients[1] is not None)
        gap = a - b if plan is None else a[:, plan.i] - b[:, plan.j]
        powers = power_of(gap, p)
        total += (powers.mean(1) if plan is None else powers @ plan.weight).double().sum()
        by_gap = gap if order is None and order_y is None else _derivatives(gap, p, plan)
        for side, came_from, onto in ((0, order, gradients[0]), (1, order_y, gradients[1])):
            if came_from is not None and onto is not None:
                ranked = by_gap if plan is None else _by_rank(by_gap, plan.j if side else plan.i, len(onto))
                lines.lift(torch.empty_like(ranked).scatter_(1, came_from, ranked), onto, part)
    for onto, sign in zip(gradients, (1.0, -1.0), strict=True):
        if onto is not None:
            onto.mul_(sign / lines.number)
    return total / lines.number, gradients


def ordered(rows: Tensor, wanted: bool) -> tuple[Tensor, Tensor | None]:
    """Each row ascending (the input may be overwritten), and, if `wanted`, the former places of its entries."""
    if rows.device.type != "cpu":
        ascending, order = rows.sort(1)
        return ascending, order if wanted else None
    values: np.ndarray[Any, Any] = rows.numpy()  # its sort is vectorised, torch's is not
    if not wanted:
        values.sort(axis=1)
        return rows, None
    if values.dtype != np.float32 or values.shape[1] >= 2 ** (SPARE - 1):
        order = torch.from_numpy(values.argsort(axis=1))
        return rows.gather(1, order), order
    # The low bits of a float64, which a float32 leaves at 0, carry the index: one sort gives both, faster than argsort.
    keys = values.astype(np.float64)
    bits = keys.view(np.int64)
    bits |= np.arange(values.shape[1])
    keys.sort(axis=1)
    np.copyto(values, keys, casting="same_kind")
    bits &= 2**SPARE - 1
    return rows, torch.from_numpy(bits)


def power_of(gap: Tensor, p: float) -> Tensor:
    """|gap|^p."""
    return gap.square() if p == 2 else gap.abs().pow(p)


def _derivatives(gap: Tensor, p: float, plan: Joined | None) -> Tensor:
    """The derivatives (l, k) of W_p^p by the gaps."""
    derivatives = gap * 2.0 if p == 2 else gap.abs().pow(p - 1.0) * gap.sign() * p
    return derivatives / gap.shape[1] if plan is None else derivatives * plan.weight


def _by_rank(derivatives: Tensor, ranks: Tensor, n: int) -> Tensor:
    return derivatives.new_zeros(len(derivatives), n).index_add_(1, ranks, derivatives)
