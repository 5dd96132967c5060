"""Means of a kernel over pairs of points; for many pairs in blocks, with the gradient and without a whole matrix."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from remblai.costs import central
from remblai.discrepancies.fused import fused_sums
from remblai.distances.envelope import with_gradients
from remblai.distances.pairwise.sums import RowSums
from remblai.distances.rounding import ROUNDOFF
from remblai.kernels import Kernel
from remblai.kernels.line import PartSums
from remblai.runtime.devices import free_memory

PAIRS = 256**2
"""More pairs are computed in blocks; for fewer, one matrix and its recorded graph are as fast."""

BLOCK = 384
"""Rows and columns of a block on a CPU: larger ones leave the cache."""

SHARE = 0.125
"""Share of a GPU's free memory that a block and what is computed from it may take; all pairs in one where they fit."""

COPIES = 6
"""Matrices of a block's size that are in memory at once: squares, value, derivative and their steps."""

LARGEST = 2.0**28
"""Entries of a GPU's block beyond which a larger one is no faster."""

ENTRIES_AT_ONCE = 2**22
"""Entries of a block of rows, where the columns are all points."""

CHOICES = 64
"""Splits from which their products are the work, so that float32 pays."""

WHOLE = 8192
"""Points up to which their matrix is held whole: 512 MB in float64."""

SYMMETRIC = 256
"""Rows of a block of a symmetric matrix, of which the part right of the diagonal is multiplied."""

ROUNDINGS = 1000.0
"""Roundings of the largest mean by which equal values may differ."""


def mean_across(kernel: Kernel, x: Tensor, y: Tensor) -> Tensor:
    """The mean of k(x_i, y_j) over all i, j: x (n, d), y (m, d) -> scalar. In blocks it is differentiable once."""
    if is_small(kernel, len(x) * len(y)):
        whole: Tensor = kernel(x, y).mean()
        return whole
    pairs = len(x) * len(y)
    total, gradients = _sum_across(kernel, x, y)
    known = [(side, part.div_(pairs)) for side, part in zip((x, y), gradients, strict=True) if part is not None]
    return with_gradients((total / pairs).to(x.dtype), known)


def mean_within(kernel: Kernel, x: Tensor, diagonal: bool) -> Tensor:
    """The mean of k(x_i, x_j) over all i, j, or over i != j without the `diagonal`: x (n, d) -> scalar."""
    n = len(x)
    pairs = n**2 if diagonal else n * (n - 1)
    if is_small(kernel, n**2):
        gram: Tensor = kernel(x, x)
        # The computed diagonal has rounding errors: it is removed, and the exact one is added where it belongs.
        off_diagonal = gram.sum() - gram.diagonal().sum()
    else:
        total, gradient = _sum_off_diagonal(kernel, x)
        off_diagonal = with_gradients(total.to(x.dtype), [] if gradient is None else [(x, gradient)])
    return (off_diagonal + kernel.diagonal(x).sum()) / pairs if diagonal else off_diagonal / pairs


@torch.no_grad()
def _sum_across(kernel: Kernel, x: Tensor, y: Tensor) -> tuple[Tensor, list[Tensor | None]]:
    """The sum over the pairs of two samples, and its gradients in those that require one."""
    wanted = x.requires_grad, y.requires_grad
    centre = central(y)
    x, y = centred(kernel, x, centre), centred(kernel, y, centre)
    by_row = _by_rows(kernel, x, y, wanted[0]) if wanted[0] or not wanted[1] else None
    by_column = _by_rows(kernel, y, x, True) if wanted[1] else None
    sums = by_row or by_column
    if sums is not None:
        return sums.values.double().sum(), [side and side.gradients for side in (by_row, by_column)]
    gradients = [torch.zeros_like(sample) if one else None for sample, one in zip((x, y), wanted, strict=True)]
    gradient_x, gradient_y = gradients
    total = x.new_zeros((), dtype=torch.float64)
    size = block_size(x)
    for i in blocks(len(x), size):
        for j in blocks(len(y), size):
            value, derivative = kernel.terms(x[i], y[j])
            total += value.sum()
            if gradient_x is not None:
                gradient_x[i] += gradient_of(kernel, derivative, x[i], y[j])
            if gradient_y is not None:
                gradient_y[j] += gradient_of(kernel, derivative.T, y[j], x[i])
    return total, gradients


@torch.no_grad()
def _sum_off_diagonal(kernel: Kernel, x: Tensor) -> tuple[Tensor, Tensor | None]:
    """The sum over the pairs i != j of one sample, and its gradient; k is symmetric, so half of the blocks suffice."""
    gradient = torch.zeros_like(x) if x.requires_grad else None
    x = centred(kernel, x, central(x))
    by_row = _by_rows(kernel, x, x, gradient is not None, same=True)
    if by_row is not None:
        return by_row.values.double().sum(), None if by_row.gradients is None else by_row.gradients.mul(2.0)
    total = x.new_zeros((), dtype=torch.float64)
    size = block_size(x)
    for i in blocks(len(x), size):
        for j in blocks(len(x), size, i.start):
            value, derivative = kernel.terms(x[i], x[j])
            if i == j:
                value.fill_diagonal_(0.0)
                derivative.fill_diagonal_(0.0)
            total += value.sum() * (1.0 if i == j else 2.0)
            if gradient is not None:
                gradient[i] += gradient_of(kernel, derivative, x[i], x[j])
                if i != j:
                    gradient[j] += gradient_of(kernel, derivative.T, x[j], x[i])
    return total, None if gradient is None else gradient.mul_(2.0)


class PartMeans(NamedTuple):
    """Means of a kernel over the pairs of two parts of one sample, for each of r choices of the parts: (r,) each.

    Attributes:
        within_first: over the pairs of the first part.
        across: over the pairs of a point of each part.
        within_second: over the pairs of the second part.
        rounding: a bound on the rounding of within_first + within_second - 2 across.
    """

    within_first: Tensor
    across: Tensor
    within_second: Tensor
    rounding: float

    @property
    def square(self) -> Tensor:
        """within_first + within_second - 2 across (r,)."""
        return self.within_first + self.within_second - 2.0 * self.across


@torch.no_grad()
def means_of_parts(kernel: Kernel, points: Tensor, first: Tensor, second: Tensor, diagonal: bool) -> PartMeans:
    """The means over pairs of points, for many choices of two parts, from one matrix and its products with the masks.

    The kernel's matrix (N, N) is computed once, in float64, however many choices there are: permutations of labels,
    random halves, or samples without one point. Where the kernel can sort, there is no matrix at all.

    Args:
        kernel: k.
        points: (N, d).
        first: masks (r, N), true where a point is in the first part.
        second: masks (r, N) of the second part.
        diagonal: whether the means within a part are over all i, j, or over i != j.
    """
    points = centred(kernel, points.double(), central(points.double()))
    rounding = 0.0
    sums = kernel.part_sums(points, first, second)
    if sums is None and len(first) >= CHOICES and len(points) <= WHOLE and bool((first ^ second).all()):
        sums, rounding = _of_splits(kernel, points, first)
    elif sums is None:
        sums = _of_any_parts(kernel, points, first, second)
    exact = kernel.diagonal(points)
    masks, sizes = [mask.double() for mask in (first, second)], [mask.sum(1) for mask in (first, second)]
    within_first, within_second = (
        (total + mask @ exact) / n**2 if diagonal else total / (n * (n - 1.0))
        for total, mask, n in zip((sums.within_first, sums.within_second), masks, sizes, strict=True)
    )
    across = sums.across / (sizes[0] * sizes[1])
    largest = max(float(part.abs().max()) for part in (within_first, across, within_second))
    rounding *= float((1.0 / sizes[0] + 1.0 / sizes[1]).square().max())
    return PartMeans(within_first, across, within_second, rounding + ROUNDINGS * ROUNDOFF * largest)


def _of_splits(kernel: Kernel, points: Tensor, first: Tensor) -> tuple[PartSums, float]:
    """Sums over the pairs i != j of splits of all points in two, and the rounding of z' K z.

    With z the mask of the first part, r the row sums of K and t their total, the sums are z' K z, z' r - z' K z and
    t - 2 z' r + z' K z. The product is taken of the matrix H K H, of rows that sum to 0: what float32 rounds is then
    small against the differences between splits. Of the symmetric matrix half of the blocks suffice.
    """
    n = len(points)
    matrix = kernel(points, points).fill_diagonal_(0.0)
    rows = matrix.sum(1)
    total = rows.sum()
    centre = rows / n - 0.5 * total / n**2  # z' K z = z' H K H z + 2 |z| z' centre
    matrix.sub_(centre[:, None]).sub_(centre)
    size = float(matrix.norm())
    scale = float(matrix.abs().max()) or 1.0
    matrix, masks = matrix.div_(scale).float(), first.T.float()
    products = torch.zeros(len(first), dtype=torch.float64, device=points.device)
    for start in range(0, n, SYMMETRIC):
        block = slice(start, min(start + SYMMETRIC, n))
        right = matrix[block, start:]
        right[:, SYMMETRIC:] *= 2.0
        products += torch.mul(right @ masks[start:], masks[block]).sum(0)
    chosen = first.double()
    own, counts = chosen @ rows, chosen.sum(1)
    within = scale * products + 2.0 * counts * (chosen @ centre)
    sums = PartSums(within, own - within, total - 2.0 * own + within)
    return sums, ROUNDINGS * torch.finfo(torch.float32).eps / 16.0 * size


def _of_any_parts(kernel: Kernel, points: Tensor, first: Tensor, second: Tensor) -> PartSums:
    """Sums over the pairs i != j of any parts, in float64, a block of rows at a time."""
    masks = [mask.double().T.contiguous() for mask in (first, second)]
    sums = points.new_zeros(3, len(first))
    complement = bool((first ^ second).all())  # then one product serves both parts
    size = max(1, ENTRIES_AT_ONCE // len(points))
    for rows in torch.split(torch.arange(len(points), device=points.device), size):
        matrix = kernel(points[rows], points)
        matrix[torch.arange(len(rows), device=rows.device), rows] = 0.0
        by_first = matrix @ masks[0]
        by_second = matrix.sum(1, keepdim=True) - by_first if complement else matrix @ masks[1]
        in_first, in_second = (mask[rows] for mask in masks)
        pairs = (in_first * by_first, in_first * by_second, in_second * by_second)
        sums += torch.stack([values.sum(0) for values in pairs])
    return PartSums(*sums)


def is_small(kernel: Kernel, pairs: int) -> bool:
    """Whether so many pairs are computed as one matrix, with its recorded graph."""
    return pairs <= PAIRS or not kernel.in_blocks or torch.compiler.is_compiling()


def _by_rows(kernel: Kernel, x: Tensor, y: Tensor, gradient: bool, same: bool = False) -> RowSums | None:
    """Sums over j, without j = i in the `same` sample, by sorting or by the GPU's own kernel; None where by blocks."""
    found = kernel.row_sums(x, y)
    if found is None:
        return fused_sums(kernel, x, y, gradient, same)
    return RowSums(found[0] - kernel.diagonal(x) if same else found[0], found[1] if gradient else None)


def block_size(x: Tensor) -> int:
    """Rows and columns of a block: what the CPU's cache holds or, on a GPU, a share of the memory that it had free."""
    if x.device.type != "cuda":
        return BLOCK
    entries = min(SHARE * free_memory(x.device) / (COPIES * x.element_size()), LARGEST)
    return max(BLOCK, math.isqrt(int(entries)))


def blocks(n: int, size: int, start: int = 0) -> list[slice]:
    """The places from `start` to n, `size` at a time."""
    return [slice(first, min(first + size, n)) for first in range(start, n, size)]


def centred(kernel: Kernel, x: Tensor, centre: Tensor) -> Tensor:
    """The points minus the centre, where the differences of large sums below have smaller rounding errors."""
    return x - centre if kernel.radial else x


def gradient_of(kernel: Kernel, derivative: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The gradient (n, d) in x of the sum of k(x_i, y_j), from the derivatives (n, m) that `Kernel.terms` gives."""
    towards = derivative @ y
    return 2.0 * (derivative.sum(1, keepdim=True) * x - towards) if kernel.radial else towards
