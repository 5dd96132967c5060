"""Auto-encoders without a prior: samples are decoded from a law that is fitted to the codes after training."""

from types import MappingProxyType
from typing import Annotated

from remblai.config.registry import Choice, make
from remblai.objectives import AutoEncoder
from remblai.objectives.penalties import CodeNorm
from remblai.objectives.regularisers import REGULARISERS, Regulariser
from remblai.recipes.base import recipe
from remblai.recipes.parts import CostName, Labels, Latent, Network, Noise, SamplerName, Shape, Weight, auto_encoder

TEN = MappingProxyType({"name": "mixture", "components": 10})
RegulariserName = Annotated[Choice, REGULARISERS, "what keeps the decoder smooth"]
RegulariserWeight = Annotated[float, "the regulariser's weight; the spectral one has none"]


@recipe(lr=1e-3, steps=6500, schedule="cosine", average=0.995)
def rae(
    shape: Shape,
    latent: Latent = None,
    weight: Weight = 0.01,
    network: Network = "auto",
    cost: CostName = "square",
    regulariser: RegulariserName = "weight-decay",
    regulariser_weight: RegulariserWeight = 1e-4,
    sampler: SamplerName = TEN,
    classes: Labels = None,
) -> AutoEncoder:
    """Regularised auto-encoder: small codes and a smooth decoder (Ghosh et al. 2020, arXiv 1903.12436).

    Minimises E |x - G(z)|^2, summed over pixels, + weight * E |z|^2 / 2 + regulariser_weight * R(G). No term matches
    the codes to a prior: samples are decoded from a law fitted to the codes after training, the paper's mixture of ten
    normal laws or its normal law (`--sampler gaussian`). The authors' MNIST setting, 1e-4 on the mean of z^2 and 1e-7
    on the weights beside a mean over 32 x 32 pixels with 16 coordinates, is weight 0.013 and regulariser weight 1e-4
    here.
    """
    return auto_encoder(
        shape=shape,
        latent=latent,
        network=network,
        cost=cost,
        penalty=CodeNorm(),
        weight=weight,
        regulariser=make(REGULARISERS, regulariser, "regulariser", interface=Regulariser),
        regulariser_weight=regulariser_weight,
        classes=classes,
    )


@recipe(lr=2e-3, steps=6500, schedule="cosine", average=0.995)
def ae(
    shape: Shape,
    latent: Latent = None,
    network: Network = "auto",
    cost: CostName = "square",
    noise: Noise = 0.01,
    sampler: SamplerName = TEN,
    classes: Labels = None,
) -> AutoEncoder:
    """Plain auto-encoder: E c(x, G(z)) and nothing that ties the codes to a prior; the baseline for samples.

    Samples are decoded from a mixture fitted to the codes after training; `--sampler prior` decodes draws of a normal
    law instead, to which no term matches the codes. (Hinton & Salakhutdinov 2006, "Reducing the dimensionality of data
    with neural networks".)
    """
    return auto_encoder(
        shape=shape,
        latent=latent,
        network=network,
        cost=cost,
        noise=noise,
        classes=classes,
    )
