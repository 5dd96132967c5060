"""The sentences about a drift hide no column."""

import numpy as np
import pytest

from remblai.populations.entry import Drift, drift
from remblai.populations.text import cells, could_see, lines, size

pandas = pytest.importorskip("pandas")


@pytest.fixture(scope="module")
def found() -> Drift:
    rng = np.random.default_rng(0)
    tables = [pandas.DataFrame({"x": rng.normal(size=40), "constant": 1.0}) for _ in range(2)]
    tables[1].loc[:19, "constant"] = np.nan
    for one in tables:
        one["same"] = 1.0
    return drift(*tables, permutations=99)


def test_a_column_in_which_no_shift_is_seen_is_named(found: Drift) -> None:
    assert "same" in could_see(found).partition(" Of ")[2]


def test_gaps_are_told_of_a_column_without_deviation(found: Drift) -> None:
    shift = next(one for one in found.shifts if one.name == "constant")
    assert size(shift) == "0, gaps 0 % to 50 %"


def test_the_floor_of_a_column_that_did_not_move_is_in_its_deviations() -> None:
    table = pandas.DataFrame({"income": 1e6 * np.random.default_rng(0).normal(size=60)})
    (row,) = map(cells, drift(table, table.copy(), permutations=19).shifts)
    assert row[1] == "0 sd"
    assert float(row[2].split(" ")[0]) < 1


def test_gaps_that_moved_stand_in_the_row_of_their_column(found: Drift) -> None:
    rows = {row[0]: row[1] for row in map(cells, found.shifts)}
    assert rows["constant"].endswith(", gaps 0 % to 50 %")
    assert "gaps" not in rows["x"]


def test_a_clock_is_named() -> None:
    rng = np.random.default_rng(0)
    tables = [
        pandas.DataFrame({"ts": pandas.Timestamp(2024, month, 1) + pandas.to_timedelta(rng.integers(0, 28, 60), "D")})
        for month in (1, 2)
    ]
    notes = [note for note in lines(drift(*tables, permutations=19)) if "all lie before" in note]
    assert len(notes) == 1
    assert "column 'ts'" in notes[0]
    assert not any("all lie before" in note for note in lines(drift(tables[0], tables[0].copy(), permutations=19)))


def test_the_level_is_that_of_every_verdict() -> None:
    rng = np.random.default_rng(0)
    tables = [pandas.DataFrame({"x": rng.normal(shift, 1, 60)}) for shift in (0.0, 0.45)]
    at_5, at_1 = (drift(*tables, permutations=499, level=level) for level in (0.05, 0.002))
    assert at_5.p_value == at_1.p_value
    assert 0.002 < at_5.p_value <= 0.05
    assert (at_5.drifted, at_1.drifted) == (True, False)
    assert (at_5.columns, at_1.columns) == (["x"], [])
    assert at_1.to_json()["level"] == 0.002
    assert at_1.shifts[0].smallest_seen > at_5.shifts[0].smallest_seen
    with pytest.raises(ValueError, match=r"permutations: expected at least 99, .* the level 0.01, got 50"):
        drift(*tables, permutations=50, level=0.01)
    with pytest.raises(ValueError, match="level: expected a number between 0 and 1, got 5"):
        drift(*tables, level=5)
