"""What the captions of a run's pictures say."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import remblai
from remblai.data import load
from remblai.runs.pictures import _floor_in_words, by_colour
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


def people(n: int = 200) -> pd.DataFrame:
    """Half of the incomes are empty; where they are not, they follow the age."""
    rng = np.random.default_rng(0)
    age = rng.normal(40, 9, n)
    income = np.where(np.arange(n) % 2, np.nan, 10 * age)
    return pd.DataFrame({"age": age, "income": income, "city": rng.choice(["Bonn", "Rome"], n)})


def test_empty_cells_are_not_drawn_as_the_mean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = people()
    trained = remblai.train("wae-mmd", data=frame, latent=2, steps=60, out=tmp_path / "run", quiet=True)
    dataset = load(frame)
    drawn: dict[str, Any] = {}
    monkeypatch.setattr("remblai.runs.pictures_of_points.points", lambda **given: drawn.update(given) or b"")
    (picture,) = pictures_of_points(trained, dataset)
    assert drawn["names"] == ("age", "income")
    np.testing.assert_allclose(drawn["data"][:, 1], 10 * drawn["data"][:, 0], rtol=1e-5)
    empty = len(dataset.test) - len(drawn["data"])
    assert empty > 0
    assert f"Rows with an empty cell there are left out: {empty} of {len(dataset.test)} data, " in picture.caption
    text = (tmp_path / "run" / "report.html").read_text()
    assert "Trained on 160 rows of 3 columns (age, income, city); measured against" in text
    assert "blur of 1 pixel" not in text


def test_a_conditional_table_is_drawn_by_class(tmp_path: Path) -> None:
    options: dict[str, Any] = {"latent": 2, "steps": 2, "out": tmp_path / "run", "quiet": True}
    trained = remblai.train("vae", data=people(), data_options={"label": "city"}, conditional=True, **options)
    (picture,) = pictures_of_points(trained, load(people(), label="city"))
    assert picture.wide
    assert picture.caption.startswith("Held-out data at the left, samples at the right, by class.")
    assert ", conditional on 2 classes; measured against" in (tmp_path / "run" / "report.html").read_text()


def test_the_floor_of_the_validation_score_is_said_as_it_is_drawn() -> None:
    assert _floor_in_words(-0.5, 90, logarithmic=False) == "The dashed line is the same figure of 90 training data."
    assert _floor_in_words(0.5, 90, logarithmic=True) == "The dashed line is the same figure of 90 training data."
    assert "\N{MINUS SIGN}0.500, which a logarithmic scale cannot show" in _floor_in_words(-0.5, 90, logarithmic=True)


def test_a_table_whose_columns_are_never_filled_together_has_a_report_without_that_picture(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    mine, yours = rng.normal(size=(2, 80))
    mine[::2], yours[1::2] = np.nan, np.nan
    frame = pandas.DataFrame({"mine": mine, "yours": yours, "kind": ["a", "a", "b", "b"] * 20})
    for conditional in (False, True):
        options: dict[str, Any] = {
            "data_options": {"label": "kind"},
            "conditional": conditional,
            "latent": 2,
            "steps": 2,
        }
        trained = remblai.train("wae-mmd", data=frame, out=tmp_path / str(conditional), **options)
        assert (trained.folder / "report.html").is_file()
