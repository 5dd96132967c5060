"""What the page asks, against the run's own methods."""

import base64
import json
from typing import Any

import numpy as np
import pytest
import torch

from remblai.data import Units, load
from remblai.explorer.drawable import check_drawable, columns_of, drawable, kind_of
from remblai.explorer.explored import Explored
from remblai.explorer.queries import QUERIES
from remblai.laws import ByClass
from remblai.laws.fitted import Gaussian
from remblai.runs.data import data_like

pandas = pytest.importorskip("pandas")
CODE = [0.5, -1.0, 0.25]


def ask(run: Explored | list[Explored], name: str, **fields: Any) -> Any:
    answer = QUERIES[name](run if isinstance(run, list) else [run], fields)
    return json.loads(json.dumps(answer, allow_nan=False))


def grey(pictures: Any) -> Any:
    """The pictures (n, h, w) of grey images."""
    shape = (pictures["count"], pictures["height"], pictures["width"], 4)
    rgba = np.frombuffer(base64.b64decode(pictures["rgba"]), np.uint8).reshape(shape)
    assert (rgba[..., 3] == 255).all()
    return rgba[..., 0]


def test_facts(digits: Explored, points: Explored) -> None:
    found = ask([digits], "facts")
    assert (found["latent"], found["encodes"], found["kind"], found["held_out"]) == (3, True, "images", 360)
    assert [one["name"] for one in found["classes"]] == [str(digit) for digit in range(10)]
    assert found["low"] == pytest.approx([-3.09] * 3, abs=0.6)  # the normal law's quantiles at 0.1 and 99.9 %
    assert found["high"] == pytest.approx([3.09] * 3, abs=0.6)
    assert found["runs"][0]["owns_data"] is True
    found = ask(points, "facts")
    assert (found["encodes"], found["kind"], found["classes"]) == (False, "points", [])
    assert found["columns"] == ["coordinate 0", "coordinate 1"]
    assert len(found["background"]["points"]) == 400


def test_codes_are_decoded_as_by_the_run(digits: Explored) -> None:
    found = ask(digits, "decode", code=CODE)
    assert found["code"] == CODE
    assert (grey(found["decoded"]) == digits.trained.decode([CODE])).all()


def test_a_held_out_datum_is_encoded(digits: Explored) -> None:
    images = digits.trained.units.give(digits.dataset.test[:30])
    found = ask(digits, "encode", place=7)
    assert (grey(found["data"])[0] == images[7]).all()
    assert found["code"] == pytest.approx(digits.trained.code_means(digits.dataset.test[7:8])[0].tolist())
    gallery = ask(digits, "gallery", start=3)
    assert (grey(gallery["data"]) == images[3:27]).all()
    assert gallery["names"] == [str(int(label)) for label in digits.dataset.test.labels[3:27]]
    assert len(ask(digits, "gallery", start=359)["names"]) == 1


def test_samples_are_those_of_the_law(digits: Explored) -> None:
    found = ask(digits, "sample", seed=4)
    assert found["code"] == digits.trained.prior_sample(1, 4)[0].tolist()
    assert ask(digits, "sample", seed=5) != found


def test_a_plane_changes_two_coordinates(digits: Explored) -> None:
    low, high = digits.low.tolist(), digits.high.tolist()
    pictures = grey(ask(digits, "plane", code=CODE, across=2, up=0, cells=3)["decoded"])
    corners = [[high[0], -1.0, low[2]], [high[0], -1.0, high[2]], [low[0], -1.0, low[2]], [low[0], -1.0, high[2]]]
    assert (pictures[[0, 2, 6, 8]] == digits.trained.decode(corners)).all()
    with pytest.raises(ValueError, match="expected another coordinate"):
        ask(digits, "plane", code=CODE, across=2, up=2, cells=3)


def test_a_walk_is_straight_and_on_the_sphere_an_arc(digits: Explored, sphere: Explored) -> None:
    found = ask(digits, "walk", start=CODE, end=[1.0, 1.0, 1.0], steps=3)
    assert found["codes"] == [CODE, [0.75, 0.0, 0.625], [1.0, 1.0, 1.0]]
    assert (grey(found["decoded"]) == digits.trained.decode(found["codes"])).all()
    arc = torch.tensor(ask(sphere, "walk", start=[1.0, 0, 0, 0], end=[0, 1.0, 0, 0], steps=3)["codes"])
    torch.testing.assert_close(arc[1], torch.tensor([0.5, 0.5, 0, 0]).sqrt())


def test_a_code_off_the_sphere_is_decoded_at_the_nearest_on_it(sphere: Explored) -> None:
    far = grey(ask(sphere, "decode", code=[3.0, 0, 0, 4.0])["decoded"])
    assert (far == sphere.trained.decode([[0.6, 0, 0, 0.8]])).all()


def test_attributes_are_differences_of_class_means(digits: Explored) -> None:
    train = digits.dataset.train
    means = [digits.trained.code_means(train[train.labels == label]).mean(0) for label in (3, 8)]
    found = ask(digits, "attribute", code=CODE, minus=3, plus=8, strength=-1.5)
    assert found["code"] == pytest.approx((torch.tensor(CODE) - 1.5 * (means[1] - means[0])).tolist(), abs=1e-4)
    with pytest.raises(ValueError, match="got label 11"):
        ask(digits, "attribute", code=CODE, minus=11, plus=8, strength=1)


def test_neighbours_stand_beside_held_out_data(digits: Explored) -> None:
    found = ask(digits, "neighbours", code=CODE, k=4)
    x, train = digits.decode(torch.tensor([CODE])), digits.dataset.train[:]
    brute = (train - x).square().flatten(1).mean(1).sqrt()
    assert found["distances"] == pytest.approx(brute.sort().values[:4].tolist(), rel=1e-5)
    assert (grey(found["data"]) == digits.trained.units.give(train[found["places"]])).all()
    held_out = (train[:, None] - digits.dataset.test[:]).square().flatten(2).mean(2).sqrt().min(0).values
    assert found["held_out"]["middle"] == pytest.approx(float(held_out.quantile(0.5)), rel=1e-4)
    assert found["held_out"]["least"] == pytest.approx(float(held_out.min()), rel=1e-4)
    assert (found["n"], found["searched"], found["train"]) == (360, len(train), len(train))
    assert "of 360 held-out data" in found["words"]


def test_a_run_on_other_data_has_no_memory_of_these(digits: Explored) -> None:
    trained = digits.trained
    other = trained.units.give(digits.dataset.test[:60])
    moved = Explored(trained, data_like(trained.run.settings, trained.units, other))
    assert ask([moved], "facts")["runs"][0]["owns_data"] is False
    with pytest.raises(ValueError, match="trained on other data"):
        ask(moved, "neighbours", code=CODE, k=4)
    assert ask(moved, "copies")["runs"] == [{"name": moved.name}]
    assert ask(digits, "copies")["runs"][0]["p_value"] > 0.01


def test_the_law_of_codes(digits: Explored, points: Explored) -> None:
    one, two = ask([digits, points], "law")["runs"]
    assert sorted(axis["place"] for axis in one["axes"]) == [0, 1, 2]
    assert one["n"] == 360
    assert one["above"] == sum(axis["w1"] > axis["floor"] for axis in one["axes"])
    assert two["axes"] == []


def test_two_runs_side_by_side(digits: Explored, sphere: Explored) -> None:
    found = ask([digits, sphere], "beside", start=2, end=5, steps=4, seed=3)
    x = digits.dataset.test[[2, 5]]
    assert (grey(found["data"]) == digits.trained.units.give(x)).all()
    for run, shown in zip([digits, sphere], found["runs"], strict=True):
        again = run.trained.reconstructions(x)
        assert shown["errors"] == pytest.approx((again - x).square().flatten(1).mean(1).sqrt().tolist(), rel=1e-4)
        assert (grey(shown["walk"])[[0, -1]] == run.trained.units.give(again)).all()
        assert grey(shown["samples"]).shape == (12, 8, 8)
    with pytest.raises(ValueError, match="expected two runs"):
        ask(digits, "beside", start=2, end=5, steps=4, seed=3)


def test_points_of_a_plane_are_numbers(points: Explored) -> None:
    found = ask(points, "sample", seed=1)
    assert found["decoded"]["points"][0] == pytest.approx(points.trained.decode([found["code"]])[0].tolist())
    near = ask(points, "neighbours", code=found["code"], k=2)
    assert near["unit"] == "standard deviations"
    assert near["restored"] is None
    with pytest.raises(ValueError, match="has no encoder"):
        ask(points, "encode", place=0)


def test_large_images_are_shrunk() -> None:
    x = torch.zeros(1, 3, 40, 20)
    x[:, 0, :20] = 1.0
    found = drawable(x, Units((3, 40, 20), (0.0, 1.0)), longest=10)
    assert (found["count"], found["height"], found["width"]) == (1, 10, 5)
    shown = np.frombuffer(base64.b64decode(found["rgba"]), np.uint8).reshape(10, 5, 4)
    assert shown[0, 0].tolist() == [255, 0, 0, 255]
    assert shown[9, 4].tolist() == [0, 0, 0, 255]
    with pytest.raises(ValueError, match="not finite"):
        drawable(x / 0.0, Units((3, 40, 20), (0.0, 1.0)))


@pytest.mark.parametrize(
    ("name", "fields", "words"),
    [
        ("decode", {}, "code: expected a code, a list of 3 numbers"),
        ("decode", {"code": [1, 2]}, "got a list of 2"),
        ("decode", {"code": [1, 2, float("nan")]}, "list of 3 numbers"),
        ("decode", {"code": [1, 2, 10**400]}, "list of 3 numbers"),
        ("decode", {"code": [1, 2, True]}, "list of 3 numbers"),
        ("decode", {"code": ["1", 2, 3]}, "list of 3 numbers"),
        ("encode", {"place": 360}, "from 0 to 359, got 360"),
        ("encode", {"place": True}, "whole number"),
        ("gallery", {"start": -1}, "whole number"),
        ("sample", {"seed": 1.5}, "got 1.5"),
        ("walk", {"start": CODE, "end": CODE, "steps": 1000}, "from 2 to 15"),
        ("attribute", {"code": CODE, "minus": 1, "plus": 2, "strength": float("inf")}, "from -10 to 10"),
        ("attribute", {"code": CODE, "minus": 2, "plus": 2, "strength": 1.0}, "two different classes, got one twice"),
        ("neighbours", {"code": CODE, "k": 0}, "from 1 to 8"),
    ],
)
def test_fields_are_checked(digits: Explored, name: str, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ask(digits, name, **fields)


def test_what_cannot_be_explored_is_refused(digits: Explored) -> None:
    table = load(np.random.default_rng(0).normal(size=(30, 61)))
    with pytest.raises(ValueError, match=r"expected images, or points of at most 60 columns, got 61 columns"):
        check_drawable(table.units)
    with pytest.raises(ValueError, match="expected images of shape"):
        data_like(digits.trained.run.settings, digits.trained.units, table)


def test_a_conditional_model_beside_one_that_is_not(classes: Explored, digits: Explored) -> None:
    for runs in ([classes, digits], [digits, classes]):
        assert ask(runs, "facts")["conditional"] == runs[0].classes
        found = ask(runs, "beside", start=2, end=5, steps=3, seed=3)
        assert [one["name"] for one in found["runs"]] == [run.name for run in runs]
        assert found["names"] == [str(int(label)) for label in digits.dataset.test.labels[[2, 5]]]
        drawn = dict(zip(runs, (one["drawn"] for one in found["runs"]), strict=True))
        assert drawn[digits] is None and len(set(drawn[classes])) > 1


def test_rows_of_a_table_are_text() -> None:
    names = {"age": [31.0, 44.0] * 20, "city": ["rome", "bonn"] * 20, "day": ["2024-01-02", "2024-03-04"] * 20}
    table = load(pandas.DataFrame({**names, "pay": [1234.5678, None] * 20}))
    check_drawable(table.units)
    assert (kind_of(table.units), columns_of(table.units)) == ("rows", ["age", "city", "day", "pay"])
    shown = drawable(table.train[:], table.units)["rows"]
    assert {tuple(row) for row in shown} == {
        ("31", "rome", "2024-01-02", "1,235"),
        ("44", "bonn", "2024-03-04", "empty"),
    }
    plain = load(np.arange(90.0).reshape(30, 3))
    assert columns_of(plain.units) == ["coordinate 0", "coordinate 1", "coordinate 2"]
    assert drawable(plain.train[:1], plain.units)["rows"][0] == [
        f"{value:.1f}" for value in plain.units.restore(plain.train[:1])[0]
    ]


def test_a_conditional_model_decodes_codes_as_those_of_a_class(classes: Explored) -> None:
    trained, test = classes.trained, classes.dataset.test
    found = ask([classes], "facts")
    assert (found["conditional"], found["classes"]) == ([str(digit) for digit in range(10)], [])
    shown = {number: grey(ask(classes, "decode", code=CODE, **{"class": number})["decoded"]) for number in (3, 8)}
    for number, picture in shown.items():
        assert (picture == trained.decode([CODE], labels=number)).all()
    assert (shown[3] != shown[8]).any()
    found = ask(classes, "encode", place=7)
    assert found["class"] == int(test.labels[7])
    decoded = classes.decode(torch.tensor([found["code"]]), test.labels[[7]])
    assert (grey(found["decoded"]) == trained.units.give(decoded)).all()
    assert found["code"] == pytest.approx(trained.code_means(test[7:8], labels=test.labels[7:8])[0].tolist())
    walk = ask(classes, "walk", start=CODE, end=CODE, steps=3, start_class=8, end_class=3)
    assert (grey(walk["decoded"])[[0, 2]] == np.concatenate([shown[8], shown[3]])).all()
    for query in ({}, {"class": 10}, {"class": "3"}):
        with pytest.raises(ValueError, match="class: expected a whole number from 0 to 9"):
            ask(classes, "decode", code=CODE, **query)
    found = ask([classes, classes], "beside", start=2, end=5, steps=3, seed=3, **{"class": 1})["runs"][0]
    again = trained.reconstructions(test[[2, 5]], labels=test.labels[[2, 5]])
    assert (grey(found["walk"])[[0, -1]] == trained.units.give(again)).all()
    unlabelled = data_like(trained.run.settings, trained.units, trained.units.give(test[:60]))
    with pytest.raises(ValueError, match=r"expected data of the classes that .*, .* has none"):
        Explored(trained, unlabelled)


def test_samples_of_a_class_are_of_its_law(classes: Explored, monkeypatch: pytest.MonkeyPatch) -> None:
    law = ByClass(Gaussian(), 10)
    for number, own in enumerate(law.laws):
        own.fit(torch.randn(20, 3) * 0.01 + number)
    monkeypatch.setattr(classes.trained, "law", lambda: law)
    assert ask(classes, "sample", seed=0, **{"class": 6})["code"] == pytest.approx([6.0] * 3, abs=0.2)
    labels = classes.drawn_labels(30, 1)
    assert torch.allclose(classes.draws(30, 1, labels), labels[:, None].float(), atol=0.2)
