"""The variational auto-encoders: -log p(x|z) for a cost, a random encoder, and penalties on each code's law."""

import math
from types import MappingProxyType
from typing import Annotated

from remblai.config.registry import Choice, make
from remblai.costs import NegativeLogLikelihood
from remblai.critics import ALL_DISCREPANCIES
from remblai.laws import ENCODERS
from remblai.objectives import AutoEncoder, Conditional
from remblai.objectives.joint import joint
from remblai.objectives.penalties import Penalty, Sum
from remblai.objectives.table import make_penalty
from remblai.recipes.base import recipe
from remblai.recipes.parts import (
    LEARNED,
    LEARNED_HIGH,
    LEARNED_LOW,
    DecoderLaw,
    EncoderLaw,
    Labels,
    Latent,
    Network,
    PriorLaw,
    Shape,
    auto_encoder,
    codes,
    count_of,
    labelled,
    network_of,
)

Beta = Annotated[float, "the weight of the divergence from the prior; 1 is the VAE"]
Alpha = Annotated[float, "the share of the information term that is taken out: 0 as the VAE, 1 as the MMD-VAE"]
Lambda = Annotated[float, "the paper's lambda, the weight of the codes' law against the prior"]
MarginalName = Annotated[Choice, ALL_DISCREPANCIES, "the discrepancy between the codes and the prior"]
Noisy = Annotated[
    Choice,
    {name: ENCODERS[name] for name in ("black-box", "implicit", "gaussian")},
    "the law of the code given the data, Q(Z|X); black-box takes any shape",
]
JOINT = {"joint": joint}
JointName = Annotated[Choice, JOINT, "the critic of data and codes together"]
HALF = MappingProxyType({"name": "gaussian", "variance": 0.5})


@recipe(lr=1e-3, steps=6500, schedule="cosine", average=0.995)
def vae(
    shape: Shape,
    latent: Latent = None,
    network: Network = "auto",
    prior: PriorLaw = "normal",
    encoder: EncoderLaw = "gaussian",
    decoder: DecoderLaw = LEARNED,
    classes: Labels = None,
) -> AutoEncoder:
    """Variational auto-encoder (Kingma & Welling 2014, arXiv 1312.6114; Rezende et al. 2014).

    Minimises E -log p(x|z) + E KL(Q(Z|X) || P_Z). The decoder's variance is learned (Rybkin et al. 2021, arXiv
    2006.13202), but not below 0.025: on a thousand digits it would fall to 0.002, six times below the error on others,
    and the codes of data would leave the prior. `--decoder.smallest 1e-6` lets it fall; `--decoder bernoulli` is the
    MNIST papers' choice and `--no-decoder.learned --decoder.variance 0.5` the squared error that the WAE paper compares
    with.
    """
    return auto_encoder(
        shape=shape,
        latent=latent,
        network=network,
        prior=prior,
        encoder=encoder,
        decoder=decoder,
        cost=NegativeLogLikelihood(),
        penalty=Conditional(),
        classes=classes,
    )


@recipe(lr=1e-3, steps=6500, schedule="cosine", average=0.995)
def beta_vae(
    shape: Shape,
    latent: Latent = None,
    beta: Beta = 2.0,
    network: Network = "auto",
    prior: PriorLaw = "normal",
    encoder: EncoderLaw = "gaussian",
    decoder: DecoderLaw = LEARNED_LOW,
    classes: Labels = None,
) -> AutoEncoder:
    """The VAE with a heavier divergence (Higgins et al., ICLR 2017; Burgess et al. 2018, arXiv 1804.03599).

    Minimises E -log p(x|z) + beta * E KL(Q(Z|X) || P_Z): fewer nats through the code, and axes that vary apart. With a
    Gaussian decoder of fixed variance, beta and the variance are one knob: only their product matters. So the learned
    variance may fall to 0.0125, half of the vae's least. The paper takes 4 and more, where samples blur.
    """
    if not 0.0 <= beta < math.inf:
        raise ValueError(f"beta: expected a finite number of at least 0, got {beta}; 1 is the VAE.")
    return auto_encoder(
        shape=shape,
        latent=latent,
        network=network,
        prior=prior,
        encoder=encoder,
        decoder=decoder,
        cost=NegativeLogLikelihood(),
        penalty=Conditional(),
        weight=beta,
        classes=classes,
    )


@recipe(lr=1e-3, betas=(0.5, 0.999), steps=6500, schedule="cosine", average=0.995)
def info_vae(
    shape: Shape,
    latent: Latent = None,
    alpha: Alpha = 0.5,
    weight: Lambda = 100.0,
    network: Network = "auto",
    prior: PriorLaw = "normal",
    encoder: EncoderLaw = "gaussian",
    decoder: DecoderLaw = LEARNED,
    penalty: MarginalName = "mmd",
    classes: Labels = None,
) -> AutoEncoder:
    """Information maximising VAE (Zhao, Song, Ermon 2019, arXiv 1706.02262).

    Minimises E -log p(x|z) + (1 - alpha) E KL(Q(Z|X) || P_Z) + (alpha + weight - 1) D(Q_Z, P_Z). With alpha 0 and
    weight 1 it is the VAE, with alpha 1 and its decoder the MMD-VAE. The decoder is the vae's, its variance learned
    from 0.025 up; the mmd-vae's is fixed at a half. A weight below 1 - alpha would drive the codes from the prior.
    """
    if not alpha <= 1.0:
        raise ValueError(
            f"alpha: expected a number of at most 1, got {alpha}: beyond 1 each code is driven away from the prior; "
            "take 1, the MMD-VAE."
        )
    if not alpha + weight >= 1.0:
        raise ValueError(
            f"weight: expected lambda of at least 1 - alpha, {1.0 - alpha:g}, got {weight}: with less the codes' law "
            "is driven away from the prior; take 1 for the VAE, or more."
        )
    law, latent = codes(prior, latent, shape)
    classes = labelled(classes)
    marginal = make_penalty(penalty, prior=law, latent=latent, classes=count_of(classes))
    terms = Sum((1.0 - alpha, Conditional()), (alpha + weight - 1.0, marginal))
    return auto_encoder(
        shape=shape,
        latent=latent,
        network=network,
        prior=law,
        encoder=encoder,
        decoder=decoder,
        cost=NegativeLogLikelihood(),
        penalty=terms,
        classes=classes,
    )


@recipe(lr=1e-3, betas=(0.5, 0.999), steps=6500, schedule="cosine", average=0.995)
def mmd_vae(
    shape: Shape,
    latent: Latent = None,
    weight: Lambda = 50.0,
    network: Network = "auto",
    prior: PriorLaw = "normal",
    encoder: EncoderLaw = "gaussian",
    decoder: DecoderLaw = HALF,
    penalty: MarginalName = "mmd",
    classes: Labels = None,
) -> AutoEncoder:
    """The VAE with MMD in place of its divergence: InfoVAE at alpha 1 (Zhao, Song, Ermon 2019, arXiv 1706.02262).

    Minimises E -log p(x|z) + weight * MMD^2(Q_Z, P_Z). With its Gaussian decoder of variance 1/2 it is wae-mmd with a
    random encoder: the cost is |x - G(z)|^2 and a constant. Only the cost limits the encoder's noise.
    """
    return auto_encoder(
        shape=shape,
        latent=latent,
        network=network,
        prior=prior,
        encoder=encoder,
        decoder=decoder,
        cost=NegativeLogLikelihood(),
        penalty=penalty,
        weight=weight,
        classes=classes,
    )


@recipe(lr=1e-3, critic_lr=1e-3, critic_steps=2, betas=(0.5, 0.999), steps=4000, schedule="cosine", average=0.995)
def avb(
    shape: Shape,
    latent: Latent = None,
    network: Network = "auto",
    prior: PriorLaw = "normal",
    encoder: Noisy = "black-box",
    decoder: DecoderLaw = LEARNED_HIGH,
    penalty: JointName = "joint",
    classes: Labels = None,
) -> AutoEncoder:
    """Adversarial variational Bayes: the VAE with codes of any law (Mescheder et al. 2017, arXiv 1701.04722).

    Minimises E -log p(x|z) + E KL(Q(Z|X) || P_Z), the divergence by a critic that separates pairs (x, code) from
    pairs (x, draw of the prior): so the encoder needs no density, and its noise passes through a network. The
    default is adaptive contrast: the critic sees codes normalised by their own mean and deviation, and the Gaussian
    part is known.
    The decoder's variance is learned from 0.05 up, twice the vae's least: with less noise in x the divergence is large
    and the critic's share of it wrong, which on a ring of points leaves the modes' shares uneven.
    """
    law, latent = codes(prior, latent, shape)
    nets = network_of(network, shape, latent)
    classes = labelled(classes)
    read = {"network": nets, "latent": latent, "classes": count_of(classes)}
    pairs = make(JOINT, penalty, "penalty", interface=Penalty, **read)
    return auto_encoder(
        shape=shape,
        latent=latent,
        network=network,
        prior=law,
        encoder=encoder,
        decoder=decoder,
        cost=NegativeLogLikelihood(),
        penalty=pairs,
        classes=classes,
    )
