"""Sums of a kernel over pairs of weighted points, in blocks where they are many, and over many small clouds at once."""

from typing import NamedTuple

import torch
from torch import Tensor

from remblai.costs import central
from remblai.discrepancies import gram
from remblai.distances.envelope import with_gradients
from remblai.kernels import Kernel

ENTRIES_AT_ONCE = 2**22
"""Entries of the matrices of clouds that are computed together."""


def weighted_across(kernel: Kernel, x: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Sum of a_i b_j k(x_i, y_j): x (n, d), y (m, d), a (n,), b (m,) -> scalar. In blocks it is differentiable once."""
    if gram.is_small(kernel, len(x) * len(y)):
        whole: Tensor = a.to(x.dtype) @ kernel(x, y) @ b.to(x.dtype)
        return whole
    sums = _sums(kernel, x, y, a, b, same=False)
    known = [(x, sums.x), (y, sums.y), (a, sums.by_row), (b, sums.by_column)]
    value = (a.detach() @ sums.by_row).to(x.dtype)
    return with_gradients(value, [(one, part) for one, part in known if one.requires_grad and part is not None])


def weighted_within(kernel: Kernel, x: Tensor, a: Tensor, diagonal: bool) -> Tensor:
    """Sum of a_i a_j k(x_i, x_j) over all i, j, or over i != j without the `diagonal`: x (n, d), a (n,) -> scalar."""
    if gram.is_small(kernel, len(x) ** 2):
        masses = a.to(x.dtype)
        matrix: Tensor = kernel(x, x)
        # The computed diagonal has rounding errors: it is removed, and the exact one is added where it belongs.
        off_diagonal = masses @ matrix @ masses - masses.square() @ matrix.diagonal()
    else:
        sums = _sums(kernel, x, x, a, a, same=True)
        known = [(x, None if sums.x is None else 2.0 * sums.x), (a, 2.0 * sums.by_row)]
        value = (a.detach() @ sums.by_row).to(x.dtype)
        off_diagonal = with_gradients(
            value, [(one, part) for one, part in known if one.requires_grad and part is not None]
        )
    return off_diagonal + a.square().to(x.dtype) @ kernel.diagonal(x) if diagonal else off_diagonal


class _Sums(NamedTuple):
    """Sums over j of b_j k(x_i, y_j) (n,) and over i of a_i k(x_i, y_j) (m,), in float64, and derivatives of a'K b."""

    by_row: Tensor
    by_column: Tensor
    x: Tensor | None
    y: Tensor | None


@torch.no_grad()
def _sums(kernel: Kernel, x: Tensor, y: Tensor, a: Tensor, b: Tensor, same: bool) -> _Sums:
    """A block at a time; without the pairs i = j in the `same` sample, of which only x's derivative is taken."""
    in_x = torch.zeros_like(x) if x.requires_grad else None
    in_y = torch.zeros_like(y) if y.requires_grad and not same else None
    by_row, by_column = torch.zeros_like(a), torch.zeros_like(b)
    centre = central(y)
    x, y = gram.centred(kernel, x, centre), gram.centred(kernel, y, centre)
    first, second = a.to(x.dtype), b.to(x.dtype)
    size = gram.block_size(x)
    for i in gram.blocks(len(x), size):
        for j in gram.blocks(len(y), size):
            value, derivative = kernel.terms(x[i], y[j])
            if same and i == j:
                value.fill_diagonal_(0.0)
                derivative.fill_diagonal_(0.0)
            by_row[i] += value @ second[j]
            by_column[j] += first[i] @ value
            derivative.mul_(first[i, None]).mul_(second[j])
            if in_x is not None:
                in_x[i] += gram.gradient_of(kernel, derivative, x[i], y[j])
            if in_y is not None:
                in_y[j] += gram.gradient_of(kernel, derivative.T, y[j], x[i])
    return _Sums(by_row, by_column, in_x, in_y)


def clouds_at_once(kernel: Kernel, n: int, m: int) -> int:
    """How many pairs of clouds of n and m points are computed together; 0 where each is computed by itself."""
    pairs = max(n, m) ** 2
    return (
        max(1, ENTRIES_AT_ONCE // pairs)
        if getattr(kernel, "takes_clouds", False) and gram.is_small(kernel, pairs)
        else 0
    )


def sums_of_clouds(
    kernel: Kernel, x: Tensor, y: Tensor, a: Tensor, b: Tensor, p: Tensor, q: Tensor, *, diagonal: bool
) -> Tensor:
    """a'K a / p + b'K b / q - 2 a'K b of clouds x (B, n, d), y (B, m, d), masses (B, n), (B, m), divisors (B,) -> (B,).

    Without the `diagonal` the terms within a cloud are over i != j.
    """
    a, b = a.to(x.dtype), b.to(x.dtype)

    def within(points: Tensor, masses: Tensor) -> Tensor:
        matrix: Tensor = kernel(points, points)
        own = kernel.diagonal(points) if diagonal else 0.0
        shift = own - matrix.diagonal(dim1=1, dim2=2)
        total: Tensor = _form(matrix, masses, masses) + (masses.square() * shift).sum(1)
        return total

    return within(x, a) / p.to(x.dtype) + within(y, b) / q.to(x.dtype) - 2.0 * _form(kernel(x, y), a, b)


def _form(matrix: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """a'K b of each cloud: (B,)."""
    product: Tensor = a[:, None] @ matrix @ b[:, :, None]
    return product[:, 0, 0]
