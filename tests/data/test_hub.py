"""The hub through a stand-in for its library: tables that give rows and columns as the real ones do."""

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from remblai.data import load


class Table:
    """As `datasets.Dataset`: table[row] is a dictionary, table[name] a column."""

    def __init__(self, columns: dict[str, list[Any]], mark: str = "v1") -> None:
        self.columns, self._fingerprint = columns, mark
        self.features = {name: SimpleNamespace() for name in columns}
        if "image" in columns:
            self.features["image"] = type("Image", (SimpleNamespace,), {})()
        if "label" in columns:
            self.features["label"] = SimpleNamespace(names=["no", "yes"])

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, key: int | str) -> Any:
        return self.columns[key] if isinstance(key, str) else {name: of[key] for name, of in self.columns.items()}


def table(n: int, **others: list[Any]) -> Table:
    return Table({"image": [Image.fromarray(np.full((4, 5), i, np.uint8)) for i in range(n)], **others})


def served(monkeypatch: pytest.MonkeyPatch, tables: dict[str, Table] | Exception) -> None:
    module = ModuleType("datasets")

    def load_dataset(name: str) -> dict[str, Table]:
        assert name == "owner/name"
        if isinstance(tables, Exception):
            raise tables
        return tables

    module.load_dataset = load_dataset
    monkeypatch.setitem(sys.modules, "datasets", module)


def test_images_labels_and_splits(monkeypatch: pytest.MonkeyPatch) -> None:
    served(monkeypatch, {"train": table(20, label=[0, 1] * 10), "test": table(6, label=[0, 1] * 3)})
    for spec in ("hub:owner/name", "hub:owner/name:test"):
        data = load(spec)
        assert (data.name, data.shape, data.classes) == ("owner/name", (1, 4, 5), ["no", "yes"])
        assert (len(data.train), len(data.validation), len(data.test)) == (18, 2, 6)
        shown = data.units.restore(data.test[:])[:, 0, 0]
        assert np.array_equal(shown, data.test.index.numpy() - 20)
        assert torch.equal(data.test.labels, data.test.index % 2)
    assert load("hub:owner/name", size=3, channels=3).shape == (3, 3, 3)


def test_range(monkeypatch: pytest.MonkeyPatch) -> None:
    served(monkeypatch, {"train": table(20), "test": table(6)})
    data = load("hub:owner/name", range=(0, 25))
    assert data.units.limits == (0, 25)
    assert np.allclose(data.test[:][:, 0, 0, 0], (data.test.index.numpy() - 20) / 25)
    with pytest.raises(ValueError, match="values from 0 to 19, outside the range 0 10"):
        load("hub:owner/name", range=(0, 10))


def test_tables_in_memory() -> None:
    """The package itself, where it is installed: images, numbers, splits and labels."""
    datasets = pytest.importorskip("datasets")
    pictures = [Image.fromarray(np.full((4, 5), 2 * i, np.uint8)) for i in range(20)]
    of_images = datasets.Dataset.from_dict(
        {"image": pictures, "label": [0, 1] * 10},
        features=datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["no", "yes"])}),
    )
    data = load(of_images)
    assert (data.shape, data.classes) == ((1, 4, 5), ["no", "yes"])
    shown = data.units.restore(data.train[:])[:, 0, 0]
    assert np.array_equal(shown, 2 * data.train.index.numpy())
    assert torch.equal(data.train.labels, data.train.index % 2)
    parts = load(datasets.DatasetDict({"train": of_images, "test": of_images.select(range(4))}), range=(0, 40))
    assert (len(parts.test), parts.units.limits) == (4, (0, 40))
    numbers = datasets.Dataset.from_dict({"a": np.arange(20.0), "b": list(range(20)), "c": ["x"] * 20})
    found = load(numbers, columns=("b", "a"))
    assert found.units.columns == ("b", "a")
    assert np.allclose(found.units.restore(found.test[:])[:, 0], found.test.index)
    with pytest.raises(ValueError, match="column 'c' of the table: expected numbers"):
        load(numbers)
    with pytest.raises(ValueError, match="range is for images"):
        load(numbers, columns=("a",), range=(0, 1))


def test_one_split_of_any_name(monkeypatch: pytest.MonkeyPatch) -> None:
    served(monkeypatch, {"full": table(20)})
    data = load("hub:owner/name")
    assert (len(data.train), len(data.test), data.classes) == (16, 2, None)


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ({"a": table(3), "b": table(3)}, "has the splits a, b: expected train"),
        ({"train": Table({"text": ["a", "b"]})}, "has the columns text: expected one of images"),
        (FileNotFoundError("not on the hub"), "the hub does not give the data set 'owner/name': not on the hub"),
    ],
)
def test_refused(monkeypatch: pytest.MonkeyPatch, tables: Any, told: str) -> None:
    served(monkeypatch, tables)
    with pytest.raises(ValueError, match=told):
        load("hub:owner/name")


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ValueError, match=r"pip install 'remblai\[hub\]'"):
        load("hub:owner/name")


def test_a_column_of_text_called_image_is_none() -> None:
    datasets = pytest.importorskip("datasets")
    pictures = [Image.fromarray(np.full((4, 5), i, np.uint8)) for i in range(20)]
    features = datasets.Features({"image": datasets.Value("string"), "photo": datasets.Image()})
    rows = datasets.Dataset.from_dict({"image": ["x"] * 20, "photo": pictures}, features=features)
    assert load(rows).shape == (1, 4, 5)
