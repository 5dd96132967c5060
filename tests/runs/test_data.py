"""Data given to a run: in memory, with the run's own options, moved, with columns in another order."""

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from tests.small import train

import remblai
from remblai.compare.datasets import distance
from remblai.compare.points import read_pair
from remblai.data import Units
from remblai.data.collect import as_array
from remblai.runs.data import conform, data_like, data_of

RNG = np.random.default_rng(0)
FLOATS = RNG.random((40, 6, 5)).astype(np.float32)
SCANS = RNG.integers(-1000, 3000, (40, 6, 5)).astype(np.int16)


@pytest.fixture(autouse=True)
def _bare(bare: None) -> None:
    pass


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (FLOATS, {}),
        (FLOATS * 2 - 1, {}),
        (SCANS, {"range": (-1024, 3071)}),
        (RNG.random((40, 3, 6, 5)), {}),
        (RNG.integers(0, 65536, (40, 6, 5)).astype(np.uint16), {"range": (0, 65535)}),
        (RNG.integers(0, 2, (40, 6, 5)).astype(bool), {}),
        (RNG.normal(size=(40, 3)).astype(np.float32), {}),
        (RNG.normal(size=(40, 4, 2)), {"layout": "flat"}),
        (RNG.normal(size=40), {}),
    ],
)
def test_what_is_given_is_what_comes_back(tmp_path: Path, data: np.ndarray, options: dict[str, Any]) -> None:
    trained = train(tmp_path / "r", "vae", data=data, data_options=options, steps=2)
    for run in (trained, remblai.load(tmp_path / "r")):
        sample = run.sample(3)
        assert (sample.dtype, sample.shape) == (data.dtype, (3, *data.shape[1:]))
        again = run.reconstruct(data[:4])
        assert (again.dtype, again.shape) == (data.dtype, data[:4].shape)
        assert np.isfinite(run.encode(data)).all()
        if data.dtype != bool and "layout" not in options and data.ndim > 2:
            low, high = options.get("range", (-1, 1))
            assert low <= sample.min() <= sample.max() <= high
    saved = json.loads((tmp_path / "r" / "run.json").read_text())["data"]
    assert saved["spec"] == "custom:ndarray"
    for wanted in (remblai.evaluate, remblai.write_report):
        with pytest.raises(ValueError, match=r"passed in Python .custom:ndarray.: pass data="):
            wanted(tmp_path / "r")
    assert remblai.evaluate(tmp_path / "r", data=data, n=4)
    assert remblai.write_report(tmp_path / "r", data=data).is_file()


def test_a_report_is_of_the_data_of_the_run(tmp_path: Path) -> None:
    data = RNG.normal(size=(40, 3))
    train(tmp_path / "r", "vae", data=data, steps=2)
    with pytest.raises(ValueError, match=r"expected the data that the run was trained on .*`evaluate` measures"):
        remblai.write_report(tmp_path / "r", data=data + 1)


def test_a_file_of_code_is_run_when_it_is_named_and_not_otherwise(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text("import numpy as np\ndef mine():\n    return np.random.default_rng(0).normal(size=(40, 3))\n")
    spec = f"{file}:mine"
    trained = train(tmp_path / "r", "vae", data=spec, steps=2)
    assert (trained.run.settings["data"]["spec"], trained.run.settings["data"]["name"]) == (spec, "mine")
    with pytest.raises(ValueError, match=r"not run unasked: pass data='.*own.py:mine' \(--data .*own.py:mine on"):
        remblai.write_report(tmp_path / "r")
    with pytest.raises(ValueError, match="not run unasked"):
        remblai.train(from_run=tmp_path / "r", out=tmp_path / "again")
    assert remblai.write_report(tmp_path / "r", data=spec).is_file()
    assert train(tmp_path / "r", "vae", data=spec, steps=4, resume=True).step == 4


class Pairs(torch.utils.data.Dataset):
    """Items (x, label), as most PyTorch data sets have them."""

    def __len__(self) -> int:
        return len(FLOATS)

    def __getitem__(self, place: int) -> tuple[torch.Tensor, int]:
        return torch.from_numpy(FLOATS[place])[None], place % 2


def in_other_forms() -> dict[str, Any]:
    return {
        "tensor": torch.from_numpy(FLOATS),
        "list": list(FLOATS),
        "named arrays": {"x": FLOATS},
        "loaded": remblai.data.load(FLOATS),
    }


@pytest.mark.parametrize("form", list(in_other_forms()))
def test_forms_of_one_array_are_one_data_set(form: str) -> None:
    assert data_of(in_other_forms()[form])[2].fingerprint == remblai.data.load(FLOATS).fingerprint


def test_torch_data_set_and_loader(tmp_path: Path) -> None:
    loader = torch.utils.data.DataLoader(Pairs(), batch_size=7, shuffle=True)
    one, other = remblai.data.load(Pairs()), remblai.data.load(loader)
    assert one.fingerprint == other.fingerprint
    assert one.classes == ["0", "1"]
    assert torch.equal(one.test.labels, one.test.index % 2)
    assert any("its batches and its sampler are not used" in note for note in other.notes)
    trained = train(tmp_path / "r", "vae", data=loader, steps=2)
    assert trained.sample(2).shape == (2, 1, 6, 5)
    assert trained.run.settings["data"]["spec"] == "custom:DataLoader"
    for again in (loader, Pairs(), remblai.data.load(Pairs()), list(FLOATS[:, None]), torch.from_numpy(FLOATS)):
        assert np.array_equal(trained.encode(again), trained.encode(FLOATS[:, None]))


def test_frames_by_the_names_of_their_columns(tmp_path: Path) -> None:
    frame = pd.DataFrame(RNG.normal([3, 1e4, -2], [1, 50, 0.1], (60, 3)), columns=["a", "b", "c"])
    trained = train(tmp_path / "r", "vae", data=frame, steps=2)
    swapped = frame[["c", "a", "b"]]
    assert np.array_equal(trained.encode(frame), trained.encode(swapped))
    assert remblai.evaluate(trained, data=frame, n=4) == remblai.evaluate(trained, data=swapped, n=4)
    frame.to_csv(tmp_path / "one.csv", index=False)
    swapped.assign(d=1.0).to_csv(tmp_path / "two.csv", index=False)
    assert distance(str(tmp_path / "one.csv"), str(tmp_path / "two.csv"), repeats=0).value == pytest.approx(0, abs=1e-2)
    like = data_like(trained.run.settings, trained.units, str(tmp_path / "two.csv"))
    assert like.units == trained.units
    assert torch.allclose(like.test[:], data_like(trained.run.settings, trained.units, frame).test[:], atol=1e-4)
    with pytest.raises(ValueError, match="has the columns a, b: expected c too"):
        data_like(trained.run.settings, trained.units, frame[["a", "b"]])


def pictures(folder: Path, n: int = 12) -> Path:
    folder.mkdir()
    for place in range(n):
        shape = (9 + place % 3, 8, 3)
        Image.fromarray(RNG.integers(0, 256, shape, dtype=np.uint8)).save(folder / f"{place}.png")
    return folder


def test_new_data_takes_the_options_of_the_run(tmp_path: Path) -> None:
    trained = train(
        tmp_path / "r", "vae", data=str(pictures(tmp_path / "A")), data_options={"size": 6}, steps=2, batch_size=5
    )
    settings, units = trained.run.settings, trained.units
    assert data_like(settings, units, str(pictures(tmp_path / "B"))).shape == (3, 6, 6)
    assert data_like(settings, units, str(pictures(tmp_path / "C")), {"channels": 3, "crop": 7}).shape == (3, 6, 6)
    np.save(tmp_path / "x.npy", RNG.integers(0, 256, (9, 6, 6, 3), dtype=np.uint8))
    assert data_like(settings, units, str(tmp_path / "x.npy")).shape == (3, 6, 6)  # an array has no size: left out
    with pytest.raises(ValueError, match=r"expected images of shape \(3, 6, 6\).*--size"):
        data_like(settings, units, str(tmp_path / "B"), {"size": 5})


def test_the_range_of_the_run_is_that_of_new_data(tmp_path: Path) -> None:
    signed = FLOATS * 2 - 1
    trained = train(tmp_path / "r", "vae", data=signed, steps=2)
    settings, units = trained.run.settings, trained.units
    for kind in (np.float32, np.float64):  # alone, they would be taken for [0, 1]
        bright = np.abs(signed).astype(kind)
        with pytest.warns(UserWarning, match="range 0 to 1, are taken as part of the range -1 to 1.*pass --range 0,1"):
            like = data_like(settings, units, bright)
        first = bright[int(like.test.index[0])]
        assert np.allclose(like.test[0][0], (first + 1) / 2, atol=1e-6)
        with pytest.warns(UserWarning, match="images without values below 0 are taken as part of the range -1 to 1"):
            assert np.allclose(units.scale(first[None])[0, 0], like.test[0][0], atol=1e-6)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert np.allclose(data_like(settings, units, bright, {"range": (0, 1)}).test[0][0], first, atol=1e-6)
            assert data_like(settings, units, signed.astype(kind)).units == units
            units.scale(signed)
    with pytest.raises(ValueError, match="values from -1 to 1, as the run was trained on"):
        data_like(settings, units, remblai.data.load(FLOATS * 3, range=(0, 3)))


def test_data_that_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", FLOATS)
    train(tmp_path / "r", "vae", data="x.npy", steps=2)
    monkeypatch.chdir(tmp_path / "r")
    assert remblai.evaluate(tmp_path / "r", n=4)  # from another folder, by the absolute path
    monkeypatch.chdir(tmp_path)
    Path("sub").mkdir()
    shutil.move("x.npy", "sub/y.npy")
    with pytest.raises(ValueError, match=r"(no file|unknown data).*These are the data of the run.*--data"):
        remblai.evaluate(tmp_path / "r")
    assert remblai.evaluate(tmp_path / "r", data="sub/y.npy", n=4)
    train(tmp_path / "r", "vae", data="sub/y.npy", steps=3, resume=True)
    assert remblai.evaluate(tmp_path / "r", n=4)
    np.save("z.npy", FLOATS[::-1])
    with pytest.raises(ValueError, match="data fingerprint was"):
        train(tmp_path / "r", "vae", data="z.npy", steps=4, resume=True)


def test_a_path_that_leads_to_other_data_is_not_taken_for_those_of_the_run(tmp_path: Path) -> None:
    """A run.json from elsewhere could name any folder; and a figure against data that changed is not the run's."""
    place = str(tmp_path / "x.npy")
    np.save(place, FLOATS)
    train(tmp_path / "r", "vae", data=place, steps=2)
    np.save(place, FLOATS[::-1])
    with pytest.raises(ValueError, match=r"expected the data that the run was trained on .*--data"):
        remblai.evaluate(tmp_path / "r", n=4)
    assert remblai.evaluate(tmp_path / "r", data=place, n=4)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_too_few_are_refused_before_training(tmp_path: Path, n: int) -> None:
    with pytest.raises(ValueError, match=f"expected at least 2 samples to train on.*got {n}"):
        train(tmp_path / "r", "vae", data=FLOATS[:n], steps=2)
    assert not (tmp_path / "r").exists()


def test_the_options_of_a_strangers_run_write_nowhere(tmp_path: Path) -> None:
    settings = {
        "data": {"spec": str(pictures(tmp_path / "A")), "options": {"size": 6, "cache": str(tmp_path / "evil")}}
    }
    assert data_of(None, None, settings)[1] == {"size": 6}
    assert not (tmp_path / "evil").exists()


def test_notes_are_kept_with_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trained = train(tmp_path / "r", "vae", data=FLOATS * 0.01, steps=2, quiet=False)
    notes = trained.run.settings["data"]["notes"]
    assert any("float32" in note for note in notes)
    assert any("--range" in note for note in notes)
    assert all(note in capsys.readouterr().err for note in notes[:1])


def test_distance_takes_arrays_and_options(tmp_path: Path) -> None:
    assert distance(FLOATS, torch.from_numpy(FLOATS), repeats=0).value == pytest.approx(0, abs=1e-6)
    np.savez(tmp_path / "f.npz", images=FLOATS * 255)
    found = distance(str(tmp_path / "f.npz"), FLOATS, repeats=0, data_options={"range": (0, 255)})
    with pytest.raises(ValueError, match="--columns applies to neither"):
        distance(FLOATS, FLOATS, data_options={"columns": ("a",)})
    assert found.value > 0  # the options are for both: FLOATS in 0..255 are near black


def test_a_value_that_the_training_split_does_not_have_is_kept() -> None:
    """A rare value of a column may lie outside the training split, whose deviation of that column is then 0."""
    x = np.stack([np.arange(40.0), np.full(40, 3.0)], 1)
    held_out = remblai.data.load(x).test.index.numpy()
    x[held_out, 1] = 5.0
    dataset = remblai.data.load(x)
    assert dataset.units.deviation is not None
    assert dataset.units.deviation[1] == 0.0
    np.testing.assert_allclose(as_array(dataset), x, atol=1e-5)  # in the order of their source
    pair = read_pair(x, x, len(x), torch.Generator(), raw=True)
    np.testing.assert_allclose(np.sort(pair.x.numpy(), 0), np.sort(x, 0), atol=1e-5)
    units = Units((2,), mean=(1.0, 2.0), deviation=(2.0, 4.0))
    moved = conform(dataset, units)
    for name in ("train", "test"):
        rows = x[moved.split(name).index.numpy()]
        np.testing.assert_allclose(moved.split(name)[:].numpy(), (rows - [1.0, 2.0]) / [2.0, 4.0], atol=1e-5)


def test_new_rows_need_no_labels_where_the_model_has_no_classes(tmp_path: Path) -> None:
    frame = pd.DataFrame(RNG.normal(size=(60, 2)), columns=["a", "b"]).assign(kind=["x", "y"] * 30)
    frame.to_csv(tmp_path / "all.csv", index=False)
    frame.drop(columns="kind").to_csv(tmp_path / "new.csv", index=False)
    trained = train(tmp_path / "r", "vae", data=str(tmp_path / "all.csv"), data_options={"label": "kind"}, steps=2)
    new = data_like(trained.run.settings, trained.units, str(tmp_path / "new.csv"))
    assert (new.shape, new.train.labels) == ((2,), None)
    with pytest.raises(ValueError, match="unknown label column"):
        data_like(trained.run.settings, trained.units, str(tmp_path / "new.csv"), {"label": "kind"})
