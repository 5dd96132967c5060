"""What a part prints of itself, to which every module adds its children."""

import pytest

import remblai
from remblai.costs import Huber, Square
from remblai.discrepancies import MMD, Entropic
from remblai.kernels import Gaussian
from remblai.runtime.printing import settings


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (Huber(0.5), "Huber(delta=0.5)"),
        (Square(), "Square()"),
        (Gaussian(2.0, (1.0, 3.0)), "scale=2.0, scales=(1.0, 3.0)"),
        (Entropic(epsilon=0.25), "epsilon=0.25"),
        (MMD(Gaussian(2.0)), "scale=2.0, scales=(1.0,)"),  # through its child
    ],
    ids=["a cost", "a cost without options", "a kernel", "a discrepancy", "a kernel within a discrepancy"],
)
def test_a_part_prints_the_arguments_that_it_was_made_with(part: object, words: str) -> None:
    assert words in repr(part)


def test_an_objective_prints_its_weight_and_its_cost() -> None:
    text = repr(remblai.recipes.wae_mmd(shape=(2,), latent=2, weight=7.0))
    assert "weight=7.0" in text
    assert "cost=Square()" in text


def test_what_is_long_or_a_function_is_left_out() -> None:
    class Part:
        def __init__(self, name: str, rows: list[int], call: object, *others: int, **named: int) -> None:
            self.name, self.rows, self.call = name, rows, call

    assert settings(Part("a", list(range(100)), len, 1, more=2)) == "name='a'"


def test_an_object_without_arguments_prints_none() -> None:
    assert settings(object()) == ""
