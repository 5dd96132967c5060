"""The soft transform f_i = -epsilon log sum_j b_j exp((g_j - c_ij) / epsilon), streamed over blocks of rows."""

import math
from collections.abc import Callable
from copy import copy

import torch
from torch import Tensor

from remblai.costs import Square
from remblai.distances.geometry import Geometry, Points

FLOOR = -80.0
"""Least exponent: a smaller entry is negligible beside the largest of its row, and its exponential is slow."""

ENTRIES = {"cpu": 2**18, "cuda": 2**25}
"""Entries of a block: on the CPU it stays in the cache."""

ROUNDING = 1e-9
"""Largest error of exponents that come from a matrix product: where points are far, costs are computed directly."""

Increment = Callable[[Tensor, slice], Tensor]
"""What an update adds to the transform: (f[rows], rows) -> (k,)."""


class Exponents:
    """(g_j - c_ij) / epsilon, a block of rows at a time, as exp of it over its row's largest.

    Args:
        geometry: the costs (n, m).
        epsilon: the absolute regularisation.
        dtype: of the blocks.
        wide: whether exponents are computed in float64 whatever the blocks are in: they cancel, and lose too much in
            float32 where costs are large relative to epsilon.
    """

    def __init__(self, geometry: Geometry, epsilon: float, dtype: torch.dtype, wide: bool = True) -> None:
        self.geometry, self.shape, self.device = geometry, geometry.shape, geometry.device
        n, m = self.shape
        self.rows = min(n, max(1, ENTRIES.get(self.device.type, 2**25) // m))
        self.size = math.inf  # largest |x|^2 + |y|^2, about the centre of y, of square costs
        if isinstance(geometry, Points) and isinstance(geometry.cost, Square):
            y = geometry.y.double()
            centre = y.mean(0)
            self._x, self._y = geometry.x.double() - centre, y - centre
            self._xx, self._yy = self._x.square().sum(1), self._y.square().sum(1)
            self.size = float(self._xx.max() + self._yy.max())
        self._scale(epsilon, dtype, wide)

    def at(self, epsilon: float, dtype: torch.dtype, wide: bool = True) -> "Exponents":
        """Those of the same costs at another epsilon, or in another precision."""
        scaled = copy(self)
        scaled._scale(epsilon, dtype, wide)
        return scaled

    def _scale(self, epsilon: float, dtype: torch.dtype, wide: bool) -> None:
        self.epsilon, self.dtype, self.inner = epsilon, dtype, torch.float64 if wide else dtype
        self.square = self.size / epsilon * torch.finfo(torch.float64).eps < ROUNDING
        self.left: Tensor | float = 0.0  # the part of the exponents that is constant in each row, left out of blocks
        if self.square:
            self.left, self.yy = self._xx / -epsilon, self._yy / epsilon
        self._scratch: Tensor | None = None

    def _allocate(self) -> Tensor:
        """Memory for a block, and points in its precision; streaming kernels on a GPU need neither."""
        if self._scratch is None:
            if self.square:
                self.x, self.y = (self._x * (2.0 / self.epsilon)).to(self.inner), self._y.to(self.inner).T.contiguous()
            self._scratch = torch.empty(self.rows, self.shape[1], dtype=self.inner, device=self.device)
        return self._scratch

    def parts(self) -> list[slice]:
        """The blocks of rows."""
        return [slice(i, min(i + self.rows, self.shape[0])) for i in range(0, self.shape[0], self.rows)]

    def bias(self, g: Tensor) -> Tensor:
        """The part of the exponents that is the same in all rows, from the potential g (m,) in float64."""
        return ((g / self.epsilon - self.yy) if self.square else g / self.epsilon).to(self.inner)

    def shifted_exponentials(self, part: slice, bias: Tensor, out: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """exp(z - largest of the row) (k, m) and the largest (k,) of z_ij = (g_j - c_ij) / epsilon - left_i."""
        direct, scratch = out is not None and self.inner == self.dtype, self._allocate()
        z = out if out is not None and direct else scratch[: part.stop - part.start]
        forbidden = None
        if self.square:
            torch.addmm(bias.expand(len(z), -1), self.x[part], self.y, out=z)
        else:
            costs = self.geometry.block(part.start, part.stop, self.inner)
            torch.sub(bias, costs, alpha=1.0 / self.epsilon, out=z)
            forbidden = costs.isinf() if bool(costs.max().isinf()) else None
        top = z.amax(1)
        z.sub_(top[:, None])
        found = z if direct else z.to(self.dtype) if out is None else out.copy_(z)
        found.clamp_(min=FLOOR).exp_()
        if forbidden is not None:
            found.masked_fill_(forbidden, 0.0)
        return found, top

    def potentials(self, top: Tensor, sums: Tensor, part: slice) -> Tensor:
        """f (k,) in float64 of some rows, from their largest exponents and their sums of the rest."""
        left = self.left[part] if isinstance(self.left, Tensor) else self.left
        return (top.double() + left + sums.double().log()) * -self.epsilon


def sweep(
    exponents: Exponents, a: Tensor, b: Tensor, g: Tensor, increment: Increment | None = None
) -> tuple[Tensor, Tensor]:
    """One pass over all pairs: f (n,), the soft transform of g, and the column sums of the plan over b (m,).

    With this f the rows of P = a b exp((f + g - c) / epsilon) sum to a; at the optimum all ratios are 1.

    Args:
        exponents: of the costs.
        a: masses (n,) above 0.
        b: masses (m,) above 0.
        g: potentials (m,).
        increment: what is added to the transform before the ratios are summed.
    """
    bias, weights = exponents.bias(g), b.to(exponents.dtype)
    f, ratios = torch.empty_like(a), torch.zeros_like(b)
    for part in exponents.parts():
        found, top = exponents.shifted_exponentials(part, bias)
        sums = torch.mv(found, weights)
        f[part] = exponents.potentials(top, sums, part)
        scales = a[part] / sums
        if increment is not None:
            more = increment(f[part], part)
            f[part] += more
            scales *= (more / exponents.epsilon).clamp(-600.0, 50.0).exp()
        ratios += torch.mv(found.T, scales.to(exponents.dtype))
    return f, ratios
