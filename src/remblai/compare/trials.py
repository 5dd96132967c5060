"""The rows of a comparison: every trained model held against the same data, in the units of these."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from remblai.compare.entries import Entry
from remblai.compare.jobs import Job
from remblai.compare.request import Request
from remblai.compare.table import Row, Trial, comparable, row_of
from remblai.data import Dataset
from remblai.metrics.reading import features_of
from remblai.runs.common_units import same_units
from remblai.runs.data import data_like
from remblai.runs.evaluate import figures_of, is_of, trained_on_others
from remblai.runs.figures import kept_figures
from remblai.runs.labels import class_count
from remblai.runs.load import load
from remblai.runs.model import Trained


def measured(
    request: Request, jobs: Sequence[Job], memory: Mapping[str, int], failures: Mapping[tuple[str, int], str]
) -> list[Row]:
    """A row for each entry: of the run that is there, or of its trainings.

    Figures are those that a run keeps, where all models have such of the same data, units, points and features; else
    all are taken anew.

    Args:
        request: the comparison.
        jobs: its trainings.
        memory: the most that each training held, by its folder's name.
        failures: why trainings failed, by label and seed.

    Raises:
        ValueError: data that a model does not take; tables of other columns.
    """
    for anew in (False, True):
        rows = [_row(entry, request, jobs, memory, failures, anew) for entry in request.entries]
        if comparable(rows):
            break
    return rows


def _row(
    entry: Entry,
    request: Request,
    jobs: Sequence[Job],
    memory: Mapping[str, int],
    failures: Mapping[tuple[str, int], str],
    anew: bool,
) -> Row:
    if entry.folder is not None:
        return row_of(entry.label, [_trial(entry.label, entry.folder, request, None, entry.recipe or None, anew)], {})
    trials = [
        _trial(entry.label, job.folder, request, memory.get(job.folder.name), entry.recipe, anew)
        for job in jobs
        if job.label == entry.label and (job.label, job.seed) not in failures
    ]
    return row_of(entry.label, trials, {seed: why for (label, seed), why in failures.items() if label == entry.label})


def _trial(label: str, folder: Path, request: Request, memory: int | None, recipe: str | None, anew: bool) -> Trial:
    """A run's figures, as they are kept where they suit the request, else taken anew."""
    trained = load(folder, device=request.device, recipe=recipe)
    run = trained.run
    dataset = data_like(run.settings, trained.units, request.dataset)
    card = None if anew else _kept(trained, dataset, request)
    if card is None:
        try:
            card = dict(figures_of(trained, dataset, request.dataset.seen, features=request.features))
        except ValueError as problem:
            raise ValueError(f"{label}: {problem}") from None
    lines = [line for line in run.terms() if "seconds" in line]
    if not lines:
        raise ValueError(f"{folder}: terms.jsonl has no line of the training: restore the file, or train again.")
    last = lines[-1]
    return Trial(
        seed=run.settings["seed"],
        folder=str(folder),
        card=card,
        seconds=float(last["seconds"]),
        images=int(last["images"]),
        steps=trained.step,
        parameters=sum(parameter.numel() for parameter in trained.objective.parameters()),
        memory=memory,
        classes=class_count(run.settings),
        note=None if is_of(trained, dataset) else trained_on_others(trained, dataset),
    )


def _kept(trained: Trained, dataset: Dataset, request: Request) -> Mapping[str, Mapping[str, Any]] | None:
    """The figures that the run keeps, where they are of its last step, of the request's data and features."""
    card = kept_figures(trained) if is_of(trained, dataset) else None
    if not card or not same_units(trained.units.visible, request.dataset.seen.units):
        return None
    wanted = None if request.features is None else request.features.used
    return card if wanted is None or features_of(card) == wanted else None
