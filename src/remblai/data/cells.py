"""Rows of a table, or of points, as columns of cells."""

from typing import Any

from numpy.typing import NDArray
from torch import Tensor

from remblai.data.column_types import typed
from remblai.data.units import Units


def cells_of(x: Tensor, units: Units) -> dict[str, NDArray[Any]]:
    """Points x (n, ...) on the model's side as columns (n,) by name, those of a table as it had them."""
    values = units.whole(units.restore(x)).reshape(len(x), -1)
    if units.mixed is not None:
        return units.mixed.cells(values)
    names = units.columns or [f"value_{axis}" for axis in range(values.shape[1])]
    return dict(zip(names, typed(values, units.column_types), strict=True))
