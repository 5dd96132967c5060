"""The optimal coupling of noise with data, solved once: which of the data each draw of the noise is carried to."""

import math
import warnings

import torch
from torch import Tensor, nn

from remblai.distances.stochastic import semi_discrete

PER_ATOM = 32
"""Samples of noise an atom from which a first potential is computed, within `LEAST` and `MOST` in all."""
LEAST, MOST = 2**15, 2**18
BATCH = 256
MISSED = 0.05
"""Sum of |mass - 1 / m| over the atoms at which the refinement stops."""
ALLOWED = 0.1
"""The same sum where a refinement that has to stop warns."""
REFINED = 2**20
"""Draws, at most, by which the first potential is refined."""
AT_FIRST = 2**16
"""Draws after which the masses are first measured; then after twice as many, and so on."""
WIDE = 1024
"""Draws in a step of the refinement, where float32 products are quick."""
MEASURED = 128
"""Fresh draws an atom that measure its mass, and at least `LEAST`."""
DECAY = 3.0
"""Weight k^(DECAY - 1) of the k-th refined potential in the average."""


class SemiDiscrete(nn.Module):
    """The optimal transport of noise N(0, I) to atoms (m, d) of equal masses, for the squared distance.

    Each atom receives the noise of its Laguerre cell, {x: |x - y_j|^2 - g_j is least at j}. The potential g comes from
    `distances.stochastic.semi_discrete`, by samples of the noise, and is refined by more of them until the atoms
    receive equal masses up to `MISSED` in all. A warning says where `REFINED` draws leave more than `ALLOWED`.

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

    def solve(self, seed: int = 0, most: int = REFINED) -> "SemiDiscrete":
        """Computes the potential, and returns the coupling; the same for the same seed, on the CPU.

        Args:
            seed: of the draws of the noise.
            most: draws by which the first potential is refined, at most; 0 leaves it as it is.
        """
        self.potential.copy_(_potential(self.atoms, seed, most))  # in place: an average may follow the buffer
        return self

    def solve_within(self, labels: Tensor) -> "SemiDiscrete":
        """Computes a potential for the atoms of each class alone, by labels (m,): its noise goes to its atoms."""
        for label in sorted(set(labels.tolist())):
            own = labels == label
            self.potential[own] = _potential(self.atoms[own], 0, REFINED).to(self.potential)
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


def _potential(atoms: Tensor, seed: int, most: int) -> Tensor:
    """The potential (m,) of the optimal transport of normal noise to atoms (m, d), on the CPU.

    It is solved for the centred atoms u = y - c, whose plan is the same: g of y is that of u plus |y|^2 - |u|^2. Of
    fewer atoms than coordinates it is solved in the space that they span, for the noise there is normal too.
    """
    m, width = atoms.shape
    if m == 1:
        return torch.zeros(1, dtype=torch.float64)
    samples = min(MOST, max(LEAST, PER_ATOM * m))

    y = atoms.detach().cpu().double()
    centred = y - y.mean(0)
    here = centred if width <= m else torch.linalg.qr(centred.T).R.T

    def noise(n: int) -> Tensor:
        return torch.randn(n, here.shape[1], dtype=torch.float64)

    # two samples measure nothing: the refinement measures the masses, and warns
    plan = semi_discrete(noise, here, samples=samples, evaluation=2, batch=BATCH, records=1, seed=seed)
    g = _refined(here, torch.as_tensor(plan.g), seed, most) if most else torch.as_tensor(plan.g)
    return g + y.square().sum(1) - centred.square().sum(1)


def _refined(atoms: Tensor, g: Tensor, seed: int, most: int) -> Tensor:
    """The potential (m,) of atoms (m, d) from a first one: steps in 1 / sqrt(k) of which the later weigh more.

    A step moves the border of a cell without mass by the mean distance between a draw's best and second best atom. The
    masses are measured after `AT_FIRST` draws, twice, four times as many ...; the mean square of a count explains its
    share of what is measured. A warning says where `most` draws leave more than `ALLOWED`.
    """
    cells, m = _Cells(atoms, seed), len(atoms)
    pace, mean, missed = cells.gap(g), g.clone(), math.inf
    for k in range(most // WIDE):
        g = g + pace / (1.0 + k) ** 0.5 * (1.0 - m * cells.shares(g, WIDE)) / max(1.0, m / WIDE)
        mean = mean + (g - mean) * DECAY / (k + DECAY)
        drawn = (k + 1) * WIDE
        if drawn >= AT_FIRST and drawn & (drawn - 1) == 0:  # a power of 2
            missed = cells.missed(mean)
            if missed < MISSED:
                return mean
    if missed > ALLOWED:
        warnings.warn(
            f"semi-discrete coupling: after {most:,} draws of the noise the masses of {m:,} atoms are missed by "
            f"{missed:.2g} in all, where at most {ALLOWED} was wanted: take fewer atoms.",
            stacklevel=4,
        )
    return mean


class _Cells:
    """The cells of draws of the noise, in float32, at any potential of centred atoms (m, d)."""

    def __init__(self, atoms: Tensor, seed: int) -> None:
        self.atoms, self.squares = atoms.float(), atoms.square().sum(1)
        self.generator = torch.Generator().manual_seed(seed)

    def scores(self, g: Tensor, n: int) -> Tensor:
        """<x, y_j> + (g_j - |y_j|^2) / 2 (n, m) of n draws."""
        noise = torch.randn(n, self.atoms.shape[1], generator=self.generator)
        return torch.addmm((0.5 * (g - self.squares)).float(), noise, self.atoms.T)

    def gap(self, g: Tensor) -> float:
        """The mean difference of the g-adjusted costs of a draw's best and second best atom."""
        best = self.scores(g, WIDE).topk(2, 1).values
        return 2.0 * float((best[:, 0] - best[:, 1]).mean())

    def shares(self, g: Tensor, n: int) -> Tensor:
        """What the atoms receive of n draws, (m,), in float64."""
        return torch.bincount(self.scores(g, n).argmax(1), minlength=len(self.atoms)).double() / n

    def missed(self, g: Tensor) -> float:
        """The sum of |mass - 1 / m| over the atoms, without what counting fresh draws adds to it."""
        m = len(self.atoms)
        rounds = -(-max(LEAST, MEASURED * m) // WIDE)
        shares = torch.stack([self.shares(g, WIDE) for _ in range(rounds)]).mean(0)
        counted = 2.0 / math.pi * (m - 1) / (rounds * WIDE)  # squared: the mean of |normal| for each atom
        return math.sqrt(max(0.0, float((shares - 1.0 / m).abs().sum()) ** 2 - counted))
