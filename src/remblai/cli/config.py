"""`train --config FILE`: the settings of a YAML file, put before the words that were typed, which come after them."""

from collections.abc import Sequence
from typing import Any

from remblai.cli.build import parse
from remblai.config.registry import Option, flatten

CONFIG = Option(
    "config", str, None, "a YAML file of these settings, such as a run's config.yaml; options given here win"
)


def with_config(words: Sequence[str]) -> list[str]:
    """The words of `train` with those of the file that --config names before them.

    Raises:
        ValueError: a file that cannot be read, that is of a comparison, or has another recipe than the one typed.
        click.UsageError: --config without its value.
    """
    read, rest = parse([CONFIG], words)
    if "config" not in read or "--help" in words:
        return list(words)
    from remblai.config.file import read_config, words_of

    settings = read_config(read["config"])
    if "runs" in settings:
        raise ValueError(f"{read['config']} names the runs of a comparison: remblai compare --config reads it.")
    recipe = settings.pop("recipe", None)
    typed = rest[0] if rest and not rest[0].startswith("-") else None
    if recipe is not None and typed not in (None, recipe):
        raise ValueError(f"{read['config']} is of the recipe {recipe}, not {typed}: leave the recipe out.")
    settings = _not_typed(flatten(settings), rest)
    first = [] if recipe is None or typed is not None else [str(recipe)]
    return [*first, *([typed] if typed else []), *words_of(settings), *rest[1 if typed else 0 :]]


def _not_typed(settings: dict[str, Any], words: Sequence[str]) -> dict[str, Any]:
    """The settings without those that the words give, or that are of a part in whose place the words name another."""
    dashed = [word[2:].partition("=")[0].replace("-", "_") for word in words if word.startswith("--")]
    typed = {name for word in dashed for name in (word, word.removeprefix("no_"))}
    typed |= {"steps"} if "epochs" in typed else {"epochs"} if "steps" in typed else set()
    below = tuple(f"{name}." for name in typed)
    return {name: value for name, value in settings.items() if name not in typed and not name.startswith(below)}
