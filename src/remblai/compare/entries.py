"""What is compared: runs that are there, and recipes with their options that are trained; lists and grids of them."""

import itertools
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from remblai.config.file import options_of, words_of
from remblai.config.registry import unknown
from remblai.recipes import RECIPES
from remblai.runs.resolve import Resolved, resolve

GRID = "grid"
OWN = ["--recipe"]
"""The option of a run that a recipe of one's own made."""
BUDGET = ("steps", "epochs")
"""Options of a recipe that a comparison gives to all."""


@dataclass(frozen=True)
class Entry:
    """One of the models that are compared.

    Attributes:
        label: as the tables name it.
        folder: of a run that is there; None for a recipe, which is trained.
        recipe: its name or path/to/file.py:function; of a run that a recipe of one's own made, that recipe.
        options: of the recipe, its parts and its loop, by name, as text.
    """

    label: str
    folder: Path | None = None
    recipe: str = ""
    options: tuple[tuple[str, str], ...] = ()

    @property
    def slug(self) -> str:
        """The label as a file's name."""
        return re.sub(r"[^\w.=]+", "-", self.label).strip("-.")

    def resolved(self, **more: Any) -> Resolved:
        """The recipe with a value for every option."""
        return resolve(self.recipe, dict(self.options) | more)


def entries_of(models: Sequence[str], config: Sequence[Any] = (), most: int = 100) -> list[Entry]:
    """The entries that words and the `runs` of a configuration name.

    Args:
        models: each the folder of a run, "FOLDER --recipe path/to/file.py:function" where a recipe of one's own made
            it, a loaded run, or a recipe with options as after `remblai train`, "wae-mmd --weight 1".
        config: each such text, or a mapping {recipe, option: value ..., grid: {option: [values]}}, of which every
            combination of the grid is an entry.
        most: how many entries there may be.

    Raises:
        ValueError: unknown names or options, the same entry twice, more entries than `most`, or fewer than two.
    """
    if most < 2:
        raise ValueError(f"most: expected at least 2 models, which a comparison has, got {most}.")
    found: list[Entry] = []
    for model in [*models, *config]:
        found += _expanded(model, most) if isinstance(model, Mapping) else [_entry(_text(model))]
        if len(found) > most:
            raise ValueError(f"expected at most {most} models, got more: shorten the grid, or raise --most.")
    labels = [entry.label for entry in found]
    found = [replace(e, label=str(e.folder)) if e.folder and labels.count(e.label) > 1 else e for e in found]
    labels = [entry.label for entry in found]
    folders = [entry.folder.resolve() for entry in found if entry.folder is not None]
    twice = {label for label in labels if labels.count(label) > 1}
    twice |= {str(folder) for folder in folders if folders.count(folder) > 1}
    if twice:
        raise ValueError(f"expected different models, got {min(twice)!r} twice.")
    slugs = {entry.slug: entry.label for entry in reversed(found) if entry.folder is None}
    for entry in found:
        if entry.folder is None and slugs[entry.slug] != entry.label:
            raise ValueError(f"{entry.label!r} and {slugs[entry.slug]!r} would share the folder {entry.slug}.")
    if len(found) < 2:
        raise ValueError(f"expected at least 2 models to compare, got {len(found)}.")
    return found


def _text(model: Any) -> str:
    """A model as text: a loaded run is its folder.

    Raises:
        ValueError: it is neither text nor a run.
    """
    found = getattr(model, "folder", model)
    if isinstance(found, str | os.PathLike):
        return str(found)
    raise ValueError(
        "models: expected folders of runs, loaded runs, or recipes with options as text, such as 'wae-mmd --weight 1', "
        f"got {type(model).__name__}: a recipe of your own is 'path/to/file.py:function'."
    )


def _entry(text: str) -> Entry:
    """Of a run's folder, or of a recipe with its options."""
    if text not in RECIPES and (Path(text) / "run.json").exists():
        return Entry(label=Path(text).name or str(Path(text).resolve().name), folder=Path(text))
    try:
        recipe, *words = shlex.split(text)
    except ValueError as problem:
        raise ValueError(
            f"{text!r}: {problem}: write it as after `remblai train`, such as 'wae-mmd --weight 1'."
        ) from None
    if len(words) == len(OWN) + 1 and words[:1] == OWN and (Path(recipe) / "run.json").exists():
        return Entry(label=Path(recipe).resolve().name, folder=Path(recipe), recipe=words[1])
    if not words and Path(text).is_dir():
        raise ValueError(f"{text} is not a run: it has no run.json. `remblai train` makes one.")
    if not words and os.sep in text and not Path(text).exists() and ":" not in text:
        raise ValueError(f"there is no run {text}: expected the folder of one, or a recipe.")
    return _checked(recipe, options_of(words))


def _expanded(settings: Mapping[str, Any], most: int) -> list[Entry]:
    """The entries of a mapping with or without a grid."""
    given = dict(settings)
    recipe, grid = given.pop("recipe", None), given.pop(GRID, {})
    if not isinstance(recipe, str):
        raise ValueError(f"runs: expected a recipe in each, such as `recipe: wae-mmd`, got {dict(settings)!r:.60}.")
    if not isinstance(grid, Mapping) or not all(isinstance(values, list) and values for values in grid.values()):
        raise ValueError(f"grid: expected lists of values by option, such as weight: [1, 10], got {grid!r:.60}.")
    count = 1
    for values in grid.values():
        count *= len(values)
    if count > most:
        raise ValueError(f"grid: expected at most {most} models, got {count:,}: shorten it, or raise --most.")
    combinations = itertools.product(*grid.values())
    return [_checked(recipe, options_of(words_of(given | dict(zip(grid, one, strict=True))))) for one in combinations]


def _checked(recipe: str, options: Mapping[str, str]) -> Entry:
    """The entry, once its options are known to be right.

    Raises:
        ValueError: an option is unknown or has a value of the wrong type, or is what a comparison gives to all.
    """
    for name in options:
        if name in BUDGET:
            raise ValueError(f"{recipe}: {name}: all models are given the same budget: use --{name} of `compare`.")
        if name in ("data", "seed", "out"):
            raise ValueError(f"{recipe}: {name}: it is the same for all models, or chosen by `compare`: leave it out.")
    resolve(recipe, dict(options))
    label = " ".join([Path(recipe).name, *(f"{name}={value}" for name, value in options.items())])
    return Entry(label=label, recipe=recipe, options=tuple(options.items()))


def known_keys(config: Mapping[str, Any], keys: Sequence[str]) -> None:
    """Refuses keys that a configuration does not have.

    Raises:
        ValueError: there is one; the nearest is suggested.
    """
    for key in config:
        if key not in keys:
            raise unknown("config key", key, keys)
