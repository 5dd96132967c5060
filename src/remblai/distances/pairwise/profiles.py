"""Functions of the squared distance that the kernels know."""

from typing import NamedTuple

import torch
from torch import Tensor

GAUSSIAN, INVERSE_MULTIQUADRIC, LAPLACIAN, ENERGY, AVERAGED, GIBBS_SQUARE, GIBBS_LENGTH = range(7)
"""Sums, over constants s, of exp(-r^2 / (2 s)), of s / (s + r^2), of exp(-r / s); -r; v^(1/2) P(v) with
v = 1 / (1 + s r^2) and P by Chebyshev coefficients; exp(bias - s r^2) and exp(bias - s r)."""


class Profile(NamedTuple):
    """A function of the squared distance r^2.

    Attributes:
        kind: one of the constants above.
        constants: what it sums over; for `AVERAGED` s and then the coefficients.
        weight: a factor.
    """

    kind: int
    constants: tuple[float, ...] = (1.0,)
    weight: float = 1.0

    def constants_on(self, device: torch.device) -> Tensor:
        """The constants (k,) in float32 on a device: filled there, without a copy from the host.

        Those of kernels are kept. Those of plans change with every epsilon, and memory that is filled while a CUDA
        graph is captured belongs to the graph.
        """
        known = _kept.get((device, self.constants))
        if known is not None:
            return known
        filled = torch.cat([torch.full((1,), value, device=device) for value in self.constants])
        if self.kind < GIBBS_SQUARE and not (device.type == "cuda" and torch.cuda.is_current_stream_capturing()):
            _kept[device, self.constants] = filled
        return filled


_kept: dict[tuple[torch.device, tuple[float, ...]], Tensor] = {}
