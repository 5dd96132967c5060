"""Runs with labels and augmentations, from the data to the samples of a class."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
import torch
from tests.small import last, train

import remblai
from remblai import data
from remblai.cli.main import main
from remblai.config.convert import convert
from remblai.runs.labels import both_ends, numbers_of

pytestmark = pytest.mark.usefixtures("bare")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> remblai.Trained:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("write_report", "measure"):
            patch.setattr(f"remblai.runs.train.{name}", lambda *_: None)
        return train(tmp_path_factory.mktemp("labels") / "run", conditional=True)


def test_batches_bring_the_labels_of_their_rows_and_share_them_out() -> None:
    split = data.load("digits").train
    plain, pairs = split.batches(50, seed=3, start=30), split.labelled_batches(50, seed=3, start=30)
    known = {split[i].numpy().tobytes(): int(split.labels[i]) for i in range(len(split))}
    for _ in range(3):
        x, (again, labels) = next(plain), next(pairs)
        assert torch.equal(x, again)
        assert [known[row.numpy().tobytes()] for row in x] == labels.tolist()
    whole, half = (split.labelled_batches(50, seed=3, rows=rows) for rows in (slice(None), slice(25, 50)))
    assert all(torch.equal(a[25:], b) for a, b in zip(next(whole), next(half), strict=True))
    fresh = data.load("ring").train
    x, labels = next(fresh.labelled_batches(40, seed=1, start=2))
    assert torch.equal(x, next(fresh.batches(40, seed=1, start=2)))
    assert torch.equal(torch.cdist(x.double(), torch.as_tensor(data.load("ring").modes.centres)).argmin(1), labels)


def test_a_run_keeps_its_classes_and_samples_them_by_name(run: remblai.Trained) -> None:
    settings = json.loads((run.folder / "run.json").read_text())
    assert settings["conditional"] is True
    assert settings["data"]["classes"] == run.classes == [str(digit) for digit in range(10)]
    again = remblai.load(run.folder, device="cpu")
    digits = data.load("digits").train
    assert torch.allclose(again.objective.classes.shares, torch.bincount(digits.labels).float() / len(digits))
    three = again.sample(4, labels="3")
    assert three.shape == (4, 8, 8)
    assert np.array_equal(three, run.sample(4, labels=[3, 3, 3, 3]))
    assert not np.array_equal(three, run.sample(4, labels="8"))
    assert run.sample(3).shape == (3, 8, 8)
    with pytest.raises(ValueError, match=r"unknown class '33'.*Known: 0, 1"):
        run.sample(4, labels="33")
    with pytest.raises(ValueError, match=r"labels: expected 4 whole numbers from 0 to 9"):
        run.sample(4, labels=torch.tensor([1, 2]))


def test_codes_and_walks_need_the_classes_of_their_ends(run: remblai.Trained) -> None:
    test = data.load("digits").test
    x, labels = test[:4], test.labels[:4]
    z = run.codes(x, labels=labels)
    torch.testing.assert_close(run.codes(test)[:4], z)  # a split has its own; other batches round otherwise
    for refused in (lambda: run.codes(x), lambda: run.decode(z), lambda: run.walks(z, z, 3)):
        with pytest.raises(ValueError, match=r"labels: expected the class of the rows, .* got none: pass labels=NAME"):
            refused()
    walk = run.walks(z, z, 3, ("3", "8"))
    ends = [run._through(run.objective.decode, z, None, torch.full((4,), number)) for number in (3, 8)]
    assert torch.allclose(walk[:, 0], ends[0], atol=1e-6)
    assert torch.allclose(walk[:, 2], ends[1], atol=1e-6)
    between = run._through(run.objective.decode, z, None, 0.5 * torch.eye(10)[[3] * 4] + 0.5 * torch.eye(10)[[8] * 4])
    assert torch.allclose(walk[:, 1], between, atol=1e-6)


@pytest.mark.parametrize(("recipe", "options"), [("wae-mmd", {}), ("gan", {"critic": {"name": "mlp", "width": 8}})])
def test_a_resumed_run_with_labels_and_augmentations_is_one_never_stopped(
    tmp_path: Path, recipe: str, options: dict[str, object]
) -> None:
    common = options | {
        "conditional": True,
        "augment": ("shift", "colour"),
        "checkpoint_every": 4,
        "schedule": "constant",
    }
    whole = train(tmp_path / "whole", recipe, **common | {"steps": 8})
    train(tmp_path / "parts", recipe, **common | {"steps": 4})
    parts = train(tmp_path / "parts", recipe, **common | {"steps": 8}, resume=True)
    assert last(whole.folder) == last(parts.folder)
    plain = train(tmp_path / "plain", recipe, **common | {"steps": 8, "augment": None})
    assert last(plain.folder) != last(whole.folder)
    with pytest.raises(ValueError, match=r"conditional was True, now off"):
        train(tmp_path / "parts", recipe, **common | {"steps": 8, "conditional": False}, resume=True)
    again = remblai.train(from_run=whole.folder, out=tmp_path / "again", quiet=True, evaluate_every=0)
    assert last(again.folder) == last(whole.folder)


def test_a_law_is_fitted_to_the_codes_of_each_class(tmp_path: Path) -> None:
    run = train(tmp_path / "run", "ae", sampler={"name": "gaussian"}, conditional=True)
    again = remblai.load(run.folder, device="cpu")
    z = run.codes(data.load("digits").train)
    own = z[data.load("digits").train.labels == 4].double()
    torch.manual_seed(0)
    drawn = again.law().sample_of(torch.full((4000,), 4)).double()
    assert torch.allclose(drawn.mean(0), own.mean(0), atol=5 * float(own.std(0).max()) / 4000**0.5)
    assert np.array_equal(run.sample(3, labels="4"), again.sample(3, labels="4"))


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ({}, "labels: expected one for each row of the train split"),
        ({"y": np.zeros(60, int)}, "conditional: expected labels of at least 2 classes, got 1"),
        ({"y": np.arange(60)}, "60 classes in 48 rows"),
    ],
)
def test_data_without_classes_are_refused_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], made: dict[str, np.ndarray], words: str
) -> None:
    np.savez(tmp_path / "data.npz", x=np.random.default_rng(0).normal(size=(60, 3)), **made)
    with pytest.raises(SystemExit) as end:
        main(
            ["train", "wae-mmd", "--data", str(tmp_path / "data.npz"), "--conditional", "--out", str(tmp_path / "run")]
        )
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert error.count("error:") == error.count("\n") == 1
    assert words in error
    assert not (tmp_path / "run").exists()


def test_augmentations_of_points_and_unknown_ones_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="augment: expected images"):
        train(tmp_path / "a", data="ring", augment=("flip",))
    with pytest.raises(ValueError, match="unknown augmentation 'flipp'"):
        train(tmp_path / "b", augment=("flipp",))


def test_the_commands_take_a_class(run: remblai.Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def call(*words: str) -> int:
        with pytest.raises(SystemExit) as end:
            main([*words])
        return int(end.value.code or 0)

    folder = str(run.folder)
    assert call("sample", folder, "--class", "7", "-n", "5", "--out", str(tmp_path / "7.npz")) == 0
    assert np.array_equal(np.load(tmp_path / "7.npz")["images"][..., 0], run.sample(5, labels="7"))
    assert (
        call("interpolate", folder, "--classes", "3,8", "-n", "2", "--steps", "3", "--out", str(tmp_path / "w.npz"))
        == 0
    )
    assert np.load(tmp_path / "w.npz")["images"].shape == (6, 8, 8, 1)
    assert call("reconstruct", folder, "-n", "3", "--out", str(tmp_path / "r.npz")) == 0
    assert call("sample", folder, "--class", "seven") == 2
    assert "unknown class 'seven'" in capsys.readouterr().err
    assert call("sample", folder, "--guidance", "2") == 2


def test_labels_are_named_numbered_or_weighed() -> None:
    names = ["cat", "dog", "cow"]
    assert numbers_of("dog", names, 2).tolist() == [1, 1]
    assert numbers_of(["cow", 0], names, 2).tolist() == [2, 0]
    assert numbers_of(np.array(["cat", "cow"]), names, 2).tolist() == [0, 2]
    weights = torch.tensor([[0.5, 0.5, 0.0]])
    assert numbers_of(weights, names, 1) is weights
    for text in ("cot", np.str_("cot")):
        with pytest.raises(ValueError, match=r"unknown class 'cot'\. Did you mean"):
            numbers_of([text], ["cat", "dog"], 1)
    with pytest.raises(ValueError, match=r"unknown class 'cot'\. Did you mean"):
        numbers_of("cot", names, 1)
    with pytest.raises(ValueError, match="expected 2 whole numbers"):
        numbers_of(torch.tensor([0, 3]), names, 2)


def test_where_the_names_are_numbers_a_number_is_a_name() -> None:
    names = ["1", "2", "30"]
    assert numbers_of(2, names, 2).tolist() == [1, 1]
    assert numbers_of([1, 30, "2"], names, 3).tolist() == [0, 2, 1]
    assert numbers_of(np.array([30, 1]), names, 2).tolist() == [2, 0]
    assert numbers_of(np.array([2.0]), names, 1).tolist() == [1]
    assert numbers_of(torch.tensor([2, 0]), names, 2).tolist() == [2, 0]  # places, as the labels of a split are
    for unknown in (0, 3, 1.5):
        with pytest.raises(ValueError, match="unknown class '"):
            numbers_of(unknown, names, 1)


def test_numbers_are_names_in_any_notation_and_an_index_is_no_order() -> None:
    assert numbers_of(2.0, ["1e-05", "2.0", "5.0"], 1).tolist() == [1]
    assert numbers_of(np.array([True, False]), ["0", "1"], 2).tolist() == [1, 0]
    assert numbers_of(np.array(1), ["0", "1"], 2).tolist() == [1, 1]
    assert both_ends(pandas.Series(["x", "y"], index=[1, 0])) == ("x", "y")
    assert both_ends(torch.tensor(1)) == (1, 1)


@pytest.mark.parametrize("labels", [[1.7, 0], [np.nan, 1], [None, "cat"], [["cat"], "dog"]])
def test_what_is_no_class_is_refused(labels: Any) -> None:
    with pytest.raises(ValueError, match=r"unknown class|expected the name or the number of a class, got"):
        numbers_of(labels, ["cat", "dog"], 2)


def test_a_frame_brings_its_own_labels(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    kind = rng.integers(1, 4, 120)
    frame = pandas.DataFrame({"v": 100.0 * kind + rng.normal(size=120), "k": kind})
    given: dict[str, Any] = {"data_options": {"label": "k"}, "conditional": True, "steps": 3, "out": tmp_path / "run"}
    trained = remblai.train("wae-mmd", data=frame, latent=2, **given)
    assert trained.classes == ["1", "2", "3"]
    some = frame.head(7)
    assert np.array_equal(trained.encode(some), trained.encode(some[["v"]], labels=some.k.astype(str)))
    assert np.array_equal(trained.encode(some), trained.encode(some[["v"]], labels=some.k))
    walk = trained.interpolate(some[["v"]].iloc[0], some[["v"]].iloc[1], 3, labels="2")
    assert walk.equals(trained.interpolate(some[["v"]].iloc[0], some[["v"]].iloc[1], 3, labels=["2", 2]))
    own = trained.interpolate(some.iloc[0:1], some.iloc[1:2], 3)
    assert own.equals(trained.interpolate(some.iloc[0:1], some.iloc[1:2], 3, labels=list(some.k[:2])))
    with pytest.raises(ValueError, match="expected one class, or those of both ends, got 3"):
        trained.interpolate(some[["v"]].iloc[0], some[["v"]].iloc[1], 3, labels=["1", "2", "3"])


OWN = '''
import remblai

@remblai.recipe(steps=10)
def mine(shape, PARAMETER, latent: int = 4, foo=None):
    """Mine.

    Args:
        foo: an option without an annotation.
    """
    assert foo is None or foo == 3, repr(foo)
    return remblai.recipes.wae_mmd(shape, latent=latent, classes=classes, network="mlp")
'''


@pytest.mark.parametrize("parameter", ["classes", "classes: int"])
@pytest.mark.parametrize("conditional", [False, True])
def test_a_recipe_of_ones_own_is_conditional_by_its_parameter_classes(
    tmp_path: Path, parameter: str, conditional: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """And its own config repeats it, an option without an annotation included."""
    (tmp_path / "own.py").write_text(OWN.replace("PARAMETER", parameter))
    named = [f"{tmp_path / 'own.py'}:mine", *(["--conditional"] if conditional else []), "--data", "digits"]
    for name, words in (("0", named), ("1", ["--config", str(tmp_path / "0" / "config.yaml")])):
        with pytest.raises(SystemExit) as ended:
            main(["train", *words, "--out", str(tmp_path / name), "--evaluate-every", "0"])
        assert not ended.value.code
    with pytest.raises(SystemExit):
        main(["train", named[0], "--help"])
    shown = capsys.readouterr().out
    assert "Args:" not in shown
    assert shown.count("an option without an annotation") == 1
    runs = [remblai.load(tmp_path / name, recipe=f"{tmp_path / 'own.py'}:mine") for name in "01"]
    assert runs[0].conditional is conditional
    assert (runs[0].sample(3) == runs[1].sample(3)).all()


def test_an_option_without_an_annotation_reads_numbers_and_none() -> None:
    kind = type(None)
    values = [convert("foo", text, kind) for text in ("none", "3", "0.5", "true", "word", 4)]
    assert values == [None, 3, 0.5, True, "word", 4]
    assert [type(one) for one in values[1:4]] == [int, float, bool]
