"""The auto-encoders: the primal side, inf over Q(Z|X) of E c(X, G(Z)) + weight * penalty."""

from types import MappingProxyType
from typing import Annotated

from remblai.choices import Choice, make
from remblai.costs import COSTS, Cost, NegativeLogLikelihood
from remblai.discrepancies import DISCREPANCIES
from remblai.laws import DECODERS, ENCODERS, PRIORS
from remblai.networks import NETWORKS
from remblai.objectives import AutoEncoder, Conditional, Marginal, Penalty
from remblai.recipes.recipe import recipe

Latent = Annotated[int, "dimensions of the code"]
Network = Annotated[Choice, NETWORKS, "the family of networks; auto takes convolutions for images of 16 pixels or more"]
PriorLaw = Annotated[Choice, PRIORS, "the law of the codes, P_Z"]
EncoderLaw = Annotated[Choice, ENCODERS, "the law of the code given the data, Q(Z|X)"]
DecoderLaw = Annotated[Choice, DECODERS, "the law of the data given the code, P(X|Z)"]
CostName = Annotated[Choice, COSTS, "c(x, y) between data and reconstruction, summed over the pixels"]
PenaltyName = Annotated[Choice, DISCREPANCIES, "the discrepancy between the codes and the prior"]
Weight = Annotated[float, "the penalty's weight"]
TransportWeight = Annotated[float, "the cost's weight; the WAE authors' code has 0.05"]
Noise = Annotated[float, "standard deviation of the noise on the encoder's input while training"]
Shape = tuple[int, ...]
LEARNED = MappingProxyType({"name": "gaussian", "variance": 0.02, "learned": True})


def _auto_encoder(
    shape: Shape,
    latent: int,
    network: Choice,
    prior: Choice,
    encoder: Choice,
    decoder: Choice,
    cost: Choice | Cost,
    penalty: Choice | Penalty | None,
    weight: float = 1.0,
    transport_weight: float = 1.0,
    noise: float = 0.0,
) -> AutoEncoder:
    law = make(PRIORS, prior, "prior", latent=latent)
    nets = make(NETWORKS, network, "network", shape=shape, latent=latent)
    if penalty is not None and not isinstance(penalty, Penalty):
        penalty = Marginal(make(DISCREPANCIES, penalty, "penalty", prior=law, latent=latent))
    return AutoEncoder(
        make(ENCODERS, encoder, "encoder", network=nets, prior=law),
        make(DECODERS, decoder, "decoder", network=nets, range=(0.0, 1.0) if len(shape) == 3 else None, latent=latent),
        law,
        make(COSTS, cost, "cost"),
        penalty,
        weight,
        transport_weight,
        noise,
    )


@recipe(lr=2e-3, betas=(0.5, 0.999), steps=6500, schedule="cosine", average=0.995)
def wae_mmd(
    shape: Shape,
    latent: Latent = 8,
    weight: Weight = 50.0,
    network: Network = "auto",
    prior: PriorLaw = "normal",
    encoder: EncoderLaw = "deterministic",
    decoder: DecoderLaw = "deterministic",
    cost: CostName = "square",
    penalty: PenaltyName = "mmd",
    transport_weight: TransportWeight = 1.0,
    noise: Noise = 0.01,
) -> AutoEncoder:
    """Wasserstein auto-encoder, codes held to the prior by MMD (Tolstikhin et al. 2018, arXiv 1711.01558, Alg. 2).

    Minimises E |x - G(z)|^2, summed over pixels, + weight * MMD^2(Q_Z, P_Z) with seven inverse multiquadric kernels.
    The paper prints weight 10 (MNIST) and 100 (CelebA), Adam with beta1 0.5 and lr 1e-3. Its code multiplies the
    reconstruction by 0.05 (`--transport-weight 0.05`), so what it used is 200 and 2,000; it halves lr at 30 % of the
    run and divides it by 5 at 50 % (`--schedule step`), adds noise to the pixels (`--noise 0.01`), and first matches
    the codes' mean and covariance to the prior's (`--warm-start 200`). Its networks are `--network wae`; it samples
    the prior where this recipe has its exact terms (`--no-penalty.closed-form`).
    """
    return _auto_encoder(
        shape, latent, network, prior, encoder, decoder, cost, penalty, weight, transport_weight, noise
    )


@recipe(lr=1e-3, critic_lr=5e-4, betas=(0.5, 0.999), steps=6500, schedule="cosine", average=0.995)
def wae_gan(
    shape: Shape,
    latent: Latent = 8,
    weight: Weight = 10.0,
    network: Network = "auto",
    prior: PriorLaw = "normal",
    encoder: EncoderLaw = "deterministic",
    decoder: DecoderLaw = "deterministic",
    cost: CostName = "square",
    penalty: PenaltyName = "adversarial",
    transport_weight: TransportWeight = 1.0,
    noise: Noise = 0.01,
) -> AutoEncoder:
    """Wasserstein auto-encoder, codes held to the prior by a critic (Tolstikhin et al. 2018, arXiv 1711.01558, Alg. 1).

    Minimises E |x - G(z)|^2, summed over pixels, + weight * E -log D(z), against a critic of four layers of 512 units
    that tells codes from draws of the prior. The paper prints weight 10 (MNIST) and 1 (CelebA), lr 1e-3 / 3e-4 for the
    auto-encoder and 5e-4 / 1e-3 for the critic, beta1 0.5; its code multiplies the reconstruction by 0.05
    (`--transport-weight 0.05`), so it used 20 times the weight, and on CelebA adds log p_Z(z) to the critic's logit
    (`--penalty.offset`). Schedule, pixel noise and warm start as for wae-mmd.
    """
    return _auto_encoder(
        shape, latent, network, prior, encoder, decoder, cost, penalty, weight, transport_weight, noise
    )


@recipe(lr=1e-3, steps=6500, schedule="cosine", average=0.995)
def vae(
    shape: Shape,
    latent: Latent = 8,
    network: Network = "auto",
    prior: PriorLaw = "normal",
    encoder: EncoderLaw = "gaussian",
    decoder: DecoderLaw = LEARNED,
) -> AutoEncoder:
    """Variational auto-encoder (Kingma & Welling 2014, arXiv 1312.6114; Rezende et al. 2014).

    Minimises E -log p(x|z) + E KL(Q(Z|X) || P_Z). The decoder's variance is learned (Rybkin et al. 2021, arXiv
    2006.13202), which balances the terms for any scale of the data; `--decoder bernoulli` is the MNIST papers' choice
    and `--no-decoder.learned --decoder.variance 0.5` gives the squared error that the WAE paper compares with.
    """
    return _auto_encoder(shape, latent, network, prior, encoder, decoder, NegativeLogLikelihood(), Conditional())


@recipe(lr=2e-3, steps=6500, schedule="cosine", average=0.995)
def ae(
    shape: Shape,
    latent: Latent = 8,
    network: Network = "auto",
    cost: CostName = "square",
    noise: Noise = 0.01,
) -> AutoEncoder:
    """Plain auto-encoder: E c(x, G(z)) and nothing that ties the codes to the prior; the baseline for samples."""
    return _auto_encoder(shape, latent, network, "normal", "deterministic", "deterministic", cost, None, noise=noise)
