"""Models whose samples are copies of training data, seed by seed."""

from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import norm

from remblai.compare.table import Row
from remblai.metrics.reading import BAND

COPYING = {"memorisation_ratio": -1, "next_to_training_share": 1}
"""The figures by which copies of training data are seen, and on which side of the floor they then are."""


@dataclass(frozen=True)
class Copying:
    """A model whose samples are nearer to the training data than held-out data are, by more than chance.

    Attributes:
        label: of the model.
        name: of the figure that says so.
        seed: of the training that copies; None of a model of one, and where it is said of the mean of all alone.
        value, floor: the figure.
    """

    label: str
    name: str
    seed: int | None
    value: float
    floor: float


def copying(rows: Sequence[Row]) -> list[Copying]:
    """The models whose samples are nearer to the training data than held-out data are, by more than chance.

    Each with the seeds of which the first of `COPYING` says so that says it of any, else the mean over seeds. The
    furthest of m seeds is further off by chance than one alone, so the band is wider, for as many false alarms.
    """
    found: list[Copying] = []
    for row in rows:
        for name, side in COPYING.items():
            seeds = _copying_seeds(row, name, side) if name in row.figures else []
            if seeds:
                found += seeds
                break
    return found


def _copying_seeds(row: Row, name: str, side: int) -> list[Copying]:
    band, several = float(norm.isf(norm.sf(BAND) / len(row.trials))), len(row.trials) > 1
    found = [
        Copying(row.label, name, trial.seed if several else None, trial.card[name]["value"], trial.card[name]["floor"])
        for trial in row.trials
        if side * (trial.card[name]["value"] - trial.card[name]["floor"]) > band * trial.card[name]["spread"]
    ]
    mean = row.figures[name]
    if not found and side * (mean.mean - mean.floor) > BAND * mean.over_samples:
        found.append(Copying(row.label, name, None, mean.mean, mean.floor))
    return found
