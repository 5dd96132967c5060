"""The machines: restricted Boltzmann machines of bits, by likelihood and by smoothed transport."""

import math
from typing import Annotated

from remblai.discrepancies import Entropic
from remblai.networks.rbm import RBM
from remblai.objectives.boltzmann import Binarise, Boltzmann, Form
from remblai.recipes.base import recipe
from remblai.recipes.parts import Labels, Shape, count_of, labelled

Hidden = Annotated[int, "hidden bits"]
TransportWeight = Annotated[float, "weight of the smoothed transport, whose unit is a bit"]
LikelihoodWeight = Annotated[float, "weight of KL(data | machine), in nats: the paper's lambda"]
Epsilon = Annotated[float, "the transport's regularisation, as a share of the bits of x"]
Decay = Annotated[float, "weight of the sum of squared weights"]
Chains = Annotated[int, "persistent chains"]
GibbsSteps = Annotated[int, "Gibbs steps of the chains at each batch"]
FormName = Annotated[Form, "kl smooths by KL(P | a x b), entropy by -H(P)"]
BinariseName = Annotated[Binarise, "how grey in [0, 1] becomes bits: threshold (a half), sample (as odds) or none"]
EPSILON = 1 / 32
TOLERANCE = 1e-3
"""Marginal error of the plans; samples err by more."""


@recipe(lr=5e-3, steps=3000, batch_size=256, schedule="cosine")
def rbm(
    shape: Shape,
    hidden: Hidden = 96,
    decay: Decay = 1e-4,
    chains: Chains = 256,
    gibbs_steps: GibbsSteps = 5,
    binarise: BinariseName = "none",
    classes: Labels = None,
) -> Boltzmann:
    """Restricted Boltzmann machine by persistent contrastive divergence (Smolensky 1986; Tieleman 2008).

    Minimises KL(data | machine) + decay * |W|^2, by samples from chains that run on from batch to batch. For bits:
    grey images need `--binarise threshold` or `--binarise sample`, and are drawn as the means of their bits. Tieleman's
    plain gradient steps with one Gibbs step are Adam and five here.
    """
    return _boltzmann(
        shape=shape,
        hidden=hidden,
        weight=0.0,
        likelihood_weight=1.0,
        decay=decay,
        chains=chains,
        gibbs_steps=gibbs_steps,
        epsilon=EPSILON,
        form="kl",
        binarise=binarise,
        classes=classes,
    )


@recipe(lr=5e-3, steps=3000, batch_size=256, schedule="cosine", warm_start=0.5)
def wasserstein_rbm(
    shape: Shape,
    hidden: Hidden = 96,
    weight: TransportWeight = 1.0,
    likelihood_weight: LikelihoodWeight = 1.0,
    decay: Decay = 1e-4,
    chains: Chains = 256,
    gibbs_steps: GibbsSteps = 5,
    epsilon: Epsilon = EPSILON,
    form: FormName = "kl",
    binarise: BinariseName = "none",
    classes: Labels = None,
) -> Boltzmann:
    """Wasserstein restricted Boltzmann machine (Montavon, Müller, Cuturi 2016, arXiv 1507.01972).

    Minimises weight * OT(data, machine) + likelihood_weight * KL(data | machine) + decay * |W|^2, with the Hamming cost
    and epsilon KL(P | a x b) for smoothing, undebiased: dual potentials weigh the machine's samples. The first half of
    the run is `rbm`'s, as the paper starts from a machine trained by likelihood. It gains in transport, completion and
    heavy denoising what it loses in likelihood and variety. The paper trains on whole sets of small binary data in one
    batch; here batches of 256 meet as many chains, with Adam. Its smoothing is -epsilon H(P) (`--form entropy`), whose
    gradient also asks for more entropy of the machine: that part is added, for the potentials of two samples of equal
    mass leave it out.
    """
    return _boltzmann(
        shape=shape,
        hidden=hidden,
        weight=weight,
        likelihood_weight=likelihood_weight,
        decay=decay,
        chains=chains,
        gibbs_steps=gibbs_steps,
        epsilon=epsilon,
        form=form,
        binarise=binarise,
        classes=classes,
    )


def _boltzmann(
    shape: Shape,
    hidden: int,
    weight: float,
    likelihood_weight: float,
    decay: float,
    chains: int,
    gibbs_steps: int,
    epsilon: float,
    form: Form,
    binarise: Binarise,
    classes: Labels,
) -> Boltzmann:
    kinds = labelled(classes)
    bits = math.prod(shape) + (count_of(kinds) or 0)
    # on bits the Hamming distance is the squared one, for which the solver is an order of magnitude quicker; epsilon
    # is absolute, because the gradient of one that follows the machine's samples would lack a part
    transport = Entropic("square", epsilon * bits, relative=False, debiased=False, tolerance=TOLERANCE)
    return Boltzmann(
        RBM(bits, hidden),
        transport,
        weight,
        likelihood_weight,
        decay,
        chains,
        gibbs_steps,
        form,
        binarise,
        shape,
        classes=kinds,
    )
