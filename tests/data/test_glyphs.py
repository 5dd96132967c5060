"""Letters: deterministic by number, inside their picture, smooth, different from one another."""

import numpy as np
import pytest

from remblai.data import load
from remblai.data.glyphs import FACES, LETTERS, _template, letter


def small(**options: int) -> object:
    return {"name": "glyphs", "pool": 300, **options}


def test_pool_is_the_first_letters() -> None:
    data = load({"name": "glyphs", "pool": 300, "size": 20, "seed": 5})
    assert (data.shape, len(data.train), len(data.validation), len(data.test)) == ((1, 20, 20), 300, 2000, 2000)
    assert data.classes == list(LETTERS)
    shown = data.units.restore(data.train[:])
    assert data.train.labels is not None
    for place in (0, 17, 299):
        picture, label = letter(int(data.train.index[place]), 20, 5)
        assert np.array_equal(shown[place], picture)
        assert data.train.labels[place] == label


def test_number_and_seed_say_all() -> None:
    assert np.array_equal(letter(7)[0], letter(7)[0])
    assert not np.array_equal(letter(7)[0], letter(8)[0])
    assert not np.array_equal(letter(7)[0], letter(7, seed=1)[0])
    assert letter(7, size=56)[1] == letter(7)[1]  # the same letter, finer
    small_again = letter(7, size=56)[0].reshape(28, 2, 28, 2).mean((1, 3))
    assert np.corrcoef(small_again.ravel(), letter(7)[0].ravel())[0, 1] > 0.9


@pytest.mark.parametrize("size", [28, 33, 64])
def test_letters_are_whole_legible_and_smooth(size: int) -> None:
    pictures = np.stack([letter(number, size)[0] for number in range(200)]).astype(float)
    edge = np.concatenate([pictures[:, 0], pictures[:, -1], pictures[:, :, 0], pictures[:, :, -1]])
    assert edge.max() == 0  # nothing is cut off
    ink = pictures.mean((1, 2)) / 255
    assert ink.min() > 0.015
    assert ink.max() < 0.5
    assert pictures.max((1, 2)).min() > 200
    between = ((pictures > 20) & (pictures < 235)).sum() / (pictures > 20).sum()
    assert between > 0.1  # edges are smooth


def test_every_typeface_has_every_letter() -> None:
    for face in FACES:
        inks = {_template(face, character, 0, 56).tobytes() for character in LETTERS}
        assert len(inks) == 26  # a missing letter would be drawn as the same box


def test_labels_cover_the_alphabet_evenly() -> None:
    labels = load(small()).test.labels
    assert labels is not None
    assert np.bincount(labels.numpy(), minlength=26).min() > 40


def test_options() -> None:
    assert load(small(), size=12).shape == (1, 12, 12)
    for options, told in (({"size": 7}, "at least 8"), ({"pool": 0}, "pool must be"), ({"seed": -1}, "negative")):
        with pytest.raises(ValueError, match=told):
            load({"name": "glyphs", **options})
