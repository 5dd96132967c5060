"""What a trained model has learned: measured against held-out data, and shown on one page."""

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from remblai.choices import flatten
from remblai.data import Dataset
from remblai.evaluation import fidelity_card
from remblai.report import (
    Picture,
    beside,
    codes,
    grid,
    least_gaussian_plane,
    paths,
    points,
    quantiles,
    terms,
    write_page,
    write_pictures,
)
from remblai.trained import Trained

MOST = 2000
"""Samples and held-out data behind the figures, at most."""
PRIOR_SAMPLE = 20_000

Metrics = dict[str, dict[str, Any]]


def evaluate(trained: Trained, dataset: Dataset, n: int | None = None) -> Metrics:
    """The fidelity card: every figure beside its floor, the same figure at the same n between real and held-out real.

    Args:
        trained: the model.
        dataset: its data; the test split is what it is held against.
        n: how many samples and held-out data; as many as there are, at most 2,000, when None.

    Raises:
        ValueError: n above what there is, or below 4.
    """
    test = dataset.test
    n = min(MOST, len(test), len(dataset.train)) if n is None else n
    if not 0 < n <= min(len(test), len(dataset.train)):
        raise ValueError(f"n: expected 1 to {min(len(test), len(dataset.train))}, the data there are; got {n}.")
    coded: dict[str, Any] = {}
    if trained.encodes:
        # the same rows, so that the error is that of the model on what it is held against
        rows = test[:n]
        coded = {
            "reconstructions": trained.reconstructions(rows),
            "codes": trained.codes(rows),
            "prior": trained.auto_encoder.prior,
        }
    image = dataset.range is not None
    return dict(fidelity_card(dataset.train, test[:n], trained.draws(n), image=image, **coded))  # type: ignore[arg-type]


def report(trained: Trained, dataset: Dataset) -> Path:
    """Writes `report.html` and its pictures into the run's folder.

    Args:
        trained: the model; its run holds the terms and the metrics.
        dataset: its data.
    """
    run, settings = trained.run, trained.run.settings
    shown = [*_pictures(trained, dataset), *_curves(run.terms())]
    write_pictures(run.folder, shown)
    metrics = {name: figure for name, figure in (run.metrics() or {}).items() if name != "schema"}
    checkpoint = run.pointed("last")
    page = run.folder / "report.html"
    write_page(
        page,
        title=f"{settings['recipe']} on {settings['data']['name']}",
        summary=_sentence(trained, dataset),
        settings=flatten({key: settings[key] for key in ("arguments", "loop")}) | _told(settings),
        command=command_of(settings, run.folder),
        metrics=metrics,
        pictures=shown,
        facts={
            "steps": f"{int(checkpoint.name):,}" if checkpoint else "0",
            "training": _duration(run.terms()),
            "parameters": f"{sum(p.numel() for p in trained.objective.parameters()):,}",
            "data": f"{len(dataset.train):,} for training, {len(dataset.test):,} held out",
        },
        versions=settings["versions"],
    )
    return page


def command_of(settings: Mapping[str, Any], folder: Path) -> str:
    """The command that repeats a run into another folder."""
    return f"remblai train --from {folder} --out {folder}-again"


def _told(settings: Mapping[str, Any]) -> dict[str, Any]:
    names = ("seed", "device", "precision", "compile", "threads", "started", "ended", "status")
    data = {f"data.{name}": settings["data"][name] for name in ("spec", "fingerprint", "split_note")}
    return data | {name: settings[name] for name in names}


def _sentence(trained: Trained, dataset: Dataset) -> str:
    doc = (trained.objective.__doc__ or "").partition("\n")[0]
    shape = " x ".join(str(size) for size in dataset.shape)
    return f"Trained on {dataset.name} ({shape}). {dataset.split_note} Objective: {doc}"


def _duration(lines: list[dict[str, Any]]) -> str:
    seconds = max((line["seconds"] for line in lines if "seconds" in line), default=0.0)
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def _pictures(trained: Trained, dataset: Dataset) -> list[Picture]:
    images = dataset.range is not None
    found = _images(trained, dataset) if images else _points(trained, dataset)
    return found + (_codes(trained, dataset) if trained.encodes else [])


def _images(trained: Trained, dataset: Dataset) -> list[Picture]:
    restore, test = trained.units.restore, dataset.test
    found = [
        Picture(
            "samples",
            "Random samples",
            "Decoded draws of the prior, not chosen. Look for shapes that belong to no class, and for many alike.",
            "A sheet of generated images",
            grid(restore(trained.draws(64)), 16),
            wide=True,
        )
    ]
    if not trained.encodes:
        return found
    few = min(32, len(test))
    found.insert(
        0,
        Picture(
            "reconstructions",
            "Data beside reconstructions",
            "Held-out images, left, and what is left of them after the code, right. Look for lost strokes and blur.",
            "Pairs of held-out images and their reconstructions",
            beside(restore(test[:few]), restore(trained.reconstructions(test[:few])), 8),
            wide=True,
        ),
    )
    pairs = min(6, len(test) // 2)
    if pairs:
        a, b = test[:pairs], test[pairs : 2 * pairs]
        walks = trained.paths(a, b, 11)
        found.append(
            Picture(
                "interpolations",
                "Walks between test images",
                "Decoded points of the straight line between two codes; the real images stand at the ends. Look for "
                "steps that are no image of the data's kind: they show holes in the code.",
                "Rows of images that change from one test image into another",
                paths([restore(walk) for walk in walks], (restore(a), restore(b))),
                wide=True,
            )
        )
    return found


def _points(trained: Trained, dataset: Dataset) -> list[Picture]:
    if dataset.shape[0] < 2:  # nothing to draw a plane of
        return []
    n = min(MOST, len(dataset.test))
    given = {"data": dataset.test[:n].numpy(), "samples": trained.draws(n).numpy()}
    caption = "Samples over held-out data. Look for modes that are missing, too wide or joined by a bridge."
    return [Picture.chart("samples", "Samples over data", caption, "A scatter plot", points, **given)]


def _codes(trained: Trained, dataset: Dataset) -> list[Picture]:
    n = min(MOST, len(dataset.test))
    z, labels = trained.codes(dataset.test[:n]).numpy(), dataset.test.labels
    prior = trained.auto_encoder.prior.to("cpu")
    p = prior().sample((PRIOR_SAMPLE,)).numpy()
    trained.auto_encoder.prior.to(next(trained.objective.parameters()).device)
    if z.shape[1] < 2:
        return [_quantiles(z, p)]
    plane = least_gaussian_plane(z, p) if z.shape[1] > 2 else None
    told = "in the plane where they differ most from it" if plane else "each by its class where there are labels"
    given = {"z": z, "prior": p, "labels": None if labels is None else labels[:n].numpy(), "plane": plane}
    caption = (
        f"Held-out codes over the prior, {told}. Half of them belong in the inner region and 95 % in the outer one. "
        "Empty regions decode to images that no datum taught; codes outside are never sampled."
    )
    chart = Picture.chart(
        "codes", "Codes against the prior", caption, "A scatter plot", codes, **given, names=dataset.classes
    )
    return [chart, _quantiles(z, p)]


def _quantiles(z: np.ndarray[Any, Any], p: np.ndarray[Any, Any]) -> Picture:
    caption = (
        "Each axis of the code: its quantiles minus the prior's. Flat lines within the band are a match; a falling "
        "line is an axis too narrow, and one that falls by the full height is dead."
    )
    return Picture.chart("quantiles", "Axis by axis", caption, "Lines of quantile differences", quantiles, z=z, prior=p)


def _curves(lines: list[dict[str, Any]]) -> list[Picture]:
    logged = [line for line in lines if "terms" in line]
    scored = [line for line in lines if "validation" in line]
    # a first phase has terms of its own: each name is drawn over the steps that have it
    names = list(dict.fromkeys(itertools.chain.from_iterable(line["terms"] for line in logged[-1:])))
    own = [line for line in logged if all(name in line["terms"] for name in names)]
    if len(own) < 2:
        return []
    values = {name: [line["terms"][name]["weighted"] for line in own] for name in names}
    caption = "Each term as it is descended, weight included. An unbiased penalty may be negative."
    found = [
        Picture.chart(
            "terms",
            "Terms over time",
            caption,
            "Line charts",
            terms,
            steps=[line["step"] for line in own],
            values=values,
        )
    ]
    if len(scored) > 1:
        score = {"squared energy distance": [line["validation"]["energy_distance_squared"] for line in scored]}
        words = "Samples against validation data while training; the lowest point is the checkpoint called best."
        steps = [line["step"] for line in scored]
        found.append(Picture.chart("validation", "Validation", words, "A line chart", terms, steps=steps, values=score))
    return found
