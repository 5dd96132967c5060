"""What a reader of a comparison must know of how its figures were made."""

from collections.abc import Sequence

from remblai.compare.request import Request
from remblai.compare.table import Row
from remblai.runs.record import read_settings


def notes(request: Request, rows: Sequence[Row], at_once: int, threads: int | None) -> list[str]:
    """The notes, a line each.

    Args:
        request: the comparison.
        rows: its models.
        at_once: trainings at a time.
        threads: of each training.
    """
    there = [(entry.label, read_settings(entry.folder)) for entry in request.entries if entry.folder is not None]
    ended = [
        f"{label} has not ended: it is {found.get('status')}"
        for label, found in there
        if found.get("status") != "complete"
    ]
    others = dict.fromkeys(f"{row.label} was {trial.note}" for row in rows for trial in row.trials if trial.note)
    return _of_trainings(request, at_once, threads) + ended + list(others)


def _of_trainings(request: Request, at_once: int, threads: int | None) -> list[str]:
    there = any(entry.folder is not None for entry in request.entries)
    if all(entry.folder is not None for entry in request.entries):
        return [
            "runs that were there: each has its own budget and one seed, so a test of two speaks of these trained "
            "models alone"
        ]
    said = [f"trained {at_once} at a time" + (f", {threads} thread{'s' * (threads > 1)} each" if threads else "")]
    if there:
        said.append("runs that were there have their own budgets and one seed each")
    if request.budget is not None and request.budget[0] == "epochs":
        said.append("epochs count the batches of the model: critics with batches of their own see more")
    if request.seeds == 1:
        said.append("one seed each: a test speaks of these trained models, not of their recipes")
    elif there:
        said.append(
            "how a model of one seed varies over seeds is not known, so it is not tested beside one of several, but "
            "held against where a further seed of that would lie"
        )
    return said
