"""The fidelity card: every metric of the table that the data allow, with what each figure can be trusted for."""

from collections.abc import Sequence
from typing import Any

from remblai.features import Features
from remblai.features.source import Rows
from remblai.laws.priors import Prior
from remblai.metrics.faults import Faults
from remblai.metrics.metric import Card
from remblai.metrics.sets import Labelled, Sets
from remblai.metrics.table import METRICS
from remblai.runtime.timing import timed
from remblai.statistics.statistic import at_least

SCORED = 1000
"""Samples in the score by which the best checkpoint is chosen, at most."""


ON_FEATURES = {"features", "classes", "inception"}
"""What the figures that are taken on features need."""


def fidelity_card(
    real_train: Rows,
    real_test: Any,
    samples: Any,
    *,
    reconstructions: Any = None,
    codes: Any = None,
    prior: Prior | None = None,
    modes: tuple[Any, float] | None = None,
    features: Features | None = None,
    code_means: Any = None,
    labelled: Labelled | None = None,
    augmentations: Sequence[str] = (),
    columns: Sequence[str] = (),
    image: bool = True,
    power: bool = True,
    repeats: int = 20,
    seed: int = 0,
) -> Card:
    """Measures samples and reconstructions against held-out data, with the same figures between real and real.

    n is the smallest of held-out data, samples and training data; where a set has more, a random subset of it is used
    (W2: at most 2,000). A floor is the same figure at the same n between held-out data and as many training data; for
    the reconstruction error it is that of answering with the nearest training row, for the latent MMD and the
    memorisation ratio the mean when both sides are alike. `spread` is the standard deviation over random halves (see
    `statistics.halves`), of a mean over images its standard error, of the latent MMD that of two samples of the prior.
    `sees` says by how many standard deviations faults put into real data shift the figure (see `faults`).

    Args:
        real_train: training data (m, ...), anything with a length and slices; read a block at a time.
        real_test: held-out data (n, ...); images (n, c, h, w) on the [0, 1] scale, points in standardised units.
        samples: the model's samples, rows like those of `real_test`.
        reconstructions: of the first rows of `real_test`, in order.
        codes: (n, k), of held-out data.
        prior: the law the codes should follow.
        modes: centres (k, d) of the law's modes and their standard deviation, where both are known.
        features: the map that figures on features are taken on; each says its name and checksum. Without, there are
            none.
        code_means: E[Z|X] (n, k), of held-out data.
        labelled: of a conditional model: samples by class, and the labels of the held-out data.
        augmentations: names of those that the model was trained with.
        columns: names of the entries of rows, where they are columns of a table.
        image: whether rows are images, which have a sharpness.
        power: whether to take each figure of data with faults too.
        repeats: random halves and prior samples behind each standard deviation, at least 2.
        seed: subsets, halves and prior samples are a function of it; global generators are left as they were.

    Raises:
        ValueError: fewer than 4 held-out data, training data or samples, rows of different sizes, NaN or infinity, or
            fewer than 2 repeats.
    """
    at_least(2, "repeats, for a standard deviation", repeats)
    sets = Sets(
        real_train, real_test, samples, reconstructions=reconstructions, codes=codes, prior=prior, modes=modes,
        features=features, code_means=code_means, labelled=labelled, augmentations=augmentations,
        columns=columns, image=image, repeats=repeats, seed=seed,
    )  # fmt: skip
    faults, card = Faults(sets), Card()
    for name, metric in METRICS.items():
        if not all(map(sets.has, metric.needs)):
            continue
        with timed(name):
            figure = metric.compute(sets)
            if figure is None:
                continue
            if features is not None and ON_FEATURES & {*metric.needs}:
                figure["features"] = features.used
            card[name] = figure
            if power and metric.power is not None:
                card[name] = {**figure, "sees": metric.power(metric.compute, faults, figure["spread"])}
    return card
