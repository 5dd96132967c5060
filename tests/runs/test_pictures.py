"""What the captions of a run's pictures say."""

import numpy as np
import pytest

from remblai.runs.pictures import by_colour


@pytest.mark.parametrize(("kinds", "words"), [(1, ", coloured by class"), (10, ", coloured by class")])
def test_colours_are_classes_where_they_can_be_told_apart(kinds: int, words: str) -> None:
    assert by_colour(np.arange(40) % kinds) == words
    assert by_colour(None) == ""


def test_the_caption_says_why_many_classes_have_one_colour() -> None:
    assert by_colour(np.arange(44) % 11) == (
        ", all in one colour (there are 11 classes, and more than 10 colours cannot be told apart)"
    )
