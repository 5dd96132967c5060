"""What is asked of a prior of one's own: whether it is complete, where its mean is, and whether it learns."""

from numbers import Integral

import torch
from torch import Tensor, nn

from remblai.laws.priors import Prior


def checked_prior(prior: Prior) -> Prior:
    """The prior, if it says what a prior must.

    Raises:
        ValueError: nn.Module was not initialised, or `latent` is missing or no whole number of at least 1.
    """
    kind = type(prior).__name__
    if "_modules" not in vars(prior):
        raise ValueError(f"prior: {kind} has not been initialised: call super().__init__() first in its __init__.")
    latent = getattr(prior, "latent", None)
    if isinstance(latent, bool) or not isinstance(latent, Integral) or latent < 1:
        raise ValueError(
            f"prior: expected {kind} to say how many coordinates a code has, got latent "
            f"{'missing' if latent is None else repr(latent)}: set self.latent in its __init__, a whole number."
        )
    return prior


@torch.no_grad()
def mean_or_zero(prior: Prior) -> Tensor:
    """The mean (latent,) of the law; 0 where torch does not know it, or the law has none."""
    try:
        mean: Tensor = prior().mean.nan_to_num(0.0, 0.0, 0.0)
    except NotImplementedError:
        return torch.zeros(prior.latent, device=prior.device)
    return mean


def learned(prior: Prior) -> list[nn.Parameter]:
    """The parameters of the prior that are trained."""
    return [parameter for parameter in prior.parameters() if parameter.requires_grad]


def require_fixed(prior: Prior, model: str) -> None:
    """Refuses a prior that learns, of a model whose codes are draws without a gradient.

    Raises:
        ValueError: it has parameters that are trained.
    """
    if learned(prior):
        raise ValueError(
            f"prior: {type(prior).__name__} has parameters, and a {model} decodes draws of it, through which they "
            "learn nothing: fix them by prior.requires_grad_(False), or let the decoder's first layer learn instead."
        )
