import pytest

from remblai.report.reading import MEANINGS, number, place, read


def figure(value, floor, spread=0.02, n=360):
    return {"value": value, "floor": floor, "spread": spread, "n": n}


def test_the_words_give_the_numbers():
    (row,) = read({"nearest_neighbour_accuracy": figure(0.62, 0.51)})
    assert (
        row.says
        == "The judge is right 62\N{NO-BREAK SPACE}% of the time; 51\N{NO-BREAK SPACE}% when both sides are real."
    )
    assert row.cue == "5.5 spreads above the floor"
    assert not row.inside
    (row,) = read({"memorisation_ratio": figure(0.5, 1.0)})
    assert "0.50 times as far" in row.says
    assert row.cue == "25 spreads below the floor"


def test_a_value_within_two_spreads_says_so():
    (row,) = read({"w2": figure(1.03, 1.0)})
    assert row.inside
    assert "cannot be told" in row.cue


def test_the_rows_keep_the_cards_order_and_others_follow():
    names = [*reversed(MEANINGS), "sharpness_data", "frechet"]
    rows = read({name: figure(1.0, 1.0) for name in names})
    assert [row.label for row in rows] == [meaning.label for meaning in MEANINGS.values()] + ["Frechet"]


def test_a_floor_at_or_below_zero_has_no_ratio():
    (row,) = read({"latent_mmd_squared": figure(-0.001, -0.0003)})
    assert row.value == "−0.00100"
    assert row.inside
    (row,) = read({"w2": figure(0.0, 0.0, 0.0)})
    assert row.cue == ""
    assert row.place is None


def test_missing_parts_leave_their_cells_empty():
    (row,) = read({"frechet": {"value": 3.0, "floor": None, "spread": None, "n": None}})
    assert (row.value, row.floor, row.spread, row.n, row.says, row.cue) == ("3.00", "", "", "", "", "")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.55, "0.550"), (0.0123456, "0.0123"), (-0.5, "−0.500"), (123.4, "123"), (123456, "123,456"),
     (999.7, "1,000"), (2.5e-7, "2.50e−07"), (3e9, "3.00e+09"), (None, "")],
)  # fmt: skip
def test_numbers(value, text):
    assert number(value) == text


def test_places_rise_and_stay_on_the_line():
    places = [place(away) for away in (-1000, -5, -1, 0, 1, 5, 1000)]
    assert places == sorted(places)
    assert places[0] == -1
    assert places[3] == 0
    assert places[-1] == 1
