"""Sums of radial kernels over pairs of points by one pass of a GPU, whose kernel knows their function of |x - y|^2."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from remblai.distances.pairwise.profiles import ENERGY, GAUSSIAN, INVERSE_MULTIQUADRIC, LAPLACIAN, Profile
from remblai.distances.pairwise.sums import RowSums, row_sums
from remblai.kernels import Energy, Gaussian, InverseMultiquadric, Kernel, Laplacian

MOST = 256
"""Dimensions up to which it is used: beyond, matrix products are most of the work, and the GPU's library is faster."""

PROFILES: dict[type[Kernel], Callable[[Any], Profile | None]] = {
    Gaussian: lambda kernel: Profile(GAUSSIAN, kernel.sizes),
    InverseMultiquadric: lambda kernel: Profile(INVERSE_MULTIQUADRIC, kernel.sizes),
    Laplacian: lambda kernel: Profile(LAPLACIAN, kernel.sizes),
    Energy: lambda _: Profile(ENERGY),
}
"""Kernels as functions of |x - y|^2, by their exact type: a subclass may be another function."""


def fused_sums(kernel: Kernel, x: Tensor, y: Tensor, gradient: bool, same: bool) -> RowSums | None:
    """Sums over j of k(x_i, y_j), and their gradients in x_i; None where no kernel of the GPU serves.

    Args:
        kernel: k.
        x: points (n, d), near the origin.
        y: points (m, d).
        gradient: whether gradients are wanted.
        same: whether x and y are one sample, whose pairs i = j are left out.
    """
    profile_of = PROFILES.get(type(kernel))
    profile = None if profile_of is None or x.shape[1] > MOST else profile_of(kernel)
    if profile is None:
        return None
    return row_sums(x, y, profile, kernel.terms, same=same, gradient=gradient)
