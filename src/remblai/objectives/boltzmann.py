"""The Boltzmann machine's objective: smoothed transport + KL + weight decay, by gradients over its own samples."""

import math
from typing import Literal, get_args

import torch
from torch import Tensor

from remblai.config.registry import unknown
from remblai.discrepancies.entropic import Entropic
from remblai.discrepancies.exact import Exact
from remblai.networks.classes import Classes, required
from remblai.networks.rbm import RBM, draw_bits
from remblai.objectives import given
from remblai.objectives.objective import Objective
from remblai.runtime import distributed

Form = Literal["kl", "entropy"]
Binarise = Literal["none", "threshold", "sample"]
HALF = 0.5


class Boltzmann(Objective):
    """weight * OT(P_X, P) + likelihood_weight * KL(P_X | P) + decay * |W|^2, over machines P(x) = exp(-F(x)) / Z.

    No gradient passes a bit, but that of a discrepancy in the machine's parameters is -Cov(g(y), dF(y)) over samples y
    of the machine, where g(y) is its derivative in the mass at y: of the smoothed transport, the dual potential. The
    samples are persistent chains that each batch runs on (persistent contrastive divergence). Only the gradients of the
    terms mean something: they are surrogates, whose values are no distances; `estimate` is W1, unsmoothed.

    With classes the machine has one more visible bit for each class, of which that of the label is 1 (Larochelle &
    Bengio 2008): it learns the law of x and class together, and transport is between such rows, two bits from class to
    class. A sample of class c is drawn with the bits of the class fixed.

    On a sample of the machine g is a plug-in: its mean gradient nears the true one as the chains grow in number.

    Args:
        rbm: the machine.
        transport: OT with the Hamming cost, which on bits is the squared distance; not debiased in the paper.
            A relative epsilon is taken as fixed.
        weight: of the transport; 0 trains by likelihood alone.
        likelihood_weight: of the KL divergence (the paper's lambda).
        decay: of the sum of squared weights, biases left out.
        chains: persistent chains, shared out among the processes.
        gibbs_steps: by which a batch runs them on.
        form: "kl" smooths by epsilon KL(P | a x b), "entropy" by -epsilon H(P). The second has epsilon log p(y) added
            to g, which asks for more entropy of the machine: its least is a blurred copy of the data's law, where the
            first one's is narrower than that law. On samples of equal mass the potentials are the first one's.
        binarise: how values on the [0, 1] scale become bits: "threshold" at a half, "sample" draws each bit with its
            value for a mean anew in each batch, "none" expects bits.
        shape: of one x; None is (d,).
        burn_in: Gibbs steps by which `sample` runs copies of the chains on.
        classes: of a conditional model, whose machine has as many more visible bits.

    Raises:
        ValueError: a negative weight or no weight at all, counts below 1, an unknown name, a shape that the machine has
            no bits for, the entropy form of a debiased divergence; of batches, data that are no bits (of a GPU, the
            first is looked at), or chains that the processes cannot share evenly.

    Source: Montavon, Müller, Cuturi, "Wasserstein training of restricted Boltzmann machines" (2016), arXiv 1507.01972;
    Tieleman, "Training restricted Boltzmann machines using approximations to the likelihood gradient" (2008).
    """

    estimate_meaning = "the exact W1 of draws by the newest weights, in bits: what the terms stand for is no distance."
    chains: Tensor
    shape: tuple[int, ...]

    def __init__(
        self,
        rbm: RBM,
        transport: Entropic,
        weight: float = 1.0,
        likelihood_weight: float = 0.1,
        decay: float = 0.0,
        chains: int = 500,
        gibbs_steps: int = 1,
        form: Form = "kl",
        binarise: Binarise = "none",
        shape: tuple[int, ...] | None = None,
        burn_in: int = 200,
        classes: Classes | None = None,
    ) -> None:
        super().__init__(classes)
        _check(weight, likelihood_weight, decay)
        for name, count in (("chains", chains), ("gibbs_steps", gibbs_steps), ("burn_in", burn_in)):
            if count < 1:
                raise ValueError(f"{name}: expected at least 1, got {count}.")
        for name, value, known in (("form", form, get_args(Form)), ("binarise", binarise, get_args(Binarise))):
            if value not in known:
                raise unknown(name, value, known)
        if form == "entropy" and transport.debiased:
            raise ValueError("form: 'entropy' is that of the transport itself; give Entropic(debiased=False).")
        bits = rbm.visible - (0 if classes is None else classes.count)
        self.shape = (bits,) if shape is None else tuple(shape)
        if math.prod(self.shape) != bits:
            raise ValueError(f"shape: {self.shape} has {math.prod(self.shape)} bits, the machine {bits}.")
        self.rbm, self.transport = rbm, transport
        self.weight, self.likelihood_weight, self.decay = weight, likelihood_weight, decay
        self.gibbs_steps, self.form, self.binarise, self.burn_in = gibbs_steps, form, binarise, burn_in
        # bytes, not floats: a moving average of weights copies whole numbers and would blend these chains
        self.register_buffer("chains", torch.randint(0, 2, (chains, rbm.visible), dtype=torch.uint8))
        self._checked = False

    def forward(self, x: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        bits, y = self.bits(x, labels), self._run_on()
        energy = distributed.gather(self.rbm.free_energy(y))
        terms = {}
        if self.weight:
            pull = self._pull(distributed.gather(bits), distributed.gather(y), energy.detach())
            terms["transport_surrogate"] = self.weight * surrogate(pull, energy)
        if self.likelihood_weight:
            rise = self.rbm.free_energy(bits).mean() - energy.mean()
            terms["likelihood_surrogate"] = self.likelihood_weight * rise
        return terms | self._decayed()

    def warm_start(self, x: Tensor, labels: Tensor | None = None) -> dict[str, Tensor] | None:
        """Likelihood alone, from which the paper's training starts too; None where there is no transport after it."""
        if not self.weight:
            return None
        rise = self.rbm.free_energy(self.bits(x, labels)).mean() - self.rbm.free_energy(self._run_on()).mean()
        return {"likelihood": rise} | self._decayed()

    def weights(self) -> dict[str, float]:
        return {
            "transport_surrogate": self.weight,
            "likelihood_surrogate": self.likelihood_weight,
            "decay": self.decay,
        }

    def bits(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """Data x (n, ...) as bits (n, d) of the machine's type; with classes their bits stand behind, (n, d + count).

        Raises:
            ValueError: values that are no bits, or not on the [0, 1] scale; with the remedy.
        """
        if x.shape[1:] != self.shape:
            raise ValueError(f"Boltzmann: expected x (n, {', '.join(map(str, self.shape))}), got {tuple(x.shape)}.")
        if not self._checked or x.device.type == "cpu":  # reading values waits for any other device: there, once
            self._check_values(x)
            self._checked = True
        x = x.flatten(1).to(self.rbm.weight.dtype)
        if self.binarise != "none":
            x = (x > HALF).to(x) if self.binarise == "threshold" else draw_bits(x)
        return x if self.classes is None else torch.cat([x, self._class_bits(required(labels), x)], 1)

    def _class_bits(self, labels: Tensor, like: Tensor) -> Tensor:
        """The bits (n, count) of the classes of labels (n,)."""
        assert self.classes is not None
        if labels.is_floating_point():
            raise ValueError(
                "Boltzmann: expected labels of whole numbers (n,), for a class is a bit, got weights: use "
                "labels.argmax(1)."
            )
        return self.classes.one_hot(labels).to(like)

    @torch.no_grad()
    def draw(self, n: int, labels: Tensor | None = None) -> Tensor:
        """n draws (n, d) of the machine's law, as bits: copies of the persistent chains, run on for `burn_in` steps.

        With labels (n,) the bits of the class are fixed, and the draws are of the law given the class; of -1, which is
        none, they are drawn too.

        Raises:
            ValueError: n is no whole number of at least 0; labels that are not such, or weights, which bits have none
                of.
        """
        given.check_number(n)
        order = torch.randperm(n, device=self.chains.device) % len(self.chains)
        start, field = self.chains[order].to(self.rbm.weight.dtype), None
        if labels is not None:
            known = 2.0 * self._class_bits(required(self.labels_or_drawn(n, labels)), start) - 1.0
            fixed = (known * math.inf).masked_fill(labels[:, None].to(start.device) < 0, 0.0)
            field = torch.cat([start.new_zeros(n, math.prod(self.shape or ())), fixed], 1)
        return self.rbm.gibbs(start, self.burn_in, field)

    @torch.no_grad()
    def sample(self, n: int, labels: Tensor | None = None) -> Tensor:
        """n samples x (n, ...): bits where the data are bits; else grey, the means of x given a draw's hidden bits."""
        bits = self.draw(n, labels)
        x = bits if self.binarise == "none" else self.rbm.visible_mean(draw_bits(self.rbm.hidden_mean(bits)))
        return x[:, : math.prod(self.shape or ())].reshape(-1, *self.shape or ())

    @torch.no_grad()
    def estimate(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """What the surrogate is not: W1 of data x (n, ...) and as many draws by the Hamming cost, exactly; in bits.

        With classes it is that of x and class together.
        """
        bits = self.bits(x, labels)
        return Exact("square").estimate(bits, self.draw(len(bits)))  # between bits the Hamming cost, and quicker

    def _run_on(self) -> Tensor:
        """This process's share of the chains, run on. Every process keeps them all, so that any checkpoint has them."""
        mine = self.chains[distributed.share(len(self.chains), "chains")]
        y = self.rbm.gibbs(mine.to(self.rbm.weight.dtype), self.gibbs_steps)
        if self.training:
            self.chains.copy_(distributed.gather(y))  # in place: the moving average holds this very tensor
        return y

    @torch.no_grad()
    def _pull(self, x: Tensor, y: Tensor, energy: Tensor) -> Tensor:
        """g at the chains y (m, d), against the bits x (n, d)."""
        plan = self.transport.solved(x, y)
        g = torch.as_tensor(plan.potentials[1]).to(energy)
        return g - plan.epsilon * energy if self.form == "entropy" else g

    def _decayed(self) -> dict[str, Tensor]:
        return {"decay": self.decay * self.rbm.weight.square().sum()} if self.decay else {}

    def _check_values(self, x: Tensor) -> None:
        if self.binarise == "none" and not bool(((x == 0) | (x == 1)).all()):
            share, low, high = float(((x != 0) & (x != 1)).float().mean()), float(x.min()), float(x.max())
            remedy = 'use binarise="threshold" (1 above a half) or binarise="sample" (grey as odds)'
            raise ValueError(
                f"Boltzmann: a binary machine expects 0s and 1s, got {share:.0%} other values (from {low:g} to "
                f"{high:g}): {remedy if low >= 0 and high <= 1 else 'it is for bits and grey images only'}."
            )
        if self.binarise != "none" and not bool(((x >= 0) & (x <= 1)).all()):
            raise ValueError(
                f"Boltzmann: binarise {self.binarise!r} takes values in [0, 1], got {float(x.min()):g} to "
                f"{float(x.max()):g}: scale them, or pass bits."
            )


def surrogate(pull: Tensor, energy: Tensor, masses: Tensor | None = None) -> Tensor:
    """-Cov(pull(y), F(y)), whose gradient through F is that of the discrepancy; its value is no distance.

    Args:
        pull: (m,), the discrepancy's derivative in the mass at each y, without gradient; a constant is taken off.
        energy: (m,), the free energies F(y), with gradient.
        masses: (m,) of the y, which sum to 1; None is 1 / m each, for samples.
    """
    if masses is None:
        return -((pull - pull.mean()) * energy).mean()
    return -(masses * (pull - masses @ pull)) @ energy


def _check(weight: float, likelihood_weight: float, decay: float) -> None:
    for name, value in (("weight", weight), ("likelihood_weight", likelihood_weight), ("decay", decay)):
        if not 0.0 <= value < float("inf"):
            raise ValueError(f"{name}: expected a finite number of at least 0, got {value}: take 0 to leave it out.")
    if not (weight or likelihood_weight):
        raise ValueError(
            "weight and likelihood_weight: expected one above 0, got 0 for both: nothing would be trained."
        )
