"""Names, paths, splits at the end of a name, and options that do not apply."""

import inspect
import os
import re
from pathlib import Path

import numpy as np
import pytest

from remblai.config.registry import own_options
from remblai.data import DATA, Dataset, load, options_of, pick


@pytest.mark.parametrize("name", sorted(set(DATA) - {"stacked-mnist"}))  # which is made of a folder
def test_every_name_of_the_table(name: str) -> None:
    data = load({"name": name, "pool": 100} if name == "glyphs" else name)
    assert isinstance(data, Dataset)
    assert data.name == name
    assert data.split_note
    for split in (data.train, data.validation, data.test):
        assert (split.shape, split.range) == (data.shape, data.range)
        assert next(split.batches(16)).shape == (16, *data.shape)
        assert split.labels is None or (split.labels.shape == (len(split),) and split.labels.max() < len(data.classes))
    assert inspect.getdoc(DATA[name])
    assert all(option.help for option in own_options(DATA[name]))
    assert load(data) is data


def test_pick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert pick("digits") == ("digits", None)
    assert pick("digits:test") == ("digits", "test")
    assert pick("a/b.npz:validation") == ("a/b.npz", "validation")
    assert pick("hub:owner/name:train") == ("hub:owner/name", "train")
    assert pick("hub:name") == ("hub:name", None)
    assert pick("x:tests") == ("x:tests", None)
    (tmp_path / "odd:test").mkdir()
    assert pick("odd:test") == ("odd:test", None)
    assert load("digits:test").name == "digits"


CODE = """
import numpy as np

rows = np.arange(60.0).reshape(20, 3)

def mine():
    return {"x": rows, "y": np.arange(20) % 2}

def ring():
    from remblai.data import load
    return load({"name": "ring", "modes": 5})

def fails():
    return rows[20]

def nothing():
    pass
"""


def test_what_a_function_in_a_file_returns(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text(CODE)
    assert pick(f"{file}:mine:test") == (f"{file}:mine", "test")
    assert pick("own.py:test") == ("own.py:test", None)  # a function of that name
    data = load(f"{file}:mine")
    assert (data.name, data.shape, data.classes) == ("mine", (3,), ["0", "1"])
    assert load(f"{file}:mine:test").fingerprint == data.fingerprint
    assert load(f"{file}:rows").name == "rows"
    assert len(load(f"{file}:ring").modes.centres) == 5
    assert options_of(f"{file}:mine") == {"layout", "range", "columns", "exclude"}
    for name, words in (
        ("fails", "data '.*:fails': the function fails: IndexError: .*own.py:[0-9]+\\)\\.$"),
        ("nothing", "returns nothing: expected arrays"),
        ("mime", "Did you mean 'mine'"),
    ):
        with pytest.raises(ValueError, match=words):
            load(f"{file}:{name}")
    with pytest.raises(
        ValueError, match=r"--size does not apply to data .ndarray., which has the options --layout, --range$"
    ):
        load(f"{file}:rows", size=8)


def test_numbers_are_points_of_one_coordinate_and_come_back_as_numbers(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).normal(5, 2, size=50)
    np.save(tmp_path / "x.npy", numbers)
    for spec in (numbers, numbers.tolist(), tmp_path / "x.npy"):
        data = load(spec)
        assert (data.shape, data.units.sample_shape) == ((1,), ())
        back = data.units.restore(data.train[:])
        assert np.allclose(back, numbers[data.train.index])
        assert data.units.scale(back).shape == (len(back), 1)


def test_a_name_always_means_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.zeros((9, 4, 4), np.uint8))
    (tmp_path / "digits").mkdir()
    assert load("digits").shape == (1, 8, 8)
    with pytest.raises(ValueError, match="no images in the folder"):
        load("./digits")
    with pytest.raises(ValueError, match="no images in the folder"):
        load(Path("digits"))
    assert load("x.npy").shape == (1, 4, 4)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load("~/x.npy").shape == (1, 4, 4)


def test_a_folder_of_a_table_alone_leads_to_the_table(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("of 2026")
    with pytest.raises(ValueError, match=r"no images in the folder .*files left out: 1 \.txt"):
        load(tmp_path)
    (tmp_path / "prices.csv").write_text("a,b\n1,2\n")
    path = re.escape(str(tmp_path / "prices.csv"))
    with pytest.raises(ValueError, match=rf"data by themselves \(prices\.csv\): pass the path of one, {path}"):
        load(tmp_path)
    (tmp_path / "costs.npy").write_bytes(b"")
    with pytest.raises(ValueError, match=r"\(costs\.npy, prices\.csv\)"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("digitz", "unknown data 'digitz'. Did you mean 'digits'.*Nor is there a file or folder"),
        ("two_moons", "Did you mean 'two-moons'"),
        ({"name": "rings"}, "unknown data 'rings'. Did you mean 'ring'"),
        ({"name": "ring", "mode": 3}, "unknown option of data 'ring': 'mode'. Did you mean 'modes'"),
        ("data/pictures", "no file or folder 'data/pictures'. Did you mean '.*data/picture'"),
        ("data/zzz.npy", "no file or folder 'data/zzz.npy'. The nearest folder that exists is .*data"),
        ("nowhere/at/all", "no file or folder 'nowhere/at/all'"),
        (
            "data/a.txt",
            r"of an unknown kind: expected a folder, or a file in \.csv, \.csv\.gz, \.npy, \.npz, \.parquet",
        ),
        ("data/a.png", "is one image: expected the folder that holds them"),
        (load, "call it and pass what it returns"),
    ],
)
def test_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: object, told: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "picture").mkdir(parents=True)
    for name in ("a.txt", "a.png"):
        (tmp_path / "data" / name).touch()
    with pytest.raises(ValueError, match=told):
        load(spec)


def test_options_that_do_not_apply(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((9, 4, 4), np.uint8))
    with pytest.raises(ValueError, match=r"--size does not apply to .*x\.npy.*options --layout, --range"):
        load(tmp_path / "x.npy", size=4)
    with pytest.raises(ValueError, match="--layout does not apply to data 'digits', which has no options"):
        load("digits", layout="nhw")
    with pytest.raises(ValueError, match="--skip-broken does not apply to data 'ring'"):
        load("ring", skip_broken=True)
    assert load("digits", cache=tmp_path).name == "digits"
    assert load({"name": "ring", "modes": 3}).modes.centres.shape == (3, 2)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("1,2\n")
    (tmp_path / "x.csv").chmod(0)
    with pytest.raises(ValueError, match="cannot be read: Permission denied"):
        load(tmp_path / "x.csv")
