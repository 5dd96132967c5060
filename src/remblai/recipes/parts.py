"""What the recipes of auto-encoders share: their options, and the objective from the chosen parts."""

from types import MappingProxyType
from typing import Annotated

from remblai.choices import Choice, make
from remblai.costs import COSTS, Cost
from remblai.laws import DECODERS, ENCODERS, PRIORS
from remblai.networks import NETWORKS
from remblai.objectives import AutoEncoder, Penalty
from remblai.objectives.penalties import PENALTIES, made
from remblai.objectives.regularisers import Regulariser

Shape = tuple[int, ...]
Latent = Annotated[int, "dimensions of the code"]
Network = Annotated[Choice, NETWORKS, "the family of networks; auto takes convolutions for images of 16 pixels or more"]
PriorLaw = Annotated[Choice, PRIORS, "the law of the codes, P_Z"]
EncoderLaw = Annotated[Choice, ENCODERS, "the law of the code given the data, Q(Z|X)"]
DecoderLaw = Annotated[Choice, DECODERS, "the law of the data given the code, P(X|Z)"]
CostName = Annotated[Choice, COSTS, "c(x, y) between data and reconstruction, summed over the pixels"]
PenaltyName = Annotated[Choice, PENALTIES, "what holds the codes to the prior"]
Weight = Annotated[float, "the penalty's weight"]
TransportWeight = Annotated[float, "the cost's weight; the WAE authors' code has 0.05"]
Noise = Annotated[float, "standard deviation of the noise on the encoder's input while training"]
LEARNED = MappingProxyType({"name": "gaussian", "variance": 0.02, "learned": True})


def auto_encoder(
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
    regulariser: Regulariser | None = None,
    regulariser_weight: float = 1.0,
) -> AutoEncoder:
    """The objective of the chosen parts: names, options mappings or live parts; arguments as for `AutoEncoder`."""
    law = make(PRIORS, prior, "prior", latent=latent)
    nets = make(NETWORKS, network, "network", shape=shape, latent=latent)
    return AutoEncoder(
        make(ENCODERS, encoder, "encoder", network=nets, prior=law),
        make(DECODERS, decoder, "decoder", network=nets, range=(0.0, 1.0) if len(shape) == 3 else None, latent=latent),
        law,
        make(COSTS, cost, "cost"),
        None if penalty is None else made(penalty, prior=law, latent=latent),
        weight,
        transport_weight,
        noise,
        regulariser,
        regulariser_weight,
    )
