"""What a comparison is asked for: models, data, seeds and an equal budget, from arguments and a configuration."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from remblai.compare.entries import Entry, entries_of, known_keys
from remblai.config.code import code_sha256, is_code
from remblai.config.convert import convert
from remblai.config.file import read_config
from remblai.config.registry import Choice, unknown
from remblai.data import Dataset, Units
from remblai.features import Features, make_features
from remblai.metrics import METRICS
from remblai.runs.conforming import by_name
from remblai.runs.data import check_enough, data_of
from remblai.runs.record import read_settings

BY, BY_OF_IMAGES = "energy_distance_squared", "frechet"
"""What ranks where no figure is named. By pixels noise can be nearer to photographs than what looks like them."""
BUDGETS: dict[str, type] = {"steps": int, "epochs": float, "images": int, "minutes": float}
KINDS: dict[str, type] = {**BUDGETS, "data": str, "seeds": int, "by": str, "threads": int, "device": str}
OF_IMAGES = {"images", "features", "classes", "inception"}
"""What only images have of what figures need."""
KEYS = ("runs", "features", *KINDS)
"""What a configuration may hold; where results go and how many trainings run at a time are matters of one call."""


@dataclass(frozen=True)
class Request:
    """A comparison.

    Attributes:
        entries: the models.
        dataset: the data that all are held against, and recipes are trained on.
        spec, options: how the command line names the data.
        seeds: trainings of each recipe.
        budget: (steps, epochs, images or minutes; how many); None is each recipe's own number of steps.
        by: the figure that ranks.
        threads: of each training.
        device: of each training.
        jobs: trainings at a time, where that is asked for.
        features: that figures on features are taken on, where they are named.
    """

    entries: tuple[Entry, ...]
    dataset: Dataset
    spec: str
    options: Mapping[str, Any]
    seeds: int
    budget: tuple[str, float] | None
    by: str
    threads: int | None
    device: str
    jobs: int | None
    features: Features | None

    @property
    def recipes(self) -> dict[str, str]:
        """By its label the sha256 of the file of each recipe of one's own: another may have the same name."""
        own = [entry for entry in self.entries if entry.folder is None and is_code(entry.recipe)]
        return {entry.label: code_sha256(entry.recipe) for entry in own}

    @property
    def identity(self) -> dict[str, Any]:
        """What a comparison is of: it can be gone on with by one of the same data and budget."""
        return {
            "models": [entry.label for entry in self.entries],
            "data": self.dataset.fingerprint,
            "seeds": self.seeds,
            "budget": list(self.budget) if self.budget else None,
        }

    def budget_words(self, had: Sequence[int]) -> str:
        """The budget for people.

        Args:
            had: the steps of the runs that were there.
        """
        *others, longest = [f"{steps:,}" for steps in sorted({*had})] or [""]
        runs = f"{', '.join(others)} and {longest}" if others else longest
        runs += f" step{'s' * (had[-1:] != [1])}, as the run{'s' * (len(had) > 1)} had" if had else ""
        if all(entry.folder is not None for entry in self.entries):
            return runs
        given = "each recipe's own number of steps: the budgets are not equal"
        if self.budget is not None:
            kind, amount = self.budget
            given = f"{amount:,.0f} {kind}" if amount == int(amount) else f"{amount:g} {kind}"
        return f"{given}; runs that were there: {runs}" if had else given


def request_of(
    models: Sequence[str],
    config: str | Path | None,
    most: int,
    data_options: Mapping[str, Any],
    jobs: int | None = None,
    features: Choice | None = None,
    **given: Any,
) -> Request:
    """The request that arguments and a configuration make; an argument that is not None comes before the file's.

    Raises:
        ValueError: unknown keys, values of the wrong type, budgets of two kinds, runs of different data, or a figure to
            rank by that the data do not have.
    """
    settings = read_config(config) if config is not None else {}
    known_keys(settings, KEYS)
    passed = {name: value for name, value in given.items() if value is not None}
    if passed.keys() & BUDGETS.keys():
        settings = {name: value for name, value in settings.items() if name not in BUDGETS}
    listed, chosen = settings.pop("runs", []), settings.pop("features", None)
    chosen = chosen if features is None else features
    if not isinstance(listed, list):
        raise ValueError(f"runs: expected a list of recipes and runs, got {listed!r:.60}.")
    found = {name: convert(name, value, KINDS[name]) for name, value in (settings | passed).items()}
    if found.get("by", BY) not in METRICS:
        raise ValueError(f"by: {unknown('figure', found['by'], METRICS)}")
    for name, count in {"jobs": jobs, "threads": found.get("threads")}.items():
        _above_zero(name, 1 if count is None else count)
    entries = entries_of(models, listed, most)
    spec, options, dataset = _data(entries, found.get("data"), data_options)
    check_enough(dataset)
    by = found.get("by", BY if dataset.range is None else BY_OF_IMAGES)
    if dataset.range is None and (OF_IMAGES - ({"features"} if chosen else set())) & {*METRICS[by].needs}:
        raise ValueError(f"by: {by} is a figure of images, and the data are a table: rank by {BY}, for one.")
    return Request(
        tuple(entries), dataset, spec, options, _above_zero("seeds", found.get("seeds", 2)), _budget(found),
        by, found.get("threads"), found.get("device", "auto"), jobs,
        None if chosen is None else make_features(chosen, dataset.seen),
    )  # fmt: skip


def _data(
    entries: Sequence[Entry], spec: str | None, options: Mapping[str, Any]
) -> tuple[str, Mapping[str, Any], Dataset]:
    """The data that is named, or those of the runs.

    Raises:
        ValueError: runs of different data and none named.
    """
    runs = [(entry.label, read_settings(entry.folder)) for entry in entries if entry.folder is not None]
    if spec is not None or not runs:
        name, kept, dataset = data_of(spec, options)
        return str(name), kept, dataset if len(runs) < len(entries) else _narrowed(dataset, [of for _, of in runs])
    label, settings = runs[0]
    for other, found in runs[1:]:
        if found["data"]["fingerprint"] != settings["data"]["fingerprint"]:
            raise ValueError(
                f"expected runs of the same data, but {label} is of {settings['data']['name']} and {other} of "
                f"{found['data']['name']} ({found['data']['fingerprint'][:12]}): name what all are held against with "
                "--data."
            )
    name, kept, dataset = data_of(None, options, settings)
    if not isinstance(name, str) and len(runs) < len(entries):
        raise ValueError(
            f"data: recipes are trained on data that one name or path gives, but those of {label} are {name}: save "
            "them to a file, and name it with --data."
        )
    return str(name), kept, dataset


def _narrowed(dataset: Dataset, runs: Sequence[Mapping[str, Any]]) -> Dataset:
    """A table without columns that none of the runs, which all have the same, was trained on."""
    own = [Units.from_json(settings["data"]["units"]).visible.columns or () for settings in runs]
    there = dataset.seen.units.columns or ()
    if dataset.seen.units.mixed is None and len({*map(frozenset, own)}) == 1 and {*own[0]} < {*there} and own[0]:
        return by_name(dataset.seen, own[0])
    return dataset


def _budget(found: Mapping[str, Any]) -> tuple[str, float] | None:
    kinds = [kind for kind in BUDGETS if kind in found]
    if len(kinds) > 1:
        raise ValueError(f"{kinds[0]} and {kinds[1]}: a comparison has one budget: give one of them.")
    return (kinds[0], _above_zero(kinds[0], found[kinds[0]])) if kinds else None


def _above_zero(name: str, value: Any) -> Any:
    if not 0 < value < math.inf:
        raise ValueError(f"{name}: expected a number above 0, got {value}.")
    return value
