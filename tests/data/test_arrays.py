"""Files of numpy: every layout and key, and every refusal."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from remblai.data import Dataset, load

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (30, 8, 9, 3), dtype=np.uint8)
LABELS = np.arange(30) % 3


def saved(path: Path, **arrays: Any) -> Path:
    np.savez(path / "data.npz", **arrays)
    return path / "data.npz"


def all_of(data: Dataset) -> np.ndarray:
    """Every sample of a source without splits, in the source's order and the data's units."""
    splits = (data.train, data.validation, data.test)
    order = torch.cat([split.index for split in splits]).argsort()
    return data.units.restore(torch.cat([split[:] for split in splits])[order])


def test_npy_layouts(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, COLOUR)
    assert np.array_equal(all_of(load(path)), COLOUR)
    assert load(path).shape == (3, 8, 9)
    np.save(path, COLOUR.transpose(0, 3, 1, 2))
    assert np.array_equal(all_of(load(path)), COLOUR.transpose(0, 3, 1, 2))
    np.save(path, np.asfortranarray(COLOUR))
    assert np.array_equal(all_of(load(path)), COLOUR)
    np.save(path, COLOUR[..., 0])
    assert np.array_equal(all_of(load(path)), COLOUR[..., 0])
    assert load(path).shape == (1, 8, 9)
    np.save(path, COLOUR / 127.5 - 1)
    assert np.allclose(all_of(load(path)), COLOUR / 127.5 - 1, atol=1e-6)
    np.save(path, COLOUR[:, :3])
    assert load(path, layout="nchw").shape == (3, 9, 3)
    np.save(path, COLOUR * 4.0)
    assert np.allclose(all_of(load(path, range=(0, 1020))), COLOUR * 4.0, atol=1e-4)


def test_npy_of_bytes_is_memory_mapped_and_never_written(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, COLOUR)
    before = path.read_bytes()
    data = load(str(path))
    assert not data.train.rows.array.flags.owndata
    data.train[:].zero_()
    next(data.train.batches(4)).zero_()
    assert path.read_bytes() == before


def test_points(tmp_path: Path) -> None:
    values = RNG.normal(7, 3, (40, 2))
    np.save(tmp_path / "a.npy", values)
    data = load(tmp_path / "a.npy")
    assert (data.shape, data.range) == ((2,), None)
    assert np.allclose(all_of(data), values, atol=1e-5)


@pytest.mark.parametrize("key", ["images", "values", "x", "X", "data", "codes", "whatever"])
def test_npz_keys(tmp_path: Path, key: str) -> None:
    assert np.array_equal(all_of(load(saved(tmp_path, **{key: COLOUR}))), COLOUR)


@pytest.mark.parametrize("key", ["labels", "y"])
def test_npz_labels(tmp_path: Path, key: str) -> None:
    data = load(saved(tmp_path, images=COLOUR, **{key: LABELS[:, None] + 4}))
    assert data.classes == ["4", "5", "6"]
    assert data.test.labels is not None
    assert torch.equal(data.test.labels, data.test.index % 3)
    named = load(saved(tmp_path, images=COLOUR, classes=np.array(["cat", "dog", "fish"]), **{key: LABELS}))
    assert named.classes == ["cat", "dog", "fish"]


@pytest.mark.parametrize("names", ["x_train x_test y_train y_test", "train_images test_images train_labels test_labels",
                                   "X_train X_test labels_train labels_test", "train test train_y test_y"])  # fmt: skip
def test_npz_splits(tmp_path: Path, names: str) -> None:
    keys = names.split()
    arrays = dict(zip(keys, [COLOUR[:20], COLOUR[20:], LABELS[:20], LABELS[20:]], strict=True))
    data = load(saved(tmp_path, **arrays))
    assert (len(data.train), len(data.validation), len(data.test)) == (18, 2, 10)
    assert np.array_equal(data.units.restore(data.test[:]), COLOUR[20:][data.test.index.numpy()])
    assert data.test.labels is not None
    assert torch.equal(data.test.labels, (20 + data.test.index) % 3)


def test_npz_validation_of_its_own(tmp_path: Path) -> None:
    data = load(saved(tmp_path, x_train=COLOUR[:20], x_val=COLOUR[20:24], x_test=COLOUR[24:]))
    assert (len(data.train), len(data.validation), len(data.test)) == (20, 4, 6)


def test_codes_file_keeps_its_splits(tmp_path: Path) -> None:
    codes = RNG.normal(size=(30, 4)).astype(np.float32)
    split = np.array(["train"] * 20 + ["validation"] * 4 + ["test"] * 6)
    data = load(saved(tmp_path, codes=codes, labels=LABELS, split=split, index=np.arange(30)))
    assert (len(data.train), len(data.validation), len(data.test)) == (20, 4, 6)
    assert np.allclose(data.units.restore(data.test[:]), codes[data.test.index.numpy()], atol=1e-5)
    of_one = load(saved(tmp_path, codes=codes, split=np.array(["test"] * 30)))
    assert (len(of_one.train), len(of_one.test)) == (24, 3)


def test_fingerprint_is_of_the_content(tmp_path: Path) -> None:
    marks = {load(saved(tmp_path, images=array)).fingerprint for array in (COLOUR, COLOUR.transpose(0, 3, 1, 2))}
    assert len(marks) == 1
    assert load(saved(tmp_path, images=COLOUR, labels=LABELS)).fingerprint not in marks
    assert load(saved(tmp_path, images=255 - COLOUR)).fingerprint not in marks


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"a": COLOUR, "b": COLOUR}, "holds a, b: expected an array called images, values"),
        ({"x": COLOUR, "images": COLOUR}, "holds images and x: expected one of them"),
        ({"images": COLOUR[0, 0, 0]}, r"shape \(3,\)"),
        ({"images": COLOUR[None]}, r"shape \(1, 30, 8, 9, 3\)"),
        ({"images": COLOUR[:, :3]}, "layout of .* is ambiguous"),
        ({"images": np.full((3, 4, 4), np.nan)}, "holds nan at position"),
        ({"values": np.full((3, 4), np.inf)}, "holds inf at position"),
        ({"images": np.array([{}, {}])}, "holds pickled objects, which are never read"),
        ({"images": COLOUR, "labels": np.array([{}] * 30)}, "holds pickled objects"),
        ({"images": COLOUR, "labels": LABELS[:9]}, "9 labels for the 30 samples"),
        ({"images": COLOUR[:0]}, "is empty, of shape"),
        ({"images": COLOUR * 2.0}, "--range"),
        ({"images": COLOUR[:, :1]}, "is ambiguous"),
        ({"images": COLOUR[:, :, :, 0][:, :1]}, "images of 1x9 pixels"),
        ({"x_train": COLOUR, "x_test": COLOUR[:, 1:]}, "must hold images of one shape"),
        ({"x_test": COLOUR}, "no train part"),
        ({"codes": COLOUR[:, 0, 0], "split": np.array(["train", "other"] * 15)}, "each of train, validation, test"),
    ],
)
def test_npz_refused(tmp_path: Path, arrays: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        load(saved(tmp_path, **arrays))


def test_damaged_files(tmp_path: Path) -> None:
    path = saved(tmp_path, images=COLOUR)
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"hello", whole[:300] + bytes(99) + whole[399:]):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"data\.npz"):
            load(path)
    path = tmp_path / "a.npy"
    np.save(path, COLOUR)
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"hello"):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"a\.npy cannot be read"):
            load(path)
    np.save(path, np.array([{}]))
    with pytest.raises(ValueError, match="pickled objects"):
        load(path)
    (tmp_path / "b.npy").write_bytes(saved(tmp_path, images=COLOUR).read_bytes())
    with pytest.raises(ValueError, match=r"not a \.npy file"):
        load(tmp_path / "b.npy")


def test_range_is_for_images(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="range is for images"):
        load(saved(tmp_path, values=np.zeros((5, 2))), range=(0, 1))


@pytest.mark.parametrize(
    ("kind", "top"), [("uint32", 2**32 - 1), ("uint64", 2**40), ("uint64", 2**63 - 1), (">u4", 2**32 - 1)]
)
def test_large_whole_numbers_without_a_sign(kind: str, top: int) -> None:
    """Their range is named; they come back in their type, as exactly as a float32 can say."""
    images = RNG.integers(0, top, (20, 4, 5), dtype=np.uint64, endpoint=True).astype(kind)
    with pytest.raises(ValueError, match="Name their range: --range LOW,HIGH"):
        load(images)
    data = load(images, range=(0, top))
    assert np.array_equal(data.train.rows.array[:, 0].astype(np.uint64), images.astype(np.uint64))
    back = all_of(data)
    assert back.dtype == np.dtype(kind).newbyteorder("=")
    assert np.abs(back.astype(float) - images.astype(float)).max() <= top * 2.0**-24
    assert any(f"{back.dtype}: values from" in note for note in data.notes)
    assert torch.equal(data.units.scale(images[data.train.index.numpy()]), data.train[:])


def test_numbers_that_no_tensor_holds() -> None:
    images = np.full((20, 4, 5), 2**63, np.uint64)
    with pytest.raises(ValueError, match=r"uint64 values up to 9223372036854775808: .* Subtract an offset, or pass"):
        load(images, range=(0, 2.0**64))
    points = load(RNG.integers(0, 2**64 - 1, (20, 3), dtype=np.uint64))
    assert points.units.kind == np.uint64
    assert torch.isfinite(points.train[:]).all()


@pytest.mark.parametrize("name", ["label", "labels", "y", "target", "targets"])
def test_labels_of_every_usual_name_are_read(tmp_path: Path, name: str) -> None:
    x, y = np.random.default_rng(0).normal(size=(30, 3)), np.arange(30) % 2
    np.savez(tmp_path / "a.npz", x=x, **{name: y})
    assert load(tmp_path / "a.npz").classes == load({"x": x, name: y}).classes == ["0", "1"]


def test_arrays_that_are_not_read_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.eye(30), x_train=np.eye(30), weights=np.ones(30))
    assert "arrays that are not read: x, weights" in load(tmp_path / "a.npz").notes


def test_a_label_of_rows_that_have_none_is_no_class(tmp_path: Path) -> None:
    split = np.repeat(["train", "validation", "test"], [20, 5, 5])
    np.savez(tmp_path / "a.npz", codes=np.eye(30), split=split, labels=np.r_[np.arange(25) % 2, np.full(5, -1)])
    found = load(tmp_path / "a.npz")
    assert found.classes == ["0", "1"] and found.test.labels is None


def test_columns_of_points_have_their_names(tmp_path: Path) -> None:
    values = RNG.normal(size=(40, 4))
    names = np.array(["age", "city = Oslo", "city = Rome", "city is empty"])
    data = load(saved(tmp_path, values=values, columns=names))
    assert data.units.columns == tuple(names)
    for option, places in ((("city",), [1, 2, 3]), (("city = Rome", "age"), [2, 0])):
        found = load(saved(tmp_path, values=values, columns=names), columns=option)
        assert found.units.columns == tuple(names[places])
        assert np.allclose(all_of(found), values[:, places], atol=1e-5)
    found = load({"values": values, "columns": names.tolist()}, exclude=("city",))
    assert found.units.columns == ("age",)
    numbers = load(saved(tmp_path, values=values[:, 0], columns=names[:1]))
    assert numbers.units.columns == ("age",)


@pytest.mark.parametrize(
    ("arrays", "options", "told"),
    [
        ({"columns": np.array(["a", "b", "c"])}, {}, "a name for each column of points"),
        ({"columns": np.arange(2)}, {}, "a name for each column of points"),
        ({"columns": np.array(["a", "a"])}, {}, "there or asked for twice"),
        ({"columns": np.array(["a", "b"])}, {"columns": ("c",)}, "expected c too"),
        ({}, {"columns": ("a",)}, "names no columns: columns applies to points with names"),
        ({}, {"exclude": ("a",)}, "names no columns: exclude applies to points with names"),
        ({"images": COLOUR}, {"columns": ("a",)}, "holds images: columns applies to points"),
    ],
)
def test_names_that_do_not_fit_are_refused(
    tmp_path: Path, arrays: dict[str, Any], options: dict[str, Any], told: str
) -> None:
    given = arrays if "images" in arrays else {"values": np.ones((9, 2)), **arrays}
    with pytest.raises(ValueError, match=told):
        load(saved(tmp_path, **given), **options)
