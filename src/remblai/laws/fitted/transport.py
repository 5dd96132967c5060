"""The transport of noise to the codes themselves, smooth from cell to cell."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from remblai.laws.couplings import SemiDiscrete
from remblai.laws.fitted.base import check_codes
from remblai.laws.fitted.pushed_noise import PushedNoise, check_counts
from remblai.laws.fitted.whitening import Whitening
from remblai.runtime.rng import seeded

PROBE = 2000
"""Draws of the noise from which the width of the smoothing is computed."""


class Transport(PushedNoise):
    """The semi-discrete optimal transport of noise N(0, I) to the codes, extended smoothly from cell to cell.

    The optimal map sends each Laguerre cell of the noise to one code, of equal masses: samples would be the codes
    again. Its potential max_j s_j(x), s_j(x) = <x, y_j> + (g_j - |y_j|^2) / 2, is replaced by width * log sum_j
    exp(s_j(x) / width), whose gradient, sum_j w_j y_j with the weights w = softmax(s / width), is smooth: a sample is
    the mean of the codes of the nearest cells. A code further from that of the noise's own cell than `reach` times the
    distances of both to their nearest codes lies across a gap: its weight is 0, so that no sample falls in the gap.

    Codes are whitened first. The density is not known.

    Args:
        atoms: codes that are kept, at most; a random part of more.
        neighbours: cells that a sample is the mean of, at most, and nearest codes of which the furthest says how far
            neighbours are.
        smoothing: the width, in units of the mean difference between a draw's best and second best score; 0 for none.
        reach: how far a step may go.
        seed: of the choice of the atoms and of the samples of noise.

    Raises:
        ValueError: counts below 1, a negative smoothing or reach; by `fit`: fewer than 2 codes, or codes that are not
            finite.

    Source: An et al., "AE-OT: a new generative model based on extended semi-discrete optimal transport" (ICLR 2020),
    which weighs the neighbours by inverse distances and rejects steps by the angle between faces of the potential; the
    smooth potential is that of entropic transport (Genevay et al. 2016, arXiv 1605.08527).
    """

    name: ClassVar[str] = "transport"

    def __init__(
        self, atoms: int = 4000, neighbours: int = 8, smoothing: float = 0.5, reach: float = 1.5, seed: int = 0
    ) -> None:
        check_counts(self.name, atoms=atoms, neighbours=neighbours)
        for name, value in (("smoothing", smoothing), ("reach", reach)):
            if not 0.0 <= value < float("inf"):
                raise ValueError(f"sampler 'transport': expected a finite {name} of at least 0, got {value}.")
        super().__init__()
        self.atoms, self.neighbours, self.smoothing, self.reach, self.seed = atoms, neighbours, smoothing, reach, seed

    def assemble(self, facts: Mapping[str, Any]) -> nn.ModuleDict:
        k, m = facts["latent"], facts["atoms"]
        return nn.ModuleDict({"whitening": Whitening(k), "coupling": SemiDiscrete(torch.zeros(m, k))})

    def fit(self, codes: Tensor, labels: Tensor | None = None) -> Self:
        z = check_codes(codes)
        with seeded(self.seed):
            whitening = Whitening.of(z)
            atoms = whitening.whiten(z.float())[torch.randperm(len(z))[: self.atoms]]
            coupling = SemiDiscrete(atoms).solve(self.seed, most=0)  # what is smoothed needs no exact cells
            best = coupling.scores(torch.randn(PROBE, z.shape[1])).topk(min(2, len(atoms)), 1).values
        width = self.smoothing * float((best[:, 0] - best[:, -1]).mean())
        parts = nn.ModuleDict({"whitening": whitening, "coupling": coupling})
        return self.take(parts, {"latent": z.shape[1], "atoms": len(atoms), "width": width})

    def from_noise(self, x: Tensor) -> Tensor:
        """The codes (n, k) that noise x (n, noise_width) is carried to."""
        coupling = self.fitted()["coupling"]
        assert isinstance(coupling, SemiDiscrete)
        return self.whitening.restore(self._carried(coupling, x))

    def _carried(self, coupling: SemiDiscrete, x: Tensor) -> Tensor:
        """Where the noise x (n, k) goes, whitened."""
        atoms = coupling.atoms
        scores, cells = coupling.scores(x).topk(min(self.neighbours, len(atoms)), 1)
        places = atoms[cells]
        near = self._nearness(atoms)[cells]
        steps = (places - places[:, :1]).norm(dim=2)
        allowed = steps <= self.reach * torch.minimum(near, near[:, :1])
        allowed[:, 0] = True
        width = max(self.facts["width"], torch.finfo(x.dtype).tiny)
        weights = ((scores - scores[:, :1]) / width).masked_fill(~allowed, -torch.inf).softmax(1)
        carried: Tensor = (weights[:, :, None] * places).sum(1)
        return carried

    def _nearness(self, atoms: Tensor) -> Tensor:
        """The distance (m,) of each atom to the last of its nearest `neighbours` others; 0 where there are not so many,
        so that each is alone."""
        count = self.neighbours + 1
        if len(atoms) < count:
            return atoms.new_zeros(len(atoms))
        parts = [
            torch.cdist(part, atoms).topk(count, 1, largest=False).values[:, -1] for part in torch.split(atoms, 512)
        ]
        return torch.cat(parts)
