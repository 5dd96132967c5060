"""The way between a data set's own units and what a model sees."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Units:
    """How one sample of a data set looks to people, so that a saved run can sample without its data.

    A model sees images as x (n, c, h, w) floats on the scale 0 to 1, people as uint8, (n, h, w) grey or (n, h, w, c).
    A model sees points as x (n, d), standardised by the training split: (value - mean) / deviation, column by column.
    Toys have no mean and no deviation: their points are what they are.

    Args:
        shape: of one sample as the model sees it, (c, h, w) or (d,).
        range: of the model's values: (0, 1) for images, None for points.
        mean: of each column, or None where nothing was standardised.
        deviation: of each column; 0 where the column is constant, which is restored as that constant.
        columns: the names of the columns, where the data has them.
    """

    shape: tuple[int, ...]
    range: tuple[float, float] | None = None
    mean: Numbers | None = None
    deviation: Numbers | None = None
    columns: tuple[str, ...] | None = None

    def restore(self, x: Tensor) -> NDArray[Any]:
        """From the model's side to the data's own range and layout.

        Args:
            x: (n, *shape) floats; images outside the range are clipped to it.

        Returns:
            uint8 images (n, h, w) or (n, h, w, c); points (n, d), in float64 where they were standardised.

        Raises:
            ValueError: x is not (n, *shape).
        """
        if tuple(x.shape[1:]) != self.shape:
            raise ValueError(f"expected samples of shape (n, {_join(self.shape)}), got {tuple(x.shape)}")
        x = x.detach().cpu()
        if self.range is not None:
            bytes_ = (x.to(torch.float32).clamp(0, 1) * 255).round().to(torch.uint8).numpy()
            return bytes_[:, 0] if self.shape[0] == 1 else np.ascontiguousarray(bytes_.transpose(0, 2, 3, 1))
        if self.mean is None or self.deviation is None:
            return x.to(torch.float32).numpy()
        restored: NDArray[np.float64] = x.to(torch.float64).numpy() * np.asarray(self.deviation) + np.asarray(self.mean)
        return restored

    def scale(self, array: NDArray[Any] | Tensor) -> Tensor:
        """From the data's own range and layout to the model's side: the inverse of `restore`.

        Args:
            array: images as uint8 (n, h, w) or (n, h, w, c), or as floats the way the model sees them, (n, c, h, w) on
                the scale 0 to 1; points (n, d) in the data's units.

        Raises:
            ValueError: another shape, type or range; NaN or infinite values.
        """
        given = array.detach().cpu().numpy() if isinstance(array, Tensor) else np.asarray(array)
        if given.dtype.kind not in "buif":
            raise ValueError(f"expected numbers, got an array of {given.dtype}")
        if self.range is not None:
            return self._images(given)
        if given.ndim != 2 or given.shape[1:] != self.shape:
            raise ValueError(f"expected points of shape (n, {_join(self.shape)}), got {given.shape}")
        points = given.astype(np.float64)
        if not np.isfinite(points).all():
            raise ValueError("the points hold NaN or infinite values: remove or replace them")
        if self.mean is not None and self.deviation is not None:
            points = standardised(points, np.asarray(self.mean), np.asarray(self.deviation))
        return torch.from_numpy(points.astype(np.float32))

    def _images(self, given: NDArray[Any]) -> Tensor:
        c, h, w = self.shape
        shown = (h, w) if c == 1 else (h, w, c)
        if given.dtype == np.uint8 and given.shape[1:] in {shown, (h, w, c)} and given.ndim > 1:
            planes = np.ascontiguousarray(given.reshape(-1, h, w, c).transpose(0, 3, 1, 2))
            return torch.from_numpy(planes.astype(np.float32)).div_(255.0)
        if given.dtype.kind == "f" and given.ndim == 4 and given.shape[1:] == self.shape:
            if given.size and not (given.min() >= 0 and given.max() <= 1):  # NaN fails both
                raise ValueError(
                    f"expected floats in [0, 1], got {given.min():g} to {given.max():g}; or pass uint8 images"
                )
            return torch.from_numpy(given.astype(np.float32))
        raise ValueError(
            f"expected images as uint8 (n, {_join(shown)}) in 0..255 or floats (n, {c}, {h}, {w}) in [0, 1], "
            f"got {given.dtype} {given.shape}"
        )

    def to_json(self) -> dict[str, Any]:
        """A dictionary of plain JSON values; `from_json` reads it back to an equal object."""
        return {
            "shape": list(self.shape),
            "range": _list(self.range),
            "mean": _list(self.mean),
            "deviation": _list(self.deviation),
            "columns": _list(self.columns),
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> "Units":
        """The units that `to_json` wrote.

        Raises:
            ValueError: the dictionary is not one that `to_json` wrote.
        """
        if not isinstance(saved.get("shape"), list):
            raise ValueError(f"expected units with shape, range, mean, deviation and columns, got {sorted(saved)}")
        found = {name: None if saved.get(name) is None else tuple(saved[name]) for name in cls.__dataclass_fields__}
        limits = found["range"]
        return cls(
            tuple(saved["shape"]),
            None if limits is None else (limits[0], limits[1]),
            found["mean"],
            found["deviation"],
            found["columns"],
        )


def standardised(
    points: NDArray[np.float64], mean: NDArray[np.float64], deviation: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(points - mean) / deviation, where a constant column, of deviation 0, is only shifted."""
    return (points - mean) / np.where(deviation == 0, 1.0, deviation)


def _join(shape: tuple[int, ...]) -> str:
    return ", ".join(str(size) for size in shape)


def _list(value: tuple[Any, ...] | None) -> list[Any] | None:
    return None if value is None else list(value)
