"""Adaptive augmentation: real points and samples are changed alike before a critic sees them."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from remblai.critics.games import Game, Hinge, LeastSquares, Logistic, LogRatio
from remblai.networks.augment import augmented
from remblai.runtime import distributed

TARGET = 0.6
"""Mean sign of the critic's scores of data that the probability is steered to: above it the critic overfits."""
MOST = 0.8
"""The largest probability: from here on augmentations begin to leak into samples (arXiv 2006.06676, figure 4)."""
FULL = 100_000
"""Points of data after which a critic that always overfits has moved the probability from 0 to 1; the paper's 500,000
are for runs of millions."""
FIXED = 0.5
"""The probability where the sign of a score means nothing."""
THRESHOLDS: dict[type[Game], float] = {Logistic: 0.0, LogRatio: 0.0, Hinge: 0.0, LeastSquares: 0.5}
"""The score between what a critic takes for data and for a sample, of games that have one."""


class Adaptive(nn.Module):
    """The same augmentations of data and of samples, each with a probability p that the critic's overfitting steers.

    The critic then compares T#P_X with T#P_G for random T. While p is below 1 the map from laws to augmented laws is
    one to one for these changes, so that equal augmented laws are equal laws, and samples need not show T.

    Where scores have a threshold between data and samples, p follows r = E sign(score of data - threshold): after each
    of the critic's steps it moves by sign(r - 0.6) n / 100,000, within [0, 0.8]. Other games keep p at a half.

    Args:
        names: of `networks.augment.AUGMENTATIONS`.
        game: of the critic; None where there is none.

    Source: Karras et al., "Training generative adversarial networks with limited data" (2020), sections 2 and 3, arXiv
    2006.06676.
    """

    probability: Tensor

    def __init__(self, names: Sequence[str], game: Game | None) -> None:
        super().__init__()
        self.names = tuple(names)
        self.threshold = None if game is None else THRESHOLDS.get(type(game))
        self.register_buffer("probability", torch.tensor(FIXED if self.threshold is None else 0.0))

    def forward(self, x: Tensor) -> Tensor:
        """The images, each changed with the present probability; the gradient passes."""
        return augmented(x, self.names, self.probability)

    @torch.no_grad()
    def observe(self, scores: Tensor, points: int = 1) -> None:
        """Moves the probability by the critic's scores (n,), each of so many data, without waiting for the device."""
        if self.threshold is None:
            return
        signs = distributed.gather((scores.detach().flatten() - self.threshold).sign())
        step = points * len(signs) / FULL * (signs.mean() - TARGET).sign()
        self.probability.add_(step.to(self.probability)).clamp_(0.0, MOST)
