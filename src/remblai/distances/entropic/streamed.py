"""Entropic plans between point sets as their potentials: marginals and gradients by streaming kernels."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from remblai.costs import Euclidean
from remblai.distances.coupling import Lazy
from remblai.distances.entropic.soft_transforms import ROUNDING, SoftTransforms, centred
from remblai.distances.geometry import Points
from remblai.distances.pairwise.availability import Unavailable
from remblai.distances.pairwise.profiles import GIBBS_LENGTH, GIBBS_SQUARE, Profile
from remblai.distances.pairwise.sums import row_sums
from remblai.distances.problem import Problem


class Streamed(Lazy):
    """P = a b exp((f + g - c) / epsilon) between points, on a device where the kernels are `ready`."""

    def __init__(
        self, rule: Callable[[int, int], Tensor], problem: Problem, f: Tensor, g: Tensor, epsilon: float
    ) -> None:
        super().__init__(rule, problem.shape)
        self.problem, self.potentials, self.epsilon = problem, (f, g), epsilon

    def marginals(self) -> tuple[Tensor, Tensor]:
        """In float64: a_i exp((f - T g)_i / epsilon), and the same on the other side."""
        problem, (f, g) = self.problem, self.potentials
        assert isinstance(problem.geometry, Points)
        try:
            exact = SoftTransforms(problem.geometry, problem.a, problem.b, torch.float64).at(self.epsilon)
            gaps = f - exact.transform(g, 0), g - exact.transform(f, 1)
        except Unavailable:
            return super().marginals()
        rows, columns = (
            masses * (gap / self.epsilon).exp() for masses, gap in zip((problem.a, problem.b), gaps, strict=True)
        )
        return rows, columns

    def gradients(self, wanted: tuple[bool, bool]) -> tuple[Tensor, Tensor] | None:
        """The derivatives of <P, C> in the points, 2 (x_i sum_j w_ij - sum_j w_ij y_j), w = P dc / d|x - y|^2.

        In float32, for points in float32; None for others, and where exponents are too large for it.
        """
        geometry = self.problem.geometry
        assert isinstance(geometry, Points)
        if geometry.dtype != torch.float32:
            return None
        sides = centred(geometry, torch.float32)
        exponents = [
            h / self.epsilon + masses.log()
            for h, masses in zip(self.potentials, (self.problem.a, self.problem.b), strict=True)
        ]
        if float(torch.cat(exponents).abs().max()) * 2.0**-24 > ROUNDING:
            return None
        biases = [one.float() for one in exponents]
        length = isinstance(geometry.cost, Euclidean)
        profile = Profile(GIBBS_LENGTH if length else GIBBS_SQUARE, (1.0 / self.epsilon,))
        found = []
        for side in (0, 1):
            x, y = sides[side], sides[1 - side]
            if not wanted[side]:
                found.append(torch.zeros_like(x))
                continue
            sums = row_sums(
                x, y, profile, partial(_terms, self.epsilon, length), biases=(biases[side], biases[1 - side])
            )
            if sums is None or sums.gradients is None:
                return None
            found.append(sums.gradients)
        return found[0], found[1]


def _terms(epsilon: float, length: bool, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """exp(-c / epsilon) and the same times dc / d|x - y|^2."""
    lengths = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")
    if not length:
        value = (lengths.square() / -epsilon).exp()
        return value, value
    value = (lengths / -epsilon).exp()
    return value, torch.where(lengths > 0, 0.5 * value / lengths, 0.0)
