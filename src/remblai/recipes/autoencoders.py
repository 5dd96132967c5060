"""The auto-encoders with a prior: the primal side, inf over Q(Z|X) of E c(X, G(Z)) + weight * penalty."""

from types import MappingProxyType
from typing import Annotated

from remblai.config.registry import Choice
from remblai.costs import NegativeLogLikelihood
from remblai.discrepancies import DISCREPANCIES
from remblai.objectives import AutoEncoder
from remblai.recipes.base import recipe
from remblai.recipes.parts import (
    AutoEncoderLaw,
    CostName,
    DecoderLaw,
    EncoderLaw,
    Labels,
    Latent,
    Network,
    Noise,
    PenaltyName,
    PriorLaw,
    SamplerName,
    Shape,
    TransportWeight,
    Weight,
    auto_encoder,
)

CRITIC = MappingProxyType(
    {"name": "adversarial", "lipschitz": MappingProxyType({"name": "r1", "weight": 0.3}), "width": 128, "depth": 3}
)
VARIANCE = MappingProxyType({"name": "gaussian", "variance": 12.5})
LOG = MappingProxyType({"name": "cramer-wold", "log": True})
Entropic = Annotated[Choice, {"entropic": DISCREPANCIES["entropic"]}, "the Sinkhorn divergence of codes and prior"]
Sliced = Annotated[Choice, {"sliced": DISCREPANCIES["sliced"]}, "the sliced distance of codes and prior"]
CramerWold = Annotated[Choice, {"cramer-wold": DISCREPANCIES["cramer-wold"]}, "the distance of codes and prior"]
WeightedCritic = Annotated[bool, "multiply the critic's loss by the weight too, as Algorithm 1 prints it"]


@recipe(lr=2e-3, betas=(0.5, 0.999), steps=6500, schedule="cosine", average=0.995)
def wae_mmd(
    shape: Shape,
    latent: Latent = None,
    weight: Weight = 50.0,
    network: Network = "auto",
    prior: PriorLaw = "normal",
    encoder: AutoEncoderLaw = "auto",
    decoder: DecoderLaw = "deterministic",
    cost: CostName = "square",
    penalty: PenaltyName = "mmd",
    transport_weight: TransportWeight = 1.0,
    noise: Noise = 0.01,
    sampler: SamplerName = "prior",
    classes: Labels = None,
) -> AutoEncoder:
    """Wasserstein auto-encoder, codes matched to the prior by MMD (Tolstikhin et al. 2018, arXiv 1711.01558, Alg. 2).

    Minimises E |x - G(z)|^2, summed over pixels, + weight * MMD^2(Q_Z, P_Z) with seven inverse multiquadric kernels.
    The paper prints weight 10 (MNIST) and 100 (CelebA), Adam with beta1 0.5 and lr 1e-3. Its code multiplies the
    reconstruction by 0.05 (`--transport-weight 0.05`), so what it used is 200 and 2,000; it adds noise to the pixels
    (`--noise 0.01`), and first matches the codes' mean and covariance to the prior's (`--warm-start 200`). On MNIST it
    halves lr at 30 % of the run and divides it by 5 at 50 % (`--schedule step`); on CelebA lr starts at 5e-4 and falls
    smoothly to a hundredth (see docs/paper.md). Its networks are `--network wae`; it samples the prior where this
    recipe has its exact terms (`--no-penalty.closed-form`). Its encoder is deterministic, as here where x has more
    entries than the code; elsewhere, as on points, a Gaussian one is taken (`--encoder`). Its samples decode the prior;
    `--sampler auto` decodes a law that is fitted to the codes after training.
    """
    return auto_encoder(
        shape=shape,
        latent=latent,
        network=network,
        prior=prior,
        encoder=encoder,
        decoder=decoder,
        cost=cost,
        penalty=penalty,
        weight=weight,
        transport_weight=transport_weight,
        noise=noise,
        classes=classes,
    )


@recipe(lr=1e-3, critic_lr=4e-3, betas=(0.5, 0.999), critic_steps=2, steps=4000, schedule="cosine", average=0.995)
def wae_gan(
    shape: Shape,
    latent: Latent = None,
    weight: Weight = 25.0,
    network: Network = "auto",
    prior: PriorLaw = "normal",
    encoder: AutoEncoderLaw = "auto",
    decoder: DecoderLaw = "deterministic",
    cost: CostName = "square",
    penalty: PenaltyName = CRITIC,
    transport_weight: TransportWeight = 1.0,
    noise: Noise = 0.01,
    weighted_critic: WeightedCritic = False,
    classes: Labels = None,
) -> AutoEncoder:
    """Wasserstein auto-encoder, codes matched to the prior by a critic (Tolstikhin et al. 2018, 1711.01558, Alg. 1).

    Minimises E |x - G(z)|^2, summed over pixels, + weight * E -log D(z), against a critic that separates codes from
    draws of the prior. The critic's gradient at the prior is damped (R1, arXiv 1801.04406), without which codes circle
    around the prior and do not converge to it; it takes two steps for each of the model's, at four times the rate. The
    paper's critic is free, takes one step and has four layers of 512 units (`--penalty.lipschitz free --critic-steps 1
    --penalty.width 512 --penalty.depth 4`); Algorithm 1 and the code multiply its loss by the weight
    (`--weighted-critic`), on which Adam's steps do not depend. The paper prints weight 10 (MNIST) and 1 (CelebA), lr
    1e-3 / 3e-4 for the auto-encoder and 5e-4 / 1e-3 for the critic, beta1 0.5; its code multiplies the reconstruction
    by 0.05 (`--transport-weight 0.05`), so it used 20 times the weight, and on CelebA adds log p_Z(z) to the critic's
    logit (`--penalty.offset`). Schedule, pixel noise, warm start and encoder as for wae-mmd. A Wasserstein critic of
    the codes needs a penalty on its gradient and more steps: `--penalty.game kantorovich --penalty.lipschitz
    gradient-penalty --weight 5 --critic-steps 5 --critic-lr 1e-3`.
    """
    return auto_encoder(
        shape=shape,
        latent=latent,
        network=network,
        prior=prior,
        encoder=encoder,
        decoder=decoder,
        cost=cost,
        penalty=penalty,
        weight=weight,
        transport_weight=transport_weight,
        noise=noise,
        weighted_critic=weighted_critic,
        classes=classes,
    )


@recipe(lr=1e-3, critic_lr=4e-3, betas=(0.5, 0.999), critic_steps=2, steps=4000, schedule="cosine", average=0.995)
def pot(
    shape: Shape,
    latent: Latent = None,
    weight: Weight = 25.0,
    network: Network = "auto",
    prior: PriorLaw = "normal",
    encoder: EncoderLaw = "gaussian",
    decoder: DecoderLaw = "deterministic",
    cost: CostName = "square",
    penalty: PenaltyName = CRITIC,
    classes: Labels = None,
) -> AutoEncoder:
    """Penalised optimal transport (Bousquet et al. 2017, "the VEGAN cookbook", arXiv 1705.07642).

    Minimises E c(X, G(Z)) + weight * D(Q_Z, P_Z) over random or deterministic encoders and decoders, for any cost and
    any penalty: aae and the wae recipes are special cases. A deterministic decoder makes it, as the weight
    grows, the transport cost of P_X and P_G; a random one bounds it from above.
    """
    return auto_encoder(
        shape=shape,
        latent=latent,
        network=network,
        prior=prior,
        encoder=encoder,
        decoder=decoder,
        cost=cost,
        penalty=penalty,
        weight=weight,
        classes=classes,
    )


@recipe(lr=1e-3, critic_lr=4e-3, betas=(0.5, 0.999), critic_steps=2, steps=4000, schedule="cosine", average=0.995)
def aae(
    shape: Shape,
    latent: Latent = None,
    weight: Weight = 1.0,
    network: Network = "auto",
    prior: PriorLaw = "normal",
    encoder: EncoderLaw = "gaussian",
    decoder: DecoderLaw = VARIANCE,
    penalty: PenaltyName = CRITIC,
    classes: Labels = None,
) -> AutoEncoder:
    """Adversarial auto-encoder (Makhzani et al. 2015, arXiv 1511.05644).

    Minimises E -log p(x|z) + weight * E -log D(z), the penalty of wae-gan. With a Gaussian decoder of variance v it is
    pot with the squared cost at weight 2 v, divided by 2 v: the gradients agree, the values up to a constant (Bousquet
    et al. 2017, arXiv 1705.07642). So the variance and the weight are one knob; 12.5 stands for wae-gan's weight 25.
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


@recipe(lr=2e-3, betas=(0.5, 0.999), batch_size=200, steps=4500, schedule="cosine", average=0.995)
def sinkhorn_ae(
    shape: Shape,
    latent: Latent = None,
    weight: Weight = 50.0,
    network: Network = "auto",
    prior: PriorLaw = "normal",
    encoder: AutoEncoderLaw = "auto",
    cost: CostName = "square",
    penalty: Entropic = "entropic",
    noise: Noise = 0.01,
    classes: Labels = None,
) -> AutoEncoder:
    """Sinkhorn auto-encoder: codes matched to the prior by entropic transport (Patrini et al. 2019, arXiv 1810.01118).

    Minimises E |x - G(z)|^2, summed over pixels, + weight * the Sinkhorn divergence of the codes and a draw of the
    prior. The paper takes the sphere (`--prior sphere`), epsilon 0.1 of a cost in absolute units and 50 iterations that
    it differentiates through; here the plans converge and the gradient is that of the value. Transport to a draw of
    the prior pulls few codes inwards, in 8 coordinates to a standard deviation of 0.7 on batches of 100 at epsilon 0.05
    of the mean cost; larger batches and epsilons lessen it. Here batches have 200 codes.
    """
    return auto_encoder(
        shape=shape,
        latent=latent,
        network=network,
        prior=prior,
        encoder=encoder,
        cost=cost,
        penalty=penalty,
        weight=weight,
        noise=noise,
        classes=classes,
    )


@recipe(lr=2e-3, betas=(0.5, 0.999), steps=6500, schedule="cosine", average=0.995)
def swae(
    shape: Shape,
    latent: Latent = None,
    weight: Weight = 50.0,
    network: Network = "auto",
    prior: PriorLaw = "normal",
    encoder: AutoEncoderLaw = "auto",
    cost: CostName = "square",
    penalty: Sliced = "sliced",
    noise: Noise = 0.01,
    classes: Labels = None,
) -> AutoEncoder:
    """Sliced Wasserstein auto-encoder (Kolouri et al. 2019, arXiv 1804.01947).

    Minimises E |x - G(z)|^2, summed over pixels, + weight * the mean over random lines of W_2^2 between the codes'
    projections and the prior's. The paper sorts a draw of the prior (`--no-penalty.closed-form`), where this recipe has
    the quantiles of a normal prior; `--penalty.kind axes` sees a single dead axis, `max` seeks the worst line.
    """
    return auto_encoder(
        shape=shape,
        latent=latent,
        network=network,
        prior=prior,
        encoder=encoder,
        cost=cost,
        penalty=penalty,
        weight=weight,
        noise=noise,
        classes=classes,
    )


@recipe(lr=1e-3, betas=(0.5, 0.999), steps=6500, schedule="cosine", average=0.995)
def cwae(
    shape: Shape,
    latent: Latent = None,
    weight: Weight = 7.0,
    network: Network = "auto",
    prior: PriorLaw = "normal",
    encoder: AutoEncoderLaw = "auto",
    cost: CostName = "square",
    penalty: CramerWold = LOG,
    noise: Noise = 0.01,
    classes: Labels = None,
) -> AutoEncoder:
    """Cramer-Wold auto-encoder (Tabor et al. 2020, arXiv 1805.09235).

    Minimises E |x - G(z)|^2, summed over pixels, + weight * the logarithm of the Cramer-Wold distance of the codes and
    the prior: a distance k times smaller is weight * log k less, at every scale. The paper's weight is 1, which on a
    ring of points leaves the modes' shares uneven.
    """
    return auto_encoder(
        shape=shape,
        latent=latent,
        network=network,
        prior=prior,
        encoder=encoder,
        cost=cost,
        penalty=penalty,
        weight=weight,
        noise=noise,
        classes=classes,
    )
