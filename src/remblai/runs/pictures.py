"""The pictures of a trained model: what it keeps, what it draws, what lies between, where its codes are."""

from typing import Any

import numpy as np
import torch

from remblai.data import Dataset
from remblai.metrics import METRICS, SCORED, energy_distance
from remblai.metrics.reading import number
from remblai.objectives import Marginal
from remblai.report import (
    Picture,
    Plane,
    beside,
    codes,
    grid,
    is_logarithmic,
    least_gaussian_plane,
    named_rows,
    paths,
    quantiles,
    terms,
)
from remblai.report.figures import CLASSES
from remblai.runs.labels import labels_taken
from remblai.runs.model import Trained
from remblai.runs.pictures_of_points import MOST, pictures_of_points

MOST_CLASSES = 20
"""Rows of the sheet of classes, at most."""
PRIOR_SAMPLE = 20_000
ADVERSARY = "adversary"
"""The term of the critics' steps."""
NO_STEP = {"weighted": float("nan")}
"""Where the critics had no step; a curve leaves it out."""

Array = np.ndarray[Any, Any]


def pictures(trained: Trained, dataset: Dataset) -> list[Picture]:
    """All of them, in the order of the page."""
    lines = trained.run.terms()
    images = dataset.range is not None
    found = []
    if images and trained.encodes:
        found.append(_reconstructions(trained, dataset))
    found += [_samples(trained)] if images else pictures_of_points(trained, dataset)
    if images and trained.objective.classes is not None:
        found.append(_by_class(trained))
    if images and trained.encodes and len(dataset.test) > 1:
        found.append(_interpolations(trained, dataset))
    if images and trained.decodes and not trained.encodes:
        found.append(_walks(trained))
    found += _terms([line for line in lines if "terms" in line], trained)
    found += _validation([line for line in lines if "validation" in line], trained, dataset)  # beside the terms
    return found + (_codes(trained, dataset) if trained.encodes else [])


def early_pictures(trained: Trained, dataset: Dataset) -> list[Picture]:
    """Those of a model that is still trained: reconstructions, and samples where no law has to be fitted for them."""
    images = dataset.range is not None
    found = [_reconstructions(trained, dataset)] if images and trained.encodes else []
    if not trained.fits:
        found += [_samples(trained)] if images else pictures_of_points(trained, dataset)
    return found


def _reconstructions(trained: Trained, dataset: Dataset) -> Picture:
    again = trained.reconstructions(dataset.test[:28], labels=labels_taken(trained.objective, dataset.test, slice(28)))
    return Picture(
        "reconstructions",
        "What it keeps",
        "Held-out images, each with its reconstruction at its right. Look for what is lost: fine detail and rare "
        "shapes go first, and blur is an average of what the code cannot tell apart." + _decoded(trained),
        "Pairs of held-out images and their reconstructions",
        beside(_shown(dataset, slice(28)), trained.units.display(again)),
    )


def _samples(trained: Trained) -> Picture:
    source = f"{_law(trained)}, decoded" if trained.decodes else "model"
    return Picture(
        "samples",
        "What it draws",
        f"64 draws of the {source}, not chosen. Look for shapes that belong to no class, for kinds that are missing, "
        "and for many alike." + _decoded(trained),
        "A sheet of generated images",
        grid(trained.units.display(trained.draws(64)), 8),
    )


def _interpolations(trained: Trained, dataset: Dataset) -> Picture:
    rows = min(8, len(dataset.test) // 2)
    a, b = dataset.test[:rows], dataset.test[rows : 2 * rows]
    own = labels_taken(trained.objective, dataset.test, slice(2 * rows))
    ends = None if own is None else torch.split(own, rows)
    shown = _shown(dataset, slice(rows)), _shown(dataset, slice(rows, 2 * rows))
    return Picture(
        "interpolations",
        "What lies between",
        "Walks between the codes of two held-out images, which stand at both ends. Every step should be an "
        "image of the data's kind, not a fade: a fade shows a hole in the code." + _decoded(trained),
        "Rows of images that change from one held-out image into another",
        paths([trained.units.display(walk) for walk in trained.paths(a, b, 9, ends)], shown),
        wide=True,  # so that pairs follow: both curves, both views of the codes
    )


def _shown(dataset: Dataset, rows: slice) -> Array:
    """Held-out images as they are: of codes the pictures themselves, not what the auto-encoder makes of them."""
    return dataset.seen.units.display(dataset.seen.test[rows])


def _decoded(trained: Trained) -> str:
    """A sentence that says how a model of codes gives pictures; nothing of other models."""
    codes = trained.units.codes
    return "" if codes is None else f" The frozen {codes.kind} decodes them, and what it loses is lost here too."


def _walks(trained: Trained) -> Picture:
    ends = trained.prior_sample(8), trained.prior_sample(8, seed=1)
    # the noise of a row changes and its class stays: rows go through the classes in turn
    own = None if trained.objective.classes is None else torch.arange(8) % trained.objective.classes.count
    walks = trained.walks(*ends, 11, None if own is None else (own, own))
    return Picture(
        "walks",
        "What lies between",
        "Walks between two draws of the prior, decoded. Every step should be an image of the data's kind; "
        "rows that end alike are a sign of dropped modes." + _decoded(trained),
        "Rows of generated images that change from one into another",
        grid(trained.units.display(walks.flatten(0, 1)), 11),
    )


def _codes(trained: Trained, dataset: Dataset) -> list[Picture]:
    n = min(MOST, len(dataset.test))
    own = labels_taken(trained.objective, dataset.test, slice(n))
    z, labels = trained.codes(dataset.test[:n], labels=own).numpy(), dataset.test.labels
    p, again = (trained.prior_sample(m, seed).numpy() for m, seed in ((PRIOR_SAMPLE, 0), (n, 1)))
    given: dict[str, Any] = {
        "z": z,
        "prior": p,
        "labels": None if labels is None else labels[:n].numpy(),
        "names": dataset.classes,
    }
    law, fitted = _law(trained), trained.sampler != "prior"
    if z.shape[1] == 1:
        return [_quantiles(z, p, trained.sampler)]
    words = f"Held-out codes{by_colour(given['labels'])}, over the regions with 50 and 95 % of the {law}. "
    words += "The decoder never learned what empty regions mean, and codes far outside are drawn rarely."
    if z.shape[1] > 2:
        plane, null = least_gaussian_plane(z, p), least_gaussian_plane(again, p)
        given["plane"] = plane
        words += (
            f" The plane is {_plane(plane, len(z))}: W2 is {plane.distances[0]:.2f} and {plane.distances[1]:.2f} along "
            f"its axes; draws of that law itself, searched the same way, give {null.distances[0]:.2f} and "
            f"{null.distances[1]:.2f}."
        )
    shown = Picture.chart("codes", "Where the codes lie", words, f"Codes scattered over the {law}", codes, **given)
    # the band of quantiles is that of like coordinates, which a fitted law and a mixture have not
    like = not fitted and trained.prior is not None and trained.prior.alike
    return [shown, _quantiles(z, p, trained.sampler)] if like else [shown]


def _plane(plane: Plane, n: int) -> str:
    """Which plane it is, in words."""
    if plane.coordinates is None:
        return "the one where they look least like it"
    return f"that of the two coordinates that look least like it ({n} codes are too few to search other directions)"


def by_colour(labels: Array | None) -> str:
    """What the colours of codes say: nothing without labels."""
    if labels is None:
        return ""
    kinds = len(np.unique(labels))
    if kinds <= CLASSES:
        return ", coloured by class"
    return f", all in one colour (there are {kinds} classes, and more than {CLASSES} colours cannot be told apart)"


def _by_class(trained: Trained) -> Picture:
    names = trained.classes[:MOST_CLASSES]
    each = [trained.draws(8, labels=name) for name in names]
    which = (
        "class"
        if len(names) == len(trained.classes)
        else f"of the first {len(names)} of {len(trained.classes)} classes"
    )
    return Picture.chart(
        "classes",
        "What it draws of each class",
        f"A row for each {which}, not chosen. Each column has the same noise in every row: look for rows that show "
        "another class, and for rows in which all are alike." + _decoded(trained),
        "A sheet of generated images, a row for each class",
        named_rows,
        images=trained.units.display(torch.cat(each)),
        names=names,
        columns=8,
    )


def _law(trained: Trained) -> str:
    """What the codes of samples are drawn from, in words."""
    words = {"prior": "prior", "generator": "law that its generator of codes learned"}
    return words.get(trained.sampler, f"law fitted to the training codes ({trained.sampler})")


def _quantiles(z: Array, p: Array, law: str) -> Picture:
    words = (
        "Each line is one coordinate of the code. In the band it is as near to the "
        f"{law} as chance allows at this n; one that falls is too narrow, one that rises too wide, one that falls by "
        "the full height is dead. The three worst are named."
    )
    given = {"z": z, "prior": p, "law": law}
    return Picture.chart("quantiles", "Axis by axis", words, "Differences of quantiles", quantiles, **given)


def _terms(lines: list[dict[str, Any]], trained: Trained) -> list[Picture]:
    if not lines:
        return []
    # A first phase has terms of its own: the chart is of the objective's. The critics may have no step in some.
    last = set(lines[-1]["terms"]) - {ADVERSARY}
    own = [line for line in lines if set(line["terms"]) - {ADVERSARY} == last]
    if len(own) < 2:
        return []
    names = dict.fromkeys(name for line in own for name in line["terms"])
    words = "Each term as it is descended, its weight included: light as logged, dark smoothed."
    penalty = getattr(trained.objective, "penalty", None)
    if isinstance(penalty, Marginal) and penalty.discrepancy.unbiased:
        words += (
            " The penalty is unbiased: negative half of the time once the codes match. Terms are of training batches: "
            "batch normalisation ties the codes of a batch together, which biases it downwards; the figure "
            f"“{METRICS['latent_mmd_squared'].label}” has no such bias."
        )
    given = {
        "steps": [line["step"] for line in own],
        "values": {name: [line["terms"].get(name, NO_STEP)["weighted"] for line in own] for name in names},
    }
    return [Picture.chart("terms", "How it learned", words, "Curves of the terms", terms, **given)]


def _validation(lines: list[dict[str, Any]], trained: Trained, dataset: Dataset) -> list[Picture]:
    if len(lines) < 2:
        return []
    n = min(SCORED, len(dataset.validation), len(dataset.train))
    words = "Samples against validation data while training: the lowest point is the checkpoint called best. "
    distance = "squared energy distance"
    values = {distance: [line["validation"]["energy_distance_squared"] for line in lines]}
    floor = energy_distance(dataset.validation[:n], dataset.train[:n])
    words += _floor_in_words(floor, n, is_logarithmic(np.array(values[distance])))
    if trained.units.codes is not None:
        words += " Both are of codes, not of pictures."
    if all("estimate" in line["validation"] for line in lines):
        words += f" Below, {trained.objective.estimate_meaning}"
        values["the model's estimate"] = [line["validation"]["estimate"] for line in lines]
    given = {
        "steps": [line["step"] for line in lines],
        "values": values,
        "floors": {distance: floor},
    }
    return [Picture.chart("validation", "How good it was", words, "A curve of the validation score", terms, **given)]


def _floor_in_words(floor: float, n: int, logarithmic: bool) -> str:
    """Where the chart of the validation score shows what training data have, if it can."""
    if floor > 0 or not logarithmic:
        return f"The dashed line is the same figure of {n:,} training data."
    return f"The same figure of {n:,} training data is {number(floor)}, which a logarithmic scale cannot show."
