"""What the estimators' parameters may be: types and ranges by scikit-learn's validation, options by the recipe's."""

import inspect
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

from sklearn.utils._param_validation import Interval, validate_parameter_constraints

from remblai.config.convert import convert
from remblai.config.registry import flatten, options, own_options, unknown
from remblai.data import load
from remblai.laws import FITTED
from remblai.recipes import Recipe
from remblai.runs.resolve import Resolved, find, loop_options, resolve

COUNT = Interval(Integral, 1, None, closed="left")
LOOP = ("steps", "batch_size", "lr")
"""Options of the training loop that are parameters of an estimator."""

SEED: dict[str, list[Any]] = {"random_state": ["random_state"]}
OPTIONS: dict[str, list[Any]] = {"options": [Mapping, None]}
TRAINING: dict[str, list[Any]] = {
    "recipe": [str, Recipe],
    **OPTIONS,
    "steps": [COUNT, None],
    "batch_size": [COUNT, None],
    "lr": [Interval(Real, 0, None, closed="neither"), None],
    "device": [str],
    **SEED,
}
"""Constraints of what every estimator that trains a recipe has, in scikit-learn's form."""


def check_random_state_kind(random_state: Any, caller: str) -> None:
    """Refuses what scikit-learn takes no random numbers from.

    Raises:
        InvalidParameterError: not a whole number of 0 to 2^32 - 1, a RandomState or None; it is a ValueError.
    """
    validate_parameter_constraints(SEED, {"random_state": random_state}, caller_name=caller)


def resolved_recipe(recipe: str | Recipe, options: Mapping[str, Any], loop: Mapping[str, Any], **own: Any) -> Resolved:
    """The recipe with a value for every option.

    Args:
        recipe: its name, path/to/file.py:function, or the recipe.
        options: the user's, flat or nested, of the recipe, its parts and its loop.
        loop: the loop's options that are parameters of the estimator; None takes the recipe's.
        **own: options of the recipe that are parameters of the estimator under another name.

    Raises:
        ValueError: an unknown recipe or option (the nearest is suggested), a value of the wrong type, or an option that
            a parameter of the estimator sets.
    """
    found = find(recipe)
    given = flatten(options)
    for name in given:
        if name in own:
            raise ValueError(
                f"options: expected those that no parameter sets, got {name!r}: pass n_components instead."
            )
        if name in LOOP:
            raise ValueError(f"options: expected those that no parameter sets, got {name!r}: pass {name}=... instead.")
    _refuse_elsewhere(found, given)
    known = {option.name for option in own_options(found.function)}
    start = {"network": "mlp", **own}  # the default network of some recipes takes images only
    passed = {name: value for name, value in loop.items() if value is not None}
    return resolve(found, {name: value for name, value in start.items() if name in known} | given | passed)


ELSEWHERE: dict[str, str] = (
    dict.fromkeys(
        ("epochs", "num-epochs", "n-epochs"),
        "Pass steps=..., the number of batches: an epoch is as many as hold all rows.",
    )
    | dict.fromkeys(
        ("label", "labels", "classes", "conditional"),
        "An estimator trains on all rows alike: remblai.train(..., conditional=True) trains by classes.",
    )
    | dict.fromkeys(
        ("out", "output"), "An estimator keeps its model in memory: remblai.train(..., out=...) writes it to a folder."
    )
    | {"workers": "Rows stay in memory, so there are no workers.", "seed": "Pass random_state=... instead."}
)
"""Options of other functions and libraries -> what an estimator has in their place."""


def _refuse_elsewhere(recipe: Recipe, given: Mapping[str, Any]) -> None:
    """Refuses options that `remblai.train` has and no estimator does, of training or of the data.

    Raises:
        ValueError: there is one among those given.
    """
    known = {option.name for option in [*options(recipe.function, given), *loop_options(recipe)]}
    for name in given:
        sentence = ELSEWHERE.get(name.lower().replace("_", "-"), "")
        if not sentence and name in inspect.signature(load).parameters:
            sentence = "It is one of the data, which an estimator takes as rows X: leave it out."
        if name not in known and sentence:
            raise ValueError(f"options: {recipe.name} has no {name!r}. {sentence}")


def law_options(law: str, given: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """The options of a law of codes, of the types that its signature has; its own seed is this one where none is given.

    Args:
        law: its name.
        given: the options, by name; one that the law does not have is left to `make`, which says which is nearest.
        seed: of the estimator's fit.

    Raises:
        ValueError: an unknown law, or a value of the wrong type.
    """
    if law not in FITTED:
        raise unknown("law", law, FITTED)
    kinds = {option.name: option.annotation for option in own_options(FITTED[law])}
    drawn = {"seed": seed} if "seed" in kinds else {}
    return drawn | {key: convert(key, value, kinds[key]) if key in kinds else value for key, value in given.items()}
