"""The decorator."""

import pytest
from torch import nn

from remblai.objectives import Objective
from remblai.recipes import RECIPES, Recipe, recipe


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


def test_the_table_is_by_name_and_every_recipe_says_what_it_is_and_where_it_comes_from() -> None:
    assert all(name == one.name and one.summary.endswith((".", ").", "samples.")) for name, one in RECIPES.items())
    assert all("arXiv" in (RECIPES[name].__doc__ or "") for name in ("wae-mmd", "wae-gan", "vae"))
