import csv
import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from remblai.compare.comparison import Comparison
from remblai.compare.copying import copying
from remblai.compare.groups import letters
from remblai.compare.page import write_comparison
from remblai.compare.ranking import against, loss, ranked
from remblai.compare.sentences import sentences
from remblai.compare.table import Row, Trial, comparable, row_of
from remblai.compare.tables import csv_text, latex_text
from remblai.compare.text import cells, lines, orders_text
from remblai.metrics import METRICS
from remblai.statistics import Pair

ENERGY, ACCURACY = "energy_distance_squared", "nearest_neighbour_accuracy"


def trial(seed, energy, accuracy=0.6):
    figure = {"floor": 0.5, "spread": 0.01, "n": 100}
    card = {ENERGY: {"value": energy, **figure, "floor": 0.05}, ACCURACY: {"value": accuracy, **figure}}
    return Trial(seed, f"runs/{seed}", card, seconds=2.0, images=400, steps=4, parameters=10, memory=2**20)


@pytest.fixture
def rows():
    return [
        row_of("bad & slow", [trial(0, 0.9), trial(1, 0.92)], {}),
        row_of("good", [trial(0, 0.1, 0.4), trial(1, 0.11, 0.41)], {2: "out of memory"}),
        row_of("like it", [trial(0, 0.11, 0.7), trial(1, 0.10, 0.72)], {}),
        row_of("never trained", [], {0: "diverged", 1: "diverged"}),
    ]


@pytest.fixture
def comparison(rows):
    ordered, pairs, orders = ranked(rows, ENERGY)
    return Comparison(
        "digits", "4 steps", ENERGY, ordered, pairs, orders, against(ordered, pairs, ENERGY), "folder", []
    )


def test_models_are_ordered_and_told_apart_where_seeds_agree(comparison):
    assert [row.label for row in comparison.rows] == ["good", "like it", "bad & slow", "never trained"]
    better = {frozenset((pair.first, pair.second)): pair.better for pair in comparison.pairs}
    assert better[frozenset(("good", "like it"))] is None
    assert better[frozenset(("good", "bad & slow"))] == "good"


def test_the_order_by_a_figure_near_its_floor_is_by_the_distance_from_it(comparison):
    """.405 is .095 from the floor .5, .6 is .1 and .71 is .21; by energy good and like it are equal at best."""
    order, tau = comparison.orders[ACCURACY]
    assert order == ["good", "bad & slow", "like it"]
    assert tau is not None and -1 <= tau < 1


def test_equal_models_are_not_ordered():
    rows = [row_of(name, [trial(0, energy)], {}) for name, energy in (("a", 0.3), ("b", 0.1), ("c", 0.1))]
    comparison = Comparison("digits", "4 steps", ENERGY, *ranked(rows, ENERGY), {}, "folder", [])
    assert [order for _, order, _ in orders_text(comparison)] == ["b = c = a"], "that which ranks is the table's own"


def test_a_test_that_another_figure_reverses_is_said_so():
    """By energy a is better; its accuracy is .3 from the floor .5, that of b .01: b is better by that."""
    rows = [row_of("a", [trial(0, 0.1, 0.8)], {}), row_of("b", [trial(0, 0.9, 0.51)], {})]
    ordered, pairs, orders = ranked(rows, ENERGY)
    found = against(ordered, pairs, ENERGY)
    assert found == {ACCURACY: [("a", "b")]}
    said = sentences(Comparison("digits", "4 steps", ENERGY, ordered, pairs, orders, found, "folder", []))
    assert said[0].startswith("a is better than b (p = ")
    assert said[0].endswith("; the opposite by Nearest-neighbour accuracy")


def test_seeds_and_samples_have_standard_deviations_of_their_own(rows):
    figure = rows[0].figures[ENERGY]
    assert figure.mean == pytest.approx(0.91)
    assert figure.over_seeds == pytest.approx(0.02 / 2**0.5)
    assert figure.over_samples == pytest.approx(0.01)
    assert rows[0].images_per_second == pytest.approx(200)


def test_figures_of_other_sizes_or_features_are_not_of_one_table(rows):
    assert comparable(rows)
    card = {name: dict(figure) for name, figure in trial(0, 0.3).card.items()}
    for other in ({"n": 50}, {"features": {"name": "pca", "sha256": "0"}}):
        changed = {**card, ENERGY: {**card[ENERGY], **other}}
        assert not comparable([*rows, row_of("other", [replace(trial(0, 0.3), card=changed)], {})])


def test_a_figure_that_no_model_has_is_refused(rows):
    with pytest.raises(ValueError, match=ACCURACY):
        ranked(rows, "fid")


def test_csv_reads_back(comparison):
    table = list(csv.DictReader(io.StringIO(csv_text(comparison))))
    assert float(table[0][f"{ENERGY}.mean"]) == pytest.approx(0.105)
    assert table[3][f"{ENERGY}.mean"] == ""


def test_latex_escapes_names_and_has_as_many_cells_in_each_line(comparison):
    lines = [line for line in latex_text(comparison).splitlines() if line.endswith(r"\\")]
    assert r" & bad \& slow" in lines[0]
    assert {line.replace(r"\&", "").count("&") for line in lines} == {len(cells(comparison)[1]) + 1}
    assert len(lines) == len(cells(comparison)[0])
    text = latex_text(comparison)
    assert "\N{MINUS SIGN}" not in text and all(f"% {line}" in text.splitlines() for line in sentences(comparison))


def test_sentences_name_failures_and_the_seeds_that_would_tell(comparison):
    said = sentences(comparison)
    assert "good, seed 2, failed: out of memory" in said
    assert any("cannot be told apart" in line for line in said)


def test_many_pairs_have_a_sentence_a_model(comparison):
    """Each pair is in exactly one sentence, under the model that is ranked first."""
    labels = list("vwxyz")
    pairs = [
        Pair(a, b, -1.0, 1.0, 0.01 if b == "z" else 0.5 + 0.1 * (b == "y"), True, 4 if b == "w" else 9)
        for i, a in enumerate(labels)
        for b in labels[i + 1 :]
    ]
    said = sentences(replace(comparison, rows=(), pairs=pairs, against={}))
    assert said == [
        "v is better than z (p at most 0.01)",
        "v cannot be told apart from w, x, y (p at least 0.5)",
        "w is better than z (p at most 0.01)",
        "w cannot be told apart from x, y (p at least 0.5)",
        "x is better than z (p at most 0.01)",
        "x cannot be told apart from y (p at least 0.6)",
        "y is better than z (p at most 0.01)",
        "6 of 10 pairs cannot be told apart; were their differences as large as they are here, 9 seeds each would tell "
        "half of them apart",
    ]
    alone = [replace(pair, over_seeds=False, seeds_needed=None) for pair in pairs]
    said = sentences(replace(comparison, rows=(), pairs=alone, against={"w2": [("v", "z")]}))
    assert said[0] == "v is better than z (p at most 0.01, of these trained models alone)" and len(said) == 8
    assert said[-1] == "by Wasserstein distance W2 the test of 1 of these pairs says the opposite: z before v"


def test_two_models_share_a_letter_exactly_where_they_cannot_be_told_apart():
    labels = list("vwxyz")
    told = {("v", "y"), ("v", "z"), ("w", "z"), ("x", "z")}
    pairs = [
        Pair(a, b, -1.0, 1.0, 0.01 if (a, b) in told else 0.5, True, 2)
        for i, a in enumerate(labels)
        for b in labels[i + 1 :]
    ]
    found = letters(labels, pairs)
    for pair in pairs:
        assert bool(set(found[pair.first]) & set(found[pair.second])) == ((pair.first, pair.second) not in told)
    assert found["v"] == "a"


def test_the_terminal_has_the_orders_that_agree_least():
    names = [ENERGY, *(name for name in METRICS if METRICS[name].listed and name != ENERGY)][:11]
    other = [name for name in names[1:] if METRICS[name].better != "higher"]  # by which the order is turned around
    rows = []
    for label, value in (("a", 0.1), ("b", 0.2), ("c", 0.3)):
        figure = {"floor": 0.0, "spread": 0.01, "n": 100}
        card = {name: figure | {"value": value if name == ENERGY else 0.4 - value} for name in names}
        rows.append(row_of(label, [replace(trial(0, value), card=card)], {}))
    ordered, pairs, orders = ranked(rows, ENERGY)
    text = repr(Comparison("digits", "4 steps", ENERGY, ordered, pairs, orders, {}, "folder", [])).splitlines()
    (head,) = [line for line in text if "agree least" in line]
    below = text[text.index(head) + 1 :]
    assert f"({len(other) - 6} more on the page)" in head
    assert len(below) == 6
    taus = [float(line.replace("\N{MINUS SIGN}", "-").split(" > ")[0].split()[-2]) for line in below]
    assert taus == sorted(taus)
    assert max(taus) < 1


def test_orders_that_all_agree_are_said_in_a_line():
    rows = []
    for label, value in (("a", 0.1), ("b", 0.2)):
        card = {name: {"value": value, "floor": 0.0, "spread": 0.01, "n": 100} for name in (ENERGY, "w2")}
        rows.append(row_of(label, [replace(trial(0, value), card=card)], {}))
    ordered, pairs, orders = ranked(rows, ENERGY)
    text = repr(Comparison("digits", "4 steps", ENERGY, ordered, pairs, orders, {}, "folder", [])).splitlines()
    assert text[-1] == "all other figures give the same order"


def _card(**figures: tuple[float, float, float]) -> dict[str, dict[str, Any]]:
    return {
        name: {"value": value, "floor": floor, "spread": spread, "n": 100}
        for name, (value, floor, spread) in figures.items()
    }


def test_a_mean_that_hides_two_sides_is_no_good_figure() -> None:
    """Samples that lie closer together than data: every one of them is recognised, and no datum is."""
    hiding = _card(nearest_neighbour_accuracy=(0.51, 0.53, 0.03))["nearest_neighbour_accuracy"]
    hiding["sides"] = {"held-out data": {"value": 0.02, "floor": 0.53}, "samples": {"value": 1.0, "floor": 0.53}}
    true = _card(nearest_neighbour_accuracy=(0.56, 0.53, 0.03))["nearest_neighbour_accuracy"]
    assert loss("nearest_neighbour_accuracy", hiding) == pytest.approx(0.49)
    assert loss("nearest_neighbour_accuracy", true) == pytest.approx(0.03)


def test_less_than_real_data_give_is_no_better_than_as_much_more() -> None:
    def of(value: float) -> float:
        return loss("w2", _card(w2=(value, 9.0, 0.1))["w2"])

    assert of(8.9) < of(9.0) < of(9.2)  # by chance
    assert of(8.0) > of(9.0) and of(8.0) == pytest.approx(9.6)  # the band ends at 8.8
    assert loss("reconstruction_mse", _card(reconstruction_mse=(0.1, 9.0, 0.1))["reconstruction_mse"]) == 0.1


def test_a_model_that_copies_is_named_whatever_the_tests_say() -> None:
    cards = {
        "copies": _card(w2=(1.0, 1.1, 0.1), memorisation_ratio=(0.0, 1.0, 0.02)),
        "good": _card(w2=(1.0, 1.1, 0.1), memorisation_ratio=(1.1, 1.0, 0.02)),
    }
    rows = [row_of(name, [Trial(0, name, card, 1.0, 1, 1, 1)], {}) for name, card in cards.items()]
    comparison = Comparison("digits", "4 steps", "w2", *ranked(rows, "w2"), {}, "folder", [])
    said = [line for line in sentences(comparison) if "nearer to the training data" in line]
    assert len(said) == 1 and said[0].startswith("samples of copies are nearer")


def test_an_order_that_is_reversed_has_the_sign_of_the_page():
    rows = [row_of("a", [trial(0, 0.1, 0.8)], {}), row_of("b", [trial(0, 0.9, 0.51)], {})]
    comparison = Comparison("digits", "4 steps", ENERGY, *ranked(rows, ENERGY), {}, "folder", [])
    assert [tau for *_, tau in orders_text(comparison)] == ["\N{MINUS SIGN}1.00"]
    assert "\N{MINUS SIGN}1.00" in lines(comparison)[-1]


def test_models_with_classes_beside_others_are_named():
    rows = [row_of("a", [replace(trial(0, 0.1), classes=3)], {}), row_of("b", [trial(0, 0.9)], {})]
    said = sentences(Comparison("digits", "4 steps", ENERGY, *ranked(rows, ENERGY), {}, "folder", []))
    assert said[-1].startswith("trained with labels: a; without: b")
    rows[1] = row_of("b", [replace(trial(0, 0.9), classes=3)], {})
    said = sentences(Comparison("digits", "4 steps", ENERGY, *ranked(rows, ENERGY), {}, "folder", []))
    assert "labels" not in said[-1]


def _comparison(rows: list[Row], by: str = ENERGY) -> Comparison:
    ordered, pairs, orders = ranked(rows, by)
    return Comparison("digits", "4 steps", by, ordered, pairs, orders, against(ordered, pairs, by), "folder", [])


def _seeds(label: str, *values: float, name: str = ENERGY, **more: Any) -> Row:
    figure = {"floor": 0.0, "spread": 0.01, "n": 100} | more
    trials = [Trial(seed, "", {name: figure | {"value": value}}, 1.0, 1, 1, 1) for seed, value in enumerate(values)]
    return row_of(label, trials, {})


USED = {"name": "digits", "sha256": "0123456789abcdef"}


def test_one_seed_beside_several_has_no_letter_and_no_verdict():
    """The interval is that of Student: .1 +- 12.706 x .0141 x sqrt(1.5) = -.120 to .320."""
    comparison = _comparison([_seeds("several", 0.09, 0.11), _seeds("other", 0.5, 0.6), _seeds("once", 0.9)])
    groups = {row[0]: row[1] for row in cells(comparison)[1]}
    assert groups["once"] == "-" and "-" not in (groups["several"], groups["other"])
    assert {name for pair in comparison.pairs for name in (pair.first, pair.second)} == {"several", "other"}
    said = sentences(comparison)
    assert (
        "a further seed of several would have a Squared energy distance of \N{MINUS SIGN}0.120 to 0.320, with a "
        "probability of .95; once (0.900) lies above. A model of one seed does not show how its seeds vary"
    ) in said
    assert not any("once is better" in line or "better than once" in line for line in said)
    assert comparison.to_json()["predictions"][0]["above"] == ["once"]


def test_models_of_one_seed_keep_their_letters_beside_one_of_several():
    comparison = _comparison([_seeds("several", 0.09, 0.11), _seeds("a", 0.5), _seeds("b", 0.9)])
    assert {row[0]: row[1] for row in cells(comparison)[1]} == {"several": "-", "a": "a", "b": "b"}


def test_a_model_that_was_trained_through_the_features_is_called_better_than_none():
    of = {"name": "frechet", "features": USED}
    through = _seeds("through", 0.1, 0.11, **of, trained_through=True)
    rows = [through, _seeds("plain", 0.9, 0.91, **of), _seeds("worse", 4.0, 4.01, **of)]
    comparison = _comparison(rows, "frechet")
    better = {frozenset((pair.first, pair.second)): pair.better for pair in comparison.pairs}
    assert better[frozenset(("through", "plain"))] is None and better[frozenset(("plain", "worse"))] == "plain"
    table = {row[0]: row for row in cells(comparison)[1]}
    assert table["through"][3].startswith("0.105* (") and "*" not in "".join(table["plain"])
    assert table["through"][1] == "ab" and table["plain"][1] == "a", "with each of the others a letter of its own"
    said = sentences(comparison)
    assert not any(line.startswith("through is better") for line in said)
    assert any(line.startswith("through has the better figure than plain (p = ") for line in said)
    assert any(line.startswith("* through: trained through the features") for line in said)
    many = sentences(_comparison([*rows, _seeds("x", 5.0, 5.01, **of), _seeds("y", 6.0, 6.01, **of)], "frechet"))
    assert any(line.startswith("through has a better figure than plain, worse, x, y, but") for line in many)
    assert not any("through cannot be told apart" in line for line in many)


def test_the_features_are_named_everywhere(tmp_path):
    rows = [_seeds(label, 0.1, name="frechet", features=USED) for label in "ab"]
    comparison = replace(_comparison(rows, "frechet"), folder=str(tmp_path))
    write_comparison(comparison)
    named = "digits (sha256 0123456789ab...)"
    assert f"features: {named}" in lines(comparison)
    assert f"% features: {named}" in latex_text(comparison).splitlines()
    assert named in comparison.page.read_text()
    row = next(csv.DictReader(io.StringIO(csv_text(comparison))))
    assert (row["frechet.features"], row["frechet.sha256"]) == tuple(USED.values())


def _with_codes(label: str, rank: float, floor: float, energy: float) -> Row:
    card = _card(**{ENERGY: (energy, 0.0, 0.01), "effective_rank": (rank, floor, 0.01)})
    return row_of(label, [Trial(0, "", card, 1.0, 1, 1, 1)], {})


def test_codes_say_nothing_of_samples_and_give_no_order_where_their_sizes_differ(tmp_path):
    """2 of 2 directions are all, 5 of 8 are not: a rank of 5 is not better."""
    rows = [_with_codes("small", 2.0, 2.0, 0.9), _with_codes("large", 5.0, 8.0, 0.1)]
    comparison = replace(_comparison(rows), folder=str(tmp_path))
    assert comparison.orders["effective_rank"] == ([], None) and comparison.against == {}
    assert [name for name, *_ in orders_text(comparison)] == []
    assert {row[-5] for row in cells(comparison)[1]} == {"2.00, floor 2.00", "5.00, floor 8.00"}
    write_comparison(comparison)
    assert "in each cell at n = 100 (draws of the prior)" in comparison.page.read_text()
    assert r"Effective rank of the codes & - & 5.00, floor 8.00 & 2.00, floor 2.00 \\" in latex_text(comparison)
    with pytest.raises(ValueError, match=r"different floors \(small 2, large 8\)"):
        ranked(rows, "effective_rank")
    alike = _comparison([_with_codes("near", 7.9, 8.0, 0.9), _with_codes("far", 5.0, 8.0, 0.1)])
    assert alike.orders["effective_rank"] == (["near", "far"], -1.0) and alike.against == {}
    assert "Effective rank of the codes & 8.00 & 5.00 & 7.90" in latex_text(alike)


def test_figures_of_other_units_are_not_of_one_table():
    """Of the data alone is the floor of samples and of reconstructions, and not that of codes."""
    assert not comparable([_seeds("a", 0.1, floor=0.179), _seeds("b", 0.1, floor=1.79)])
    of = {"name": "latent_mmd_squared"}
    assert comparable([_seeds("a", 0.1, floor=0.179, **of), _seeds("b", 0.1, floor=1.79, **of)])


def test_one_seed_that_copies_is_named_whatever_the_others_do():
    """Their mean, .80, is not: 1 - .80 is less than 2 standard deviations of .11."""
    of = {"name": "memorisation_ratio", "floor": 1.0, "spread": 0.11}
    mixed = _seeds("mixed", 0.4, 1.0, 1.0, **of)
    said = sentences(_comparison([mixed, _seeds("good", 1.0, 1.1, 0.9, **of)], of["name"]))
    (copies,) = [line for line in said if "nearer to the training data" in line]
    assert (
        copies.startswith("samples of mixed, seed 0, are nearer") and "(Memorisation ratio 0.400, floor 1.00)" in copies
    )


def test_seeds_of_good_models_are_seldom_said_to_copy():
    """As often as one seed alone, 2.3 % by the normal law."""
    draws, repeats, alarms = np.random.default_rng(0), 1000, 0
    for _ in range(repeats):
        values = 1.0 + 0.1 * draws.normal(size=8)
        alarms += bool(copying([_seeds("good", *values, name="memorisation_ratio", floor=1.0, spread=0.1)]))
    assert alarms <= stats.binom.ppf(0.999, repeats, stats.norm.sf(2.0))


def test_figures_that_order_nothing_are_no_other_order():
    """One figure is of one model, one is equal for both."""
    other = {"w2": (0.5, 0.0, 0.01), "reconstruction_mse": (0.5, 0.0, 0.01)}
    cards = {
        "a": _card(**{ENERGY: (0.1, 0.0, 0.01)}, **other),
        "b": _card(**{ENERGY: (0.9, 0.0, 0.01)}, w2=other["w2"]),
    }
    comparison = _comparison([row_of(label, [Trial(0, "", card, 1.0, 1, 1, 1)], {}) for label, card in cards.items()])
    assert not any("agree least" in line or "same order" in line or "Wasserstein" in line for line in lines(comparison))
