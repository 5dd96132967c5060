"""Folders of images: splits, labels, sizes, channels, broken ones, and the cache."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from remblai.data import SPLITS, Dataset, decode, load

RNG = np.random.default_rng(0)


def put(path: Path, array: np.ndarray | None = None) -> np.ndarray:
    array = RNG.integers(0, 256, (6, 8, 3), dtype=np.uint8) if array is None else array
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
    return array


def filled(root: Path, names: str) -> dict[str, np.ndarray]:
    return {name: put(root / name) for name in sorted(names.split())}


def shown(data: Dataset) -> dict[int, bytes]:
    """Every image, by its place in the source."""
    found = {}
    for split in (data.train, data.validation, data.test):
        images = data.units.restore(split[:])
        found |= {int(i): images[k].tobytes() for k, i in enumerate(split.index)}
    return found


def test_any_depth_and_order_of_names(tmp_path: Path) -> None:
    root = tmp_path / "pictures"
    files = filled(root, "b.png a/x/deep.png a/y.PNG c/z/w/v.png")
    (root / "notes.txt").write_text("not an image")
    put(root / ".hidden" / "no.png")
    data = load(root)
    assert (data.name, data.shape, data.classes, data.train.labels) == ("pictures", (3, 6, 8), None, None)
    assert shown(data) == {i: array.tobytes() for i, array in enumerate(files.values())}


def test_class_folders(tmp_path: Path) -> None:
    root = tmp_path / "p"
    filled(root, " ".join(f"{kind}/{i}.png" for kind in ("cat", "dog", "emu") for i in range(10)))
    data = load(root)
    assert data.classes == ["cat", "dog", "emu"]
    for split in (data.train, data.validation, data.test):
        assert split.labels is not None
        assert torch.equal(split.labels, split.index // 10)
    filled(tmp_path / "q", "only/a.png only/b.png only/c.png")
    assert load(tmp_path / "q").classes is None


@pytest.mark.parametrize("validation", ["validation", "val", "valid", ""])
def test_split_folders(tmp_path: Path, validation: str) -> None:
    root = tmp_path / "p"
    for part, n in (("train", 20), ("test", 4), (validation, 3)):
        if part:
            filled(root, " ".join(f"{part}/{kind}/{i}.png" for kind in "ab" for i in range(n)))
    data = load(root)
    expected = (40, 6, 8) if validation else (36, 4, 8)
    assert (len(data.train), len(data.validation), len(data.test)) == expected
    assert data.classes == ["a", "b"]
    names = sorted(str(path.relative_to(root)) for path in root.rglob("*.png"))
    assert all(names[int(i)].startswith("test/") for i in data.test.index)
    assert all(names[int(i)].startswith(validation or "train") for i in data.validation.index)


def test_a_class_called_train_is_a_class(tmp_path: Path) -> None:
    filled(tmp_path / "p", "train/a.png plane/b.png car/c.png test/d.png")
    assert load(tmp_path / "p").classes == ["car", "plane", "test", "train"]


def test_mixed_sizes(tmp_path: Path) -> None:
    root = tmp_path / "p"
    filled(root, "a.png b.png")
    put(root / "c.png", np.zeros((9, 7, 3), np.uint8))
    with pytest.raises(ValueError, match=r"2 different sizes.*8x6 \(2, as a.png\), 7x9 \(1, as c.png\).*--size N"):
        load(root)
    assert load(root, size=4).shape == (3, 4, 4)
    assert load(root, crop=5).shape == (3, 5, 5)
    assert load(root, crop=5, size=3).shape == (3, 3, 3)
    with pytest.raises(ValueError, match=r"a\.png in .* is 8x6, smaller than the crop of 7x7"):
        load(root, crop=7)


@pytest.mark.parametrize(
    ("modes", "channels"),
    [
        ("L L", 1),
        ("L RGB", 3),
        ("LA LA", 2),
        ("LA RGBA", 4),
        ("L LA", 1),
        ("LA RGB", 3),
        ("RGB RGB RGBA", 3),
        ("P L", 3),
        ("1 L", 1),
    ],
)
def test_most_general_channels(tmp_path: Path, modes: str, channels: int) -> None:
    for number, mode in enumerate([*modes.split(), modes.split(maxsplit=1)[0]]):
        path = tmp_path / "p" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(RNG.integers(0, 256, (6, 8, 3), dtype=np.uint8)).convert(mode).save(path)
    assert load(tmp_path / "p").shape == (channels, 6, 8)
    for asked in (1, 2, 3, 4):
        assert load(tmp_path / "p", channels=asked).shape == (asked, 6, 8)


def test_one_pixel_and_empty_and_wrong_options(tmp_path: Path) -> None:
    root = tmp_path / "p"
    root.mkdir()
    with pytest.raises(ValueError, match=r"no images in the folder .*: it is empty"):
        load(root)
    (root / "a.txt").write_text("1,2")
    with pytest.raises(ValueError, match=r"files left out: 1 \.txt. Expected .*\.png"):
        load(root)
    filled(root, "a.png b.png")
    put(root / "dot.png", np.zeros((1, 1), np.uint8))
    for options in ({}, {"size": 8}):
        with pytest.raises(
            ValueError, match=r"dot\.png in .* is 1x1: expected pictures of at least 2x2.*--skip-broken"
        ):
            load(root, **options)
        assert "1 broken images skipped: dot.png" in load(root, **options, skip_broken=True).notes
    (root / "dot.png").unlink()
    for options, told in (({"size": 1}, "size must be at least 2"), ({"crop": 0}, "crop"), ({"channels": 5}, "RGBA")):
        with pytest.raises(ValueError, match=told):
            load(root, **options)


@pytest.mark.parametrize("how", ["truncated jpeg", "text", "empty", "truncated png"])
@pytest.mark.parametrize("size", [None, 4])
def test_broken(tmp_path: Path, how: str, size: int | None) -> None:
    root = tmp_path / "p"
    filled(root, " ".join(f"{kind}/{i}.png" for kind in "ab" for i in range(5)))
    kind = "jpg" if "jpeg" in how else "png"
    bad = root / "a" / f"2bad.{kind}"
    put(bad, RNG.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    whole = bad.read_bytes()
    bad.write_bytes({"text": b"hello", "empty": b""}.get(how, whole[: len(whole) * 3 // 4]))
    with pytest.raises(ValueError, match=rf"a/2bad\.{kind} in .* cannot be decoded: .*--skip-broken"):
        load(root, size=size)
    for _ in range(2):  # made, then from the cache
        data = load(root, size=size, skip_broken=True)
        assert f"1 broken images skipped: a/2bad.{kind}" in data.notes
        assert sum(len(split) for split in (data.train, data.validation, data.test)) == 10
        for split in (data.train, data.validation, data.test):
            assert 3 not in split.index.tolist()
            assert torch.equal(split.labels, (split.index > 5).long())
    with pytest.raises(ValueError, match="cannot be decoded"):  # the cache does not hide it
        load(root, size=size)


def test_all_broken(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.png").write_bytes(b"hello")
    for options in ({}, {"size": 4, "channels": 3}):
        with pytest.raises(ValueError, match="none of the 1 images"):
            load(tmp_path / "p", skip_broken=True, **options)


def test_decoded_once_and_anew_when_a_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, calls = tmp_path / "p", []
    filled(root, "a.png b.png c.png")
    true = decode.pixels
    monkeypatch.setattr(decode, "pixels", lambda *given: calls.append(0) or true(*given))
    first = shown(load(root))
    assert (shown(load(root)), len(calls)) == (first, 3)
    assert load(root, size=4).shape == (3, 4, 4)
    assert len(calls) == 6
    before = (root / "b.png").stat()
    put(root / "b.png")
    os.utime(root / "b.png", ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    changed = shown(load(root))
    assert len(calls) == 9
    assert (changed[0] == first[0], changed[1] == first[1]) == (True, False)
    assert len(list((tmp_path / "cache" / "remblai").glob("*.npy"))) == 3


def test_cache_of_ones_own(tmp_path: Path) -> None:
    filled(tmp_path / "p", "a.png b.png c.png")
    data = load(tmp_path / "p", cache=tmp_path / "mine")
    assert len(list((tmp_path / "mine").glob("*.npy"))) == 1
    assert not data.train.rows.array.flags.owndata  # memory-mapped
    assert data.train.rows.array.dtype == np.uint8


def test_links_that_go_round(tmp_path: Path) -> None:
    root = tmp_path / "p"
    filled(root, "x/a.png x/b.png")
    filled(tmp_path / "elsewhere", "c.png")
    (root / "x" / "up").symlink_to(root)
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    assert len(shown(load(root))) == 3


def test_real_scenes(real_data: Path, tmp_path: Path) -> None:
    with np.load(real_data / "scenes64" / "scenes64_jpeg.npz") as stored:
        joined, offsets, labels = (stored[f"train_{key}"] for key in ("jpeg", "offsets", "labels"))
    for i in range(60):
        path = tmp_path / "scenes" / f"{labels[i]}" / f"{i:05}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(joined[offsets[i] : offsets[i + 1]].tobytes())
    data = load(tmp_path / "scenes")
    assert data.shape == (3, 64, 64)
    assert 0.2 < data.train[:].mean() < 0.8


def test_images_beside_the_splits_are_left_out_and_said(tmp_path: Path) -> None:
    for name in ("train", "test"):
        filled(tmp_path, " ".join(f"{name}/{kind}/{number}.png" for kind in "ab" for number in range(4)))
    plain = load(tmp_path)
    filled(tmp_path, "samples/a/0.png cover.png")
    found = load(tmp_path)
    assert found.classes == plain.classes == ["a", "b"]
    assert (len(found.test), len(found.train)) == (len(plain.test), len(plain.train))
    assert any("2 images outside of the folders of the splits are left out" in note for note in found.notes)


def test_a_class_that_is_called_as_a_split_is_said(tmp_path: Path) -> None:
    filled(tmp_path, " ".join(f"{kind}/{number}.png" for kind in ("train", "car") for number in range(4)))
    found = load(tmp_path)
    assert found.classes == ["car", "train"]
    assert any("folders called train are classes here" in note for note in found.notes)


def test_frames_of_one_file_stay_in_one_split(tmp_path: Path) -> None:
    for number in range(12):
        pages = [Image.fromarray(RNG.integers(0, 256, (8, 8), dtype=np.uint8)) for _ in range(5)]
        pages[0].save(tmp_path / f"{number}.gif", save_all=True, append_images=pages[1:])
    found = load(tmp_path, pages="frames")
    files = [{found.files[int(place)].split("[")[0] for place in found.split(name).index} for name in SPLITS]
    assert sum(map(len, files)) == 12 == len(set.union(*files)) and all(files)
    assert not any("of which the first is read" in note for note in found.notes)
    assert "all frames of a file are in one split" in found.notes
