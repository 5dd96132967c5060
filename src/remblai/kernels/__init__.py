"""Kernels k(x, y), and their exact mean embeddings under normal laws."""

from remblai.kernels.kernel import Kernel
from remblai.kernels.kernels import (
    KERNELS,
    SCALES,
    Energy,
    Gaussian,
    InverseMultiquadric,
    Laplacian,
    Polynomial,
    Scaled,
    Spread,
)

__all__ = [
    "KERNELS",
    "SCALES",
    "Energy",
    "Gaussian",
    "InverseMultiquadric",
    "Kernel",
    "Laplacian",
    "Polynomial",
    "Scaled",
    "Spread",
]
