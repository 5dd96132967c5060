"""Means of a kernel over pairs of points; for many pairs in blocks, with the gradient, and no matrix is kept."""

import torch
from torch import Tensor

from remblai.distances.envelope import with_gradients
from remblai.kernels import Kernel

PAIRS = 256**2
"""Above so many pairs they are taken in blocks; below, one matrix and its recorded graph are as fast."""

BLOCK = 384
"""Points a side of a block: larger ones leave the cache."""


def mean_across(kernel: Kernel, x: Tensor, y: Tensor) -> Tensor:
    """The mean of k(x_i, y_j) over all i, j: x (n, d), y (m, d) -> scalar. In blocks it is differentiable once."""
    if _small(len(x) * len(y)):
        whole: Tensor = kernel(x, y).mean()
        return whole
    pairs = len(x) * len(y)
    total, slopes = _across(kernel, x, y)
    known = [(one, slope.div_(pairs)) for one, slope in zip((x, y), slopes, strict=True) if slope is not None]
    return with_gradients((total / pairs).to(x.dtype), known)


def mean_within(kernel: Kernel, x: Tensor, diagonal: bool) -> Tensor:
    """The mean of k(x_i, x_j) over all i, j, or over i != j without the `diagonal`: x (n, d) -> scalar."""
    n = len(x)
    pairs = n**2 if diagonal else n * (n - 1)
    if _small(n**2):
        gram: Tensor = kernel(x, x)
        # The computed diagonal carries rounding; it is taken out, and the exact one put in where it belongs.
        apart = gram.sum() - gram.diagonal().sum()
    else:
        total, slope = _apart(kernel, x)
        apart = with_gradients(total.to(x.dtype), [] if slope is None else [(x, slope)])
    return (apart + kernel.diagonal(x).sum()) / pairs if diagonal else apart / pairs


@torch.no_grad()
def _across(kernel: Kernel, x: Tensor, y: Tensor) -> tuple[Tensor, list[Tensor | None]]:
    """The sum over the pairs of two samples, and its gradients in those that want one."""
    slopes = [torch.zeros_like(sample) if sample.requires_grad else None for sample in (x, y)]
    slope_x, slope_y = slopes
    centre = y.mean(0)
    x, y = _centred(kernel, x, centre), _centred(kernel, y, centre)
    total = x.new_zeros((), dtype=torch.float64)
    for i in _blocks(len(x)):
        for j in _blocks(len(y)):
            value, slope = kernel.terms(x[i], y[j])
            total += value.sum()
            if slope_x is not None:
                slope_x[i] += _pulled(kernel, slope, x[i], y[j])
            if slope_y is not None:
                slope_y[j] += _pulled(kernel, slope.T, y[j], x[i])
    return total, slopes


@torch.no_grad()
def _apart(kernel: Kernel, x: Tensor) -> tuple[Tensor, Tensor | None]:
    """The sum over the pairs i != j of one sample, and its gradient; k is symmetric, so half of the blocks will do."""
    pull = torch.zeros_like(x) if x.requires_grad else None
    x = _centred(kernel, x, x.mean(0))
    total = x.new_zeros((), dtype=torch.float64)
    for i in _blocks(len(x)):
        for j in _blocks(len(x), i.start):
            value, slope = kernel.terms(x[i], x[j])
            if i == j:
                value.fill_diagonal_(0.0)
                slope.fill_diagonal_(0.0)
            total += value.sum() * (1.0 if i == j else 2.0)
            if pull is not None:
                pull[i] += _pulled(kernel, slope, x[i], x[j])
                if i != j:
                    pull[j] += _pulled(kernel, slope.T, x[j], x[i])
    return total, None if pull is None else pull.mul_(2.0)


def _small(pairs: int) -> bool:
    return pairs <= PAIRS or torch.compiler.is_compiling()


def _blocks(n: int, start: int = 0) -> list[slice]:
    return [slice(first, min(first + BLOCK, n)) for first in range(start, n, BLOCK)]


def _centred(kernel: Kernel, x: Tensor, centre: Tensor) -> Tensor:
    """The same points seen from the middle, where the differences of large sums below round less."""
    return x - centre if kernel.radial else x


def _pulled(kernel: Kernel, slope: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The gradient (n, d) in x of the sum of k(x_i, y_j), from the derivatives (n, m) that `Kernel.terms` gives."""
    moved = slope @ y
    return 2.0 * (slope.sum(1, keepdim=True) * x - moved) if kernel.radial else moved
