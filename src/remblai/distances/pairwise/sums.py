"""Sums over pairs of points by the kernel, once that was compared with torch; else None."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from remblai.distances.pairwise import availability
from remblai.distances.pairwise.points import Tile, point_set, sums_differences, tile
from remblai.distances.pairwise.profiles import GIBBS_SQUARE, Profile

if TYPE_CHECKING:
    from remblai.distances.pairwise.weighted import Sums

Terms = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""The function of |x_i - y_j|^2 and its derivative, (n, m) each, from points x (n, d) and y (m, d), in torch."""


class RowSums(NamedTuple):
    """Sums over j (n,) of a function of |x_i - y_j|^2, and their gradients (n, d) in x_i where they were asked for."""

    values: Tensor
    gradients: Tensor | None


def row_sums(
    x: Tensor,
    y: Tensor,
    profile: Profile,
    terms: Terms,
    *,
    same: bool = False,
    gradient: bool = True,
    biases: tuple[Tensor, Tensor] | None = None,
) -> RowSums | None:
    """Sums over the points y (m, d) for each of the points x (n, d), float32; None where no kernel runs.

    Args:
        x: points near the origin, in float32.
        y: the same.
        profile: the function of the squared distance.
        terms: the same in torch, which the kernel is compared with before its first use.
        same: whether x and y are one sample, whose pairs i = j are left out.
        gradient: whether gradients are wanted.
        biases: logarithms (n,) and (m,) that the two profiles of plans add to the exponent.
    """
    if x.dtype != torch.float32 or not availability.available(x.device):
        return None
    n, d = x.shape
    shape = tile(n, d, torch.float32, gradient)
    found = Configuration(d, profile.kind, len(profile.constants), same, gradient, shape)

    def launched() -> "RowSums":
        return found.launch(x, y, profile, biases)

    return availability.attempt(found, x.device, lambda: found.check(x.device, profile, terms), launched)


class Configuration(NamedTuple):
    """What the compiler makes one kernel of."""

    d: int
    kind: int
    constants: int
    same: bool
    gradient: bool
    shape: Tile

    def launch(self, x: Tensor, y: Tensor, profile: Profile, biases: tuple[Tensor, Tensor] | None) -> RowSums:
        """Runs the kernel, whether it was compared with torch or not."""
        from remblai.distances.pairwise.weighted import weighted_sums

        direct = sums_differences(self.d, x.dtype)
        first = point_set(x, direct)
        second = first if self.same else point_set(y, direct)
        sums: Sums = weighted_sums(
            first, second, profile, same=self.same, gradient=self.gradient, shape=self.shape, biases=biases
        )
        if sums.weights is None or sums.towards is None:
            return RowSums(sums.values, None)
        return RowSums(sums.values, torch.addcmul(sums.towards.neg_(), sums.weights[:, None], x).mul_(2.0))

    def check(self, device: torch.device, profile: Profile, terms: Terms) -> None:
        """Compares sums over a few points with those of torch.

        Raises:
            ArithmeticError: they differ.
        """
        n, m = self.shape.rows + 5, self.shape.columns + 3
        numbers = torch.arange((n + m) * self.d, device=device).double().mul(0.7).sin().float()
        x, y = numbers.view(-1, self.d).tensor_split([n])
        y = x if self.same else y
        biases = None
        if profile.kind >= GIBBS_SQUARE:
            biases = numbers[:n], numbers[n : n + len(y)]
        value, slope = (part.clone() for part in terms(x.double(), y.double()))
        if biases is not None:
            factors = (biases[0][:, None] + biases[1]).double().exp()
            value, slope = value * factors, slope * factors
        if self.same:
            value.fill_diagonal_(0.0)
            slope.fill_diagonal_(0.0)
        found = self.launch(x, y, profile, biases)
        pairs = [(found.values, value.sum(1))]
        if found.gradients is not None:
            pairs.append((found.gradients, 2.0 * (slope.sum(1, keepdim=True) * x - slope @ y.double())))
        for one, other in pairs:
            error = float((one - other).abs().max() / other.abs().max())
            if not error <= 1e-3:  # true for NaN
                raise ArithmeticError(f"sums of a function of kind {self.kind}, d = {self.d}, are off by {error:.2g}")
