"""Features of small classifiers: two that come with the package, and one that is trained for a labelled data set."""

import hashlib
import json
import math
from importlib import resources

import torch
from torch import Tensor

from remblai.features.features import Features
from remblai.features.small_classifier import Classifier, accuracy, labelled_batches, train_classifier
from remblai.features.source import Source, spread
from remblai.features.weights import KIND, Stored, read_classifier, write_classifier
from remblai.runtime.files import cache_folder

SHIPPED = {"digits": (1, 8, 8), "mnist": (1, 28, 28)}
"""The classifiers that come with the package, with the shape of their images."""
LEARNED_FROM = 10_000
"""Training images of a classifier that is trained on the spot, at most."""
HELD_OUT = LEARNED_FROM // 5
"""Held-out images that its accuracy is measured on, at most."""
STEPS = 300
SPOT_BATCH = 64
FEWEST = 20
"""Images of each class in the training split, on average, at least."""
MOST_CLASSES = 1000
READS = 0.9
"""A shipped classifier that reads so large a share of the labels is at home on the data."""
DEVIATIONS = 3.0
"""Standard deviations above chance from which a classifier has learned something."""
CHECKED = 200
"""Labelled images that it is checked on, at most."""


def digits() -> Features:
    """64 features of a classifier of the embedded 8 x 8 digits (98.9 % of the test split), shipped with the package."""
    return shipped("digits")


def mnist() -> Features:
    """64 features of a classifier of MNIST's 28 x 28 digits (99.4 % of the test split), shipped with the package."""
    return shipped("mnist")


def shipped(name: str) -> Features:
    """The features of a classifier that comes with the package.

    Args:
        name: of `SHIPPED`.
    """
    with resources.as_file(resources.files("remblai.features") / f"{name}.safetensors") as path:
        return of_classifier(name, read_classifier(path))


def classifier(dataset: Source) -> Features:
    """64 features of a classifier of the data's own labels, trained in seconds and kept in the cache folder.

    Its name says which share of the held-out labels it reads: features of one at chance say little of the images. It
    is trained for 300 steps of 64 on at most 10,000 images of the training split, and is a function of these and of
    their labels. The cache is the folder of decoded images, `remblai` in $XDG_CACHE_HOME or ~/.cache.

    Args:
        dataset: labelled images.

    Raises:
        ValueError: no images, no labels, one class, or too few images of a class.
    """
    problem = unfit(dataset)
    if problem:
        raise ValueError(f"features classifier: {problem}: use random-convolutions or pca, which need no labels.")
    key = {"kind": KIND, "data": dataset.fingerprint, "steps": STEPS, "batch": SPOT_BATCH, "rows": LEARNED_FROM}
    name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
    path = cache_folder() / "features" / f"{name}.safetensors"
    if path.is_file():
        try:
            return _of_its_own(dataset, read_classifier(path))
        except ValueError:  # a damaged file of the cache is made anew, as the cache of decoded images is
            path.unlink()
    images, labels = _labelled(dataset, "train", LEARNED_FROM)
    batches = labelled_batches(images, labels, SPOT_BATCH)
    model = train_classifier(batches, dataset.shape, int(labels.max()) + 1, STEPS)
    checked, truth = _labelled(dataset, "test", HELD_OUT)
    facts = {"data": dataset.name, "accuracy": accuracy(model, checked, truth), "rows": len(truth)}
    sha256 = write_classifier(path, model, facts)
    return _of_its_own(dataset, Stored(model, sha256, facts))


def learned(features: Features, dataset: Source) -> bool:
    """Whether a classifier of the data's own labels reads held-out labels clearly better than chance.

    Chance is naming the commonest held-out class always, right for a share c of the n labels: the accuracy must be
    above c by 3 standard deviations of a share, sqrt(c (1 - c) / n), and above it at all.

    Args:
        features: of `classifier`.
        dataset: the data that it was trained on.
    """
    labels = dataset.test.labels
    assert labels is not None and features.accuracy is not None
    labels = labels[spread(len(labels), HELD_OUT)]
    chance = float(torch.unique(labels, return_counts=True)[1].max()) / len(labels)
    return features.accuracy > chance + DEVIATIONS * math.sqrt(chance * (1.0 - chance) / len(labels))


def unfit(dataset: Source) -> str:
    """Why no classifier can be trained on the data; "" where one can."""
    labels = dataset.train.labels
    if len(dataset.shape) != 3:
        return f"expected images, {dataset.name} holds points"
    if labels is None or dataset.test.labels is None or not len(dataset.test.labels):
        return f"expected labels, {dataset.name} has none"
    classes = torch.unique(labels)
    most, n = int(labels.max()) + 1, len(labels)
    if len(classes) < 2 or int(labels.min()) < 0 or most > MOST_CLASSES:
        return f"expected labels of 2 to {MOST_CLASSES:,} classes from 0 on, {dataset.name} has {len(classes)}"
    if n < max(SPOT_BATCH, FEWEST * len(classes)):
        return f"expected at least {max(SPOT_BATCH, FEWEST * len(classes)):,} training images, {dataset.name} has {n:,}"
    return ""


def reads(name: str, dataset: Source) -> bool:
    """Whether a shipped classifier is at home on the data: their shape, and labels that it reads off the images."""
    labels = dataset.train.labels
    if dataset.shape != SHIPPED[name] or labels is None or not len(labels):
        return False
    images, truth = _labelled(dataset, "train", CHECKED)
    logits = shipped(name).logits
    assert logits is not None
    found = logits(shipped(name).of(images)).argmax(1)
    return bool((found == truth).double().mean() >= READS)


def _labelled(dataset: Source, split: str, most: int) -> tuple[Tensor, Tensor]:
    """Images and labels of a split, in its order, spread evenly where it has more."""
    part = dataset.split(split)
    assert part.labels is not None
    rows = spread(len(part), most)
    return part[rows], part.labels[rows]


def _of_its_own(dataset: Source, stored: Stored) -> Features:
    return of_classifier(
        f"classifier of {dataset.name} (reads {stored.facts['accuracy']:.1%} of held-out labels)", stored
    )


def of_classifier(name: str, stored: Stored) -> Features:
    """The features of a stored classifier.

    Args:
        name: what figures call them.
        stored: the classifier with its checksum.
    """
    model: Classifier = stored.model
    accuracy = stored.facts.get("accuracy")
    return Features(name, Hidden(model), stored.sha256, shape=model.shape, logits=model.logits, accuracy=accuracy)


class Hidden(torch.nn.Module):
    """A classifier's features."""

    def __init__(self, model: Classifier) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return self.model.features(x)
