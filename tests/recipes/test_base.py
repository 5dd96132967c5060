"""The decorator."""

import re
from types import NoneType
from typing import Any, get_args, get_origin

import pytest
from torch import nn

from remblai.config.registry import own_options
from remblai.laws.fitted import Gaussian, Mixture
from remblai.objectives import Objective
from remblai.recipes import RECIPES, Recipe, recipe
from remblai.recipes.base import NUMBERS
from remblai.runs.resolve import resolve
from remblai.training import State


@recipe(lr=0.5, steps=3)
def my_model(shape: tuple[int, ...], width: int = 4) -> Objective:
    """A model of mine.

    More about it.
    """
    objective = Objective()
    objective.layer = nn.Linear(shape[0], width)
    return objective


def test_a_recipe_is_its_function_with_its_loop_beside_it() -> None:
    assert isinstance(my_model, Recipe)
    assert (my_model.name, my_model.summary) == ("my-model", "A model of mine.")
    assert dict(my_model.loop) == {"lr": 0.5, "steps": 3}
    assert my_model((3,), width=5).layer.out_features == 5
    assert my_model.__doc__ == my_model.function.__doc__
    assert repr(my_model) == "<recipe my-model>"


def test_its_loop_cannot_be_changed_by_accident() -> None:
    with pytest.raises(TypeError):
        my_model.loop["lr"] = 1.0  # type: ignore[index]


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_under_its_name_and_cites_where_it_comes_from(name: str) -> None:
    found = RECIPES[name]
    assert found.name == name
    assert found.summary.endswith(".")
    assert re.search(r"\b(19|20)\d\d\b|\b\d{4}\.\d{4,5}\b", found.__doc__ or ""), "a year or an arXiv number"


def test_the_sampler_is_read_by_what_samples_and_not_by_the_function() -> None:
    @recipe()
    def mine(shape: tuple[int, ...], sampler: str = "gaussian") -> Objective:
        """Mine."""
        return Objective()

    default, mixture = mine.latent_law({}), mine.latent_law({"sampler": {"name": "mixture", "components": 3}})
    assert isinstance(default, Gaussian)
    assert isinstance(mixture, Mixture)
    assert mixture.components == 3
    assert mine.latent_law({"sampler": "prior"}) is None
    assert my_model.latent_law({}) is None
    with pytest.raises(ValueError, match="Did you mean 'gaussian'"):
        mine.latent_law({"sampler": "gausian"})


@pytest.mark.parametrize("shape", [64, (), "28", (2.5,), None])
def test_what_is_no_shape_is_refused(shape: Any) -> None:
    with pytest.raises(ValueError, match=r"shape: expected that of one point or image, such as \(2,\)"):
        my_model(shape)


def test_an_unknown_option_names_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"my-model: unknown option 'widht'. Did you mean 'width'"):
        my_model((3,), widht=5)


def test_an_option_of_the_loop_that_is_no_number_is_told_by_the_loop() -> None:
    """The list of those that are one number is that of the loop: text for them is refused where it is written."""
    one_number = {
        option.name
        for option in own_options(State)
        if get_origin(option.annotation) is not tuple
        and set(get_args(option.annotation) or (option.annotation,)) <= {int, float, NoneType}
    }
    assert set(NUMBERS) == one_number
    misspelt = recipe(steps=10, optimizer="adam")(my_model.function)
    with pytest.raises(ValueError, match=r"option of recipe 'my-model': 'optimizer'\. Did you mean 'optimiser'"):
        resolve(misspelt)


def test_without_options_the_parentheses_may_be_left_out() -> None:
    @recipe
    def mine(shape: tuple[int, ...], width: int = 2) -> Objective:
        """Mine."""
        return Objective()

    assert isinstance(mine, Recipe)
    assert mine.name == "mine"
    assert dict(mine.loop) == {}


def test_a_function_that_is_no_recipe_is_refused_where_it_is_decorated() -> None:
    def unshaped(width: int = 2) -> Objective:
        return Objective()

    def demanding(shape: tuple[int, ...], width: int) -> Objective:
        return Objective()

    with pytest.raises(ValueError, match=r"recipe 'unshaped': expected a parameter shape, .* got \(width\): write def"):
        recipe(unshaped)
    with pytest.raises(ValueError, match="recipe 'demanding': expected a default for its option 'width'"):
        recipe(steps=3)(demanding)
    with pytest.raises(ValueError, match="recipe 'demanding': expected"):
        recipe(lr="1e-3")(demanding)
    with pytest.raises(ValueError, match="expected lr as a number, got the text '1e-3'"):
        recipe(lr="1e-3")(my_model.function)
