import pytest

from remblai.metrics.reading import card_lines, class_lines, number, place, read, verdict

EVERYTHING = {"blur": 9.0, "noise": 5.0, "dropped mode": -4.0}
NOTHING = {"blur": 1.0, "noise": -2.0, "dropped mode": 0.0}


def figure(value, floor, spread=0.02, n=360, **more):
    return {"value": value, "floor": floor, "spread": spread, "n": n, **more}


def test_the_words_give_the_numbers():
    (row,) = read({"nearest_neighbour_accuracy": figure(0.62, 0.51)})
    assert (
        row.says
        == "The classifier is right 62\N{NO-BREAK SPACE}% of the time; 51\N{NO-BREAK SPACE}% when both sets are real."
    )
    assert row.cue == "5.5 standard deviations above the floor"
    assert not row.inside
    (row,) = read({"memorisation_ratio": figure(0.5, 1.0)})
    assert "0.50 times as far" in row.says
    assert row.cue == "25 standard deviations below the floor"


def test_a_value_near_its_floor_says_what_it_could_have_seen():
    (row,) = read({"w2": figure(1.03, 1.0, sees=EVERYTHING)})
    assert row.inside and row.place is not None
    assert row.cue == "within 2 standard deviations of the floor; at this n it sees blur, noise and dropped mode"
    (row,) = read({"w2": figure(1.03, 1.0, sees=EVERYTHING | {"blur": 0.5, "noise": -2.9})})
    assert row.cue.endswith("at this n it sees dropped mode, no blur or noise")
    (row,) = read({"w2": figure(1.03, 1.0)})  # of a run of version 0.1
    assert "not measured" in row.cue


def test_sides_that_a_mean_hides_are_said():
    sides = {"held-out data": figure(0.02, 0.51), "samples": figure(1.0, 0.5)}
    (row,) = read({"nearest_neighbour_accuracy": figure(0.51, 0.505, sees=EVERYTHING, sides=sides)})
    assert not row.inside
    assert row.cue == (
        "the mean hides that it is 24 standard deviations below the floor on held-out data and 25 standard deviations "
        "above the floor on samples"
    )
    assert "Right on 2\N{NO-BREAK SPACE}% of held-out data and 100\N{NO-BREAK SPACE}% of samples." in row.says
    near = {"held-out data": figure(0.50, 0.51), "samples": figure(0.51, 0.5)}
    (row,) = read({"nearest_neighbour_accuracy": figure(0.51, 0.505, sees=EVERYTHING, sides=near)})
    assert row.inside and row.cue.startswith("within 2 standard deviations")


def test_a_standard_deviation_that_is_not_known_says_nothing():
    (row,) = read({"w2": figure(1.0, 0.5, spread=float("nan"), sees=EVERYTHING)})
    assert row.cue == "" and row.place is None and not row.inside


def test_a_figure_that_sees_nothing_is_too_few_to_judge():
    (row,) = read({"w2": figure(1.03, 1.0, sees=NOTHING)})
    assert (
        row.cue == "too few to judge: at this n and standard deviation the figure sees no blur, noise or dropped mode"
    )
    assert row.place is None
    (row,) = read({"w2": figure(2.0, 1.0, sees=NOTHING)})  # what it found all the same
    assert row.cue == "50 standard deviations above the floor"


def test_the_verdict_counts_a_figure_off_its_floor_even_where_it_has_no_range():
    card = {
        "w2": figure(1.03, 1.0, sees=EVERYTHING),
        "energy_distance_squared": figure(2.0, 1.0, sees=EVERYTHING),
        "nearest_neighbour_accuracy": figure(1.0, 0.5, spread=0.0),
        "sharpness": figure(1.03, 1.0, sees=NOTHING),
    }
    assert verdict(read(card)) == (
        "Figures that compare it with held-out data: 4. In the range that real data would give by chance: 1; outside "
        "of it: 2; without such a range, or with too few data to say: 1."
    )


def test_a_name_cannot_act_on_the_terminal():
    (_, line) = card_lines({"a\x1b[31m\nb": figure(1.0, 1.0)})
    assert line.startswith(r"a\x1b[31m\nb")


def test_counts_have_no_decimals_that_say_nothing():
    rows = read({"active_axes": figure(16.0, 16.0), "classes_covered": figure(5.0, 5.75)})
    assert {row.says for row in rows} == {
        "16 of 16 axes.",
        "5 classes, where as many training data would show 5.75.",
    }


def test_the_terminal_has_the_same_words():
    lines = card_lines({"w2": figure(1.03, 1.0, sees=NOTHING), "reconstruction_mse": figure(0.1, 0.1)})
    assert lines[0].split() == ["value", "floor", "std", "n"]
    assert lines[1].split()[:5] == ["w2", "1.03", "1", "0.02", "360"]
    assert "too few to judge" in lines[1]
    assert lines[2].split() == ["reconstruction_mse", "0.1", "0.1", "0.02", "360"]
    (_, narrow) = card_lines({"latent_mmd_squared": figure(-1.2345e-05, -0.0007037)})
    assert narrow.split()[1:4] == ["-1.234e-05", "-0.0007037", "0.02"]  # columns never run together


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


def test_classes_that_are_numbers_stand_in_their_order():
    card = {
        "w2": figure(1.0, 0.9, by_class={"0": 1.0, "2": 1.0, "10": 1.0}),
        "energy_distance_squared": figure(0.1, 0.0, by_class={"0": 1.0, "1": 1.0}),
    }
    assert [line.split()[0] for line in class_lines(card)[2:]] == ["0", "1", "2", "10"]


def test_a_side_that_is_always_right_is_infinitely_far_off() -> None:
    """Halves of it do not vary: the more complete the separation, the less was said."""
    figure = {
        "value": 0.51, "floor": 0.53, "spread": 0.03, "n": 160, "sees": {"noise": 0.1},
        "sides": {
            "held-out data": {"value": 0.02, "floor": 0.5, "spread": 0.01, "n": 160},
            "samples": {"value": 1.0, "floor": 0.55, "spread": 0.0, "n": 160},
        },
    }  # fmt: skip
    (row,) = read({"nearest_neighbour_accuracy": figure})
    assert row.cue.startswith("the mean hides that it is 48 standard deviations below the floor on held-out data")
    assert "more than 1,000 standard deviations above the floor on samples" in row.cue
    assert not row.inside and row.place == 1.0
