"""What the page asks, by name: a function of the runs and the query's fields, whose answer is JSON."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from remblai.explorer.drawable import LARGE, SMALL, Payload, columns_of, drawable, kind_of
from remblai.explorer.explored import Explored
from remblai.explorer.fields import Query, code, number, whole
from remblai.networks.classes import one_hot

Runs = Sequence[Explored]
"""The run that is explored and, where there are two, the one beside it."""
SEEDS = 2**31 - 1
GALLERY = 24
"""Held-out data on one page of the gallery."""
CELLS, STEPS, NEIGHBOURS = 11, 15, 8
"""At most: cells along a side of the plane, steps of a walk, neighbours."""
BACKGROUND = 400
"""Held-out points behind those that are drawn."""
AXES = 64
"""Axes of the law of codes that are sent."""
BESIDE = 12
"""Samples of each run, side by side."""
STRENGTH = 10.0
"""Of an attribute, at most, on either side of 0."""
ROOT_MEAN_SQUARE = "root mean square per pixel, on the scale 0 to 1"
OF_CODES = "root mean square per coordinate of the pretrained auto-encoder's codes, in standard deviations"


def facts(runs: Runs, query: Query) -> Payload:
    """What the page must know before it asks anything else."""
    first = runs[0]
    kind = kind_of(first.trained.units)
    background = first.dataset.test[: min(BACKGROUND, len(first.dataset.test))]
    return {
        "runs": [_about(run) for run in runs],
        "kind": kind,
        "columns": [] if kind == "images" else columns_of(first.trained.units),
        "background": drawable(background, first.trained.units) if kind == "points" else None,
        "latent": first.latent,
        "low": first.low.tolist(),
        "high": first.high.tolist(),
        "encodes": first.trained.encodes,
        "bounded": first.trained.objective.prior.bounded,
        "held_out": len(first.dataset.test),
        "page": GALLERY,
        "unit": _unit(first),
        "conditional": first.classes,
        "classes": [{"label": label, "name": first.class_name(label)} for label in first.labels],
    }


def gallery(runs: Runs, query: Query) -> Payload:
    """Held-out data from a place on, with the names of their classes."""
    run = runs[0]
    start = whole(query, "start", 0, len(run.dataset.test) - 1)
    places = list(range(start, min(start + GALLERY, len(run.dataset.test))))
    return {"start": start, "names": _names(run, places), "data": _held_out(run, places)}


def encode(runs: Runs, query: Query) -> Payload:
    """The mean code of a held-out datum, decoded."""
    run = runs[0]
    place = whole(query, "place", 0, len(run.dataset.test) - 1)
    labels = run.labels_of(run.dataset.test, [place])
    own = {} if labels is None else {"class": int(labels)}
    return _decoded(run, run.code_of(place), labels) | own | {"data": _held_out(run, [place], LARGE)}


def sample(runs: Runs, query: Query) -> Payload:
    """A draw of the law of codes, decoded."""
    labels = _labels(runs[0], query)
    return _decoded(runs[0], runs[0].draws(1, whole(query, "seed", 0, SEEDS), labels)[0], labels)


def decode(runs: Runs, query: Query) -> Payload:
    """A code, decoded."""
    return _decoded(runs[0], code(query, "code", runs[0].latent), _labels(runs[0], query))


def plane(runs: Runs, query: Query) -> Payload:
    """A code with two of its coordinates changed, decoded on a square of cells."""
    run = runs[0]
    first, second = (whole(query, name, 0, run.latent - 1) for name in ("across", "up"))
    if first == second:
        raise ValueError(f"up: expected another coordinate than across, got {second} for both.")
    codes = run.plane(code(query, "code", run.latent), first, second, whole(query, "cells", 2, CELLS))
    return {"decoded": drawable(run.decode(codes, _labels(run, query, len(codes))), run.trained.units)}


def walk(runs: Runs, query: Query) -> Payload:
    """Codes on the way between two, and their pictures; of a conditional model from one class to another."""
    run = runs[0]
    start, end = (code(query, name, run.latent) for name in ("start", "end"))
    steps = whole(query, "steps", 2, STEPS)
    codes = run.walk(start, end, steps)
    ends = [whole(query, name, 0, len(run.classes) - 1) for name in ("start_class", "end_class") if run.classes]
    labels = _between(one_hot(torch.tensor(ends), len(run.classes)), steps) if ends else None
    decoded = run.decode(codes, labels)
    return {"codes": codes.tolist(), "decoded": drawable(decoded, run.trained.units)}


def attribute(runs: Runs, query: Query) -> Payload:
    """A code moved by the difference of two classes' mean codes, decoded."""
    run = runs[0]
    minus, plus = (whole(query, name, 0, SEEDS) for name in ("minus", "plus"))
    strength = number(query, "strength", STRENGTH)
    if minus == plus:
        raise ValueError("attribute: expected two different classes, got one twice: choose another.")
    return _decoded(run, run.moved(code(query, "code", run.latent), minus, plus, strength), _labels(run, query))


def neighbours(runs: Runs, query: Query) -> Payload:
    """The training data nearest to a decoded code, and what such a distance is worth."""
    run = runs[0]
    run.check_owns_data()
    x = run.decode(code(query, "code", run.latent)[None], _labels(run, query))
    found = run.neighbours(x, whole(query, "k", 1, NEIGHBOURS))
    reference, distance = run.reference, float(found.distances[0, 0])
    return {
        "data": drawable(run.dataset.seen.train[found.places[0]], run.trained.units.visible),
        "places": found.places[0].tolist(),
        "distances": found.distances[0].tolist(),
        "unit": _unit(run),
        "held_out": _quantiles(reference.held_out),
        "restored": None if reference.restored is None else _quantiles(reference.restored),
        "n": len(reference.held_out),
        "searched": len(run.training_places),
        "train": len(run.dataset.train),
        "words": reference.words(distance),
    }


def copies(runs: Runs, query: Query) -> Payload:
    """Whether the model's samples lie nearer to training data than to as many held-out data."""
    return {"runs": [{"name": run.name} | (vars(run.copying) if run.owns_data else {}) for run in runs]}


def law(runs: Runs, query: Query) -> Payload:
    """Held-out codes against the law that samples are decoded from, axis by axis."""
    return {"runs": [_law(run) for run in runs]}


def beside(runs: Runs, query: Query) -> Payload:
    """Two runs on the same held-out data, and their samples by the same seed."""
    if len(runs) < 2:
        raise ValueError("beside: expected two runs, got one: start `remblai explore RUN --beside OTHER`.")
    places = [whole(query, name, 0, len(runs[0].dataset.test) - 1) for name in ("start", "end")]
    steps, seed = whole(query, "steps", 2, STEPS), whole(query, "seed", 0, SEEDS)
    return {
        "data": _held_out(runs[0], places),
        "names": _names(runs[0], places),
        "runs": [_beside(run, places, steps, seed) for run in runs],
    }


QUERIES: dict[str, Callable[[Runs, Query], Payload]] = {
    one.__name__: one
    for one in (facts, gallery, encode, sample, decode, plane, walk, attribute, neighbours, copies, law, beside)
}
"""Each query by its name, which is the last part of its address."""


def _about(run: Explored) -> dict[str, Any]:
    trained = run.trained
    return {
        "name": run.name,
        "recipe": trained.run.settings["recipe"],
        "summary": trained.summary,
        "data": run.dataset.name,
        "step": trained.step,
        "latent": run.latent,
        "law": trained.sampler,
        "encodes": trained.encodes,
        "owns_data": run.owns_data,
    }


def _labels(run: Explored, query: Query, n: int = 1) -> Tensor | None:
    """The class that a conditional model decodes n codes as; None of other models."""
    if not run.classes:
        return None
    return torch.full((n,), whole(query, "class", 0, len(run.classes) - 1))


def _names(run: Explored, places: list[int]) -> list[str | None]:
    """The names of the classes of held-out data; None of those without one."""
    labels = run.dataset.test.labels
    return [None if labels is None or labels[at] < 0 else run.class_name(int(labels[at])) for at in places]


def _held_out(run: Explored, places: list[int], longest: int = SMALL) -> Payload:
    """Data of the test split; of codes the pictures themselves."""
    return drawable(run.dataset.seen.test[places], run.trained.units.visible, longest)


def _unit(run: Explored) -> str:
    """Of distances between data."""
    if run.trained.units.codes is not None:
        return OF_CODES
    if run.dataset.range is not None:
        return ROOT_MEAN_SQUARE
    return "standard deviations" if run.trained.units.scores is None else "normal scores"


def _decoded(run: Explored, of: Tensor, labels: Tensor | None) -> Payload:
    return {"code": of.tolist(), "decoded": drawable(run.decode(of[None], labels), run.trained.units, LARGE)}


def _quantiles(distances: Tensor) -> dict[str, float]:
    """Of sorted distances: the least, and three quantiles."""
    names = {"least": 0.0, "low": 0.05, "middle": 0.5, "high": 0.95}
    return {name: float(distances.quantile(level)) for name, level in names.items()}


def _law(run: Explored) -> Payload:
    if not run.trained.encodes:
        return {"name": run.name, "axes": [], "n": 0, "above": 0, "latent": run.latent, "law": run.trained.sampler}
    axes = run.axes
    sent = [vars(axis) | {"codes": axis.codes.tolist(), "law": axis.law.tolist()} for axis in axes[:AXES]]
    return {
        "name": run.name,
        "axes": sent,
        "n": run.codes_shown,
        "above": sum(axis.w1 > axis.floor for axis in axes),
        "latent": run.latent,
        "law": run.trained.sampler,
    }


def _beside(run: Explored, places: list[int], steps: int, seed: int) -> Payload:
    units, x = run.trained.units, run.held_out(places)
    labels = run.drawn_labels(BESIDE, seed)
    samples = run.decode(run.draws(BESIDE, seed, labels), labels)
    drawn = None if labels is None else [run.class_name(label) for label in labels.tolist()]
    found: Payload = {"name": run.name, "samples": drawable(samples, units), "drawn": drawn}
    if run.trained.encodes:
        own = run.labels_of(run.dataset.test, places)
        start, end = run.trained.code_means(x, labels=own)
        codes = run.walk(start, end, steps)
        again = run.decode(codes, None if own is None else _between(one_hot(own, len(run.classes)), steps))
        errors = (again[[0, -1]] - x).flatten(1).norm(dim=1) / run.distance_scale
        found |= {"walk": drawable(again, units), "errors": errors.tolist()}
    return found


def _between(ends: Tensor, steps: int) -> Tensor:
    """Weights (steps, count) of the classes on the way between those of two data (2, count)."""
    return torch.lerp(ends[0], ends[1], torch.linspace(0.0, 1.0, steps)[:, None])
