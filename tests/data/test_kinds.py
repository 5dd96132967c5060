"""Images of more than 8 bits, of several pages, of kinds that are left out, and one look at what was loaded."""

import os
import sys
import warnings
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from remblai.data import Dataset, load, pages

RNG = np.random.default_rng(0)
WAVE = (np.sin(np.arange(12)[:, None] / 3 + np.arange(14) / 4) + 1) / 2


def put(folder: Path, arrays: list[np.ndarray], suffix: str = "png") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for place, array in enumerate(arrays):
        Image.fromarray(array).save(folder / f"{place:02}.{suffix}")
    return folder


def images_of(data: Dataset) -> np.ndarray:
    """Every image in the source's order, in the data's own type."""
    found = {}
    for split in (data.train, data.validation, data.test):
        found |= dict(zip(split.index.tolist(), data.units.restore(split[:]), strict=True))
    return np.stack([found[place] for place in sorted(found)])


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize(("low", "high", "top"), [(0, 65535, 65535), (0, 4095, 4095), (1000, 1300, 2047)])
def test_sixteen_bits_keep_their_levels(tmp_path: Path, suffix: str, low: int, high: int, top: int) -> None:
    arrays = [np.round(low + (high - low) * np.roll(WAVE, i, 0)).astype(np.uint16) for i in range(6)]
    arrays[0][0, 0] = high
    data = load(put(tmp_path / "p", arrays, suffix))
    assert np.array_equal(images_of(data), arrays)
    assert images_of(data).dtype == np.uint16
    seen = data.train[:]
    assert seen.max() <= 1
    assert np.isclose(data.train[0].numpy()[0], arrays[int(data.train.index[0])] / top, atol=1e-6).all()
    notes = " ".join(data.notes)
    assert f"uint16: values from {low}" in notes or f"uint16: values from {float(np.min(arrays)):.4g}" in notes
    assert f"of the range 0 to {top}" in notes
    assert ("--range" in notes) == (top != 65535)
    spread = load(tmp_path / "p", range=(low, high))
    assert np.isclose(spread.train[0].numpy()[0], (arrays[int(spread.train.index[0])] - low) / (high - low)).all()
    assert np.array_equal(images_of(spread), arrays)


def test_sixteen_bits_resized_and_cropped(tmp_path: Path) -> None:
    arrays = [np.full((9, 9), 4000 + i, np.uint16) for i in range(5)]
    data = load(put(tmp_path / "p", arrays), size=4, crop=6)
    assert [image.tolist() for image in images_of(data)] == [[[4000 + i] * 4] * 4 for i in range(5)]


def test_floats_of_files(tmp_path: Path) -> None:
    arrays = [(np.roll(WAVE, i, 0) * 1e-3).astype(np.float32) for i in range(5)]
    data = load(put(tmp_path / "p", arrays, "tif"))
    assert images_of(data).dtype == np.float32
    assert np.allclose(images_of(data), arrays, rtol=1e-5)
    assert any("--range" in note for note in data.notes)
    put(tmp_path / "q", [array * 9e5 for array in arrays], "tif")
    with pytest.raises(ValueError, match=r"holds floats from .* Name their range: --range"):
        load(tmp_path / "q")
    assert np.allclose(images_of(load(tmp_path / "q", range=(0, 900))), np.stack(arrays) * 9e5, rtol=1e-5)


def test_masks_of_files(tmp_path: Path) -> None:
    arrays = [RNG.integers(0, 2, (6, 5), dtype=np.uint8) for _ in range(5)]
    data = load(put(tmp_path / "p", arrays))
    assert np.array_equal(images_of(data), arrays)
    assert set(data.train[:].unique().tolist()) == {0.0, 1.0}


def test_kinds_that_do_not_go_together(tmp_path: Path) -> None:
    grey16 = (WAVE * 60000).astype(np.uint16)
    put(tmp_path / "a", [grey16, grey16, (WAVE * 255).astype(np.uint8)])
    data = load(tmp_path / "a")
    assert any("1 of 3 images have 8 bits: they are multiplied by 257" in note for note in data.notes)
    assert np.array_equal(images_of(data)[2], (WAVE * 255).astype(np.uint8) * np.uint16(257))
    put(tmp_path / "b", [grey16, RNG.integers(0, 256, (12, 14, 3), dtype=np.uint8), grey16])
    assert any("2 grey images have 16 bits, as 00.png" in note for note in load(tmp_path / "b").notes)
    put(tmp_path / "c", [WAVE.astype(np.float32)], "tif")
    put(tmp_path / "c", [grey16] * 3)
    with pytest.raises(ValueError, match=r"00\.tif in .* has 32-bit pixels .float32., and others are of another kind"):
        load(tmp_path / "c")


def test_alpha_of_a_few_is_laid_on_white_and_said(tmp_path: Path) -> None:
    colour = [RNG.integers(0, 256, (6, 5, 3), dtype=np.uint8) for _ in range(4)]
    put(tmp_path / "p", [*colour, RNG.integers(0, 256, (6, 5, 4), dtype=np.uint8)])
    data = load(tmp_path / "p")
    assert data.shape == (3, 6, 5)
    assert any("1 of 5 images have alpha, as 04.png" in note and "--channels 4" in note for note in data.notes)
    put(tmp_path / "q", [np.dstack([array, np.full((6, 5), 255, np.uint8)]) for array in colour])
    assert any("alpha is 255 throughout: --channels 3" in note for note in load(tmp_path / "q").notes)


def stacks(folder: Path, pages: int = 3) -> list[np.ndarray]:
    folder.mkdir()
    arrays = [RNG.integers(0, 4096, (pages, 7, 6)).astype(np.uint16) for _ in range(4)]
    for place, array in enumerate(arrays):
        first, *rest = [Image.fromarray(page) for page in array]
        first.save(folder / f"{place}.tif", save_all=True, append_images=rest)
    return arrays


def test_pages(tmp_path: Path) -> None:
    arrays = np.stack(stacks(tmp_path / "p"))
    data = load(tmp_path / "p")
    assert np.array_equal(images_of(data), arrays[:, 0])
    assert any("4 of 4 files have several pages, as 0.tif with 3" in note and "--pages" in note for note in data.notes)
    assert np.array_equal(images_of(load(tmp_path / "p", pages="frames")), arrays.reshape(-1, 7, 6))
    channels = load(tmp_path / "p", pages="channels")
    assert channels.shape == (3, 7, 6)
    assert np.array_equal(images_of(channels), arrays.transpose(0, 2, 3, 1))
    first, second = (Image.fromarray(page) for page in arrays[0][:2])
    first.save(tmp_path / "p" / "short.tif", save_all=True, append_images=[second])
    with pytest.raises(ValueError, match=r"different numbers of pages: 2 \(short\.tif\), 3"):
        load(tmp_path / "p", pages="channels")
    assert len(images_of(load(tmp_path / "p", pages="frames"))) == 14


def test_files_left_out_are_counted_by_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "p", [np.zeros((4, 4), np.uint8)] * 5)
    for name in ("a.heic", "b.HEIC", "notes.txt", "README"):
        (tmp_path / "p" / name).write_bytes(b"x")
    monkeypatch.setattr(pages, "suffixes", lambda: pages.SUFFIXES)
    monkeypatch.setattr("remblai.data.images.suffixes", lambda: pages.SUFFIXES)
    (note,) = (note for note in load(tmp_path / "p").notes if "left out" in note)
    assert "2 .heic (pip install 'remblai[images]' reads them), 1 .txt, 1 without a suffix" in note


def test_pictures_of_phones(tmp_path: Path) -> None:
    """HEIC as phones write it: with its turn, its colours and names in capitals."""
    heif = pytest.importorskip("pillow_heif")
    root = tmp_path / "p"
    root.mkdir()
    colours = [(30 * i, 255 - 30 * i, 128) for i in range(6)]
    for place, colour in enumerate(colours):
        array = np.full((48, 64, 3), colour, np.uint8)
        heif.from_pillow(Image.fromarray(array)).save(root / f"IMG_{place}.{'HEIC' if place % 2 else 'heic'}")
    found = images_of(load(root))
    assert found.shape == (6, 48, 64, 3)
    assert np.abs(found[:, 20, 20].astype(int) - colours).max() <= 6  # the format loses a little
    assert not any("left out" in note for note in load(root).notes)
    cut = (root / "IMG_0.heic").read_bytes()
    (root / "IMG_0.heic").write_bytes(cut[: len(cut) // 2])
    with pytest.raises(ValueError, match=r"IMG_0\.heic in .* cannot be decoded"):
        load(root)
    assert len(images_of(load(root, skip_broken=True))) == 5


def test_heic_through_its_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    module, calls = ModuleType("pillow_heif"), []
    module.register_heif_opener = lambda: calls.append(0) or Image.register_open("HEIF", Image.Image)
    monkeypatch.setitem(sys.modules, "pillow_heif", module)
    monkeypatch.setattr(Image, "OPEN", dict(Image.OPEN))
    monkeypatch.setattr(Image, "ID", list(Image.ID))
    for function in (pages.formats, pages.suffixes):
        function.cache_clear()
    try:
        assert ".heic" in pages.suffixes()
        assert calls
        assert ".heic" not in pages.hints()
    finally:
        for function in (pages.formats, pages.suffixes):
            function.cache_clear()


def test_postscript_in_a_png_reaches_no_other_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "p", [np.zeros((4, 4), np.uint8)] * 4)
    text = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 4\n%%EndComments\nshowpage\n%%EOF\n"
    (tmp_path / "p" / "evil.png").write_bytes(text)
    monkeypatch.setattr("subprocess.check_call", lambda *_, **__: pytest.fail("another program was started"))
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("another program was started"))
    with pytest.raises(ValueError, match=r"evil\.png in .* cannot be decoded"):
        load(tmp_path / "p")
    assert len(images_of(load(tmp_path / "p", skip_broken=True))) == 4


def test_every_kind_of_broken_file_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = put(tmp_path / "p", [RNG.integers(0, 256, (6, 5, 3), dtype=np.uint8) for _ in range(6)])
    (root / "text.png").write_bytes(b"<html>404</html>")
    (root / "link.png").symlink_to("nowhere.png")
    Image.new("RGB", (1, 1)).save(root / "dot.png")
    Image.new("RGB", (60, 50)).save(root / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    for name in ("bomb.png", "dot.png", "link.png", "text.png"):
        with pytest.raises(ValueError, match=f"{name} in .*--skip-broken"):
            load(root)
        if name != "text.png":
            (root / name).rename(tmp_path / name)
    for name in ("bomb.png", "dot.png", "link.png"):
        (tmp_path / name).rename(root / name)
    data = load(root, skip_broken=True)
    assert len(images_of(data)) == 6
    assert "4 broken images skipped: bomb.png, dot.png, link.png, text.png" in data.notes


def test_the_limit_against_bombs_is_raised_by_an_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = put(tmp_path / "p", [RNG.integers(0, 256, (6, 5, 3), dtype=np.uint8) for _ in range(5)])
    Image.new("RGB", (60, 50), "red").save(root / "large.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1400)
    words = r"large\.png in .* has 3000 pixels, more than are decoded, .*: --max-pixels 3000 raises the limit"
    for options in ({}, {"max_pixels": 2999}):
        with pytest.raises(ValueError, match=words):
            load(root, size=5, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for pages in ("first", "frames"):
            found = images_of(load(root, size=5, max_pixels=3000, pages=pages))
            assert found[-1, 2, 2].tolist() == [255, 0, 0]
    assert "1 broken images skipped: large.png" in load(root, size=5, skip_broken=True).notes
    assert len(images_of(load(root, size=5, skip_broken=True, max_pixels=3000))) == 6
    assert Image.MAX_IMAGE_PIXELS == 1400
    with pytest.raises(ValueError, match="max_pixels: expected at least 1 pixel, got 0"):
        load(root, size=5, max_pixels=0)


def test_images_larger_than_the_free_memory_are_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = put(tmp_path / "p", [RNG.integers(0, 256, (40, 50, 3), dtype=np.uint8) for _ in range(5)])
    monkeypatch.setattr(pages, "LARGE", 1000)
    monkeypatch.setattr(pages, "available", lambda: 15_000)
    with pytest.raises(ValueError, match=r"00\.png in .* needs 0\.0 GB of memory, of which 0\.0 GB are free"):
        load(root)


def test_pipes_are_left_out(tmp_path: Path) -> None:
    root = put(tmp_path / "p", [np.zeros((4, 4), np.uint8)] * 5)
    os.mkfifo(root / "pipe.png")
    assert len(images_of(load(root))) == 5
    os.mkfifo(tmp_path / "x.npy")
    with pytest.raises(ValueError, match=r"neither a folder nor a regular file"):
        load(tmp_path / "x.npy")


def test_replaced_at_equal_size_and_time(tmp_path: Path) -> None:
    root = put(tmp_path / "p", [np.full((4, 4), place, np.uint8) for place in range(2, 7)], "bmp")
    assert images_of(load(root))[0, 0, 0] == 2
    before = (root / "00.bmp").stat()
    Image.fromarray(np.full((4, 4), 99, np.uint8)).save(root / "new.bmp")
    (root / "new.bmp").replace(root / "00.bmp")
    os.utime(root / "00.bmp", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (root / "00.bmp").stat().st_size == before.st_size
    assert images_of(load(root))[0, 0, 0] == 99


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("cat", "dog"):
        put(tmp_path / "p" / kind, [np.zeros((4, 4), np.uint8)] * 3)
    scan = os.scandir

    def refusing(path: str) -> object:
        if str(path).endswith("dog"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(ValueError, match=r"the folder .*dog cannot be read: Permission denied"):
        load(tmp_path / "p")


def test_names_that_are_no_text(tmp_path: Path) -> None:
    root = put(tmp_path / "p", [np.zeros((4, 4), np.uint8)] * 4)
    (root / "00.png").rename(Path(os.fsdecode(os.fsencode(root) + b"/\xff\x1b[31m.png")))
    assert len(images_of(load(root))) == 4
    Path(os.fsdecode(os.fsencode(root) + b"/\xff\x1b[31m.png")).write_bytes(b"no")
    with pytest.raises(ValueError, match=r"\\udcff\\x1b\[31m\.png in .* cannot be decoded"):
        load(root)


def test_one_look(tmp_path: Path) -> None:
    put(tmp_path / "p", [np.full((4, 5, 3), 10 * i, np.uint8) for i in range(9)])
    assert load(tmp_path / "p").notes == (
        "9 RGB images of 4x5 pixels, uint8: values from 0 to 80 in 9 levels, of the range 0 to 255",
    )
    dark = put(tmp_path / "q", [np.full((4, 5), i, np.uint8) for i in range(9)])
    assert "the values fill 0.031 of the range: --range 0,8 spreads them" in load(dark).notes[1]
    assert len(load("digits").notes) == 1
    assert load("digits").notes[0].startswith("1,797 grey images of 8x8 pixels, uint8")
