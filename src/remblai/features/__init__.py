"""One table of feature maps, images -> (n, k), for metrics, distances, costs and discrepancies alike."""

import inspect
from collections.abc import Callable

from remblai.config.registry import Choice, make
from remblai.features.features import Features, FeaturesUsed, own_features
from remblai.features.fixed import pca, pixels, random_convolutions
from remblai.features.frozen import Frozen, lead
from remblai.features.published import clip, dinov2, inception
from remblai.features.source import Source
from remblai.features.stacked import stacked_mnist
from remblai.features.trained import SHIPPED, classifier, digits, learned, mnist, reads, shipped, unfit

__all__ = [
    "FEATURES",
    "Features",
    "FeaturesUsed",
    "Frozen",
    "default_features",
    "features_of_shape",
    "make_features",
    "need_data",
]

FEATURES: dict[str, Callable[..., Features]] = {
    "pixels": pixels,
    "digits": digits,
    "mnist": mnist,
    "stacked-mnist": stacked_mnist,
    "classifier": classifier,
    "random-convolutions": random_convolutions,
    "pca": pca,
    "inception": inception,
    "dinov2": dinov2,
    "clip": clip,
}
"""Every feature map by name; those that are fitted to data take the data set, others at most the shape of an image."""


def make_features(choice: Choice, dataset: Source) -> Features:
    """The features of this name, or a callable or torch module of one's own.

    Args:
        choice: a name of `FEATURES`, `{"name": ..., option: ...}`, a torch module, or a callable from images
            (n, c, h, w) to features (n, k).
        dataset: what they are fitted to, where they are.

    Raises:
        ValueError: unknown names or options, data that these features do not take, weights that are not there.
    """
    part = make(FEATURES, choice, "features", dataset=dataset, shape=dataset.shape)
    return own_features(part, dataset.shape)


def need_data(name: str) -> bool:
    """Whether the features of this name are fitted to a data set."""
    return name in FEATURES and "dataset" in inspect.signature(FEATURES[name]).parameters


def features_of_shape(choice: Choice, shape: tuple[int, ...]) -> Features:
    """The same for a model, which is built for data of this shape before any is seen, and is trained through them.

    Args:
        choice: as for `make_features`; the features of a name that is fitted to data come as a live part.
        shape: of one x, (c, h, w) or (d,).

    Raises:
        ValueError: as `make_features`; features that are fitted to data, by name; or features without a gradient.
    """
    name = choice.get("name") if not isinstance(choice, str) and isinstance(choice, dict) else choice
    if isinstance(name, str) and need_data(name):
        raise ValueError(
            f"features {name}: they are fitted to data, and a model is built before any is seen: train by `remblai "
            f"train` or `remblai.train`, which fit them, or pass remblai.features.make_features({name!r}, dataset)."
        )
    return lead(own_features(make(FEATURES, choice, "features", shape=shape), shape), shape)


def default_features(dataset: Source) -> Features | None:
    """The features that a card takes of itself; None for points.

    Those of a shipped classifier where it reads the data's own labels, or those of each channel of stacked MNIST; of a
    classifier that is trained on the spot where there are labels enough and it reads held-out ones clearly better than
    chance (`trained.learned`); random convolutions otherwise.

    Args:
        dataset: the data.
    """
    if len(dataset.shape) != 3:
        return None
    for name in SHIPPED:
        if reads(name, dataset):
            return shipped(name)
    if dataset.name == "stacked-mnist":
        return stacked_mnist()
    if unfit(dataset):
        return random_convolutions(dataset.shape)
    own = classifier(dataset)
    return own if learned(own, dataset) else random_convolutions(dataset.shape)
