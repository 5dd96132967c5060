"""The way between a data set's own units and what a model sees."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from remblai.data.collect import as_array
from remblai.data.column_types import rounded
from remblai.data.frames import FrameForm, frame_like, frame_of_cells, is_frame, numpy_type
from remblai.data.given_images import images_scaled
from remblai.data.layout import BYTES, cast, to_layout
from remblai.data.mixed import Mixed
from remblai.data.normal_scores import NormalScores
from remblai.data.pretrained import Pretrained
from remblai.data.raw import raw_table
from remblai.data.standardise import by_channel, standardised
from remblai.networks.shapes import CodeShape

Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Units:
    """How one sample of a data set looks to people, so that a saved run can sample without its data.

    A model sees images as x (n, c, h, w) floats on the scale 0 to 1: x = (value - low) / (high - low) for `limits` =
    (low, high). A model sees points as x (n, d), standardised by the training split: (value - mean) / deviation,
    column by column. Toys have no mean and no deviation: their points are what they are. A model of the codes of a
    pretrained auto-encoder sees z (n, k, h', w'), standardised channel by channel; people see the pictures. A model of
    normal scores sees these in place of standardised columns; people see the standardised ones.

    Args:
        shape: of one sample as the model sees it, (c, h, w) or (d,).
        range: of the model's values: (0, 1) for images, None for points.
        mean: of each column, or channel of codes, or None where nothing was standardised.
        deviation: of each column or channel; 0 where the column is constant, which is restored as that constant.
        columns: the names of the columns, where the data has them.
        dtype: of the data; None is uint8 for images, float64 for standardised points and float32 for toys.
        limits: the values of images that the model sees as 0 and 1; None is 0 and 255.
        layout: the axes of images: nhw, nhwc or nchw; None is nhw for grey images and nhwc for others.
        item: the data's own shape of one sample, where arrays of another rank became points: (a, b), or () of numbers.
        frame: of points that came as a data frame: how it looks.
        types: of the columns of a table in a file: the type of the numbers of each, where not all are float64.
        mixed: of a table with words, dates or gaps: its own columns, of which `columns` are made.
        scores: of columns that the model sees as normal scores.
        codes: the auto-encoder of codes of pictures; dtype, limits and layout are then those of the pictures.
    """

    shape: tuple[int, ...]
    range: tuple[float, float] | None = None
    mean: Numbers | None = None
    deviation: Numbers | None = None
    columns: tuple[str, ...] | None = None
    dtype: str | None = None
    limits: tuple[float, float] | None = None
    layout: str | None = None
    item: tuple[int, ...] | None = None
    frame: FrameForm | None = None
    types: tuple[str, ...] | None = None
    codes: Pretrained | None = None
    mixed: Mixed | None = None
    scores: NormalScores | None = None

    @property
    def visible(self) -> "Units":
        """The units of what people look at: pictures for codes, standardised columns for scores, else these units."""
        if self.codes is None:
            return self if self.scores is None else replace(self, scores=None)
        return replace(self, shape=self.codes.shape, mean=None, deviation=None, codes=None)

    def seen(self, x: Tensor) -> Tensor:
        """The model's x in the units of `visible`: of codes pictures (n, c, h, w) on the scale 0 to 1."""
        if self.scores is not None:
            return torch.from_numpy(self._standardised(self.values(x.detach().cpu())).astype(np.float32))
        if self.codes is None:
            return x
        z = x.detach().cpu().to(torch.float64) * self._channels(self.deviation) + self._channels(self.mean)
        return self.codes.decode(z.to(torch.float32))

    def coded(self, pictures: Tensor) -> Tensor:
        """The inverse of `seen`, up to what the auto-encoder loses."""
        if self.codes is None:
            return pictures
        z = self.codes.encode(pictures).numpy().astype(np.float64)
        mean, deviation = self._channels(self.mean).numpy(), self._channels(self.deviation).numpy()
        return torch.from_numpy(standardised(z, mean, deviation).astype(np.float32))

    @property
    def exact(self) -> "Units":
        """These units with columns that are constant in the training split only shifted, and scores without ends.

        `restore` then undoes `scale` for every row of data, also for one that differs from that constant or lies
        beyond the training split; of what a model makes the plain units restore the constant, and the nearest end.
        """
        scores = None if self.scores is None else replace(self.scores, bounded=False)
        deviation = None if self.deviation is None else tuple(one or 1.0 for one in self.deviation)
        return replace(self, deviation=deviation, scores=scores)

    @staticmethod
    def _channels(numbers: Numbers | None) -> Tensor:
        return torch.from_numpy(by_channel(np.asarray(numbers, np.float64)))

    @property
    def axes(self) -> str:
        """The layout of images: nhw, nhwc or nchw."""
        return self.layout or ("nhw" if self.visible.shape[0] == 1 else "nhwc")

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """The data's own shape of one point."""
        return self.shape if self.item is None else self.item

    @property
    def kind(self) -> np.dtype[Any]:
        """The type of the data's numbers."""
        standard = "uint8" if self.range else "float32" if self.mean is None else "float64"
        return np.dtype(self.dtype or standard)

    @property
    def column_types(self) -> list[np.dtype[Any]] | None:
        """The type of each column of a table; None where all have the type of the data's numbers."""
        if self.mixed is not None:
            return None
        names = self.types if self.frame is None else self.frame.types
        return None if names is None else [numpy_type(name) for name in names]

    @property
    def names(self) -> tuple[str, ...] | None:
        """The names of the data's own columns: of a table with words those of the table, not those for each word."""
        return self.columns if self.mixed is None else self.mixed.names

    def restore(self, x: Tensor) -> NDArray[Any]:
        """From the model's side to the data's own type, range and layout.

        Args:
            x: (n, *shape) floats; images outside the range are clipped to it.

        Returns:
            images (n, h, w), (n, h, w, c) or (n, c, h, w) or points (n, d), as the data has them; data of whole
            numbers are rounded.

        Raises:
            ValueError: x is not (n, *shape).
        """
        if tuple(x.shape[1:]) != self.shape:
            raise ValueError(f"expected samples of shape (n, {_join(self.shape)}), got {tuple(x.shape)}")
        if self.codes is not None:
            return self.visible.restore(self.seen(x))
        x = x.detach().cpu()
        if self.range is not None:
            low, high = self.limits or BYTES
            exact = torch.float32 if self.kind.itemsize == 1 else torch.float64
            values = (x.to(exact).clamp(0, 1) * (high - low) + low).numpy()
            return to_layout(cast(values, self.kind), self.axes)
        return cast(self.values(x), self.kind).reshape(len(x), *self.sample_shape)

    def values(self, x: Tensor) -> NDArray[Any]:
        """Points x (n, d) of the model in the data's units, neither rounded nor in their type or shape."""
        if self.mean is None or self.deviation is None:
            return x.to(torch.float32).numpy()
        seen = x.to(torch.float64).numpy()
        values: NDArray[np.float64] = seen * np.asarray(self.deviation) + np.asarray(self.mean)
        if self.scores is not None:
            columns = list(self.scores.columns)
            values[:, columns] = self.scores.back(seen[:, columns])
        return values

    def _standardised(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        return standardised(points, np.asarray(self.mean), np.asarray(self.deviation))

    def give(self, x: Tensor, like: Any = None) -> Any:
        """As `restore`, with whole numbers in columns of such, or as a data frame where the data or `like` is one.

        Args:
            x: see `restore`.
            like: what was passed in, which decides: a frame's library, types, order of columns and index come back, an
                array gives an array. None gives what the model was trained on.

        Raises:
            ValueError: see `restore`; the frame's library is not installed.
        """
        values = self.restore(x)
        if like is not None and not is_frame(like):
            return values
        values = self.whole(values)
        if self.mixed is not None:
            return frame_of_cells(self.frame if like is None else like, self.mixed.cells(values))
        if like is not None:
            return frame_like(like, values, self.columns)
        return values if self.frame is None else self.frame.frame(values)

    def given(self, x: Tensor) -> Tensor:
        """What the model sees of x once people were given it: whole numbers rounded, one word for each cell."""
        if self.mixed is None and self.column_types is None and self.scores is None:
            return x
        return replace(self, frame=None).scale(self.whole(self.restore(x)))

    def whole(self, values: NDArray[Any]) -> NDArray[Any]:
        """The values (n, d) of a table with whole numbers and decimal places as it has, one word a cell."""
        if self.scores is not None:
            values = self.scores.rounded(values.reshape(len(values), -1)).reshape(values.shape)
        return rounded(values, self.column_types) if self.mixed is None else self.mixed.snapped(values)

    def display(self, x: Tensor) -> NDArray[np.uint8]:
        """Images as people look at them, whatever the type of the data: uint8 (n, h, w) or (n, h, w, c).

        Args:
            x: (n, c, h, w) floats on the scale 0 to 1, clipped to it, or codes of them.
        """
        shown: NDArray[np.uint8] = Units(self.visible.shape, (0.0, 1.0)).restore(self.seen(x))
        return shown

    def scale(self, data: Any) -> Tensor:
        """From the data's own type, range and layout to the model's side: the inverse of `restore`.

        Args:
            data: an array, a tensor, a list or a data frame. Images in the data's layout, or in another that the shape
                shows, of the data's values; where the data is bytes also floats on the scale 0 to 1, and where it is
                floats also bytes 0 to 255. Points (n, d) in the data's units, the columns of a frame in any order.

        Raises:
            ValueError: another shape, type or range; NaN or infinite values; a column that is missing.
        """
        if self.codes is not None:
            return self.coded(self.visible.scale(data))
        given = self._mixed_numbers(data) if self.mixed is not None else as_array(data, self.columns)
        if given.dtype.kind not in "buif":
            raise ValueError(f"expected numbers, got an array of {given.dtype}")
        if self.range is not None:
            return images_scaled(given, self.shape, self.limits or BYTES, self.kind, self.axes)
        expected = self.sample_shape
        if given.ndim != 1 + len(expected) or given.shape[1:] not in (expected, self.shape):
            one = ": it is one point, pass x[None]" if given.shape in (expected, self.shape) else ""
            raise ValueError(f"expected points of shape (n, {_join(expected)}), got {given.shape}{one}")
        points = given.astype(np.float64).reshape(len(given), *self.shape)
        if not np.isfinite(points).all():
            raise ValueError("the points hold NaN or infinite values: remove or replace them")
        x = points if self.mean is None else self._standardised(points)
        if self.scores is not None:
            x[:, list(self.scores.columns)] = self.scores.of(points)
        return torch.from_numpy(x.astype(np.float32))

    def _mixed_numbers(self, data: Any) -> NDArray[Any]:
        assert self.mixed is not None
        return self.mixed.numbers(raw_table(data, self.mixed.names, text=True)) if is_frame(data) else as_array(data)

    def to_json(self) -> dict[str, Any]:
        """A dictionary of plain JSON values; `from_json` reads it back to an equal object."""
        found = {name: getattr(self, name) for name in self.__dataclass_fields__}
        found["frame"] = None if self.frame is None else vars(self.frame)
        found["mixed"] = None if self.mixed is None else self.mixed.to_json()
        found["codes"] = None if self.codes is None else vars(self.codes)
        found["scores"] = None if self.scores is None else self.scores.to_json()
        return {name: _plain(value) for name, value in found.items()}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> "Units":
        """The units that `to_json` wrote, here or in version 0.1, whose images were all bytes.

        Raises:
            ValueError: the dictionary is not one that `to_json` wrote.
        """
        halved = (saved.get("mean") is None) != (saved.get("deviation") is None)
        if halved or not isinstance(saved.get("shape"), list):
            raise ValueError(f"expected units with shape, range, mean, deviation and columns, got {sorted(saved)}")
        found: dict[str, Any] = {name: saved.get(name) for name in cls.__dataclass_fields__}
        plain: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in found.items()}
        if plain["frame"] is not None:
            plain["frame"] = FrameForm.from_json(plain["frame"])
        if plain["mixed"] is not None:
            plain["mixed"] = Mixed.from_json(saved["mixed"])
            if plain["columns"] != plain["mixed"].columns or plain["shape"] != (len(plain["columns"]),):
                raise ValueError(f"expected columns {plain['mixed'].columns}, as of the table, got {plain['columns']}")
        if plain["codes"] is not None:
            plain |= {"codes": Pretrained.from_json(plain["codes"]), "shape": CodeShape(plain["shape"])}
        if plain["scores"] is not None:
            plain["scores"] = NormalScores.from_json(plain["scores"])
        units = cls(**plain)
        if units.dtype is not None and np.dtype(units.dtype).kind not in "buif":
            raise ValueError(f"expected units whose dtype is a type of numbers, got {units.dtype!r}")
        _ = units.column_types  # refuses names of no types
        return units


def _join(shape: tuple[int, ...]) -> str:
    return ", ".join(str(size) for size in shape)


def _plain(value: Any) -> Any:
    """Lists for tuples, as JSON has them."""
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return list(value) if isinstance(value, tuple) else value
