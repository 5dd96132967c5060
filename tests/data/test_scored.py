"""Data sets whose columns the model sees as normal scores, and the standardised columns behind them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from remblai import data
from remblai.data import Dataset, Units
from remblai.data.scored import NOTE, scored
from remblai.data.sources import kept_sources
from remblai.runs.conforming import conform


def frame(n: int = 400, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": rng.normal(40, 15, n).clip(18, 90).round().astype(int),
            "city": rng.choice(["Oslo", "Rome"], n),
            "gain": np.where(rng.random(n) < 0.8, 0.0, rng.lognormal(7, 1, n).round(2)),
            "score": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
            "vip": rng.random(n) < 0.3,
        }
    )


def load(table: pd.DataFrame) -> Dataset:
    with kept_sources():
        return scored(data.load(table))


def test_columns_of_numbers_are_scores_and_marks_stay() -> None:
    found = load(frame())
    scores = found.units.scores
    assert scores is not None and found.units.columns is not None
    assert [found.units.columns[k] for k in scores.columns] == ["age", "gain", "score"]
    x, seen = found.train[:].double(), found.seen.train[:]
    marks = [found.units.columns.index(name) for name in ("city = Oslo", "city = Rome", "score is empty", "vip")]
    assert torch.equal(x[:, marks].float(), seen[:, marks])
    own = [found.units.columns.index(name) for name in ("age", "gain")]
    assert x[:, own].mean(0).abs().max() < 1e-6
    assert (x[:, own].std(0, correction=0) - 1).abs().max() < 1e-6
    filled = x[:, found.units.columns.index("score")][x[:, found.units.columns.index("score is empty")] > 0]
    assert filled.std() == 0  # the mean of the column, as before


@pytest.mark.parametrize("column", [np.array([1 / 3, 1 / 3 + 6e-17]), np.array([1e-310, -2e-310])])
def test_a_column_that_varies_by_rounding_errors_alone_stays_constant(column: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    found = load(pd.DataFrame({"x": rng.normal(size=200), "still": rng.choice(column, 200)}))
    assert found.units.scores is not None
    assert found.units.scores.columns == (0,)
    assert found.train[:][:, 1].abs().max() < 1e-6


def test_cells_come_back_as_they_were() -> None:
    table = frame()
    found = load(table)
    order = np.concatenate([found.split(part).index.numpy() for part in data.SPLITS])
    back = found.units.exact.give(torch.cat([found.split(part)[:] for part in data.SPLITS]))
    expected = table.iloc[order].reset_index(drop=True)
    assert back["age"].tolist() == expected["age"].tolist()
    assert back["city"].tolist() == expected["city"].tolist()
    assert back["vip"].tolist() == expected["vip"].tolist()
    assert back["score"].isna().tolist() == expected["score"].isna().tolist()
    assert np.allclose(back["gain"], expected["gain"], rtol=1e-5)
    assert (back["gain"] == 0).equals(expected["gain"] == 0)


def test_what_a_model_makes_stays_within_the_ends() -> None:
    found = load(frame())
    draws = 5 * torch.randn(3000, found.shape[0], generator=torch.Generator().manual_seed(0))
    back, train = found.units.give(draws), found.seen.units.give(found.seen.train[:])
    assert np.array_equal(back["gain"], back["gain"].round(2)), "as many decimal places as the data have"
    for name in ("age", "gain", "score"):
        assert train[name].min() - 1e-4 <= back[name].min() and back[name].max() <= train[name].max() * (1 + 1e-6)


def test_people_see_standard_deviations() -> None:
    plain, found = data.load(frame()), load(frame())
    assert found.units.visible == plain.units == found.seen.units
    assert torch.equal(found.seen.test[:], plain.test[:])
    assert torch.allclose(found.units.seen(found.test[:]), plain.test[:], atol=1e-5)
    assert found.fingerprint == plain.fingerprint
    assert found.notes == (*plain.notes, NOTE)
    assert Units.from_json(found.units.to_json()) == found.units


def test_other_data_get_the_scores_of_a_run() -> None:
    found, other = load(frame()), data.load(frame(300, seed=1))
    taken = conform(other, found.units)
    assert taken.units == found.units
    assert taken.seen.units == found.units.visible
    again = conform(data.load(frame()), found.units)
    assert torch.allclose(again.train[:], found.train[:], atol=2e-3)  # float32, where values lie close together
    assert conform(found, found.units) is found
    plain = conform(found, other.units)
    assert plain.units.scores is None and plain.units == other.units


def test_rows_far_outside_are_far_outside() -> None:
    found = load(frame())
    far = frame(3)
    far.loc[0, "gain"] = 1e9
    x = found.units.scale(far)
    assert found.units.columns is not None
    place = found.units.columns.index("gain")
    assert x[0, place] > 100 > found.train[:][:, place].max()


def test_refuses(tmp_path: Path) -> None:
    for name in ("digits", "ring"):
        with pytest.raises(ValueError, match="leave --scaling out"):
            scored(data.load(name))
    bits = data.load(pd.DataFrame({"a": [0, 1] * 20, "b": [1, 0] * 20}))
    assert scored(bits) is bits
