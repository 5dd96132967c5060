"""What the recipes of generators share: their options, and the objective from the chosen parts."""

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Annotated, Any

import torch
from torch import nn

from remblai.config.registry import Choice, make, unknown
from remblai.critics import GAMES, LIPSCHITZ, Adversarial, Game, Lipschitz
from remblai.discrepancies import DISCREPANCIES, Discrepancy
from remblai.features import FEATURES, Frozen, features_of_shape
from remblai.features import Features as FeaturesOfImages
from remblai.features.frozen import lead
from remblai.kernels import KERNELS
from remblai.laws import DECODERS
from remblai.networks import CRITICS, GENERATORS
from remblai.networks.classes import Projection, conditional
from remblai.networks.shapes import range_of
from remblai.objectives import Generator
from remblai.recipes.parts import Labels, count_of, labelled, law_of_codes, network_of

Latent = Annotated[int | None, "dimensions of the code that is turned into data; none: twice a point's, at most 16"]
GeneratorNetwork = Annotated[
    Choice, GENERATORS, "the generator's network; auto takes convolutions for images of 16 pixels or more"
]
Critic = Annotated[Choice, CRITICS, "the critic's network; auto takes convolutions for images of 16 pixels or more"]
Constraint = Annotated[Choice, LIPSCHITZ, "how the critic is constrained"]
GameName = Annotated[Choice, GAMES, "the losses of the two players"]
Features = Annotated[int, "numbers that the critic answers with, the features that are compared"]
Packing = Annotated[int, "points that the critic scores together"]
KernelName = Annotated[Choice, KERNELS, "how points are compared"]


def game_critic(
    shape: tuple[int, ...], critic: Choice, game: Game, lipschitz: Choice, packing: int, classes: Labels = None
) -> Adversarial:
    """A critic of data with its game and constraint, which sees `packing` points at a time."""
    return feature_critic(
        shape=shape, critic=critic, game=game, lipschitz=lipschitz, features=1, packing=packing, classes=classes
    )


def packed(shape: tuple[int, ...], packing: int) -> tuple[int, ...]:
    """The shape of a pack of points, which lie along their first axis."""
    return (max(1, packing) * shape[0], *shape[1:])


def feature_critic(
    shape: tuple[int, ...],
    critic: Choice,
    game: Game,
    lipschitz: Choice,
    features: int,
    packing: int = 1,
    classes: Labels = None,
) -> Adversarial:
    """A critic that answers with so many numbers for each point, or pack of points; with classes a `Projection`."""
    if features < 1:
        raise ValueError(f"features: expected at least 1 number for each point, got {features}.")
    kinds = labelled(classes)
    outputs = features if kinds is None else PROJECTED
    net = make(CRITICS, critic, "critic", interface=nn.Module, shape=packed(shape, packing), outputs=outputs)
    if kinds is not None:
        net = Projection(net, PROJECTED, shape, kinds.count, features, packing)
    return Adversarial(net, game, make(LIPSCHITZ, lipschitz, "lipschitz", interface=Lipschitz), packing=packing)


def adversarial(
    shape: tuple[int, ...],
    *,
    critic: Critic = "auto",
    game: GameName = "logistic",
    lipschitz: Constraint = "free",
    packing: Packing = 1,
    classes: Labels = None,
) -> Adversarial:
    """A critic of data, trained against the generator."""
    return game_critic(
        shape=shape,
        critic=critic,
        game=make(GAMES, game, "game", interface=Game),
        lipschitz=lipschitz,
        packing=packing,
        classes=classes,
    )


def _between_samples(factory: Callable[..., Discrepancy]) -> Callable[..., Discrepancy]:
    """The factory without `closed_form`, which is of use against a law only."""
    signature = inspect.signature(factory)
    kept = [parameter for name, parameter in signature.parameters.items() if name != "closed_form"]
    if len(kept) == len(signature.parameters):
        return factory

    @wraps(factory)
    def factory_of_samples(**options: Any) -> Discrepancy:
        return factory(**options)

    factory_of_samples.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]  # read by inspect
    return factory_of_samples


ON_DATA: dict[str, Callable[..., Discrepancy]] = {
    name: _between_samples(factory) for name, factory in DISCREPANCIES.items()
} | {"adversarial": adversarial}
"""The discrepancies by name, as generators take them: compared are points of data."""


PROJECTED = 128
"""Features of a point onto which a critic projects the vector of a class."""

CODES = 16
"""Coordinates of a code, where it is not said how many, at most."""


def points() -> None:
    """The points themselves."""


FEATURE_MAPS: dict[str, Callable[..., Any]] = {"points": points, **FEATURES}
"""What a generator's samples and the data are compared by."""
FeatureMap = Annotated[Choice, FEATURE_MAPS, "what is compared; in Python also a function or module x -> (n, k)"]


def feature_map(choice: Choice, shape: tuple[int, ...]) -> Frozen | None:
    """The chosen features of points of this shape, frozen; None for the points themselves."""
    if isinstance(choice, str | Mapping):
        name = choice if isinstance(choice, str) else choice.get("name")
        if name not in FEATURE_MAPS:
            raise unknown("features", name, FEATURE_MAPS)
        return None if name == "points" else Frozen(features_of_shape(choice, shape))
    if not callable(choice):
        raise ValueError(
            f"features: expected a name ({', '.join(FEATURE_MAPS)}), or a function or module x (n, ...) -> (n, k), got "
            f"{choice!r}."
        )
    return Frozen(lead(choice, shape))


def compared(features: Frozen | None, shape: tuple[int, ...]) -> tuple[tuple[int, ...], "DataScale"]:
    """The shape of one compared point, and the scale that is assumed of it: of most features as if standardised."""
    if features is None:
        return shape, data_scale(shape)
    with torch.no_grad():
        size = features(torch.full((1, *shape), 0.5))[0][0].numel()
    as_data = isinstance(features.features, FeaturesOfImages) and features.features.in_units_of_data
    return (size,), DataScale(data_scale(shape).square_distance if as_data else 2.0 * size, size)


@dataclass(frozen=True)
class DataScale:
    """Where a kernel's scale is read from where there is no prior.

    Attributes:
        square_distance: E|X - X'|^2 of two data: for points and codes 2 a coordinate, as if standardised; for images
            1/8 a pixel (digits have 0.15, MNIST 0.13, photographs about 0.12 on the scale from 0 to 1).
        latent: coordinates of a point.
    """

    square_distance: float
    latent: int


def data_scale(shape: tuple[int, ...]) -> DataScale:
    """The scale that is assumed of data of this shape before any is seen."""
    size = math.prod(shape)
    return DataScale(2.0 * size if range_of(shape) is None else size / 8.0, size)


def generator(
    shape: tuple[int, ...],
    latent: int | None,
    network: Choice,
    prior: Choice,
    discrepancy: Choice | Discrepancy,
    classes: Labels = None,
    features: Choice = "points",
) -> Generator:
    """The objective of the chosen parts: names, options mappings or live parts; arguments as for `Generator`.

    Without `latent` a code has twice the coordinates of a point, at most 16.
    """
    size = math.prod(shape)
    law = law_of_codes(prior, latent, min(CODES, 2 * size))
    latent = law.latent
    nets = network_of(network, shape, latent, GENERATORS)
    kinds, seen = labelled(classes), feature_map(features, shape)
    point, scale = compared(seen, shape)
    read = nets if kinds is None else conditional(nets, kinds.count)
    context: dict[str, Any] = {"shape": point, "latent": scale.latent, "prior": scale, "classes": count_of(kinds)}
    return Generator(
        decoder=make(DECODERS, "deterministic", "decoder", network=read, range=range_of(shape), latent=latent),
        prior=law,
        discrepancy=make(ON_DATA, discrepancy, "discrepancy", **context),
        classes=kinds,
        class_distance=math.sqrt(scale.square_distance),
        features=seen,
    )
