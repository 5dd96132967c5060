"""Sinkhorn's iteration by streaming kernels on a GPU: no (n, m) array, and several iterations between checks."""

import math

import torch
from torch import Tensor

from remblai.costs import Euclidean
from remblai.distances.entropic.kernel import PATIENCE, Form, Relaxation
from remblai.distances.entropic.soft_transforms import ROUNDING, SoftTransforms, centred
from remblai.distances.entropic.softmin import Exponents
from remblai.distances.geometry import Points

SPANS = ((2**24, 5), (2**28, 2))
"""Up to so many pairs, so many iterations between checks, each of which waits for the device; beyond, one."""

COARSE = 0.05
"""Rounding of exponents by a single pass of the tensor cores above which that is not used at all."""


class Fused(Form):
    """Both transforms in the log domain, streamed through the tensor cores, in memory O((n + m) d).

    The iteration first runs between points rounded to tf32, whose products one pass of the tensor cores gives exactly.
    Near the accuracy of that it changes to products with the errors of float32; in dtype float64, and where float32 is
    too coarse for the size of the exponents, it runs on differences in float64. Potentials are float64 throughout.

    Args:
        geometry: points and a cost for which the kernels are `ready`.
        a: masses (n,) above 0.
        b: masses (m,) above 0.
        dtype: the precision of the iteration.
    """

    name = "fused"

    def __init__(self, geometry: Points, a: Tensor, b: Tensor, dtype: torch.dtype) -> None:
        self.geometry, self.a, self.b, self.dtype = geometry, a, b, dtype
        self.span = next((span for pairs, span in SPANS if len(a) * len(b) <= pairs), 1)
        self.errors = a.new_empty(self.span)
        self.row_errors, self.column_errors = torch.empty_like(a), torch.empty_like(b)
        self.farthest, self.typical = sizes(geometry)
        self.kept: dict[tuple[torch.dtype, bool], SoftTransforms] = {}

    def begin(self, exponents: Exponents, g: Tensor) -> None:
        self.epsilon, self.g, self.f = exponents.epsilon, g.clone(), torch.zeros_like(self.a)
        self.inner = torch.float64 if self.farthest / self.epsilon * 2.0**-24 > ROUNDING else self.dtype
        rounding = self.typical / self.epsilon * 2.0**-12
        self.threshold = 4.0 * rounding
        products = not self._transforms(self.inner).direct
        self._use(single=products and rounding <= COARSE)

    def sweep(self, omega: float) -> float:
        self._move_rows(omega)
        self.back = self.current.transform(self.f, 1)
        error = float((self.b * ((self.g - self.back) / self.epsilon).expm1()).abs().sum())
        if self.current.single and error <= self.threshold:
            self._use(single=False)
            return self.sweep(1.0)
        return error

    def step(self, omega: float) -> None:
        self.g += omega * (self.back - self.g)
        self.bias_of_g = self.current.bias(self.g, 1)

    def sweeps(self, count: int, omega: float) -> list[float]:
        """So many sweeps, each with its step: the errors |P' 1 - b|_1 after the sweeps, read from the device at once.

        Where single products have come to the end of their accuracy, the last error is that of accurate ones.
        """
        for k in range(count):
            self._move_rows(omega)
            self.current.move(self.g, self.bias_of_f, 1, self.column_errors, self.bias_of_g, omega)
            torch.sum(self.column_errors, 0, out=self.errors[k])
        found: list[float] = self.errors[:count].tolist()
        if self.current.single and found[-1] <= self.threshold:
            self._use(single=False)
            found[-1:] = self.sweeps(1, 1.0)
        return found

    def potentials(self) -> Tensor:
        return self.g

    def transform(self, g: Tensor) -> Tensor:
        return self._transforms(self.inner).transform(g, 0)

    def measured(self) -> tuple[Tensor, float]:
        exact = self._transforms(torch.float64)
        f = exact.transform(self.g, 0)
        gap = (self.g - exact.transform(f, 1)) / self.epsilon
        return f, float((self.b * gap.expm1()).abs().sum())

    def _use(self, single: bool) -> None:
        self.current, self.first = self._transforms(self.inner, single), True
        self.bias_of_g = self.current.bias(self.g, 1)
        self.bias_of_f = torch.empty_like(self.a, dtype=self.inner)

    def _transforms(self, dtype: torch.dtype, single: bool = False) -> SoftTransforms:
        """At the present epsilon; the points are prepared once for each precision."""
        key = dtype, single
        if key not in self.kept:
            self.kept[key] = SoftTransforms(self.geometry, self.a, self.b, dtype, single)
        found = self.kept[key]
        return found if found.epsilon == self.epsilon else found.at(self.epsilon)

    def _move_rows(self, omega: float) -> None:
        omega = 1.0 if self.first else omega  # there is no f yet to move from
        self.first = False
        self.current.move(self.f, self.bias_of_g, 0, self.row_errors, self.bias_of_f, omega)


def sizes(geometry: Points) -> tuple[float, float]:
    """How large costs can be as far from the centre as the farthest points, and as the typical ones are."""
    squares = [points.square().sum(1) for points in centred(geometry, torch.float64)]
    most, typical = (
        [float(size) for size in found] for found in zip(*((s.max(), s.mean()) for s in squares), strict=True)
    )
    if isinstance(geometry.cost, Euclidean):
        most, typical = ([math.sqrt(size) for size in found] for found in (most, typical))
    return sum(most), sum(typical)


def iterate_fused(
    form: Fused, target: float, limit: int, patient: bool = False, relaxation: Relaxation | None = None
) -> tuple[float, int]:
    """As `iterate`, with `form.span` iterations between checks: the last error, and the number of iterations.

    Where the error is at most the target, the last iteration was a plain one.
    """
    relaxation = relaxation or Relaxation()
    relaxation.resume()
    done, checked, milestone, error = 0, 0, math.inf, math.inf
    while done < limit:
        omega = relaxation.omega
        errors = form.sweeps(min(form.span, limit - done), omega)
        done += len(errors)
        for error in errors:
            relaxation.update(error)
            if relaxation.omega != omega:
                break  # the later errors belong to the omega before
        error = errors[-1]
        # under relaxation the error is up to 1 / (2 - omega) times that after a plain iteration
        if omega > 1.0 and error * (2.0 - omega) <= target and done < limit:
            (error,) = form.sweeps(1, 1.0)
            done += 1
        if error <= target:
            break
        if done - checked >= PATIENCE:
            checked, best = done, min(relaxation.errors[-PATIENCE // 2 :])
            if not patient and best > 0.7 * milestone:
                break
            milestone = best
    return error, done
