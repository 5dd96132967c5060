"""Columns that number the rows are left out, and said; dates are printed as dates; constants take no share."""

import numpy as np
import pandas
import pytest

from remblai.data.moments import date_text
from remblai.populations.entry import Drift, drift
from remblai.populations.identifiers import looks_like
from remblai.populations.table import Column
from remblai.populations.text import cells, notes, verdict

N = 60


def frame(start: int, day: str, **more: object) -> pandas.DataFrame:
    rng = np.random.default_rng(start)
    moments = pandas.to_datetime(day) + pandas.to_timedelta(rng.permutation(N), unit="D")
    return pandas.DataFrame({"id": np.arange(start, start + N), "x": rng.normal(size=N), "when": moments, **more})


@pytest.fixture(scope="module")
def later() -> Drift:
    return drift(frame(0, "2024-01-01", same="k"), frame(N, "2024-01-31", same="k"), permutations=99)


def test_an_identifier_is_left_out_and_said(later: Drift) -> None:
    assert later.data.tables.left_out == ("id",)
    assert any("'id' looks like an identifier: its values rise or fall" in line for line in notes(later))
    assert "id" not in {one.name for one in later.shifts} | {one.column for one in later.moved.parts}
    parts = [frame(start, "2024-01-01")[["id", "x"]] for start in (0, N)]
    calm = drift(*parts, permutations=99)
    assert not calm.drifted
    assert "Not compared: id" in verdict(calm)
    named = drift(*parts, columns=["id", "x"], permutations=99)
    assert named.columns == ["id"]
    assert "compared all the same" in notes(named)[0]


def test_dates_are_dates_and_their_shifts_days(later: Drift) -> None:
    (when,) = (one for one in later.shifts if one.name == "when")
    assert (when.unit, when.distance) == ("days", pytest.approx(30.0))
    row = cells(when)
    assert row[1] == "30.0 days"
    assert row[2].endswith(" days")
    assert row[6].endswith(" days")
    assert "mean 2024-01-30 to 2024-02-29" in row[7]
    assert "when by 30.0 days" in verdict(later)
    changes = [change for one in later.moved.movers for change in one.changes if change[0] == "when"]
    assert changes
    assert all(text.startswith("2024-") for change in changes for text in change[1:])
    (shown,) = (one for one in later.to_json()["columns"] if one["name"] == "when")
    days = np.mean([19723 + place for place in range(N)])  # 2024-01-01 is day 19723
    assert (shown["unit"], shown["means"][0]) == ("days", pytest.approx(days))
    assert date_text(19723.5) == "2024-01-01 12:00:00"


def test_a_constant_of_both_tables_takes_no_share_and_one_that_differs_does(later: Drift) -> None:
    by_name = {one.name: one for one in later.shifts}
    assert (by_name["same"].constant, by_name["same"].p_corrected) == (True, 1.0)
    assert by_name["when"].p_corrected == pytest.approx(2 * by_name["when"].p_value)  # of x and when
    parts = [frame(0, "2024-01-01", same=word)[["x", "same"]] for word in "kl"]
    differs = drift(*parts, permutations=99)
    assert differs.columns == ["same"]
    assert not any(one.constant for one in differs.shifts)


def test_what_looks_like_an_identifier() -> None:
    rng = np.random.default_rng(0)
    assert looks_like(Column("measured", rng.normal(size=2 * N)), N) == ""
    assert looks_like(Column("sorted", np.sort(rng.normal(size=2 * N))), N) == "", "measured, and sorted by it"
    assert looks_like(Column("rows", rng.permutation(2 * N) + 1.0), N) == "every value is different"
    assert looks_like(Column("hash", rng.permutation(2 * N) * 2.0**45), N) == "every value is different"
    assert looks_like(Column("income", rng.permutation(80_000)[: 2 * N] + 20_000.0), N) == "", "an amount"
    assert looks_like(Column("codes", rng.permutation(2 * N) + 0.0, tuple(map(str, range(2 * N)))), N) != ""
    assert looks_like(Column("age", rng.integers(20, 60, 2 * N) + 0.0), N) == ""
    assert looks_like(Column("few", np.arange(20.0)), 10) == ""  # too few rows to tell


def test_dates_against_numbers_are_refused() -> None:
    numbers = frame(0, "2024-01-01").assign(when=1.5)
    with pytest.raises(ValueError, match="expected dates in both tables or numbers in both, got dates and numbers"):
        drift(frame(0, "2024-01-01"), numbers, permutations=19)
