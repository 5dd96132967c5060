"""The command `train`: its options are those of the recipe and of the parts that the arguments choose."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from remblai.cli.build import description, parse, resolve_options
from remblai.cli.config import CONFIG
from remblai.cli.options import Sectioned, click_option, typed_values
from remblai.cli.output import show
from remblai.config.registry import Option, nest, options, own_options
from remblai.runs.record import read_settings

HIDDEN = ("recipe", "data_options", "from_run")
FROM = Option("from_run", str, None, "a run whose settings are repeated, but for those given here")
NO_RECIPE = "train: expected a recipe, got none: name one, as in `remblai train wae-mmd`; see `remblai list recipes`."


def train_command(words: Sequence[str]) -> click.Command:
    """`train` for these words.

    Args:
        words: what follows `train`.

    Raises:
        ValueError: no recipe is named, an unknown one, or a run.
    """
    if not words:
        raise ValueError(NO_RECIPE)
    read, rest = parse([FROM], words)
    earlier = read_settings(read["from_run"]) if "from_run" in read else None

    from remblai.data import DATA
    from remblai.data import load as load_data
    from remblai.recipes import RECIPES
    from remblai.runs.resolve import customs, find, flat_of, loop_options, recipe_of
    from remblai.runs.train import train
    from remblai.training import State

    run = [option for option in own_options(train) if option.name not in HIDDEN]
    of_load = own_options(load_data)
    fixed = [*run, *of_load, FROM, CONFIG]
    names = {option.name for option in fixed}
    read, rest = parse([*fixed, *(option for option in own_options(State) if option.name not in names)], words)
    spec = _recipe(rest, RECIPES)
    if spec is None and earlier is None and read.get("resume") and "out" in read:
        earlier = read_settings(read["out"])  # as `train` takes them
    if spec is not None and spec not in RECIPES and (Path(spec) / "run.json").is_file():
        raise ValueError(
            f"train: {spec} is a run: `remblai train --resume --out {spec}` goes on with it, `remblai train --from "
            f"{spec}` repeats it."
        )
    if spec is None and earlier is None:
        if "--help" in words:
            return _overview(description(train), {name: recipe.summary for name, recipe in RECIPES.items()})
        raise ValueError(NO_RECIPE)
    recipe = find(spec) if spec is not None else recipe_of(earlier or {})
    start = (
        {k: v for k, v in flat_of(recipe, earlier["arguments"]).items() if k not in customs(earlier)} if earlier else {}
    )
    loop = loop_options(recipe)

    def of_data(given: Mapping[str, Any]) -> list[Option]:
        name = given.get("data")
        return [replace(o, name=f"data.{o.name}") for o in own_options(DATA[name])] if name in DATA else []

    def signature(given: Mapping[str, Any]) -> list[Option]:
        return [*options(recipe.function, given), *of_data(given), *loop, *fixed]

    known = resolve_options(signature, words, start)
    own = [option for option in known if option.name not in names]
    dotted_data = {option.name for option in own if option.name.startswith("data.")}

    def call(name: str | None, **values: Any) -> None:
        _train(name, typed_values(values), [option.name for option in of_load], dotted_data)

    argument = click.Argument(["name"], required=False, metavar="[RECIPE]")
    words_of = description(recipe.function)  # its arguments stand among the options
    built = Sectioned("train", params=[argument, *map(click_option, known)], callback=call, help=words_of)
    built.sections = _sections(recipe.name, own, [option.name for option in loop])
    return built


def _train(name: str | None, given: dict[str, Any], of_load: Sequence[str], dotted_data: Collection[str]) -> None:
    """Trains by the options that were typed, and shows where the report is.

    Args:
        name: of the recipe.
        given: the options, by dotted name.
        of_load: names of the options of `data.load`.
        dotted_data: names of the options of the data that the option `data` names.
    """
    from remblai.runs.train import train
    from remblai.runtime.processes import launched

    data_options = {key: given.pop(key) for key in of_load if key in given}
    if chosen := {key: given.pop(key) for key in dotted_data if key in given}:
        given |= nest({"data": given["data"]} | chosen)
    trained = train(name, **given, data_options=data_options or None)
    if (launch := launched()) is None or launch.rank == 0:
        show(trained.folder / "report.html")


def _recipe(rest: Sequence[str], recipes: Mapping[str, Any]) -> str | None:
    """Which of the words that no option of the loop or the run takes is the recipe.

    The options of the recipe itself are not known before it is, so a word after one of them may be its value: a word
    that names a recipe comes first, then one that does not follow an option.
    """
    words = [word for word in rest if not word.startswith("-")]
    named = [word for word in words if word in recipes or ".py:" in word]
    before = dict(zip(rest[1:], rest[:-1], strict=True))
    plain = [word for word in words if not before.get(word, "").startswith("--") or "=" in before[word]]
    return next(iter([*named, *plain]), None)


def _overview(words: str, summaries: Mapping[str, str]) -> click.Command:
    """`train --help`, where no recipe is named: the recipes."""
    width = max(map(len, summaries))
    rows = "\n".join(f"  {name:{width}s}  {summary}" for name, summary in summaries.items())
    first = words.partition("\n")[0]
    text = f"{first}\n\n\b\n{rows}\n\nremblai train RECIPE --help shows its options."
    return click.Command("train", params=[click.Argument(["recipe"])], help=text)


def _sections(name: str, own: Sequence[Option], loop: Sequence[str]) -> dict[str, list[str]]:
    """The parameters of each section of the help: the recipe's, those of each part, the loop's."""
    sections: dict[str, list[str]] = {f"Options of {name}": [o.name for o in own if "." not in o.name]}
    sections[f"Options of {name}"] = [one for one in sections[f"Options of {name}"] if one not in loop]
    for option in own:
        if "." in option.name:
            sections.setdefault(f"Options of its {option.name.rpartition('.')[0]}", []).append(
                option.name.replace(".", "__")
            )
    return sections | {"Training loop": list(loop)}
