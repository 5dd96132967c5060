"""Settings in a YAML file: what `--config` reads and every run writes, and the same settings as words of a command."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from remblai.config.convert import quoted
from remblai.config.registry import flatten

MOST_BYTES = 2**20
FILE = "config.yaml"
"""The name of the file that every run writes."""
BOOLEAN = "tag:yaml.org,2002:bool"


class Loader(yaml.SafeLoader):
    """YAML in which only true and false are truth values: `compile: on` is the word "on", as on the command line."""

    yaml_implicit_resolvers = {  # noqa: RUF012  # of the class, as PyYAML has it
        first: [(tag, pattern) for tag, pattern in found if tag != BOOLEAN or first in "tTfF"]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def read_config(path: str | Path) -> dict[str, Any]:
    """The settings in a YAML file, which is one mapping from names to values.

    Raises:
        ValueError: there is no such file, it is larger than 1 MiB, or it is not one mapping whose names are text.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"config: there is no file {path}.")
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path}: expected a file of settings of at most 1 MiB, got {path.stat().st_size:,} bytes.")
    try:
        settings = yaml.load(path.read_text(encoding="utf-8"), Loader)  # the loader is a safe one
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as problem:
        raise ValueError(f"{path} cannot be read as YAML: {' '.join(str(problem).split())}.") from None
    if not isinstance(settings, dict) or not all(isinstance(name, str) for name in settings):
        raise ValueError(f"{path}: expected names with values, such as `recipe: wae-mmd`, got {settings!r:.60}.")
    return settings


def config_text(settings: Mapping[str, Any]) -> str:
    """The settings as YAML, in their order; numbers of NumPy are plain ones there."""
    return str(yaml.safe_dump(json.loads(json.dumps(settings)), sort_keys=False, allow_unicode=True))


def words_of(settings: Mapping[str, Any]) -> list[str]:
    """Settings as options of a command: {"penalty": {"scale": 2}} is --penalty.scale 2, None is the word none.

    Raises:
        ValueError: a value that no option can have, such as a date.
    """
    words = []
    for name, value in flatten(settings).items():
        dashed = name.replace("_", "-")
        if value is None:
            words += [f"--{dashed}", "none"]
        elif isinstance(value, bool):
            words.append(f"--{dashed}" if value else f"--no-{dashed}")
        elif isinstance(value, str | int | float):
            words += [f"--{dashed}", str(value)]
        elif isinstance(value, list | tuple) and all(isinstance(item, str | int | float) for item in value):
            words += [f"--{dashed}", ",".join(quoted(str(item)) for item in value)]
        else:
            raise ValueError(f"{name}: expected a number, a word, true, false or a list of them, got {value!r}.")
    return words


def options_of(words: Sequence[str]) -> dict[str, str]:
    """The way back: --penalty.scale 2 --no-clip is {"penalty.scale": "2", "clip": "false"}, all values as text.

    Raises:
        ValueError: a word that is neither an option nor its value.
    """
    found: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--") or len(word) == 2:
            raise ValueError(f"expected options, such as --weight 10, got {word!r}.")
        name, has_value, value = word[2:].partition("=")
        if not has_value and rest and not rest[0].startswith("--"):
            value, has_value = rest.pop(0), "="
        if not has_value:
            name, value = (name[3:], "false") if name.startswith("no-") else (name, "true")
        found[name.replace("-", "_")] = value
    return found
