"""The soft transform by blocks of rows: from stored, absorbed kernels, or from recomputed costs."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from remblai.distances.geometry import Geometry
from remblai.distances.stochastic.semidual import Response, response

DRIFT = 20.0
"""Largest distance of g from the absorbed potential, in units of epsilon: row sums stay in e^-20 .. e^20."""


class Rows(ABC):
    """The interface: n places in blocks of `batch`, against m places that all have mass.

    Attributes:
        size: n.
        count: of the blocks.
    """

    def __init__(self, geometry: Geometry, a: Tensor, b: Tensor, epsilon: float, batch: int) -> None:
        self.geometry, self.a, self.b, self.epsilon = geometry, a, b, epsilon
        self.size = len(a)
        self.parts = [slice(i, min(i + batch, self.size)) for i in range(0, self.size, batch)]
        self.count = len(self.parts)

    @abstractmethod
    def answer(self, block: int, g: Tensor) -> Response:
        """The soft transform of g at the block's places, and what the m places receive from them."""

    @abstractmethod
    def received(self, block: int, g: Tensor) -> Tensor:
        """What the m places receive from the block: (m,)."""

    def everything(self, g: Tensor) -> tuple[Tensor, float]:
        """What each block gives to each place (count, m), and sum_i a_i f_i."""
        answers = [self.answer(block, g) for block in range(self.count)]
        value = sum(float(self.a[part] @ one.f) for part, one in zip(self.parts, answers, strict=True))
        return torch.stack([one.received for one in answers]), value


class Recomputed(Rows):
    """Costs recomputed each time: nothing of size n m is stored."""

    def answer(self, block: int, g: Tensor) -> Response:
        part = self.parts[block]
        return response(self.geometry.block(part.start, part.stop), self.a[part], g, self.b, self.epsilon)

    def received(self, block: int, g: Tensor) -> Tensor:
        return self.answer(block, g).received


class Stored(Rows):
    """Kernels b_j exp((h_j - c_ij) / epsilon - r_i), largest 1 in each row, for a potential h near g.

    A block then needs two products of a matrix and a vector, without an exponential of its entries.
    """

    def __init__(self, geometry: Geometry, a: Tensor, b: Tensor, epsilon: float, batch: int) -> None:
        super().__init__(geometry, a, b, epsilon, batch)
        self.costs = geometry.matrix()
        self.masses = [a[part] for part in self.parts]
        self.absorbed: Tensor | None = None
        self.kernels: list[Tensor] = []
        self.largest: list[Tensor] = []

    def answer(self, block: int, g: Tensor) -> Response:
        ratio = self._ratio(g)
        kernel = self.kernels[block]
        sums = kernel @ ratio
        f = -self.epsilon * (sums.log() + self.largest[block])
        return Response(f, (self.masses[block] / sums) @ kernel * ratio)

    def received(self, block: int, g: Tensor) -> Tensor:
        ratio = self._ratio(g)
        kernel = self.kernels[block]
        return (self.masses[block] / (kernel @ ratio)) @ kernel * ratio

    def _ratio(self, g: Tensor) -> Tensor:
        """exp((g - h) / epsilon), after h has moved to g where g is far."""
        if self.absorbed is None or float((g - self.absorbed).abs().amax()) > DRIFT * self.epsilon:
            self._absorb(g)
            return torch.ones_like(g)
        return torch.exp((g - self.absorbed) / self.epsilon)

    def _absorb(self, g: Tensor) -> None:
        self.absorbed = g
        scores = (g - self.costs) / self.epsilon + self.b.log()
        largest = scores.amax(1, keepdim=True)
        kernel = torch.exp(scores - largest)
        self.kernels = [kernel[part] for part in self.parts]
        self.largest = [largest[part, 0] for part in self.parts]
