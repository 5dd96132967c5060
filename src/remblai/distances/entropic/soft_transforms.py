"""Both soft transforms of entropic transport between two point sets, by streaming kernels."""

import math
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

from remblai.costs import Euclidean, Square
from remblai.distances.geometry import Geometry, Points
from remblai.distances.pairwise import availability
from remblai.distances.pairwise.availability import Unavailable
from remblai.distances.pairwise.points import OMEGA, SCALARS, Tile, point_set, sums_differences, tile

ROUNDING = 1e-4
"""Largest rounding of the exponents in float32, at the points farthest from the centre, for which it is used."""


Update: TypeAlias = tuple[Tensor, Tensor, Tensor, Tensor]
"""What a launch needs to move a potential: constants of the next bias, masses, errors, the next bias."""


class SoftTransforms:
    """f = T g and g = T' f between points x (n, d), y (m, d), in memory O((n + m) d) and one launch each.

    T g_i = -epsilon log sum_j b_j exp((g_j - c_ij) / epsilon). Potentials are float64; exponents are in the precision
    of the points, in float32 with products by three passes of the tensor cores, whose errors are those of float32.

    Args:
        geometry: points and a cost that `serves` accepts.
        a: masses (n,); a place of mass 0 counts nowhere.
        b: masses (m,).
        dtype: float32 or float64.
        single: one pass of the tensor cores instead of three, between points rounded to its precision.

    Raises:
        Unavailable: when used: the kernel does not run on this device.
    """

    def __init__(self, geometry: Points, a: Tensor, b: Tensor, dtype: torch.dtype, single: bool = False) -> None:
        self.dtype, self.masses, self.length = dtype, (a, b), isinstance(geometry.cost, Euclidean)
        d = geometry.x.shape[1]
        self.direct = sums_differences(d, dtype)
        self.single, self.precision = single, "tf32" if single else "tf32x3"
        self.points = tuple(point_set(one, self.direct, single) for one in centred(geometry, dtype))
        self.shapes = tuple(tile(len(masses), d, dtype) for masses in self.masses)
        self.product = not (self.direct or self.length)
        zeros = [torch.zeros_like(masses) for masses in self.masses]
        norms = [one.values.double().square().sum(1) for one in self.points] if self.product else zeros
        self.left = norms
        self.logarithms = [masses.log() for masses in self.masses]
        self.scalars = a.new_zeros(SCALARS)
        self.base = 1.0 if dtype == torch.float64 else math.log2(math.e)
        self.epsilon = self.omega = math.nan

    def at(self, epsilon: float) -> "SoftTransforms":
        """Sets epsilon; returns itself."""
        self.epsilon, self.slope = epsilon, self.base / epsilon
        self.constants = [
            self.base * logarithm - self.slope * norms
            for logarithm, norms in zip(self.logarithms, self.left, strict=True)
        ]
        factor = 2.0 * self.slope if self.product else -self.slope
        # filled one by one: a copy of a list would wait for the device
        for place, value in enumerate((factor, 1.0 / self.slope, self.slope, 1.0, epsilon)):
            self.scalars[place] = value
        self.omega = 1.0
        return self

    def bias(self, h: Tensor, side: int) -> Tensor:
        """What the exponents have from the potential h at the points of a side, 0 for x and 1 for y."""
        return torch.add(self.constants[side], h, alpha=self.slope).to(self.dtype)

    def transform(self, h: Tensor, side: int) -> Tensor:
        """The transform, at the points of a side, of the potential h of the other: float64."""
        out = torch.empty_like(self.masses[side])
        self._launch(self.bias(h, 1 - side), side, out, None)
        return out

    def move(self, h: Tensor, bias: Tensor, side: int, errors: Tensor, next_bias: Tensor, omega: float) -> None:
        """Moves h, at the points of a side, to h + omega (T - h), in place, with T from the other side's bias.

        Args:
            h: the potential, float64.
            bias: from the other side's potential.
            side: 0 for x, 1 for y.
            errors: receives mass_i |exp((h - T)_i / epsilon) - 1|, what the marginal lacks or has too much before the
                move: float64, of the size of h.
            next_bias: receives the bias of the new h.
            omega: 1 for the transform itself.
        """
        if omega != self.omega:
            self.omega = self.scalars[OMEGA] = omega
        self._launch(bias, side, h, (self.constants[side], self.masses[side], errors, next_bias))

    def _launch(self, bias: Tensor, side: int, out: Tensor, update: Update | None) -> None:
        found = Configuration(
            self.points[0].values.shape[1], self.dtype, self.length, self.precision, self.shapes[side]
        )
        device = out.device
        if not availability.attempt(
            found, device, lambda: found.check(device), lambda: self.run(bias, side, out, update)
        ):
            raise Unavailable(f"soft transforms do not run on {device}")

    def run(self, bias: Tensor, side: int, out: Tensor, update: Update | None) -> bool:
        """Launches the kernel, whether it was compared with torch or not."""
        from remblai.distances.pairwise.transforms import soft_transform

        soft_transform(
            self.points[side],
            self.points[1 - side],
            bias,
            self.scalars,
            out,
            self.left[side],
            direct=self.direct,
            length=self.length,
            precision=self.precision,
            shape=self.shapes[side],
            update=update,
        )
        return True


class Configuration(NamedTuple):
    """What the compiler makes one kernel of."""

    d: int
    dtype: torch.dtype
    length: bool
    precision: str
    shape: Tile

    def check(self, device: torch.device) -> None:
        """Compares a transform between a few points with the formula in torch.

        Raises:
            ArithmeticError: they differ.
        """
        n, m, epsilon = self.shape.rows + 5, self.shape.columns + 3, 0.5 * self.d ** (0.5 if self.length else 1.0)
        numbers = torch.arange((n + m) * self.d, device=device).double().mul(0.7).sin()
        x, y = numbers.view(-1, self.d).float().tensor_split([n])
        a, b = (torch.full((size,), 1.0 / size, dtype=torch.float64, device=device) for size in (n, m))
        geometry = Points(x, y, Euclidean() if self.length else Square())
        transforms = SoftTransforms(geometry, a, b, self.dtype, self.precision == "tf32").at(epsilon)
        transforms.shapes = (self.shape, self.shape)
        g = epsilon * numbers[:m]
        found, expected = torch.empty_like(a), torch.empty_like(a)
        transforms.run(transforms.bias(g, 1), 0, found, None)
        costs = torch.cdist(x.double(), y.double())
        torch.logsumexp((g - (costs if self.length else costs.square())) / epsilon + b.log(), 1, out=expected)
        error = float((found / -epsilon - expected).abs().max())
        limit = 1e-9 if self.dtype == torch.float64 else 0.02 if self.precision == "tf32" else 1e-4
        if not error <= limit:  # true for NaN
            raise ArithmeticError(
                f"a soft transform in {self.dtype} ({self.precision}), d = {self.d}, is off by {error:.2g}"
            )


def serves(geometry: Geometry) -> bool:
    """Whether the costs are such that the kernels compute them: of points, the square or the Euclidean distance."""
    return isinstance(geometry, Points) and type(geometry.cost) in (Square, Euclidean)


def centred(geometry: Points, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """The points minus the mean of y, which is subtracted in float64."""
    centre = geometry.y.double().mean(0)
    return (geometry.x - centre).to(dtype), (geometry.y - centre).to(dtype)


def ready(geometry: Geometry, dtype: torch.dtype) -> bool:
    """Whether the kernels take these costs and run on their device."""
    if not (isinstance(geometry, Points) and serves(geometry) and availability.available(geometry.device)):
        return False
    n, m = geometry.shape
    d, device, length = geometry.x.shape[1], geometry.device, isinstance(geometry.cost, Euclidean)
    for size in (n, m):
        found = Configuration(d, dtype, length, "tf32x3", tile(size, d, dtype))
        if not availability.usable(found, device, lambda found=found: found.check(device)):  # type: ignore[misc]
            return False
    return True
