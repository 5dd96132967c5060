"""From a recipe's name and some options to one flat signature with every value, and back through `run.json`."""

import inspect
import math
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from remblai import data
from remblai.config.code import code_sha256, from_file, is_code
from remblai.config.convert import convert
from remblai.config.registry import CLASSES, Option, flatten, nest, options, own_options, unknown
from remblai.laws import ByClass, FittedLaw
from remblai.objectives import Objective
from remblai.recipes import RECIPES, Recipe
from remblai.runs.record import CUSTOM, DATA_OPTIONS
from remblai.training import State

NOT_OPTIONS = ("precision", "compile", "graph")


@dataclass(frozen=True)
class Resolved:
    """A recipe with a value for every option.

    Attributes:
        spec: the name or path that found the recipe.
        recipe: the recipe.
        signature: its own options and, dotted, those of the parts it chose.
        loop_signature: the options of its training loop.
        arguments: flat name -> value, complete, live parts included.
        loop: name -> value, complete.
        given: the names of the options that were passed; the others have their defaults.
        parts: option -> the live part that its text stands for, a feature map or the flow of a run: see `runs.parts`.
    """

    spec: str
    recipe: Recipe
    signature: list[Option]
    loop_signature: list[Option]
    arguments: dict[str, Any]
    loop: dict[str, Any]
    given: frozenset[str]
    parts: Mapping[str, Any] = field(default_factory=dict)

    def build(self, shape: tuple[int, ...], classes: int | None = None) -> Objective:
        """The objective for data of this shape, and for so many classes where it is conditional.

        Raises:
            ValueError: an option outside its range, parts that do not fit each other, or classes for a recipe that has
                none.
        """
        counts = CLASSES in inspect.signature(self.recipe.function).parameters
        if classes is not None and not counts:
            raise ValueError(
                f"conditional: the recipe {self.spec!r} has no parameter `classes`, the number of classes: add one, "
                "or leave --conditional out."
            )
        labels = {CLASSES: classes} if counts else {}
        objective = self.recipe(shape=shape, **labels, **nest(self._with_parts()))
        if not isinstance(objective, Objective):
            raise ValueError(f"recipe {self.spec!r}: expected an Objective from it, got {type(objective).__name__}.")
        return objective

    def _with_parts(self) -> dict[str, Any]:
        """The arguments with the live parts in the place of the text and the options that they stand for."""
        options = tuple(f"{name}." for name in self.parts)
        kept = {name: value for name, value in self.arguments.items() if not name.startswith(options)}
        return kept | dict(self.parts)

    def latent_law(self, classes: int | None = None) -> FittedLaw | None:
        """The law of codes that samples are decoded from, not fitted; None where it is the objective's own.

        Args:
            classes: how many a conditional model has: each has a law of its own.
        """
        law = self.recipe.latent_law(nest(self.arguments))
        return law if law is None or classes is None else ByClass(law, classes)

    def live(self) -> dict[str, Any]:
        """The live parts that were passed, by name."""
        names = [option.name for option in self.signature if option.table is not None]
        return {name: self.arguments[name] for name in names if not isinstance(self.arguments[name], str)}

    def to_json(self) -> dict[str, Any]:
        """Recipe, arguments (nested, by table name) and loop, as JSON keeps them; live parts are named as custom."""
        flat = {**self.arguments, **self.loop}
        if odd := [name for name, value in flat.items() if isinstance(value, float) and not math.isfinite(value)]:
            raise ValueError(
                f"{odd[0]}: expected a finite number, as run.json can hold, got {flat[odd[0]]}: take a large one, or "
                "None for what is not limited."
            )
        parts = {option.name for option in self.signature if option.table is not None}
        for name, value in self.arguments.items():
            if name not in parts and not _is_plain(value):
                raise ValueError(
                    f"option {name!r} of {self.recipe.name}: expected what run.json can hold, text, numbers, true, "
                    f"false, None and lists or dicts of them, got {value!r} of type {type(value).__name__}: build it "
                    "within the recipe, or annotate the option with a table of parts."
                )
        code = {"code": code_sha256(self.spec)} if is_code(self.spec) else {}
        return code | {
            "recipe": self.spec,
            "arguments": nest({name: _plain(value) for name, value in self.arguments.items()}),
            "loop": {name: _plain(value) for name, value in self.loop.items()},
        }


def find(spec: str | Recipe) -> Recipe:
    """The recipe that a name or `path/to/file.py:function` means; a path's code is run.

    Raises:
        ValueError: no such recipe, where the nearest is suggested; what is no recipe; a file that fails when it is run.
    """
    if isinstance(spec, Recipe):
        return spec if spec is RECIPES.get(spec.name) else _apart_from_data(spec)
    if not isinstance(spec, str):
        raise ValueError(
            f"recipe: expected a name, 'path/to/file.py:function' or a function decorated with @remblai.recipe(), "
            f"got {type(spec).__name__}."
        )
    if (name := spec.replace("_", "-")) in RECIPES:  # as the functions of `recipes` are called
        return RECIPES[name]
    if not is_code(spec):
        file, _, function = spec.rpartition(":")
        if Path(f"{file}.py").is_file():
            raise ValueError(f"recipe: there is none {spec!r}. Did you mean '{file}.py:{function}'?")
        raise unknown("recipe", spec, RECIPES)
    found = from_file(spec, "recipe")
    if not isinstance(found, Recipe):
        path, _, name = spec.rpartition(":")
        raise ValueError(
            f"recipe {spec!r}: {name!r} in {path} is no recipe: decorate the function with @remblai.recipe()."
        )
    return _apart_from_data(found)


def _apart_from_data(recipe: Recipe) -> Recipe:
    """The recipe, none of whose options is called as one of the data, which share one command line."""
    both = [name for name in DATA_OPTIONS if name in inspect.signature(recipe.function).parameters]
    if both:
        raise ValueError(
            f"recipe {recipe.name!r}: its option {both[0]!r} is called as one of the data ({', '.join(DATA_OPTIONS)}): "
            "rename the parameter."
        )
    return recipe


def loop_options(recipe: Recipe) -> list[Option]:
    """The loop's options with the recipe's own defaults."""
    known = {option.name: option for option in own_options(State) if option.name not in NOT_OPTIONS}
    for name in recipe.loop:
        if name not in known:
            raise unknown(f"loop option of recipe {recipe.name!r}:", name, known)
    return [Option(o.name, o.annotation, recipe.loop.get(o.name, o.default), o.help, o.table) for o in known.values()]


def _no_option(recipe: Recipe, name: str, known: Iterable[str]) -> ValueError:
    """The error for an option that a recipe lacks; options of the data are told by where they go."""
    if name in inspect.signature(data.load).parameters:
        return ValueError(
            f"option {name!r} of {recipe.name}: it is one of the data, not of a recipe: give data_options="
            f"{{{name!r}: ...}} in Python."
        )
    return unknown(f"option of {recipe.name}:", name, known)


def resolve(spec: str | Recipe, given: Mapping[str, Any] | None = None) -> Resolved:
    """Finds the recipe and gives every option its value.

    Args:
        spec: a recipe, its name, or `path/to/file.py:function`.
        given: options by name: flat (`penalty.kernel.scale`) or nested, of the recipe, its parts and its loop.

    Raises:
        ValueError: unknown recipe or option (the nearest is suggested), or a value of the wrong type.
    """
    recipe = find(spec)
    flat = flat_of(recipe, given or {})
    signature, loop_signature = options(recipe.function, flat), loop_options(recipe)
    known = {option.name: option for option in [*signature, *loop_signature]}
    for name in flat:
        if name not in known:
            raise _no_option(recipe, name, known)
    values = {name: _value(option, flat[name]) if name in flat else option.default for name, option in known.items()}
    return Resolved(
        spec if isinstance(spec, str) else recipe.name if recipe is RECIPES.get(recipe.name, recipe) else _own(recipe),
        recipe,
        signature,
        loop_signature,
        {option.name: values[option.name] for option in signature},
        {option.name: values[option.name] for option in loop_signature},
        frozenset(flat),
    )


def _own(recipe: Recipe) -> str:
    """How a run names a recipe that was passed in Python and is called as one of remblai's own."""
    return f"{CUSTOM}{recipe.name}"


def recipe_of(saved: Mapping[str, Any]) -> Recipe:
    """The recipe that made a run, if it is one of remblai's own: a file that a run names is never executed.

    Raises:
        ValueError: the recipe is not remblai's own.
    """
    if saved["recipe"] not in RECIPES:
        spec = saved.get("data", {}).get("spec")
        data_too = f" Its data are a file's of your own too: name both (--data {spec})." if is_code(spec) else ""
        raise ValueError(
            f"this run was made by {saved['recipe']!r}, which is not remblai's own and is not run unasked: "
            "name it (--recipe path/to/file.py:function; for `train` the recipe itself, or --config RUN/config.yaml, "
            "which has its settings too; in `compare` 'FOLDER --recipe path/to/file.py:function'; recipe=... for "
            f"`load`, whose run `evaluate` takes).{data_too}"
        )
    return RECIPES[saved["recipe"]]


def customs(saved: Mapping[str, Any]) -> dict[str, str]:
    """The options for which a run had live parts, and the classes of those."""
    flat = flatten(saved["arguments"]) | dict(saved["loop"])
    return {name: value for name, value in flat.items() if isinstance(value, str) and value.startswith(CUSTOM)}


def from_json(saved: Mapping[str, Any], recipe: str | Recipe | None = None, **parts: Any) -> Resolved:
    """What `Resolved.to_json` wrote. Nothing a run names is executed: recipes and parts from outside must be passed.

    Raises:
        ValueError: the run used a recipe or a part that is not remblai's own and was not passed, or another recipe than
            the run's was.
    """
    given, recipe = recipe, recipe_of(saved) if recipe is None else find(recipe)
    if recipe is not RECIPES.get(saved["recipe"], recipe):
        raise ValueError(
            f"recipe: this run was made by {saved['recipe']}, one of remblai's own, got {recipe.name}: leave it out."
        )
    if isinstance(given, str):
        warn_of_change(saved.get("code"), given)
    flat = flat_of(recipe, saved["arguments"]) | dict(saved["loop"]) | parts
    for name, value in customs(saved).items():
        if name in parts:
            continue
        if name not in saved["loop"]:
            raise not_passed(name, value)
        del flat[name]  # a trained model needs no loop
    return replace(resolve(recipe, flat), spec=saved["recipe"])


def not_passed(name: str, value: str) -> ValueError:
    """The error for a live part of a run, as `customs` names it, that is needed and was not passed."""
    return ValueError(f"this run used a live part for {name!r} ({value}): pass it as {name}=...")


def warn_of_change(known: str | None, spec: str) -> None:
    """Warns where the file of a recipe is not as it was when its run began."""
    if known is not None and is_code(spec) and code_sha256(spec) != known:
        warnings.warn(
            f"recipe {spec}: the file is not as it was when the run began: the model may be another than was trained",
            stacklevel=3,
        )


def _value(option: Option, value: Any) -> Any:
    if option.table is not None and not isinstance(value, str):
        return value
    return convert(option.name, value, option.annotation)


def _plain(value: Any) -> Any:
    if not _is_plain(value):
        return f"{CUSTOM}{(value if isinstance(value, type) else type(value)).__qualname__}"
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, tuple | list) else value


def _is_plain(value: Any) -> bool:
    """Whether JSON can hold it."""
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _is_plain(one) for key, one in value.items())
    if isinstance(value, tuple | list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str | bool | int | float)


def flat_of(recipe: Recipe, nested: Mapping[str, Any]) -> dict[str, Any]:
    """The options as flat names; mappings that are values, of options that choose no part, stay whole."""
    whole = {o.name for o in own_options(recipe.function) if o.table is None and isinstance(o.default, Mapping)}
    kept = {name: nested[name] for name in whole if isinstance(nested.get(name), Mapping)}
    return flatten({name: value for name, value in nested.items() if name not in kept}) | kept
