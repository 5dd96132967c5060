"""How sources become train, validation and test."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from remblai.data.splits import MOST_HELD_OUT, WHOLE, Part, arrange, encoded, images, points

GREY = np.arange(40 * 6, dtype=np.uint8).reshape(40, 1, 2, 3)


@given(n=st.integers(1, 300), kept=st.sets(st.sampled_from(["validation", "test"])), whole=st.booleans())
@settings(deadline=None)
def test_every_sample_lands_in_one_split(n: int, kept: set[str], whole: bool) -> None:
    parts = {WHOLE: n} if whole else {"train": n, **dict.fromkeys(kept, 7)}
    found, _ = arrange({part: np.arange(size) for part, size in parts.items()})
    assert set(found) == {"train", "validation", "test"}
    landed = [(part, i) for part, positions in found.values() for i in positions.tolist()]
    assert sorted(landed) == sorted((part, i) for part, size in parts.items() for i in range(size))
    for name in kept - ({"validation", "test"} if whole else set()):
        assert found[name][0] == name


@pytest.mark.parametrize(("n", "train", "held"), [(1797, 1437, 180), (10, 8, 1), (3, 1, 1), (2, 2, 0), (1, 1, 0)])
def test_80_10_10(n: int, train: int, held: int) -> None:
    found, note = arrange({WHOLE: np.arange(n)})
    assert [len(found[name][1]) for name in ("train", "validation", "test")] == [train, held, held]
    assert f"{train} train" in note


def test_train_and_test_alone() -> None:
    for n, held in ((1000, 100), (60_000, MOST_HELD_OUT)):
        found, note = arrange({"train": np.arange(n), "test": np.arange(5)})
        assert [len(found[name][1]) for name in ("train", "validation", "test")] == [n - held, held, 5]
        assert f"validation is {held} samples of the source's train part" in note
        assert "train and test as the source keeps them" in note


def test_the_first_samples_are_a_fair_sample() -> None:
    """Class folders come sorted: without the permutation, the first test pictures would all be of one class."""
    labels = np.repeat(np.arange(4), 100)
    pictures = np.zeros((400, 1, 2, 2), np.uint8)
    data = images("x", {"train": Part(pictures, labels), "test": Part(pictures, labels)})
    assert data.test.labels is not None
    assert len(set(data.test.labels[:30].tolist())) == 4


def test_points_are_standardised_by_the_train_split() -> None:
    rng = np.random.default_rng(0)
    train, test = (rng.normal([5, -3e6, 2], [2, 1e3, 0], (n, 3)) for n in (500, 50))
    data = points("x", {"train": Part(train), "test": Part(test)}, ["a", "b", "c"])
    assert torch.allclose(data.train[:].mean(0), torch.zeros(3), atol=1e-5)
    assert torch.allclose(data.train[:].std(0, correction=0), torch.tensor([1.0, 1.0, 0.0]), atol=1e-5)
    for split, source in ((data.train, train), (data.validation, train), (data.test, test)):
        back = data.units.restore(split[:])[:, :2]
        assert np.allclose(back, source[split.index.numpy()][:, :2], rtol=1e-9, atol=1e-3)
    assert data.units.columns == ("a", "b", "c")
    assert (data.shape, data.range) == ((3,), None)


def test_parts_of_one_array_share_it() -> None:
    positions = np.arange(40)
    data = images("x", {"train": Part(GREY, None, positions[:30]), "test": Part(GREY, None, positions[30:])})
    assert data.train.rows is data.test.rows
    assert data.test.index.sort().values.tolist() == list(range(30, 40))


def test_labels_of_any_kind() -> None:
    coded, names = encoded({"train": np.array(["b", "a", "b"]), "test": np.array(["c"])})
    assert ({part: of.tolist() for part, of in coded.items() if of is not None}, names) == (
        {"train": [1, 0, 1], "test": [2]},
        ["a", "b", "c"],
    )
    coded, names = encoded({"whole": np.array([[7.0], [3.0]])})
    assert (coded["whole"].tolist(), names) == ([1, 0], ["3", "7"])
    assert encoded({"whole": np.array([b"x"])})[1] == ["x"]
    assert encoded({"whole": np.array([1, 0])}, ["no", "yes"])[1] == ["no", "yes"]
    assert encoded({"train": None, "test": None}) == ({"train": None, "test": None}, None)
    assert encoded({"train": None, "test": np.array([2])})[0]["train"] is None


@pytest.mark.parametrize(
    ("labels", "classes", "told"),
    [
        (np.array([0.5, 1]), None, "whole numbers or text, got float64"),
        (np.zeros((2, 3)), None, r"one per sample, \(n,\), got \(2, 3\)"),
        (np.array([0, 2]), ["a", "b"], "with 2 classes, labels must be 0 to 1"),
    ],
)
def test_labels_refused(labels: np.ndarray, classes: list[str] | None, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        encoded({"whole": labels}, classes)


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"train": Part(GREY), "test": Part(GREY[:, :, :1])}, r"one shape, got \(c, h, w\) = train \(1, 2, 3\)"),
        ({WHOLE: Part(GREY[:, :, :1])}, "images of 1x3 pixels: expected at least 2x2"),
        ({WHOLE: Part(GREY[:0])}, "the whole part of the data is empty"),
        ({"test": Part(GREY)}, "no train part"),
        ({WHOLE: Part(GREY, np.zeros(39))}, "39 labels for the 40 samples"),
    ],
)
def test_images_refused(parts: dict[str, Part], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        images("x", parts)


def test_points_refused() -> None:
    with pytest.raises(ValueError, match="as many columns"):
        points("x", {"train": Part(np.zeros((3, 2))), "test": Part(np.zeros((3, 1)))})
    with pytest.raises(ValueError, match="no columns"):
        points("x", {WHOLE: Part(np.zeros((3, 0)))})


def test_a_table_of_bits_is_left_as_it_is_and_one_other_number_makes_it_a_table() -> None:
    table = np.random.default_rng(0).integers(0, 2, (50, 3))
    assert set(points("bits", {WHOLE: Part(table)}).train[:].unique().tolist()) == {0.0, 1.0}
    table[7, 1] = 2
    assert len(points("numbers", {WHOLE: Part(table)}).train[:].unique()) > 2
