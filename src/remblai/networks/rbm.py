"""Restricted Boltzmann machines: bits x and hidden bits h with p(x, h) = exp(b.x + c.h + x W h) / Z."""

import math
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from remblai.networks.network import positive

ENUMERABLE = 20
"""Bits of the smaller layer up to which its states are enumerated."""
AT_ONCE = 2**14
"""States in memory at a time."""


class Partition(NamedTuple):
    """An estimate of log Z: its value, and its standard error, from the standard deviation of its weights."""

    value: float
    error: float


class RBM(nn.Module):
    """Bits x (n, d) whose law is p(x) = exp(-F(x)) / Z, with F the free energy: hidden bits are summed out.

    Weights start from a normal law of standard deviation 0.01 and biases from 0.

    Args:
        visible: bits of x.
        hidden: hidden bits.

    Raises:
        ValueError: visible or hidden below 1.

    Source: Smolensky (1986); Hinton, "Training products of experts by minimizing contrastive divergence" (2002).
    """

    def __init__(self, visible: int, hidden: int) -> None:
        super().__init__()
        positive(visible=visible, hidden=hidden)
        self.weight = nn.Parameter(0.01 * torch.randn(visible, hidden))
        self.visible_bias = nn.Parameter(torch.zeros(visible))
        self.hidden_bias = nn.Parameter(torch.zeros(hidden))

    @property
    def visible(self) -> int:
        """Bits of x."""
        return len(self.visible_bias)

    def free_energy(self, x: Tensor) -> Tensor:
        """F(x) = -b.x - sum_j log(1 + exp(c_j + (x W)_j)): x (n, d) -> (n,)."""
        with torch.autocast(x.device.type, enabled=False):
            return -(x @ self.visible_bias) - softplus(x @ self.weight + self.hidden_bias).sum(1)

    def hidden_mean(self, x: Tensor) -> Tensor:
        """E[h | x]: x (n, d) -> (n, k)."""
        with torch.autocast(x.device.type, enabled=False):
            return torch.sigmoid(x @ self.weight + self.hidden_bias)

    def visible_mean(self, h: Tensor, field: Tensor | None = None) -> Tensor:
        """E[x | h]: h (n, k) -> (n, d); `field` (n, d) or (d,) is added to the log-odds, infinite ones fix a bit."""
        with torch.autocast(h.device.type, enabled=False):
            odds = h @ self.weight.T + self.visible_bias
            return torch.sigmoid(odds if field is None else odds + field)

    def reconstruct(self, x: Tensor) -> Tensor:
        """E[x | h] at the hidden bits' means given x: x (n, d) -> (n, d)."""
        return self.visible_mean(self.hidden_mean(x))

    @torch.no_grad()
    def gibbs(self, x: Tensor, steps: int, field: Tensor | None = None) -> Tensor:
        """Chains x (n, d) after `steps` of block Gibbs sampling: all hidden bits, then all visible ones.

        With a field the law of the chains is p(x) exp(field . x), up to a constant.
        """
        for _ in range(steps):
            x = draw_bits(self.visible_mean(draw_bits(self.hidden_mean(x)), field))
        return x

    def complete(self, x: Tensor, known: Tensor, steps: int = 200) -> Tensor:
        """A draw of the unknown bits given the known ones, by Gibbs sampling from random starts.

        Args:
            x: bits (n, d); unknown entries are not read.
            known: (d,) or (n, d), true where a bit is given.
            steps: of Gibbs sampling.

        Raises:
            ValueError: known values that are not bits, or a mask of another shape.
        """
        if known.dtype != torch.bool or known.shape not in (x.shape, x.shape[1:]):
            raise ValueError(
                f"complete: expected a mask of booleans {tuple(x.shape[1:])} or {tuple(x.shape)}, got "
                f"{tuple(known.shape)} of {known.dtype}."
            )
        x = self._bits("complete", torch.where(known, x, 0))
        start = torch.where(known, x, torch.rand_like(x).round())
        return self.gibbs(start, steps, torch.where(known, (2.0 * x - 1.0) * torch.inf, 0.0))

    def denoise(self, x: Tensor, flip: float, steps: int = 200) -> Tensor:
        """A draw of the clean bits given noisy ones x (n, d), each of which was flipped with probability `flip`.

        Raises:
            ValueError: flip outside (0, 1), or values that are not bits.
        """
        if not 0.0 < flip < 1.0:
            raise ValueError(f"flip: expected a probability above 0 and below 1, got {flip}.")
        x = self._bits("denoise", x)
        return self.gibbs(x, steps, (2.0 * x - 1.0) * math.log((1.0 - flip) / flip))

    def _bits(self, task: str, x: Tensor) -> Tensor:
        if x.shape[1:] != self.visible_bias.shape or not bool(((x == 0) | (x == 1)).all()):
            raise ValueError(
                f"{task}: expected bits (n, {len(self.visible_bias)}), 0 or 1, got {tuple(x.shape)} with other values "
                "or another width: set a threshold first."
            )
        return x.to(self.weight.dtype)

    @torch.no_grad()
    def exact_log_partition(self) -> float:
        """log Z, by enumeration of the smaller layer in float64.

        Raises:
            ValueError: both layers have more than 20 bits.
        """
        weight, b, c = (p.detach().double() for p in (self.weight, self.visible_bias, self.hidden_bias))
        if weight.shape[0] > weight.shape[1]:  # the machine is the same either way round
            weight, b, c = weight.T, c, b
        if len(b) > ENUMERABLE:
            raise ValueError(
                f"log partition: expected a layer of at most {ENUMERABLE} bits to enumerate, got {len(b)}: "
                "use annealed_log_partition."
            )
        parts = [
            torch.logsumexp(part @ b + softplus(part @ weight + c).sum(1), 0)
            for part in torch.split(states(len(b)).to(weight), AT_ONCE)
        ]
        return float(torch.logsumexp(torch.stack(parts), 0))

    @torch.no_grad()
    def annealed_log_partition(
        self, x: Tensor | None = None, chains: int = 256, temperatures: int = 2_000
    ) -> Partition:
        """log Z by annealed importance sampling, in float64.

        Chains start at a law of independent bits and pass through machines whose energies lie between that law's and
        this machine's. The estimate of Z is unbiased, that of log Z tends to be too small, which makes likelihoods too
        large.

        Args:
            x: bits (n, d) whose means the law of the start has; None is even odds.
            chains: how many weights are averaged.
            temperatures: intermediate machines.

        Raises:
            ValueError: chains below 2, temperatures below 1, or x that is no bits.

        Source: Salakhutdinov and Murray, "On the quantitative analysis of deep belief networks" (2008), section 3.
        """
        positive(temperatures=temperatures)
        if chains < 2:
            raise ValueError(f"chains: expected at least 2, got {chains}: one weight has no standard deviation.")
        weight, b, c = (p.detach().double() for p in (self.weight, self.visible_bias, self.hidden_bias))
        base = torch.zeros_like(b)
        if x is not None:
            x = self._bits("log partition", x)
            base = torch.logit((x.double().sum(0) + 1.0) / (len(x) + 2.0))
        v = draw_bits(torch.sigmoid(base).expand(chains, -1))
        gain = torch.zeros(chains, dtype=torch.float64, device=b.device)
        shares = torch.linspace(0.0, 1.0, temperatures + 1, dtype=torch.float64).tolist()
        for before, share in pairwise(shares):
            inward, bias_gain = v @ weight + c, v @ (b - base)
            gain += (share - before) * bias_gain + (softplus(share * inward) - softplus(before * inward)).sum(1)
            h = draw_bits(torch.sigmoid(share * inward))
            v = draw_bits(torch.sigmoid(base + share * (b - base + h @ weight.T)))
        start = float(softplus(base).sum()) + len(c) * math.log(2.0)
        relative = (gain - gain.max()).exp()
        value = start + float(torch.logsumexp(gain, 0)) - math.log(chains)
        return Partition(value, float(relative.std() / relative.mean()) / math.sqrt(chains))


def draw_bits(mean: Tensor) -> Tensor:
    """Independent bits with these means."""
    return (torch.rand_like(mean) < mean).to(mean.dtype)


def states(bits: int) -> Tensor:
    """All 2^bits states, float32 (2^bits, bits), counted in binary with the first bit leading."""
    places = torch.arange(bits - 1, -1, -1)
    return (torch.arange(2**bits)[:, None] >> places & 1).float()
