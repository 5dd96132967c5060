"""Columns of text that hold dates, numbers or sentences are said to be compared as categories; others are not."""

from pathlib import Path

import numpy as np
import pandas
import pytest

from remblai.data.dates import dates_of
from remblai.data.number_text import numbers_of
from remblai.data.raw import raw_table
from remblai.populations.entry import drift
from remblai.populations.forms import form_note


@pytest.mark.parametrize(
    "levels",
    [
        ["6/12/2023", "1/2/2024", "03/04/2024"],
        ["16.12.23", "01.02.24", "03.04.24"],
        ["16 Dec 2023", "1 February 2024", "3 apr. 2024"],
        ["Dec 16, 2023", "February 1, 2024", "Apr 3 2024"],
        ["16/12/2023", "12/16/2023", "03/04/2024"],
    ],
)
def test_dates_of_which_it_is_not_sure(levels: list[str]) -> None:
    assert dates_of(levels) is None
    assert form_note("when", levels, 900) == (
        f"column 'when' is compared as categories: it is not sure which part of {levels[0]!r} is the day: write dates "
        "as YYYY-MM-DD"
    )


@pytest.mark.parametrize(
    ("levels", "order"),
    [
        (["16/12/2023", "1/2/2024", "03/04/2024"], "day, month, year"),
        (["12/16/2023", "2/1/2024", "04/03/2024"], "month, day, year"),
        (["16.12.2023", "01.02.2024", "03.04.2024"], "day, month, year"),
        (["2023/12/16", "2024/02/01", "2024/4/3"], "year, month, day"),
    ],
)
def test_dates_are_read_where_it_is_sure_which_part_is_the_day(levels: list[str], order: str) -> None:
    found = dates_of(levels)
    assert found is not None
    assert found.order == order
    days = np.array(["2023-12-16", "2024-02-01", "2024-04-03"], "datetime64[D]").astype(int)
    assert list(found.days.values()) == days.tolist()
    assert dates_of([*levels, "31/02/2024"]) is None
    timed = dates_of([f"{level} 06:00" for level in levels])
    assert timed is not None
    assert list(timed.days.values()) == (days + 0.25).tolist()


def test_dates_with_points_move_as_dates_do() -> None:
    rng = np.random.default_rng(0)
    tables = []
    for start in ("2024-01-01", "2024-01-11"):
        days = np.datetime64(start) + rng.integers(0, 60, 200).astype("timedelta64[D]")
        tables.append(pandas.DataFrame({"day": [f"{one.item():%d.%m.%Y}" for one in days], "x": 1.0}))
    found = drift(*tables, permutations=99)
    (day,) = (one for one in found.shifts if one.name == "day")
    assert day.unit == "days"
    assert day.distance == pytest.approx(10, abs=4)
    assert any(
        "is text that is read as dates (day, month, year): '01.01.2024' as 2024-01-01" in note
        for note in found.data.tables.notes
    )


@pytest.mark.parametrize(
    ("levels", "numbers"),
    [
        (["29.48 EUR", "1,024.00 EUR", "7 EUR"], [29.48, 1024.0, 7.0]),
        (["$3", "$4.50", "$1,000"], [3.0, 4.5, 1000.0]),
        (["12 %", "3.5 %", "-1 %"], [12.0, 3.5, -1.0]),
        (["1,5", "2,25", "3"], [1.5, 2.25, 3.0]),
        (["1.234,5", "12,0", "1.000.000"], [1234.5, 12.0, 1e6]),
        (["1 000", "2'500.5", "(3)"], [1000.0, 2500.5, -3.0]),
        (["1,234", "12,345,678", "999"], [1234.0, 12345678.0, 999.0]),
        (["EUR 5", "EUR 6,25", "EUR 7"], [5.0, 6.25, 7.0]),
    ],
)
def test_numbers_with_signs_are_read(levels: list[str], numbers: list[float]) -> None:
    assert list((numbers_of(levels) or {}).values()) == numbers


def test_prices_as_text_move_as_numbers_do() -> None:
    rng = np.random.default_rng(0)
    a, b = (
        pandas.DataFrame(
            {"price": [f"{value:.6f}".replace(".", ",") for value in rng.normal(mean, 1, 300)], "shop": "n"}
        )
        for mean in (10, 20)
    )
    found = drift(a, b, permutations=99)
    assert found.drifted and list(found.columns) == ["price"]
    assert any("column 'price' is text that is read as numbers" in note for note in found.data.tables.notes)


@pytest.mark.parametrize(
    "levels",
    [
        ["north", "south", "west"],
        ["18-25", "26-40", "41-60"],
        ["A0", "A1", "A2"],
        ["+49 170 1234567", "+49 171 1234567", "+49 172 1234567"],
        ["12A", "13B", "14C"],
        ["1.2.3", "1.2.4", "1.3.0"],
        ["2023Q1", "2023Q2", "2023Q3"],
        ["1", "2", "unknown"],
        ["yes", "no"],
    ],
)
def test_categories_are_categories(levels: list[str]) -> None:
    assert numbers_of(levels) is None
    assert form_note("kind", levels, 900) == ""


def test_a_cell_of_text_among_numbers_is_named() -> None:
    levels = sorted([*(f"{value}.5" for value in range(40)), "unknown"])
    assert "for 'unknown' is no number, as 40 other values are: empty such cells" in form_note("age", levels, 900)


def test_sentences_are_said_to_show_little() -> None:
    levels = [f"good {number} times" for number in range(60)] + [f"late by {number}" for number in range(60)]
    assert "sees little: it has 120 different values in 200 rows" in form_note("comment", levels, 200)
    assert form_note("city", levels, 400) == ""


def test_notes_are_about_columns_that_are_compared() -> None:
    rng = np.random.default_rng(0)
    words = [f"customer {number}" for number in range(80)]
    tables = [
        pandas.DataFrame({"x": rng.normal(size=40), "day": rng.choice(["01/02/2024", "03/02/2024", "05/02/2024"], 40)})
        for _ in range(2)
    ]
    tables[0]["name"], tables[1]["name"] = words[:40], words[40:]
    notes = drift(*tables, permutations=19).data.tables.notes
    assert [note.split("'")[1] for note in notes] == ["name", "day"]
    assert "looks like an identifier" in notes[0]
    assert "YYYY-MM-DD" in notes[1]


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["0.125 kg", "1.250 kg", "0.980 kg"], [0.125, 1.25, 0.98]),
        (["0,125 €", "0,250 €", "0,500 €"], [0.125, 0.25, 0.5]),
        (["1.250", "2.500", "9.000"], [1250.0, 2500.0, 9000.0]),
        (["5-", "6-", "7-"], [-5.0, -6.0, -7.0]),
        (["5-", "6", "7"], [-5.0, 6.0, 7.0]),
    ],
)
def test_marks_and_signs(texts: list[str], numbers: list[float]) -> None:
    assert numbers_of(texts) == dict(zip(texts, numbers, strict=True))


def test_addresses_and_codes_are_no_numbers(tmp_path: Path) -> None:
    assert numbers_of(["192.168.100.200", "192.168.100.201", "10.0.0.1"]) is None
    (tmp_path / "a.csv").write_text("code\n" + "".join(f"{i % 3}_1{i % 3}\n" for i in range(40)))
    assert raw_table(tmp_path / "a.csv", None)["code"].dtype == object


def test_times_with_a_zone_are_dates_and_days_that_do_not_exist_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "t,u\n2021-03-01T12:00:00Z,2021-02-27\n2021-03-01T12:00:00+02:00,2021-02-29\n,2021-02-28\n"
    )
    table = raw_table(tmp_path / "a.csv", None)
    assert table["t"].astype(str).tolist()[:2] == ["2021-03-01T12:00:00.000000", "2021-03-01T10:00:00.000000"]
    assert np.isnat(table["t"][2])
    assert table["u"].dtype == object
    note = form_note("u", ["2021-02-27", "2021-02-28", "2021-02-29"], 40)
    assert "for '2021-02-29' is no day and time of the calendar" in note


def test_text_of_dates_in_a_data_frame_is_dates_as_in_a_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    days = ["2021-02-27", "2021-02-28", "2021-03-01", None]
    tables = [pandas.DataFrame({"day": rng.choice(days, 40), "x": rng.normal(size=40)}) for _ in range(2)]
    found = drift(*tables, permutations=19)
    assert {one.name: one.unit for one in found.shifts} == {"day": "days", "x": None}
    tables[0].to_csv(tmp_path / "a.csv", index=False)
    np.testing.assert_array_equal(raw_table(tables[0], None)["day"], raw_table(tmp_path / "a.csv", None)["day"])
    dated = tables[1].assign(day=pandas.to_datetime(tables[1]["day"]))
    assert drift(tables[0], dated, permutations=19).p_value == found.p_value


def test_dates_of_two_forms_are_dates_in_both_tables() -> None:
    rng = np.random.default_rng(0)
    days = [
        np.datetime64(start) + rng.integers(0, 60, 80).astype("timedelta64[D]")
        for start in ("2024-01-01", "2024-01-11")
    ]
    text = [f"{one.item():%d.%m.%Y}" for one in days[1]]
    a, b = pandas.DataFrame({"day": days[0]}), pandas.DataFrame({"day": [None, *text[1:]]})
    for first, second in ((a, b), (b, a)):
        found = drift(first, second, permutations=19)
        assert found.shifts[0].unit == "days"
        assert found.shifts[0].distance == pytest.approx(10, abs=5)
        assert any(
            "is text in one table that is read as dates (day, month, year)" in one for one in found.data.tables.notes
        )
    words = pandas.DataFrame({"day": ["a", "b", "c"] * 10})
    with pytest.raises(ValueError, match="got dates in"):
        drift(a, words, permutations=19)


def test_numbers_beside_text_of_numbers_are_compared_as_numbers(tmp_path: Path) -> None:
    """A table with decimal commas beside one with points."""
    rng = np.random.default_rng(0)
    values = rng.normal(10.0, 1.0, 60)
    (tmp_path / "comma.csv").write_text(
        "a;b\n" + "".join(f"{v:.4f};{i}\n".replace(".", ",") for i, v in enumerate(values))
    )
    (tmp_path / "point.csv").write_text("a,b\n" + "".join(f"{v:.4f},{i}\n" for i, v in enumerate(values)))
    found = drift(tmp_path / "comma.csv", tmp_path / "point.csv", permutations=19, columns=("a", "b"))
    (column,) = (one for one in found.shifts if one.name == "a")
    assert column.kind == "numbers" and column.distance < 1e-9
    assert any("is text that is read as numbers: '" in note for note in found.data.tables.notes)


def test_large_measurements_are_no_identifiers() -> None:
    rng = np.random.default_rng(0)
    frames = [pandas.DataFrame({"flux": 1e30 * rng.normal(size=80), "b": rng.normal(size=80)}) for _ in range(2)]
    assert drift(*frames, permutations=19).data.tables.left_out == ()
