"""CelebA on a small made-up copy of its layout."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from remblai.data import load


def made(root: Path, nested: bool, attributes: bool = True) -> Path:
    faces, lists, notes = ((root / name if nested else root) for name in ("Img", "Eval", "Anno"))
    for folder in (faces / "img_align_celeba", lists, notes):
        folder.mkdir(parents=True, exist_ok=True)
    names = [f"{i:06}.jpg" for i in range(1, 13)]
    for i, name in enumerate(names):
        array = np.zeros((218, 178, 3), np.uint8)
        array[39:179, 19:159] = 20 * i
        Image.fromarray(array).save(faces / "img_align_celeba" / name, quality=100, subsampling=0)
    codes = [0] * 7 + [1] * 2 + [2] * 3
    lines = [f"{name} {code}" for name, code in zip(names, codes, strict=True)]
    (lists / "list_eval_partition.txt").write_text("\n".join(lines) + "\n")
    if attributes:
        rows = [f"{name}  1 {1 if i % 2 else -1} -1" for i, name in enumerate(names)]
        (notes / "list_attr_celeba.txt").write_text("\n".join(["12", "Bald Smiling Young ", *rows]) + "\n")
    return root


@pytest.mark.parametrize("nested", [False, True])
def test_celeba(tmp_path: Path, nested: bool) -> None:
    data = load(made(tmp_path / "c", nested))
    assert (data.name, data.shape, data.classes) == ("celeba", (3, 64, 64), ["not smiling", "smiling"])
    assert (len(data.train), len(data.validation), len(data.test)) == (7, 2, 3)
    assert sorted(data.test.index.tolist()) == [9, 10, 11]
    for split in (data.train, data.validation, data.test):
        middle = split[:] * 255
        assert torch.allclose(middle[:, :, 8:-8, 8:-8], (20.0 * split.index)[:, None, None, None], atol=3)
        assert (
            middle - (20.0 * split.index)[:, None, None, None]
        ).abs().mean() < 2  # the 140 crop leaves no black edge
        assert torch.equal(split.labels, split.index % 2)


def test_options_and_no_attributes(tmp_path: Path) -> None:
    root = made(tmp_path / "c", False, attributes=False)
    data = load(root, size=32, channels=1)
    assert (data.shape, data.classes) == ((1, 32, 32), None)


def test_range(tmp_path: Path) -> None:
    root = made(tmp_path / "c", False)
    with pytest.raises(ValueError, match=r"values from 0 to .*, outside the range 0 128"):
        load(root, range=(0, 128))
    data = load(root, range=(-20, 280), max_pixels=178 * 218)
    assert data.units.limits == (-20, 280)
    expected = (20.0 * data.train.index + 20) / 300
    assert torch.allclose(data.train[:][:, :, 8:-8, 8:-8], expected[:, None, None, None], atol=0.02)
    with pytest.raises(ValueError, match="--max-pixels 38804 raises the limit"):
        load(root, max_pixels=100)


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("list_eval_partition.txt", "000001.jpg 0\n000002.jpg 7\n", "line 2: expected a file name and 0, 1 or 2"),
        (
            "list_eval_partition.txt",
            "000001.jpg 0\n999999.jpg 0\n",
            "999999.jpg in .* cannot be decoded: .*no such file.*--skip-broken",
        ),
        ("list_attr_celeba.txt", "12\nBald Young\n", "line 2: .*Smiling"),
        ("list_attr_celeba.txt", "12\nBald Smiling\n000001.jpg 1\n", "line 3: expected a file name and 2 times"),
        ("list_attr_celeba.txt", "12\nBald Smiling\n000001.jpg 1 -1\n", "no line for 000002.jpg"),
    ],
)
def test_lists_refused(tmp_path: Path, file: str, content: str, told: str) -> None:
    root = made(tmp_path / "c", False)
    (root / file).write_text(content)
    with pytest.raises(ValueError, match=told):
        load(root)
