"""What the captions of a run's pictures say."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import remblai
from remblai.data import load
from remblai.runs.pictures import by_colour
from remblai.runs.pictures_of_points import pictures_of_points


@pytest.mark.parametrize(("kinds", "words"), [(1, ", coloured by class"), (10, ", coloured by class")])
def test_colours_are_classes_where_they_can_be_told_apart(kinds: int, words: str) -> None:
    assert by_colour(np.arange(40) % kinds) == words
    assert by_colour(None) == ""


def test_the_caption_says_why_many_classes_have_one_colour() -> None:
    assert by_colour(np.arange(44) % 11) == (
        ", all in one colour (there are 11 classes, and more than 10 colours cannot be told apart)"
    )


@pytest.mark.parametrize(
    ("item", "names"), [((12, 2), ["reconstructions", "samples"]), ((4, 6), ["samples"]), ((12, 9), ["samples"])]
)
def test_series_are_drawn_as_curves(item: tuple[int, int], names: list[str], tmp_path: Path) -> None:
    waves = np.random.default_rng(0).normal(size=(60, *item)).cumsum(1)
    options: dict[str, Any] = {"latent": 2, "steps": 2, "out": tmp_path / "run"}
    trained = remblai.train("wae-mmd", data=waves, data_options={"layout": "flat"}, **options)
    found = pictures_of_points(trained, load(waves, layout="flat"))
    assert [one.name for one in found] == names
    assert (tmp_path / "run" / "reconstructions.png").is_file() == (len(names) == 2)
