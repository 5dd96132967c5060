"""Generators without a critic: inf over G of a discrepancy that is known in closed form."""

from types import MappingProxyType
from typing import Annotated

from remblai.config.registry import Choice
from remblai.objectives import CodeGenerator, Generator
from remblai.recipes.base import recipe
from remblai.recipes.dual import ON_DATA, FeatureMap, GeneratorNetwork, Latent, generator
from remblai.recipes.parts import CostName, Labels, Network, Noise, PriorLaw, Shape, auto_encoder, labelled

AnyDiscrepancy = Annotated[Choice, ON_DATA, "the discrepancy between data and samples"]
Mmd = Annotated[Choice, {"mmd": ON_DATA["mmd"]}, "the squared maximum mean discrepancy of data and samples"]
Entropic = Annotated[Choice, {"entropic": ON_DATA["entropic"]}, "the Sinkhorn divergence of data and samples"]
GAUSSIAN = MappingProxyType({"name": "mmd", "kernel": "gaussian"})
BLURRED = MappingProxyType({"name": "entropic", "epsilon": 0.3})


@recipe(lr=2e-3, batch_size=200, steps=7000, schedule="cosine", average=0.995)
def minimum_distance(
    shape: Shape,
    latent: Latent = None,
    network: GeneratorNetwork = "auto",
    prior: PriorLaw = "normal",
    discrepancy: AnyDiscrepancy = "energy-distance",
    features: FeatureMap = "points",
    classes: Labels = None,
) -> Generator:
    """A generator by any discrepancy: inf over G of D(P_X, P_G) (Bassetti et al. 2006; Bernton et al., 1701.05146).

    Gmmn, sinkhorn-gan and the adversarial recipes are special cases. The default is the energy distance, which has no
    scale to choose.
    """
    return generator(
        shape=shape,
        latent=latent,
        network=network,
        prior=prior,
        discrepancy=discrepancy,
        classes=classes,
        features=features,
    )


@recipe(lr=2e-3, batch_size=200, steps=5000, schedule="cosine", average=0.995)
def gmmn(
    shape: Shape,
    latent: Latent = None,
    network: GeneratorNetwork = "auto",
    prior: PriorLaw = "uniform",
    discrepancy: Mmd = GAUSSIAN,
    features: FeatureMap = "points",
    classes: Labels = None,
) -> Generator:
    """Generative moment matching network (Li, Swersky, Zemel 2015, 1502.02761; Dziugaite et al. 2015, 1505.03906).

    Minimises the unbiased MMD^2 with a sum of Gaussian kernels around the spread of the data. The paper takes its
    biased root and batches of 1,000; a step costs the square of the batch. The rate is above the papers' and falls.
    """
    return generator(
        shape=shape,
        latent=latent,
        network=network,
        prior=prior,
        discrepancy=discrepancy,
        classes=classes,
        features=features,
    )


@recipe(lr=2e-3, batch_size=200, steps=2500, schedule="cosine", average=0.995)
def gmmn_ae(
    shape: Shape,
    latent: Latent = None,
    code: Annotated[int, "dimensions of the auto-encoder's code"] = 8,
    network: Network = "auto",
    prior: PriorLaw = "uniform",
    cost: CostName = "square",
    noise: Noise = 0.01,
    discrepancy: Mmd = GAUSSIAN,
    classes: Labels = None,
) -> CodeGenerator:
    """A moment matching network of an auto-encoder's codes (Li, Swersky, Zemel 2015, arXiv 1502.02761, section 4).

    The auto-encoder learns E c(x, G(z)) alone, beside it a generator of its codes their law; samples are decoded codes.
    The paper trains one after the other; here no gradient of the codes' law reaches the auto-encoder. No
    term fixes the codes' scale: the kernels' scales reach from a tenth to ten times that of a standard normal law.
    """
    classes = labelled(classes)  # one of both parts
    auto = auto_encoder(
        shape=shape,
        latent=code,
        network=network,
        cost=cost,
        noise=noise,
        classes=classes,
    )
    return CodeGenerator(
        auto,
        generator(shape=(code,), latent=latent, network="mlp", prior=prior, discrepancy=discrepancy, classes=classes),
    )


@recipe(lr=2e-3, batch_size=200, steps=3000, schedule="cosine", average=0.995)
def sinkhorn_gan(
    shape: Shape,
    latent: Latent = None,
    network: GeneratorNetwork = "auto",
    prior: PriorLaw = "normal",
    discrepancy: Entropic = BLURRED,
    features: FeatureMap = "points",
    classes: Labels = None,
) -> Generator:
    """A generator by the Sinkhorn divergence of data and samples (Genevay, Peyre, Cuturi 2018, arXiv 1706.00292).

    The cost is on the data themselves; the paper's learned cost is ot-gan's critic. The plans converge, and the
    gradient is that of the value. Plans of batches are too good: a small epsilon moves samples to the means of data,
    and away from their law; a large one blurs the modes.
    """
    return generator(
        shape=shape,
        latent=latent,
        network=network,
        prior=prior,
        discrepancy=discrepancy,
        classes=classes,
        features=features,
    )
