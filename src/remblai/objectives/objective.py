"""The interface of every objective: terms to descend, an adversary's loss, samples."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from remblai.laws import Decoder, Prior


class Objective(nn.Module):
    """What a model minimises: `objective(x)` gives named terms, whose sum is descended. It owns no loop."""

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """The terms of one batch x (n, ...), each weighted, each a scalar."""
        raise NotImplementedError

    def adversary_loss(self, x: Tensor) -> Tensor | None:
        """What the objective's critics descend on this batch; None where there is no critic."""
        return None

    def warm_start(self, x: Tensor) -> dict[str, Tensor] | None:
        """The terms of the first phase, before the objective itself is descended; None where there is none."""
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


@torch.no_grad()
def at_the_mean(decoder: Decoder, prior: Prior) -> Distribution:
    """P(X|Z) at the prior's mean, one law (1,): what a decoder answers, asked for without moving its statistics."""
    training = decoder.training
    law: Distribution = decoder.eval()(prior().mean[None])
    decoder.train(training)
    return law


def together(losses: Iterable[Tensor | None]) -> Tensor | None:
    """The sum of the losses of several critics, each trained on its own; None where there is no critic."""
    found = [loss for loss in losses if loss is not None]
    return torch.stack(found).sum() if found else None
