"""The adversarial generators by features: inf over G of a supremum over critics that answer with a vector."""

from types import MappingProxyType
from typing import Annotated

from remblai.config.registry import Choice, make
from remblai.critics import FEATURE_GAMES, LIPSCHITZ, Adversarial, KernelGame, Lipschitz, Margin, MinibatchEnergy
from remblai.kernels import Energy
from remblai.networks import NETWORKS
from remblai.networks import Energy as EnergyCritic
from remblai.networks import Network as Pair
from remblai.objectives import Generator
from remblai.recipes.base import recipe
from remblai.recipes.dual import (
    Constraint,
    Critic,
    Features,
    GeneratorNetwork,
    KernelName,
    Latent,
    Packing,
    data_scale,
    feature_critic,
    generator,
    packed,
)
from remblai.recipes.parts import Labels, PriorLaw, Shape, count_of, labelled

Auto = Annotated[Choice, NETWORKS, "the networks of the critic, an auto-encoder"]
EVENLY = MappingProxyType({"name": "gradient-penalty", "weight": 1.0})


@recipe(lr=1e-3, critic_lr=3e-4, betas=(0.5, 0.999), steps=2000, schedule="cosine", average=0.998, own_batches=True)
def ebgan(
    shape: Shape,
    latent: Latent = None,
    network: GeneratorNetwork = "auto",
    prior: PriorLaw = "normal",
    critic: Auto = "auto",
    code: Annotated[int, "coordinates of the critic's code"] = 16,
    margin: Annotated[
        float | None, "the energy up to which the critic pushes samples; none: half of E |X - X'|^2"
    ] = None,
    pulling_away: Annotated[float, "weight of the term that keeps the codes of samples apart"] = 3.0,
    lipschitz: Constraint = "free",
    packing: Packing = 1,
    classes: Labels = None,
) -> Generator:
    """Energy-based GAN: the critic is an auto-encoder, its energy the squared error (Zhao et al. 2017, 1609.03126).

    The critic lowers the energy of data and raises that of samples up to the margin; the generator lowers it, with the
    pulling-away term. Energies are summed over the coordinates of a point, as costs are. Once modes lie apart no energy
    leads from one to another, and their shares stay as they are: the pulling-away term weighs thirty times the
    paper's, and the critic learns at a third of the generator's rate. The margin is by default the energy of a critic
    that answers with the mean of the data, of which 1 is assumed for each coordinate of a point, 1/16 for each pixel.
    """
    if code < 1:
        raise ValueError(f"code: expected at least 1 coordinate of the critic's code, got {code}.")
    kinds = labelled(classes)
    auto = EnergyCritic(
        make(NETWORKS, critic, "critic", interface=Pair, shape=packed(shape=shape, packing=packing), latent=code),
        code,
        count_of(kinds) or 0,
        packing,
    )
    margin = data_scale(packed(shape=shape, packing=packing)).square_distance / 2.0 if margin is None else margin
    adversary = Adversarial(
        auto,
        Margin(margin, pulling_away),
        make(LIPSCHITZ, lipschitz, "lipschitz", interface=Lipschitz),
        packing=packing,
    )
    return generator(shape=shape, latent=latent, network=network, prior=prior, discrepancy=adversary, classes=classes)


@recipe(
    lr=1e-3,
    betas=(0.5, 0.9),
    batch_size=64,
    critic_steps=5,
    steps=800,
    schedule="cosine",
    average=0.998,
    own_batches=True,
)
def mmd_gan(
    shape: Shape,
    latent: Latent = None,
    network: GeneratorNetwork = "auto",
    prior: PriorLaw = "normal",
    critic: Critic = "auto",
    features: Features = 16,
    kernel: KernelName = "imq",
    lipschitz: Constraint = EVENLY,
    packing: Packing = 1,
    classes: Labels = None,
) -> Generator:
    """MMD between learned features (Li et al. 2017, arXiv 1705.08584; Binkowski et al. 2018, arXiv 1801.01401).

    The critic's features raise MMD^2, the generator lowers it; the penalty is on the gradient of the witness function.
    Its weight is 1, and the rate falls from ten times the papers' 1e-4, for short runs.
    """
    game = FEATURE_GAMES["mmd"](kernel)
    return generator(
        shape=shape,
        latent=latent,
        network=network,
        prior=prior,
        discrepancy=feature_critic(
            shape=shape,
            critic=critic,
            game=game,
            lipschitz=lipschitz,
            features=features,
            packing=packing,
            classes=classes,
        ),
        classes=classes,
    )


@recipe(
    lr=1e-3,
    betas=(0.5, 0.9),
    batch_size=64,
    critic_steps=5,
    steps=800,
    schedule="cosine",
    average=0.998,
    own_batches=True,
)
def cramer_gan(
    shape: Shape,
    latent: Latent = None,
    network: GeneratorNetwork = "auto",
    prior: PriorLaw = "normal",
    critic: Critic = "auto",
    features: Features = 16,
    lipschitz: Constraint = EVENLY,
    packing: Packing = 1,
    classes: Labels = None,
) -> Generator:
    """Energy distance between learned features (Bellemare et al. 2017, arXiv 1705.10743).

    As mmd-gan with the kernel -|a - b|. The paper's critic descends a surrogate of one sample pair; here, as in
    Binkowski et al. (arXiv 1801.01401), the unbiased distance itself, and a tenth of the paper's penalty.
    """
    adversary = feature_critic(
        shape=shape,
        critic=critic,
        game=KernelGame(Energy()),
        lipschitz=lipschitz,
        features=features,
        packing=packing,
        classes=classes,
    )
    return generator(shape=shape, latent=latent, network=network, prior=prior, discrepancy=adversary, classes=classes)


@recipe(
    lr=1e-3,
    betas=(0.5, 0.999),
    batch_size=200,
    critic_steps="every-third",
    steps=1500,
    schedule="cosine",
    average=0.998,
    own_batches=True,
)
def ot_gan(
    shape: Shape,
    latent: Latent = None,
    network: GeneratorNetwork = "auto",
    prior: PriorLaw = "normal",
    critic: Critic = "auto",
    features: Features = 32,
    epsilon: Annotated[float, "regularisation of the transport, in units of the cosine cost"] = 0.05,
    lipschitz: Constraint = "free",
    packing: Packing = 1,
    classes: Labels = None,
) -> Generator:
    """Minibatch energy distance of entropic transport between learned features (Salimans et al. 2018, 1803.05573).

    The cost is 1 - the cosine of features; the model takes three steps for each of the critic's. The authors need
    batches of thousands: in small ones the estimate's bias dominates. Their rate is 3e-4.
    """
    adversary = feature_critic(
        shape=shape,
        critic=critic,
        game=MinibatchEnergy(epsilon),
        lipschitz=lipschitz,
        features=features,
        packing=packing,
        classes=classes,
    )
    return generator(shape=shape, latent=latent, network=network, prior=prior, discrepancy=adversary, classes=classes)
