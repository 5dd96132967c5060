"""The optimal coupling of noise with data, solved once: which of the data each draw of the noise is carried to."""

import torch
from torch import Tensor, nn

from remblai.distances.stochastic import semi_discrete

PER_ATOM = 32
"""Samples of noise an atom from which the potential is computed, within `LEAST` and `MOST` in all."""
LEAST, MOST = 2**15, 2**18
BATCH = 256


class SemiDiscrete(nn.Module):
    """The optimal transport of noise N(0, I) to atoms (m, d) of equal masses, for the squared distance.

    Each atom receives the noise of its Laguerre cell, {x: |x - y_j|^2 - g_j is least at j}. The potential g comes from
    `distances.stochastic.semi_discrete`, by samples of the noise.

    Args:
        atoms: (m, d).

    Source: Genevay et al. (2016), arXiv 1605.08527; as the coupling of a flow: Mousavi-Hosseini, Zhang, Klein, Cuturi,
    "Flow matching with semidiscrete couplings" (2025), arXiv 2509.25519.
    """

    atoms: Tensor
    potential: Tensor

    def __init__(self, atoms: Tensor) -> None:
        super().__init__()
        self.register_buffer("atoms", atoms)
        self.register_buffer("potential", torch.zeros(len(atoms), dtype=torch.float64))

    def solve(self, seed: int = 0) -> "SemiDiscrete":
        """Computes the potential, and returns the coupling; the same for the same seed, on the CPU."""
        self.potential.copy_(_potential(self.atoms, seed))  # in place: an average may follow the buffer
        return self

    def solve_within(self, labels: Tensor) -> "SemiDiscrete":
        """Computes a potential for the atoms of each class alone, by labels (m,): its noise goes to its atoms."""
        for label in sorted(set(labels.tolist())):
            own = labels == label
            self.potential[own] = _potential(self.atoms[own], 0).to(self.potential)
        return self

    @torch.no_grad()
    def scores(self, noise: Tensor) -> Tensor:
        """<x, y_j - c> + (g_j - |y_j|^2) / 2 (n, m), c the mean of the atoms: largest in x's own cell.

        It is half of |x|^2 minus the adjusted cost, up to the product <x, c>, which all atoms share.
        """
        heights = 0.5 * (self.potential - self.atoms.double().square().sum(1))
        centred = self.atoms - self.atoms.mean(0)
        with torch.autocast(noise.device.type, enabled=False):  # a rounded product leads to another atom
            return torch.addmm(heights.to(noise), noise, centred.T)

    def cells(self, noise: Tensor) -> Tensor:
        """The indices (n,) of the atoms to whose cells the noise (n, d) belongs."""
        return self.scores(noise).argmax(1)

    def partners(self, noise: Tensor) -> Tensor:
        """The atoms (n, d) to which the noise (n, d) is carried."""
        return self.atoms[self.cells(noise)]


def _potential(atoms: Tensor, seed: int) -> Tensor:
    """The potential (m,) of the optimal transport of normal noise to atoms (m, d), on the CPU.

    It is solved for the centred atoms u = y - c, whose plan is the same: g of y is that of u plus |y|^2 - |u|^2.
    """
    m, width = atoms.shape
    if m == 1:
        return torch.zeros(1, dtype=torch.float64)
    samples = min(MOST, max(LEAST, PER_ATOM * m))

    def noise(n: int) -> Tensor:
        return torch.randn(n, width, dtype=torch.float64)

    y = atoms.detach().cpu().double()
    centred = y - y.mean(0)
    plan = semi_discrete(noise, centred, samples=samples, evaluation=2, batch=BATCH, records=1, seed=seed)
    return torch.as_tensor(plan.g) + y.square().sum(1) - centred.square().sum(1)
