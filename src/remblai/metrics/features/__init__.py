"""One table of feature maps, images -> (n, k), for metrics, distances, costs and discrepancies alike."""

from collections.abc import Callable

from remblai.config.registry import Choice, make
from remblai.data import Dataset
from remblai.metrics.features.features import Features, FeaturesUsed, own_features
from remblai.metrics.features.fixed import pca, pixels, random_convolutions
from remblai.metrics.features.published import clip, dinov2, inception
from remblai.metrics.features.stacked import stacked_mnist
from remblai.metrics.features.trained import SHIPPED, classifier, digits, learned, mnist, reads, shipped, unfit

__all__ = ["FEATURES", "Features", "FeaturesUsed", "default_features", "make_features"]

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
"""Every feature map by name; those that are fitted to data take the data set."""


def make_features(choice: Choice, dataset: Dataset) -> Features:
    """The features of this name, or a callable or torch module of one's own.

    Args:
        choice: a name of `FEATURES`, `{"name": ..., option: ...}`, a torch module, or a callable from images
            (n, c, h, w) to features (n, k).
        dataset: what they are fitted to, where they are.

    Raises:
        ValueError: unknown names or options, data that these features do not take, weights that are not there.
    """
    return own_features(make(FEATURES, choice, "features", dataset=dataset), dataset.shape)


def default_features(dataset: Dataset) -> Features | None:
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
        return random_convolutions(dataset)
    own = classifier(dataset)
    return own if learned(own, dataset) else random_convolutions(dataset)
