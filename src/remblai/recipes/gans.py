"""The adversarial generators by scores: inf over G of a supremum over critics that answer with a number."""

from types import MappingProxyType
from typing import Annotated

from remblai.critics import FDivergence, Hinge, Kantorovich, LeastSquares, Logistic
from remblai.objectives import Generator
from remblai.recipes.base import recipe
from remblai.recipes.dual import Constraint, Critic, GeneratorNetwork, Latent, Packing, game_critic, generator
from remblai.recipes.parts import Labels, PriorLaw, Shape

Saturating = Annotated[bool, "the generator descends log(1 - D), whose gradient vanishes where the critic is sure"]
PLAIN = MappingProxyType({"name": "dcgan", "width": 64})
NORMED = MappingProxyType({"name": "dcgan", "norm": "batch", "width": 64})
DAMPED = MappingProxyType({"name": "r1", "weight": 0.1})
DAMPED_SQUARES = MappingProxyType({"name": "r1", "weight": 1.0})
WEAKLY = MappingProxyType({"name": "gradient-penalty", "weight": 0.1})


@recipe(lr=1e-3, betas=(0.0, 0.99), steps=2500, schedule="cosine", average=0.998, own_batches=True)
def gan(
    shape: Shape,
    latent: Latent = None,
    network: GeneratorNetwork = "auto",
    prior: PriorLaw = "normal",
    critic: Critic = "auto",
    saturating: Saturating = False,
    lipschitz: Constraint = DAMPED,
    packing: Packing = 1,
    classes: Labels = None,
) -> Generator:
    """Generative adversarial network (Goodfellow et al. 2014, arXiv 1406.2661).

    The critic's scores are logits of D; the generator minimises E -log D(G(z)), or with `--saturating` the game's own
    value, 2 JS - 2 log 2 at the best critic. `--packing 2` (PacGAN, arXiv 1712.04086) lets the critic see when points
    are alike. The paper's critic is free (`--lipschitz free`): it soon separates the two laws, and the generator
    drops modes. Here R1 penalises its gradient at the data (Mescheder et al., arXiv 1801.04406); Adam is theirs,
    without momentum.
    """
    adversary = game_critic(
        shape=shape, critic=critic, game=Logistic(saturating), lipschitz=lipschitz, packing=packing, classes=classes
    )
    return generator(shape=shape, latent=latent, network=network, prior=prior, discrepancy=adversary, classes=classes)


@recipe(lr=2e-4, betas=(0.5, 0.999), batch_size=128, steps=8000, average=0.999, own_batches=True)
def dcgan(
    shape: Shape,
    latent: Latent = 100,
    network: GeneratorNetwork = PLAIN,
    prior: PriorLaw = "uniform",
    critic: Critic = NORMED,
    packing: Packing = 1,
    classes: Labels = None,
) -> Generator:
    """The GAN with strided convolutions and batch normalisation (Radford et al. 2016, arXiv 1511.06434).

    The authors' settings: uniform codes of 100 coordinates, Adam at 2e-4 with beta 0.5, batches of 128, weights from a
    normal law of deviation 0.02. `--network.norm none --critic.norm none` takes the normalisation away,
    `--network mlp` the convolutions of the generator: WGAN's comparisons.
    """
    return generator(
        shape=shape,
        latent=latent,
        network=network,
        prior=prior,
        discrepancy=game_critic(
            shape=shape, critic=critic, game=Logistic(), lipschitz="free", packing=packing, classes=classes
        ),
        classes=classes,
    )


@recipe(lr=1e-3, betas=(0.0, 0.99), steps=2500, schedule="cosine", average=0.998, own_batches=True)
def f_gan(
    shape: Shape,
    latent: Latent = None,
    divergence: Annotated[str, "the f-divergence: a name of remblai list divergences"] = "kullback-leibler",
    trick: Annotated[
        bool, "the generator descends -E T, whose gradient does not vanish; off, the saddle's value"
    ] = True,
    network: GeneratorNetwork = "auto",
    prior: PriorLaw = "normal",
    critic: Critic = "auto",
    lipschitz: Constraint = DAMPED,
    packing: Packing = 1,
    classes: Labels = None,
) -> Generator:
    """Variational divergence minimisation, for any f-divergence (Nowozin et al. 2016, arXiv 1606.00709).

    The critic raises E T(x) - E f*(T(y)), at most D_f(P, Q); the generator lowers it. The authors leave the critic
    free; here R1 penalises its gradient at the data, as in gan: f* may grow without bound, and a free critic's loss
    with it.
    """
    game = FDivergence(divergence, trick)
    return generator(
        shape=shape,
        latent=latent,
        network=network,
        prior=prior,
        discrepancy=game_critic(
            shape=shape, critic=critic, game=game, lipschitz=lipschitz, packing=packing, classes=classes
        ),
        classes=classes,
    )


@recipe(
    lr=5e-5,
    optimiser="rmsprop",
    betas=(0.0, 0.99),
    batch_size=64,
    steps=3800,
    critic_steps="long-rounds",
    average=0.999,
    own_batches=True,
)
def wgan(
    shape: Shape,
    latent: Latent = None,
    network: GeneratorNetwork = "auto",
    prior: PriorLaw = "normal",
    critic: Critic = "auto",
    lipschitz: Constraint = "clip",
    packing: Packing = 1,
    classes: Labels = None,
) -> Generator:
    """Wasserstein GAN: the critic's weights are clipped (Arjovsky, Chintala, Bottou 2017, arXiv 1701.07875).

    The critic raises E f(x) - E f(y), at most W1 times its largest slope; the generator lowers it. The authors'
    settings: RMSprop at 5e-5, weights in [-0.01, 0.01], batches of 64, 5 critic steps, 100 at the start and in
    every 500th step. They train 100 times as long; a short run comes further with `--lr 5e-4 --schedule cosine`.
    """
    return generator(
        shape=shape,
        latent=latent,
        network=network,
        prior=prior,
        discrepancy=game_critic(
            shape=shape, critic=critic, game=Kantorovich(), lipschitz=lipschitz, packing=packing, classes=classes
        ),
        classes=classes,
    )


@recipe(
    lr=1e-3,
    betas=(0.0, 0.9),
    batch_size=64,
    critic_steps=5,
    steps=1500,
    schedule="cosine",
    average=0.998,
    own_batches=True,
)
def wgan_gp(
    shape: Shape,
    latent: Latent = None,
    network: GeneratorNetwork = "auto",
    prior: PriorLaw = "normal",
    critic: Critic = "auto",
    lipschitz: Constraint = WEAKLY,
    packing: Packing = 1,
    classes: Labels = None,
) -> Generator:
    """Wasserstein GAN with a penalty on the critic's slope (Gulrajani et al. 2017, arXiv 1704.00028).

    The critic's loss has weight * E (|slope| - 1)^2 on segments between data and samples: `--lipschitz.weight`, and
    `--lipschitz.one-sided` for slopes above 1 only. `--lipschitz orthogonal` has slope at most 1 by construction. The
    paper has weight 10 and Adam at 1e-4; short runs need a weight of 0.1, the authors' for points on the plane, and a
    rate that falls from 1e-3.
    """
    return generator(
        shape=shape,
        latent=latent,
        network=network,
        prior=prior,
        discrepancy=game_critic(
            shape=shape, critic=critic, game=Kantorovich(), lipschitz=lipschitz, packing=packing, classes=classes
        ),
        classes=classes,
    )


@recipe(
    lr=1e-3,
    betas=(0.0, 0.9),
    batch_size=64,
    critic_steps=2,
    steps=2500,
    schedule="cosine",
    average=0.998,
    own_batches=True,
)
def sn_gan(
    shape: Shape,
    latent: Latent = None,
    network: GeneratorNetwork = "auto",
    prior: PriorLaw = "normal",
    critic: Critic = "auto",
    lipschitz: Constraint = "spectral",
    packing: Packing = 1,
    classes: Labels = None,
) -> Generator:
    """Spectrally normalised critic with the hinge game (Miyato et al. 2018, arXiv 1802.05957).

    The paper has Adam at 2e-4 and 5 critic steps; short runs need a rate that falls from 1e-3, and do with 2.
    """
    return generator(
        shape=shape,
        latent=latent,
        network=network,
        prior=prior,
        discrepancy=game_critic(
            shape=shape, critic=critic, game=Hinge(), lipschitz=lipschitz, packing=packing, classes=classes
        ),
        classes=classes,
    )


@recipe(lr=1e-3, betas=(0.0, 0.99), steps=2500, schedule="cosine", average=0.998, own_batches=True)
def lsgan(
    shape: Shape,
    latent: Latent = None,
    network: GeneratorNetwork = "auto",
    prior: PriorLaw = "normal",
    critic: Critic = "auto",
    lipschitz: Constraint = DAMPED_SQUARES,
    packing: Packing = 1,
    classes: Labels = None,
) -> Generator:
    """Least squares GAN: scores are fitted to 1 on data and 0 on samples (Mao et al. 2017, arXiv 1611.04076).

    The authors leave the critic free; here R1 penalises its gradient at the data, as in gan, with ten times the weight:
    its scores lie within 0 and 1.
    """
    return generator(
        shape=shape,
        latent=latent,
        network=network,
        prior=prior,
        discrepancy=game_critic(
            shape=shape, critic=critic, game=LeastSquares(), lipschitz=lipschitz, packing=packing, classes=classes
        ),
        classes=classes,
    )
