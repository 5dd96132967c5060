"""The interface of every objective: terms to descend, an adversary's loss, samples, and what else a model can do."""

from collections.abc import Iterable
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from remblai.laws import Decoder, LatentLaw, Prior


class Code(NamedTuple):
    """A batch and its codes: x (n, ...), the law Q(Z|X) and a draw z (n, k)."""

    x: Tensor
    law: Distribution
    z: Tensor


class Objective(nn.Module):
    """What a model minimises: `objective(x)` gives named terms, whose sum is descended. It owns no loop.

    Attributes:
        encodes: whether the model has an encoder; then `encode` and `prior` are there.
        decodes: whether it turns codes into data; then `decode`, `prior` and `latent_law` are there.
        latent_name: the name of `latent_law`, as `--sampler` has it.
        estimate_meaning: what `estimate` says of the model, as the end of a sentence.
        prior: P_Z, the law of codes.
        shape: of one x, where the objective knows it.
    """

    encodes: ClassVar[bool] = False
    decodes: ClassVar[bool] = False
    latent_name: ClassVar[str] = "prior"
    estimate_meaning: ClassVar[str] = (
        "what the model's own discrepancy says, with its critic where it has one, of samples by the newest weights, "
        "which the critic plays against, not by the averaged ones."
    )
    prior: Prior
    shape: tuple[int, ...] | None = None

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """The terms of one batch x (n, ...), each weighted, each a scalar."""
        raise NotImplementedError

    def adversary_loss(self, x: Tensor) -> Tensor | None:
        """What the objective's critics descend on this batch; None where there is no critic."""
        return None

    def warm_start(self, x: Tensor) -> dict[str, Tensor] | None:
        """The terms of the first phase, before the objective itself is descended; None where there is none."""
        return None

    def prepare(self, batch_size: int) -> None:
        """Measures what the objective must know of batches of this size; called once, before it is trained."""

    def adapt(self) -> None:
        """What moves after each step of the model but by no gradient, such as a weight; waits for no device."""

    def held_weight(self) -> dict[str, float] | None:
        """What a weight that is held by dual ascent does, as numbers; None where every weight is a number."""
        return None

    def weights(self) -> dict[str, float]:
        """The weight that each term carries, so that a log can show it raw; terms not named carry 1."""
        return {}

    def estimate(self, x: Tensor) -> Tensor | None:
        """A distance of data x (n, ...) and as many samples, such as the objective's own discrepancy; None for none."""
        return None

    def sample(self, n: int) -> Tensor:
        """n samples of the model, x (n, ...), without gradient."""
        raise NotImplementedError

    def encode(self, x: Tensor) -> Code:
        """The codes of x (n, ...): their law and a draw of it.

        Raises:
            ValueError: the model has no encoder.
        """
        raise ValueError(f"{type(self).__name__} has no encoder: use an auto-encoder, such as the recipe wae-mmd.")

    def decode(self, z: Tensor) -> Tensor:
        """The mean of P(X|Z) at codes z (n, k): x (n, ...).

        Raises:
            ValueError: the model has no codes.
        """
        raise ValueError(f"{type(self).__name__} has no codes: use `sample`.")

    @property
    def matches_prior(self) -> bool:
        """Whether a term matches the codes of data to the prior."""
        return False

    @property
    def latent_law(self) -> LatentLaw:
        """The law of codes that `sample` decodes."""
        return self.prior

    @torch.no_grad()
    def decode_from(self, law: LatentLaw, n: int) -> Tensor:
        """n samples x (n, ...): decoded draws of a law of codes, moved to the nearest point of the prior's support."""
        return self.decode(self.prior.nearest(law.sample(n)))


@torch.no_grad()
def at_the_mean(decoder: Decoder, prior: Prior) -> Distribution:
    """P(X|Z) at the prior's mean, one law (1,): the decoder's output in evaluation mode, which moves no statistics."""
    training = decoder.training
    law: Distribution = decoder.eval()(prior().mean[None])
    decoder.train(training)
    return law


def generated_law(decoder: Decoder, prior: Prior, objective: str) -> Distribution:
    """P(X|Z) at the prior's mean, of an objective that sends a gradient through its draws.

    Raises:
        ValueError: no gradient passes a draw.
    """
    law = at_the_mean(decoder, prior)
    if not law.has_rsample:
        raise ValueError(
            f"{objective}: no gradient passes a draw of {type(decoder).__name__}: "
            "choose the deterministic or gaussian decoder."
        )
    return law


def together(losses: Iterable[Tensor | None]) -> Tensor | None:
    """The sum of the losses of several critics, each trained on its own; None where there is no critic."""
    present = [loss for loss in losses if loss is not None]
    return torch.stack(present).sum() if present else None
