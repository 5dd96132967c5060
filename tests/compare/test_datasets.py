import json

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from remblai.cli.main import main
from remblai.compare.datasets import distance
from remblai.compare.measures import METRICS, PUBLISHED, Scale, Wasserstein
from remblai.compare.permutations import permuted
from remblai.compare.plans import save_figure, save_plan
from remblai.config.registry import make
from remblai.data import load
from remblai.discrepancies import DISCREPANCIES

FAST = {"repeats": 0, "permutations": 0}


@pytest.fixture
def tables(tmp_path):
    rng = np.random.default_rng(0)
    paths = tmp_path / "a.npy", tmp_path / "b.npy"
    np.save(paths[0], 100.0 * rng.standard_normal((40, 2)))
    np.save(paths[1], 100.0 * rng.standard_normal((30, 2)) + 500.0)
    return tuple(str(path) for path in paths)


def call(capsys, *words):
    with pytest.raises(SystemExit) as ended:
        main(["distance", *words])
    printed = capsys.readouterr()
    return ended.value.code, printed.out, printed.err


@pytest.mark.parametrize("metric", sorted(set(METRICS) - set(PUBLISHED)))
def test_every_metric_measures_two_splits(metric):
    found = distance("digits:train", "digits:test", metric, n=40, repeats=3, permutations=3)
    assert np.isfinite(found.value) == (
        metric not in {"kullback-leibler", "reverse-kullback-leibler", "pearson", "neyman"}
    )
    assert 0.0 < found.p_value <= 1.0
    json.dumps(found.to_json(), allow_nan=False)


def test_every_discrepancy_but_the_critic_s_is_a_metric():
    assert set(DISCREPANCIES) <= set(METRICS)
    assert "adversarial" not in METRICS


def test_raw_tables_are_measured_in_their_own_units(tables):
    found = distance(*tables, "wasserstein", raw=True, **FAST)
    assert found.value == pytest.approx(500.0 * 2**0.5, rel=0.1)
    assert (len(found.x), len(found.y)) == (40, 30)
    x, y = (np.load(path) for path in tables)
    every = distance(*tables, {"name": "wasserstein", "p": 1.0}, raw=True, **FAST)
    assert every.value == pytest.approx(float(Wasserstein(1.0)(torch.as_tensor(x), torch.as_tensor(y))), rel=1e-6)


def test_the_floor_is_that_of_random_splits_at_the_same_sizes(tables):
    found = distance(*tables, "energy-distance", repeats=10, permutations=50)
    assert (found.floor.n, found.floor.m) == (40, 30)
    assert found.value > found.floor.value + 5 * found.floor.spread
    assert found.interval.lower < found.value < found.interval.upper
    assert found.interval.target == "population" and found.interval.bias == 0
    assert found.p_value == pytest.approx(1 / 51)
    both = torch.cat([found.x, found.y])
    statistic = make(METRICS, "energy-distance", "metric", prior=Scale.of(found.x, found.y), latent=2)
    draws = torch.Generator().manual_seed(7)
    splits = [both[torch.randperm(70, generator=draws)] for _ in range(50)]
    null = torch.stack([statistic(one[:40], one[40:]) for one in splits])
    assert found.floor.value == pytest.approx(float(null.mean()), abs=4 * float(null.std()) / 50**0.5)
    assert found.floor.spread == pytest.approx(float(null.std()), rel=0.5)


def test_the_tests_run_by_default_and_all_points_are_used(tables):
    found = distance(*tables)
    assert found.test.permutations == 200
    assert found.points.sizes == (40, 30) == (len(found.x), len(found.y))
    assert found.interval.target == "mean of the estimate" and found.interval.bias > 0


def saved(tmp_path, **arrays):
    for name, values in arrays.items():
        np.save(tmp_path / f"{name}.npy", values)
    return [str(tmp_path / f"{name}.npy") for name in arrays]


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("value", [0.3, 1e17])
def test_a_column_that_differs_by_a_rounding_changes_nothing(kind, value):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((30, 2)).astype(kind), rng.standard_normal((20, 2)).astype(kind)
    value = kind(value)
    other = np.nextafter(value, kind(np.inf))
    wider = [np.c_[one, np.full(len(one), number)] for one, number in ((x, value), (y, other))]
    assert distance(*wider, **FAST).value == pytest.approx(distance(x, y, **FAST).value, rel=1e-5)
    if kind == np.float32:  # a table with words has float64 alone
        return
    frames = [pd.DataFrame(one, columns=list("abc")).assign(word="k") for one in wider]
    plain = [one.drop(columns="c") for one in frames]
    assert distance(*frames, **FAST).value == pytest.approx(distance(*plain, **FAST).value, rel=1e-5)


@pytest.mark.parametrize(("n", "m", "d", "axes", "shift"), [(300, 300, 50, 50, 0.2), (240, 180, 8, 1, 0.8)])
def test_a_small_shift_is_above_the_floor_and_found(tmp_path, n, m, d, axes, shift):
    """With floors at half of the points these read as below it: 6.39 against 9.24 for the first."""
    rng = np.random.default_rng(0)
    moved = rng.standard_normal((m, d)) + shift * (np.arange(d) < axes)
    found = distance(*saved(tmp_path, a=rng.standard_normal((n, d)), b=moved), repeats=0, permutations=39)
    assert found.value > found.floor.value + 3 * found.floor.spread
    assert found.p_value == pytest.approx(1 / 40)


def test_false_alarms_are_as_rare_as_the_p_value_says(tmp_path):
    """200 pairs of equal laws: below .05 in 5 % of them, within 4 points."""
    rng = np.random.default_rng(0)
    rows = torch.from_numpy(rng.standard_normal((200, 22, 2)))
    draws = torch.Generator().manual_seed(0)
    statistic = make(METRICS, "frechet", "metric", prior=Scale(4.0, 2), latent=2)
    p = [permuted(statistic, one[:12], one[12:], 39, draws)[0].p_value for one in rows]
    assert 0.01 <= np.mean(np.array(p) <= 0.05) <= 0.09


def table(path, head, rows):
    path.write_text(head + "\n" + "\n".join(",".join(f"{value:.4f}" for value in row) for row in rows) + "\n")
    return str(path)


@pytest.fixture
def people(tmp_path):
    """Ages that move by .3 standard deviations beside incomes of about 1e4; two files have their columns swapped."""
    rng = np.random.default_rng(0)
    first, second = (
        np.stack([40 + 12 * rng.standard_normal(400) + shift, 3e4 + 1e4 * rng.standard_normal(400)], 1)
        for shift in (0.0, 3.6)
    )
    a = table(tmp_path / "a.csv", "age,income", first)
    return (
        a,
        table(tmp_path / "b.csv", "income,age", second[:, ::-1]),
        table(tmp_path / "c.csv", "income,age", first[:, ::-1]),
    )


def test_tables_are_standardised_so_that_each_column_counts(people):
    found = distance(*people[:2], "energy-distance", repeats=0)
    assert found.p_value < 0.02
    assert "standard deviations of both" in found.points.units
    both = torch.cat([found.x, found.y])
    torch.testing.assert_close(both.std(0, correction=0), torch.ones(2), rtol=1e-4, atol=0)
    assert distance(*people[:2], "energy-distance", repeats=0, raw=True).p_value > 0.05
    assert distance(*people[:2], **FAST).value == pytest.approx(distance(*people[1::-1], **FAST).value, rel=1e-4)


def test_columns_are_matched_by_name(people):
    a, _, c = people
    assert distance(a, c, raw=True, **FAST).value == pytest.approx(0, abs=0.1)
    only = distance(a, c, data_options={"columns": ("age",)}, **FAST)
    assert only.x.shape[1] == 1


def test_columns_that_are_lacking_are_named(people, tmp_path):
    a = people[0]
    more = table(tmp_path / "more.csv", "age,income,height", np.random.default_rng(0).random((30, 3)))
    with pytest.raises(ValueError, match="height"):
        distance(more, a, **FAST)
    assert distance(a, more, data_options={"columns": ("income", "age")}, **FAST).x.shape[1] == 2
    with pytest.warns(UserWarning, match="alone are left out: height"):
        assert distance(a, more, **FAST).x.shape[1] == 2


def test_a_column_constant_in_both_sets_changes_nothing(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((30, 2)), rng.standard_normal((20, 2))
    wider = [np.concatenate([one, np.full((len(one), 1), 7.0)], 1) for one in (x, y)]
    plain, more = (distance(*saved(tmp_path, a=one, b=other), **FAST).value for one, other in ((x, y), wider))
    assert plain == pytest.approx(more, rel=1e-5)


def test_divergences_of_small_tables_have_a_value_and_say_why_they_have_no_floor(tmp_path):
    """A random split often has both of the rarest value on one side: infinite, by chance and not by the data."""
    a, b = saved(
        tmp_path, a=np.repeat([[0.0], [1.0], [2.0]], [4, 2, 1], 0), b=np.repeat([[0.0], [1.0], [2.0]], [3, 3, 1], 0)
    )
    found = distance(a, b, "kullback-leibler", permutations=100)
    assert found.value == pytest.approx(4 / 7 * np.log(4 / 3) + 2 / 7 * np.log(2 / 3))
    assert found.floor is None and "random splits" in found.reasons["floor"]
    assert 0.0 < found.p_value <= 1.0
    large = saved(tmp_path, c=np.repeat([[0.0], [1.0]], [400, 300], 0), d=np.repeat([[0.0], [1.0]], [300, 400], 0))
    found = distance(*large, "kullback-leibler", permutations=60)
    assert found.p_value == pytest.approx(1 / 61)
    assert 0 < found.floor.value < 10 * found.floor.value < found.value
    assert found.floor.value == pytest.approx(1 / 1400 * 2, rel=0.6)  # chi^2 of 1 degree: (1/n + 1/m) / 2


@pytest.mark.parametrize("p", ["inf", "1e9"])
def test_the_bottleneck_distance_has_no_plan_and_no_interval(p, capsys):
    code, out, _ = call(capsys, "ring", "grid", "-n", "20", "--p", p, "--permutations", "19", "--json")
    found = json.loads(out)
    pair = distance("ring", "grid", n=20, permutations=0, repeats=0)
    costs = torch.cdist(pair.x.double(), pair.y.double()).numpy()
    least = min(t for t in np.unique(costs) if (maximum_bipartite_matching(csr_array(costs <= t), "column") >= 0).all())
    assert code == 0
    assert found["value"] == pytest.approx(least, rel=1e-6)
    assert found["floor"]["value"] > 0
    assert found["interval"] is None
    assert set(found["reasons"]) == {"interval", "plan"}


def test_the_same_seed_measures_the_same(tables):
    one, two, other = (distance(*tables, "sliced", n=25, seed=seed, **FAST).value for seed in (0, 0, 1))
    assert one == two != other


def test_infinite_divergences_are_given_as_such():
    found = distance("digits:train", "digits:test", "kullback-leibler", n=20, repeats=3)
    assert found.to_json()["value"] == "infinity"
    assert found.floor is None and found.interval is None
    assert found.reasons["interval"] == "the value is infinite"


def test_repeated_values_have_finite_divergences(tmp_path):
    for name, values in (("a", [0, 0, 1, 1]), ("b", [0, 1, 1, 1])):
        np.save(tmp_path / f"{name}.npy", np.array(values, dtype=float)[:, None].repeat(10, 0))
    found = distance(str(tmp_path / "a.npy"), str(tmp_path / "b.npy"), "total-variation", **FAST)
    assert found.value == pytest.approx(0.25)


def test_the_command_prints_one_object_and_writes_plan_and_figure(tables, tmp_path, capsys):
    plan, figure = tmp_path / "plan.npz", tmp_path / "plan.png"
    code, out, _ = call(
        capsys, *tables, "--metric", "exact", "--cost", "manhattan", "--repeats", "2", "--permutations", "3", "--raw",
        "--json", "--plan", str(plan),
        "--figure", str(figure),
    )  # fmt: skip
    assert code == 0
    found = json.loads(out)
    assert found["options"] == {"cost": "manhattan"}
    assert found["plan"]["certificate"]["lower"] <= found["value"] * (1 + 1e-9)
    saved = np.load(plan)
    carried = np.abs(saved["x"][saved["rows"]] - saved["y"][saved["columns"]]).sum(1) @ saved["masses"]
    assert carried == pytest.approx(found["value"], rel=1e-6)
    assert saved["f"] @ np.full(40, 1 / 40) + saved["g"] @ np.full(30, 1 / 30) == pytest.approx(
        found["value"], rel=1e-6
    )
    with Image.open(figure) as picture:
        assert min(picture.size) > 200


def test_the_command_prints_value_floor_and_proof(tables, capsys):
    code, out, _ = call(
        capsys, *tables, "--metric", "entropic", "--epsilon", "0.1", "--repeats", "2", "-n", "35", "--permutations", "5"
    )
    assert code == 0
    for words in ("value", "floor", "interval", "sinkhorn", "epsilon", "in units of the cost", ", before debiasing",
                  "proven", "between 35 of 40 and 30 points",
                  "how often a split at random looks this different (5 splits)",
                  "such samples of one law are"):  # fmt: skip
        assert words in out
    assert "of the two laws being one" not in out


def test_help_shows_the_options_of_the_metric(capsys):
    code, out, _ = call(capsys, "a", "b", "--metric", "mmd", "--help")
    assert code == 0
    assert "--kernel.scale" in out
    assert "--epsilon" not in out


def test_pictures_of_a_plan_in_many_dimensions(tmp_path):
    found = distance("digits:train", "digits:test", n=30, **FAST)
    save_figure(tmp_path / "heat.png", found, ("train", "test"))
    with Image.open(tmp_path / "heat.png") as picture:
        assert min(picture.size) > 200


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("digits", "ring"), "one shape"),
        (("digits", "nowhere"), "unknown data"),
        (("digits", "digits", "--metric", "wassertein"), "Did you mean 'wasserstein'"),
        (("digits", "digits", "--metric", "adversarial"), "unknown metric"),
        (("digits", "digits", "-n", "1"), "n: expected at least 2"),
        (("digits", "digits", "-n", "0"), "n: expected at least 2"),
        (
            ("digits", "digits", "--permutations", "-3"),
            "permutations: expected at least 2, a whole number, or 0 for none",
        ),
        (("digits", "digits", "--repeats", "1"), "repeats: expected at least 2, a whole number, or 0 for none, got 1"),
        (("digits", "digits", "-n", "9", "--figure", "x.txt"), "figure: expected a name that ends in .png"),
        (("digits", "digits", "--p", "0.5", "-n", "9"), "p: expected"),
        (("digits", "digits", "--metric", "entropic", "--epsilon", "-1", "-n", "9"), "epsilon: expected"),
        (("digits", "digits", "--metric", "mmd", "-n", "9", "--repeats", "0", "--plan", "x.npz"), "has no plan"),
        (
            ("digits", "digits", "-n", "9", "--repeats", "0", "--plan", "x.txt"),
            "plan: expected a name that ends in .npz",
        ),
        (("digits", "digits", "-n", "9", "--p", "inf", "--plan", "x.npz"), "Use a smaller p"),
    ],
)
def test_bad_requests_end_with_one_line(words, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = call(capsys, *words)
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert said in err
    assert list(tmp_path.glob("x.*")) == []


def test_a_plan_is_not_written_where_its_name_is_wrong(tables, tmp_path):
    found = distance(*tables, **FAST)
    with pytest.raises(ValueError, match=r"\.png"):
        save_figure(tmp_path / "plan.jpg", found, ("a", "b"))
    with pytest.raises(ValueError, match=r"\.npz"):
        save_plan(tmp_path / "plan.npy", found)


def test_options_of_a_metric_are_given_by_name(tables):
    by_name = distance(*tables, "wasserstein", p=1, **FAST)
    assert by_name.value == distance(*tables, {"name": "wasserstein", "p": 1}, **FAST).value
    assert by_name.options == {"p": 1}
    with pytest.raises(ValueError, match="permutation"):
        distance(*tables, permutation=5)


@pytest.mark.parametrize("change", [0, 100])
def test_images_are_compared_on_one_range(tmp_path, change, recwarn):
    """One pixel that is brighter than all others does not put the second set on a scale of its own."""
    pixels = np.random.default_rng(0).integers(0, 2000, (20, 8, 8)).astype(np.uint16)
    pixels[0, 0, 0] = 1999
    other = pixels.copy()
    other[0, 0, 0] += change
    for name, images in (("a", pixels), ("b", other), ("dark", pixels // 2)):
        (tmp_path / name).mkdir()
        for place, image in enumerate(images):
            Image.fromarray(image).save(tmp_path / name / f"{place:02d}.png")
    a, b, dark = (str(tmp_path / name) for name in ("a", "b", "dark"))
    assert distance(a, b, **FAST).value == pytest.approx(change / 4095 / np.sqrt(20), rel=1e-5)
    assert any("both are on 0 to 4095" in str(one.message) for one in recwarn) is (change > 0)
    assert distance(a, dark, "energy-distance", repeats=0, permutations=19).p_value == 0.05


def test_what_was_left_out_is_told(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for place in range(5):
            Image.fromarray(np.full((8, 8), 20 * place, np.uint8)).save(tmp_path / name / f"{place}.png")
    (tmp_path / "b" / "more.png").write_bytes(b"broken")
    found = distance(str(tmp_path / "a"), str(tmp_path / "b"), data_options={"skip_broken": True}, **FAST)
    assert any(note.startswith(str(tmp_path / "b")) and "more.png" in note for note in found.points.notes)
    assert found.to_json()["notes"] == list(found.points.notes)
    assert all(f"  data       {note}" in repr(found) for note in found.points.notes)


@pytest.mark.parametrize("metric", ["total-variation", "kullback-leibler", "hellinger", "jensen-shannon"])
def test_the_interval_of_a_divergence_does_not_begin_below_0(tmp_path, metric):
    rows = np.r_[np.zeros((95, 1)), np.ones((5, 1))]
    found = distance(rows, rows, metric, permutations=0)
    assert found.interval.lower == 0.0 <= found.interval.upper


def test_the_bias_is_told_by_what_samples_of_one_law_give():
    rng = np.random.default_rng(0)
    found = distance(rng.normal(size=(60, 20)), rng.normal(size=(60, 20)), permutations=19)
    assert f"the laws is lower: such samples of one law are {found.floor.value:.3g} apart" in repr(found)


def test_one_permutation_has_no_deviation():
    with pytest.raises(ValueError, match="permutations: expected at least 2, a whole number, or 0 for none, got 1"):
        distance([[0.0], [1.0]], [[2.0], [3.0]], permutations=1)


def test_columns_without_names_are_matched_by_their_order_with_a_warning(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n" + "".join(f"{i},{2 * i}\n" for i in range(10)))
    (tmp_path / "b.csv").write_text("".join(f"{i},{2 * i}\n" for i in range(10)))
    with pytest.warns(UserWarning, match="b.csv names no columns: they are taken in the order of those of"):
        assert distance(str(tmp_path / "a.csv"), str(tmp_path / "b.csv"), **FAST).value == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    ("metric", "d", "points"),
    [
        ("wasserstein", 1, 3000),
        ("energy-distance", 1, 3000),
        ("sliced", 2, 3000),
        ("wasserstein", 2, 2000),
        ("mmd", 1, 2000),
    ],
)
def test_metrics_that_sort_take_all_points(metric: str, d: int, points: int) -> None:
    rows = np.random.default_rng(0).standard_normal((3000, d))
    found = distance(rows, rows + 1.0, metric, repeats=0, permutations=0)
    assert (len(found.x), found.points.sizes) == (points, (3000, 3000))


def test_options_of_a_metric_that_is_a_function_are_refused():
    with pytest.raises(ValueError, match="expected no options of a metric that is a function, got p"):
        distance("ring", "ring:test", metric=lambda x, y: x.mean() - y.mean(), p=3)


def test_columns_of_arrays_with_names_are_matched_by_name(tmp_path):
    """Against the distance of the rows themselves, which is 0."""
    values = np.random.default_rng(0).normal(size=(60, 2)) * [1.0, 9.0]
    np.savez(tmp_path / "uv.npz", values=values, columns=np.array(["u", "v"]))
    np.savez(tmp_path / "vu.npz", values=values[:, ::-1], columns=np.array(["v", "u"]))
    pd.DataFrame(values, columns=["u", "v"]).to_csv(tmp_path / "uv.csv", index=False)
    for one in ("uv.npz", "uv.csv"):
        assert distance(tmp_path / one, tmp_path / "vu.npz", raw=True, **FAST).value == pytest.approx(0.0, abs=1e-12)


def test_an_array_of_a_table_with_words_is_that_table(tmp_path):
    """The columns of numbers that `sample` writes, in another order, against the cells in a .csv, both ways."""
    rng = np.random.default_rng(0)

    def people(n, cities):
        day = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D")
        age = np.where(rng.random(n) < 0.2, np.nan, rng.integers(18, 80, n))
        price = [f"{one:.2f}".replace(".", ",") for one in rng.normal(50, 9, n)]
        return pd.DataFrame({"city": rng.choice(cities, n), "age": age, "day": day, "price": price})

    first, second = people(80, ["Oslo", "Rome", "Lima"]), people(60, ["Rome", "Oslo"])
    paths = tmp_path / "a.csv", tmp_path / "b.csv"
    for table, path in zip((first, second), paths, strict=True):
        table.to_csv(path, index=False, sep=";")
    made = {
        "price": second.price.str.replace(",", ".").astype(float),
        "city = Rome": 0.6 * (second.city == "Rome"),  # as a model may give them: the largest is the word
        "city = Oslo": 0.5 * (second.city == "Oslo"),
        "age is empty": second.age.isna() * 1.0,
        "age": second.age.fillna(40.0),
        "day": (second.day - pd.Timestamp(0)) / pd.Timedelta(1, "D"),
    }
    np.savez(tmp_path / "b.npz", values=np.stack(list(made.values()), 1), columns=np.array(list(made)))
    for sides in ((0, 1), (1, 0)):
        csv, npz = ((paths[0], other)[:: 1 - 2 * sides[0]] for other in (paths[1], tmp_path / "b.npz"))
        assert distance(*npz, **FAST).value == pytest.approx(distance(*csv, **FAST).value, rel=1e-5)
    left = distance(paths[0], tmp_path / "b.npz", data_options={"exclude": ("city",)}, **FAST)
    assert left.value == pytest.approx(distance(*paths, data_options={"exclude": ("city",)}, **FAST).value, rel=1e-5)


def test_figures_of_the_card_say_what_they_are_and_end_where_they_can():
    """Points beside those of the other set: the accuracy is 0, far from chance, which is what is measured."""
    x = np.random.default_rng(0).normal(size=(60, 2))
    copies = distance(x, x + 1e-9, "nearest-neighbour-accuracy", permutations=19)
    assert copies.value > 0.95 and copies.interval.upper <= 1.0
    assert "the accuracy on each set counted from chance" in repr(copies)
    same = distance(x[:30], x[30:], "nearest-neighbour-accuracy", permutations=19)
    assert "the distance between the laws" not in repr(copies) + repr(same)
    assert f"such samples of one law give {same.floor.value:.3g}" in repr(same)


def test_the_interval_of_an_unbiased_kernel_distance_is_for_the_laws():
    """Its mean over many samples of 20 is that of samples of 400, which are nearly the laws."""
    rng = np.random.default_rng(0)

    def drawn(n):
        return rng.normal(size=(n, 2)), rng.normal(0.5, size=(n, 2))

    few = [distance(*drawn(20), "kernel-distance", raw=True, **FAST).value for _ in range(200)]
    many = [distance(*drawn(400), "kernel-distance", raw=True, **FAST).value for _ in range(20)]
    error = np.hypot(np.std(few) / 200**0.5, np.std(many) / 20**0.5)
    assert np.mean(few) == pytest.approx(np.mean(many), abs=3 * error)
    found = distance(*drawn(20), "kernel-distance", permutations=0)
    assert found.interval.target == "population" and found.interval.bias == 0.0
    assert "interval for this figure of the laws" in repr(found)


@pytest.mark.parametrize("n", [1, 2])
def test_tables_of_few_rows_with_words_or_gaps_are_measured(n):
    one = pd.DataFrame({"word": ["a", "b"][:n], "x": [1.0, None][:n]})
    assert distance(one, one, **FAST).value == 0.0
    x = pd.DataFrame({"x": [1.0, 2.0][:n], "word": ["a", "a"][:n]})
    other = x.assign(x=x.x + 3.0)
    assert distance(x, other, raw=True, **FAST).value == pytest.approx(3.0, rel=1e-6)


def test_sparse_arrays_are_refused_as_by_every_distance():
    x = np.eye(4)
    for pair in ((csr_array(x), x), (x, csr_array(x)), (torch.eye(4).to_sparse(), x)):
        with pytest.raises(ValueError, match=r"data: expected a dense array, got a sparse .*toarray"):
            distance(*pair, **FAST)


def test_a_column_is_said_to_be_constant_where_it_is(tmp_path):
    """One row in ten is held out by a fixed permutation, and a flag that only these have is no constant."""
    x = np.random.default_rng(0).normal(size=(30, 2))
    held = load(x).test.index.numpy()
    flag = np.isin(np.arange(30), held).astype(float)
    table = pd.DataFrame(x, columns=["u", "v"]).assign(flag=flag, same=7.0)
    found = distance(table, table, **FAST)
    assert [note for note in found.points.notes if "of one value" in note] == [
        "data (DataFrame): columns of one value only: same"
    ] * 2
    assert load(table).notes == (
        "columns of one value only: same", "columns of one value only in the training split: flag"
    )  # fmt: skip


def test_a_proof_says_of_which_precision_the_points_are(tables):
    assert "of these points, in float64" in repr(distance(*tables, raw=True, **FAST))
    assert "of these points, in float32" in repr(distance(*tables, **FAST))
