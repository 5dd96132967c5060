"""The mean of a law, also of one that is known through its draws alone."""

import torch
from torch import Tensor
from torch.distributions import Distribution

DRAWS = 256
"""Behind the mean of a law that does not know its own."""


def mean_of(law: Distribution) -> Tensor:
    """The mean of a law; that of 256 draws where the law does not know it."""
    try:
        return law.mean
    except NotImplementedError:
        draws: Tensor = law.sample(torch.Size((DRAWS,)))
        return draws.mean(0)
