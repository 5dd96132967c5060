"""Generators of one step by drifts, and flows of many steps: what this year's models are made of."""

import math
from collections.abc import Callable
from typing import Annotated, Any

from torch import nn

from remblai.config.registry import Choice, make
from remblai.laws import DECODERS
from remblai.laws.ode import Method
from remblai.networks import GENERATORS, VELOCITIES
from remblai.networks.classes import conditional
from remblai.networks.shapes import range_of
from remblai.objectives import COUPLINGS, Descent, Drifting, Flow, MeanShift
from remblai.objectives.reflow import Reflow
from remblai.recipes.base import recipe
from remblai.recipes.dual import CODES, ON_DATA, DataScale, FeatureMap, GeneratorNetwork, Latent, compared, feature_map
from remblai.recipes.parts import Labels, PriorLaw, Shape, count_of, labelled, law_of_codes, network_of

DRIFTS: dict[str, Callable[..., Any]] = {"mean-shift": MeanShift, **ON_DATA}
"""The paper's drift, and the discrepancies whose gradient is one."""

DriftName = Annotated[Choice, DRIFTS, "where samples drift: mean-shift, the paper's, or down a discrepancy's gradient"]
Normalise = Annotated[bool, "features have one mean distance and drifts one size, whatever their scales"]
Scales = Annotated[tuple[float, ...], "factors of the points at which a discrepancy's gradient is taken"]
VelocityName = Annotated[Choice, VELOCITIES, "the network v(x, t); auto takes unet for images of 16 pixels or more"]
CouplingName = Annotated[Choice, COUPLINGS, "which data the noise is led to"]


@recipe(lr=2e-3, batch_size=256, steps=3000, schedule="cosine", average=0.995)
def drifting(
    shape: Shape,
    latent: Latent = None,
    network: GeneratorNetwork = "auto",
    prior: PriorLaw = "normal",
    drift: DriftName = "mean-shift",
    features: FeatureMap = "points",
    normalise: Normalise = True,
    scales: Scales = (1.0,),
    classes: Labels = None,
) -> Drifting:
    """A one-step generator whose samples are regressed on where they drift (Deng et al. 2026, arXiv 2602.04770).

    Minimises E |phi(G(z)) - stop_gradient(phi(G(z)) + V)|^2 / 2. The default V is the paper's mean shift, with its
    Laplacian kernel and normalisations; any discrepancy gives another, minus its gradient (`--drift entropic`). With
    `--no-normalise` that is the gradient of the discrepancy itself, as in minimum-distance. The paper's features are
    those of a strong network (`--features dinov2`), its batches 8,192: in pixels it fails on photographs.
    """
    size = math.prod(shape)
    law = law_of_codes(prior, latent, min(CODES, 2 * size))
    latent = law.latent
    nets = network_of(network, shape, latent, GENERATORS)
    seen = feature_map(features, shape)
    point, scale = compared(seen, shape)
    scale = DataScale(1.0, scale.latent) if normalise else scale
    kinds = labelled(classes)
    read = nets if kinds is None else conditional(nets, kinds.count)
    context: dict[str, Any] = {"shape": point, "latent": scale.latent, "prior": scale, "classes": count_of(kinds)}
    chosen = make(DRIFTS, drift, "drift", **context)
    return Drifting(
        decoder=make(DECODERS, "deterministic", "decoder", network=read, range=range_of(shape), latent=latent),
        prior=law,
        drift=chosen if isinstance(chosen, MeanShift | Descent) else Descent(chosen, scales, normalise),
        features=seen,
        normalise=normalise,
        classes=kinds,
        class_distance=math.sqrt(scale.square_distance),
    )


@recipe(lr=2e-3, batch_size=256, steps=4000, schedule="cosine", average=0.995)
def flow_matching(
    shape: Shape,
    velocity: VelocityName = "auto",
    coupling: CouplingName = "batch",
    sampling_steps: Annotated[int, "steps from noise to a sample"] = 20,
    method: Annotated[Method, "of the integration: 1, 2 or 6 evaluations a step"] = "heun",
    guidance: Annotated[float, "of samples of a class, with --conditional: 1 its law, above 1 more typical ones"] = 1.0,
    label_dropout: Annotated[float, "the share of rows whose class is hidden, with --conditional"] = 0.1,
    distilled: Annotated[int, "steps that samples take at last, by --coupling reflow; 0 trains v at all times"] = 0,
    classes: Labels = None,
) -> Flow:
    """Flow matching with optimal couplings (Lipman et al. 2023, 2210.02747; OT-CFM: Tong et al. 2024, 2302.00482).

    A network learns the velocity that leads noise to data along straight lines; a sample integrates it. The noise and
    the data of a batch are coupled optimally; `--coupling semi-discrete` solves the coupling with a part of the data
    once (1,024 of them: some seconds for points, a minute for colour images), `--coupling independent` is a rectified
    flow (Liu et al. 2023, 2209.03003). `sample --sampling-steps 4` takes another number of steps than the run says.
    With `--conditional` a tenth of the labels is hidden, so that `--guidance 2`, here or with `sample`, gives
    classifier-free guidance (Ho & Salimans 2022, 2207.12598). `--coupling reflow --coupling.run RUN` is the second
    stage of a rectified flow: it joins noise with the ends of the paths of a run of this recipe, from whose weights it
    starts, so that paths become straight and few steps do; `--distilled 1` then trains the step that starts at the
    noise alone. A step of such a training takes a sample of that run, which costs as many evaluations of v as the run's
    samples do.
    """
    size, kinds = math.prod(shape), labelled(classes)
    pairs = make(COUPLINGS, coupling, "coupling", interface=nn.Module, dimensions=size, classes=count_of(kinds))
    speed = make(VELOCITIES, velocity, "velocity", interface=nn.Module, shape=shape, classes=count_of(kinds))
    if distilled and not isinstance(pairs, Reflow):
        raise ValueError(
            f"distilled: expected pairs of noise and data that one path joins, got the coupling {coupling!r}: train a "
            "run first, and this one with --coupling reflow --coupling.run RUN."
        )
    if isinstance(pairs, Reflow):
        pairs.begin(speed)
    return Flow(
        velocity=speed,
        shape=shape,
        coupling=pairs,
        range=range_of(shape),
        sampling_steps=sampling_steps,
        method=method,
        classes=kinds,
        guidance=guidance,
        label_dropout=label_dropout,
        distilled=distilled,
    )
