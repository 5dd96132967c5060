"""What the recipes of auto-encoders share: their options, and the objective from the chosen parts."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Literal

from remblai.config.registry import Choice, Table, make
from remblai.costs import COSTS, Cost, of_pairs
from remblai.laws import DECODERS, ENCODERS, PRIORS, SAMPLERS, Decoder, Encoder, Prior
from remblai.laws.own_priors import checked_prior
from remblai.networks import NETWORKS
from remblai.networks import Network as Pair
from remblai.networks.classes import Classes, conditional
from remblai.networks.network import tried
from remblai.networks.shapes import range_of
from remblai.objectives import AutoEncoder, Penalty
from remblai.objectives.regularisers import Regulariser
from remblai.objectives.table import PENALTIES, make_penalty
from remblai.objectives.weights import HeldWeight, has_critic, parse_weight


def suited(network: Pair, prior: Prior) -> Encoder:
    """The deterministic encoder where x has more entries than the code, else the gaussian one.

    A code that leaves directions of x out can fill the prior without noise: the directions left out vary the codes. A
    code of all of x cannot: the encoder is continuous, so clusters of data leave gaps between their codes, and the
    decoder turns draws of the prior in the gaps into points of no cluster. Noise fills the gaps. A prior of bounded
    support, which Gaussians leave, gets the deterministic encoder.

    Args:
        network: the network pair whose encoder is used.
        prior: the law of the codes.
    """
    fills = prior.bounded or math.prod(network.shape) > prior.latent
    encoder: Encoder = ENCODERS["deterministic" if fills else "gaussian"](network=network, prior=prior)
    return encoder


SUITED: Mapping[str, Callable[..., Encoder]] = {"auto": suited, **ENCODERS}
Shape = tuple[int, ...]
Latent = Annotated[
    Literal["auto"] | int | None,
    "dimensions of the code; none takes 8, or as many as x has entries where fewer; auto those of the data",
]
Network = Annotated[Choice, NETWORKS, "the family of networks; auto takes convolutions for images of 16 pixels or more"]
PriorLaw = Annotated[Choice, PRIORS, "the law of the codes, P_Z"]
EncoderLaw = Annotated[Choice, ENCODERS, "the law of the code given the data, Q(Z|X)"]
AutoEncoderLaw = Annotated[Choice, SUITED, "the law of the code given the data, Q(Z|X); auto: noise where x needs it"]
DecoderLaw = Annotated[Choice, DECODERS, "the law of the data given the code, P(X|Z)"]
CostName = Annotated[Choice, COSTS, "c(x, y) between data and reconstruction, summed over the pixels"]
PenaltyName = Annotated[Choice, PENALTIES, "what matches the codes' law to the prior"]
Held = Annotated[str, re.compile(r"auto(:.+)?"), "a number, auto, or auto:MULTIPLE as in auto:2"]
Weight = Annotated[
    float | Held,
    "the penalty's weight; auto holds the codes' discrepancy 2 standard deviations above that of the prior's own draws "
    "(auto:2)",
]
TransportWeight = Annotated[float, "the cost's weight; the WAE authors' code has 0.05"]
Labels = int | Sequence[float] | Classes | None
"""Of a conditional model: how many classes the data have, or the share of each."""
Noise = Annotated[float, "standard deviation of the noise on the encoder's input while training"]
SamplerName = Annotated[Choice, SAMPLERS, "the law of the codes that samples are decoded from"]
CODES = 8
"""Dimensions of the code where none are asked for and x has as many entries."""
LEARNED = MappingProxyType({"name": "gaussian", "variance": 0.05, "learned": True, "smallest": 0.025})
LEARNED_LOW = MappingProxyType({**LEARNED, "smallest": 0.0125})
LEARNED_HIGH = MappingProxyType({**LEARNED, "variance": 0.1, "smallest": 0.05})


def labelled(classes: int | Sequence[float] | Classes | None) -> Classes | None:
    """The classes of a conditional model; None of others."""
    return classes if classes is None or isinstance(classes, Classes) else Classes(classes)


def count_of(classes: Classes | None) -> int | None:
    """How many classes a model has; None without."""
    return None if classes is None else classes.count


def dimensions(latent: Latent, shape: Shape) -> int:
    """How many coordinates the code has: as asked for, else `CODES`, but no more than x has entries.

    An encoder of d entries gives codes that lie on a surface of at most d dimensions. Only noise reaches a prior of
    more, and the decoder is not trained off the surface (Rubenstein et al. 2018, "On the latent space of Wasserstein
    auto-encoders", arXiv 1802.03761).

    Raises:
        ValueError: auto, which only a training with its data can be asked for.
    """
    if isinstance(latent, str):  # `runs.latent` replaces it by a number
        raise ValueError(f"latent: expected a number, got {latent!r}, which only `remblai.train` knows: give a number.")
    return min(CODES, math.prod(shape)) if latent is None else latent


def codes(prior: Choice, latent: Latent, shape: Shape) -> tuple[Prior, int]:
    """The law of an auto-encoder's codes, and how many coordinates it has; arguments as for `auto_encoder`."""
    default = dimensions(None, shape)
    law = law_of_codes(prior, None if latent is None else dimensions(latent, shape), default)
    return law, law.latent


def law_of_codes(prior: Choice, latent: int | None, otherwise: int) -> Prior:
    """The chosen prior; a live one says itself how many coordinates a code has.

    Args:
        prior: a name, an options mapping or a live part.
        latent: how many coordinates were asked for; None asks for none.
        otherwise: how many, where neither says it.

    Raises:
        ValueError: a live prior of another number of coordinates than were asked for, or one that is not complete.
    """
    law: Prior = make(PRIORS, prior, "prior", interface=Prior, latent=otherwise if latent is None else latent)
    own = checked_prior(law).latent
    if latent is not None and own != latent:
        raise ValueError(
            f"latent: got {latent}, and the prior {type(law).__name__} is a law of {own} coordinates: leave latent "
            "out, or give the prior as many."
        )
    return law


def network_of(choice: Choice, shape: Shape, latent: int, table: Table = NETWORKS) -> Pair:
    """The chosen networks; what live ones build is tried.

    Raises:
        ValueError: live ones that are of another shape of data, or build what answers in another shape.
    """
    nets: Pair = make(table, choice, "network", interface=Pair, shape=shape, latent=latent)
    return nets if isinstance(choice, str | Mapping) else tried(nets, shape)


def held_weight(weight: float | str, penalty: Penalty | None, prior: Prior) -> float | HeldWeight:
    """The weight as a number, or what `auto` and `auto:MULTIPLE` mean.

    Of a penalty with a critic the level is that of the recipe wae-mmd's MMD, which no critic must be trained for.

    Raises:
        ValueError: another word, or a penalty whose codes have no level.
    """
    if not isinstance(weight, str):
        return weight
    multiple = parse_weight(weight)
    if penalty is None:
        raise ValueError(f"weight {weight}: expected a penalty to weigh, got none: choose one, such as mmd.")
    measure = make_penalty("mmd", prior=prior, latent=prior.latent) if has_critic(penalty) else None
    return HeldWeight(penalty, prior, measure, multiple)


def auto_encoder(
    *,
    shape: Shape,
    latent: Latent,
    network: Choice,
    prior: Choice = "normal",
    encoder: Choice = "deterministic",
    decoder: Choice = "deterministic",
    cost: Choice | Cost,
    penalty: Choice | Penalty | None = None,
    weight: float | str = 1.0,
    transport_weight: float = 1.0,
    noise: float = 0.0,
    regulariser: Regulariser | None = None,
    regulariser_weight: float = 1.0,
    weighted_critic: bool = False,
    classes: Labels = None,
) -> AutoEncoder:
    """The objective of the chosen parts: names, options mappings or live parts; arguments as for `AutoEncoder`."""
    law, latent = codes(prior, latent, shape)
    nets = network_of(network, shape, latent)
    kinds = labelled(classes)
    read = nets if kinds is None else conditional(nets, kinds.count)
    context = {"prior": law, "latent": latent, "network": nets, "classes": count_of(kinds)}
    part = None if penalty is None else make_penalty(penalty, **context)
    pixels = range_of(shape)
    return AutoEncoder(
        encoder=make(SUITED, encoder, "encoder", interface=Encoder, network=read, prior=law),
        decoder=make(DECODERS, decoder, "decoder", interface=Decoder, network=read, range=pixels, latent=latent),
        prior=law,
        cost=of_pairs(make(COSTS, cost, "cost")),
        penalty=part,
        weight=held_weight(weight, part, law),
        transport_weight=transport_weight,
        noise=noise,
        regulariser=regulariser,
        regulariser_weight=regulariser_weight,
        weighted_critic=weighted_critic,
        classes=kinds,
    )
