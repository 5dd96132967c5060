import json

import numpy as np
import pytest
import torch
from PIL import Image

from remblai.cli.main import main
from remblai.compare.datasets import METRICS, Wasserstein, distance, save_figure, save_plan
from remblai.discrepancies import DISCREPANCIES

FAST = {"repeats": 0}


@pytest.fixture
def tables(tmp_path):
    rng = np.random.default_rng(0)
    paths = tmp_path / "a.npy", tmp_path / "b.npy"
    np.save(paths[0], 100.0 * rng.standard_normal((40, 2)))
    np.save(paths[1], 100.0 * rng.standard_normal((30, 2)) + 500.0)
    return tuple(str(path) for path in paths)


def told(capsys, *words):
    with pytest.raises(SystemExit) as ended:
        main(["distance", *words])
    printed = capsys.readouterr()
    return ended.value.code, printed.out, printed.err


@pytest.mark.parametrize("metric", list(METRICS))
def test_every_metric_measures_two_splits(metric):
    found = distance("digits:train", "digits:test", metric, n=40, repeats=3, permutations=3)
    assert np.isfinite(found.value) == (
        metric not in {"kullback-leibler", "reverse-kullback-leibler", "pearson", "neyman"}
    )
    assert 0.0 < found.p_value <= 1.0 if np.isfinite(found.value) else found.p_value is None
    json.dumps(found.to_json(), allow_nan=False)


def test_every_discrepancy_but_the_critic_s_is_a_metric():
    assert set(DISCREPANCIES) <= set(METRICS)
    assert "adversarial" not in METRICS


def test_tables_are_measured_in_their_own_units(tables):
    found = distance(*tables, "wasserstein", **FAST)
    assert found.value == pytest.approx(500.0 * 2**0.5, rel=0.1)
    assert (len(found.x), len(found.y)) == (40, 30)
    x, y = (np.load(path) for path in tables)
    every = distance(*tables, {"name": "wasserstein", "p": 1.0}, **FAST)
    assert every.value == pytest.approx(float(Wasserstein(1.0)(torch.as_tensor(x), torch.as_tensor(y))), rel=1e-6)


def test_the_floor_is_that_of_the_first_set_and_the_far_set_stands_above_it(tables):
    found = distance(*tables, "energy-distance", repeats=10, permutations=50)
    assert found.floor.n == 20
    assert found.value > found.floor.value + 5 * found.floor.spread
    assert found.interval.lower < found.value < found.interval.upper
    assert found.p_value == pytest.approx(1 / 51)


def test_the_same_seed_measures_the_same(tables):
    one, two, other = (distance(*tables, "sliced", n=25, seed=seed, **FAST).value for seed in (0, 0, 1))
    assert one == two != other


def test_infinite_divergences_are_told_as_such():
    found = distance("digits:train", "digits:test", "kullback-leibler", n=20, repeats=3)
    assert found.to_json()["value"] == "infinity"
    assert found.floor is None


def test_repeated_values_have_finite_divergences(tmp_path):
    for name, values in (("a", [0, 0, 1, 1]), ("b", [0, 1, 1, 1])):
        np.save(tmp_path / f"{name}.npy", np.array(values, dtype=float)[:, None].repeat(10, 0))
    found = distance(str(tmp_path / "a.npy"), str(tmp_path / "b.npy"), "total-variation", **FAST)
    assert found.value == pytest.approx(0.25)


def test_the_command_prints_one_object_and_writes_plan_and_figure(tables, tmp_path, capsys):
    plan, figure = tmp_path / "plan.npz", tmp_path / "plan.png"
    code, out, _ = told(
        capsys, *tables, "--metric", "exact", "--cost", "manhattan", "--repeats", "2", "--json", "--plan", str(plan),
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


def test_the_command_tells_value_floor_and_proof(tables, capsys):
    code, out, _ = told(capsys, *tables, "--metric", "entropic", "--epsilon", "0.1", "--repeats", "2")
    assert code == 0
    for word in ("value", "floor", "interval", "sinkhorn", "epsilon", "proven"):
        assert word in out


def test_help_shows_the_options_of_the_metric(capsys):
    code, out, _ = told(capsys, "a", "b", "--metric", "mmd", "--help")
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
        (("digits", "digits", "-n", "1"), "at least 2 points"),
        (("digits", "digits", "--p", "0.5", "-n", "9"), "p: expected"),
        (("digits", "digits", "--metric", "entropic", "--epsilon", "-1", "-n", "9"), "epsilon: expected"),
        (("digits", "digits", "--metric", "mmd", "-n", "9", "--repeats", "0", "--plan", "x.npz"), "has no plan"),
        (("digits", "digits", "-n", "9", "--repeats", "0", "--plan", "x.txt"), ".npz"),
    ],
)
def test_bad_requests_end_with_one_line(words, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = told(capsys, *words)
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
