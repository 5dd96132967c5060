"""`run.json` as it is read: a run's settings, checked, without torch."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from remblai.runs import contents
from remblai.runtime.locks import locked

SCHEMA = 1
HUB = "hub:"
"""Before the name of a run on the Hugging Face hub."""
CUSTOM = "custom:"
"""Before the type of what was passed in Python and cannot be written: data in memory, a live part."""
RENAMED = {"ascents": "critic_steps"}
"""Options of the loop that runs of version 0.1 recorded under another name."""
GENERATORS = (
    *("gan", "f-gan", "lsgan", "ebgan", "wgan", "wgan-gp", "sn-gan", "mmd-gan", "cramer-gan", "ot-gan"),
    *("gmmn", "sinkhorn-gan", "minimum-distance", "drifting"),
)
"""Recipes whose network `auto` had a hidden layer in version 0.1, of images; runs did not record it."""
HIDDEN, LARGE = 256, 16
"""Units of that layer, and pixels a side from which on images had it."""
CHANNELWISE = ("auto", "dcgan", "resnet")
"""Networks whose decoders had weights for each channel in version 0.1, none for contrasts; runs did not record it."""
FIELDS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "recipe": (str, "a name"),
    "arguments": (dict, "an object"),
    "loop": (dict, "an object"),
    "data": (dict, "an object"),
    "seed": (int, "a whole number"),
    "conditional": (bool, "true or false"),
    "augment": (list, "a list"),
    "device": (str, "a name"),
    "precision": (str, "a name"),
    "compile": (bool, "true or false"),
    "threads": (int, "a whole number"),
    "graph": (bool, "true or false"),
    "processes": (int, "a whole number"),
    "layout": (str, "a word"),
    "patience": ((int, type(None)), "a whole number or null"),
    "evaluate_every": ((int, type(None)), "a whole number or null"),
    "checkpoint_every": (int, "a whole number"),
    "keep": (int, "a whole number"),
    "loggers": (list, "a list"),
    "versions": (dict, "an object"),
    "started": (str, "a time"),
    "ended": ((str, type(None)), "a time or null"),
    "status": (str, "a word"),
}
"""The type of each field, and the words for it."""
DATA_FIELDS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "spec": ((str, dict), "a name, a path or an object"),
    "options": (dict, "an object"),
    "name": (str, "a name"),
    "fingerprint": (str, "a word"),
    "shape": (list, "a list"),
    "units": (dict, "an object"),
    "classes": ((list, type(None)), "a list or null"),
    "splits": (dict, "an object"),
    "split_note": (str, "a sentence"),
}
LOOP_FIELDS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "steps": ((int, type(None)), "a whole number or null"),
    "batch_size": (int, "a whole number"),
}
DATA_OPTIONS = (
    *("size", "crop", "channels", "layout", "range", "columns", "exclude", "label"),
    *("pages", "max_pixels", "skip_broken", "codes_of", "scaling"),
)
"""The options of the data that are taken from `run.json`: none of them names a place to write to."""
MOST_THREADS = 4096
MOST_BYTES = 64 * 2**20
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
DEEPEST = 30
"""Levels of objects within objects: arguments have one for each part within a part."""


def read_settings(folder: str | Path) -> dict[str, Any]:
    """The settings of the run in the folder.

    Raises:
        ValueError: there is no run, one of another schema, or one whose fields are of other types.
    """
    if not isinstance(folder, str | os.PathLike):
        raise ValueError(f"expected the folder of a run, got {folder!r} of type {type(folder).__name__}.")
    path = Path(folder) / "run.json"
    settings = _parsed(path)
    if not isinstance(settings, dict) or settings.get("schema") != SCHEMA or settings["schema"] is True:
        raise ValueError(f"{path}: expected schema {SCHEMA}; this run is of another version of remblai.")
    _check(path, settings, FIELDS, "")
    if "data" in settings:
        _check(path, settings["data"], DATA_FIELDS, "data.")
        if not settings["data"]:
            raise ValueError(f"{path}: data: expected those of the run, got none: restore the file, or train again.")
        if "options" in settings["data"]:
            known = settings["data"]["options"].items()
            settings["data"]["options"] = {name: value for name, value in known if name in DATA_OPTIONS}
        settings["data"] = Settings(settings["data"], path, "data.")
    _check(path, settings.get("loop", {}), LOOP_FIELDS, "loop.")
    if not 1 <= settings.get("threads", 1) <= MOST_THREADS:
        raise ValueError(f"{path}: threads: expected 1 to {MOST_THREADS}, got {settings['threads']}.")
    _bring_up_to_date(settings)
    return Settings(settings, path)


class Settings(dict[str, Any]):
    """The settings of a run; a field that is asked for and is absent is named, with its file.

    Args:
        settings: by name.
        path: of the file that they were read from.
        prefix: of the names, within another field.
    """

    def __init__(self, settings: Mapping[str, Any], path: Path, prefix: str = "") -> None:
        super().__init__(settings)
        self.path, self.prefix = path, prefix

    def __missing__(self, name: str) -> Any:
        raise ValueError(
            f"{self.path}: expected the field {self.prefix}{name}, got none: restore the file, or train again."
        )


def _bring_up_to_date(settings: dict[str, Any]) -> None:
    """Writes what version 0.1 recorded under another name, or left out, as this one does."""
    if "loop" in settings:
        settings["loop"] = {RENAMED.get(name, name): value for name, value in settings["loop"].items()}
    network = settings.get("arguments", {}).get("network")
    if not isinstance(network, dict):
        return
    channels, *sides = settings.get("data", {}).get("shape", []) or [None]
    image = len(sides) == 2
    large = image and all(isinstance(side, int) and side >= LARGE for side in sides)
    auto = network.get("name") == "auto"
    if network.get("name") in CHANNELWISE and image and channels != 1 and (large or not auto):
        network.setdefault("contrasts", False)
    if settings.get("recipe") in GENERATORS and auto:
        network.setdefault("hidden", HIDDEN if large else 0)


def _parsed(path: Path) -> Any:
    """What the file holds.

    Raises:
        ValueError: it cannot be read.
    """
    try:
        if contents.is_unfinished(path.parent):
            with locked(path.parent):
                contents.finish(path.parent)
        if not path.is_file():
            raise ValueError(f"{path.parent} is not a run: it has no run.json. `remblai train` makes one.")
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"{path} is not a run: expected at most 64 MiB, got {path.stat().st_size:,} bytes.")
        text = path.read_text(encoding="utf-8")
        if _depth(text) > DEEPEST:
            raise ValueError(f"{path} cannot be read: its objects are nested too deeply for a run.")
        return json.loads(text)
    except OSError as problem:
        raise ValueError(f"{path} cannot be read: {problem.strerror}.") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as problem:
        raise ValueError(f"{path} cannot be read: {problem}.") from None


def _depth(text: str) -> int:
    """How deeply brackets are nested, those within strings aside."""
    depth = deepest = 0
    for sign in re.findall(r"[\[{}\]]", STRING.sub("", text)):
        depth += 1 if sign in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _check(
    path: Path, found: Mapping[str, Any], fields: Mapping[str, tuple[type | tuple[type, ...], str]], prefix: str
) -> None:
    """Whether each field has its type; true and false are no numbers.

    Raises:
        ValueError: one has another.
    """
    for name, (kind, words) in fields.items():
        value = found.get(name)
        if name in found and (not isinstance(value, kind) or (isinstance(value, bool) and kind is int)):
            text = json.dumps(value)
            text = text if len(text) <= 60 else f"{text[:57]}..."
            raise ValueError(f"{path}: {prefix}{name}: expected {words}, got {text}: restore the file, or train again.")
