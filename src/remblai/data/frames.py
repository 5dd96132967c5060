"""Data frames of pandas and polars, to arrays and back; neither package is imported before one is given or wanted."""

import contextlib
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remblai.data.chosen import chosen_columns
from remblai.data.frame_cells import as_levels, as_text, in_zone, levels_of, nullable, with_gaps
from remblai.data.layout import cast
from remblai.runtime.text import one_line

LIBRARIES = ("pandas", "polars")
FLOAT = {"pandas": "float64", "polars": "Float64"}
POLARS = ("Boolean", "Categorical", "Date", "String")
"""Types of polars that are no numbers, which columns get back."""


@dataclass(frozen=True)
class FrameForm:
    """How a data frame looks, so that points can become such a frame again.

    Args:
        library: pandas or polars.
        labels: of the columns, as the frame has them: text or whole numbers.
        types: the name of the type of each column, as the library calls it.
        levels: of columns of categories, by name as text, what `levels_of` says.
    """

    library: str
    labels: tuple[str | int, ...]
    types: tuple[str, ...]
    levels: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, frame: Any, names: Sequence[str]) -> "FrameForm | None":
        """The form of these columns of a frame; None for a frame of another library.

        Args:
            frame: the frame.
            names: of its columns, as text.
        """
        library = type(frame).__module__.partition(".")[0]
        if library not in LIBRARIES:
            return None
        by_name = _labels(frame)
        labels = [by_name[name] for name in names]
        types = [_type(frame[label], FLOAT[library]) for label in labels]
        plain = [int(label) if isinstance(label, int | np.integer) else str(label) for label in labels]
        return cls(library, tuple(plain), tuple(types))

    @classmethod
    def of_cells(cls, frame: Any, names: Sequence[str]) -> "FrameForm":
        """The form of these columns of a frame, some of which are no numbers."""
        by_name = _labels(frame)
        labels = [int(one) if isinstance(one, int | np.integer) else str(one) for one in map(by_name.get, names)]
        library = type(frame).__module__.partition(".")[0]
        kinds = [str(frame[by_name[name]].dtype) for name in names]
        levels = {name: known for name in names if (known := levels_of(frame[by_name[name]])) is not None}
        return cls(library if library in LIBRARIES else "pandas", tuple(labels), tuple(kinds), levels)

    @classmethod
    def from_json(cls, saved: Any) -> "FrameForm":
        """The form that `vars` wrote.

        Raises:
            ValueError: it is not one.
        """
        match saved:
            case {"library": str(library), "labels": list(labels), "types": list(types)} if library in LIBRARIES:
                return cls(library, tuple(labels), tuple(map(str, types)), saved.get("levels") or {})
        raise ValueError(f"expected a data frame's library, labels and types, got {saved!r}")

    def frame(self, values: NDArray[Any], index: Any = None) -> Any:
        """The rows as a frame of this form, whole numbers rounded.

        Args:
            values: (n, d).
            index: of the rows, where the library is pandas.

        Raises:
            ValueError: the library is not installed.
        """
        module = self._module()
        columns = {
            label: cast(values[:, place], numpy_type(name))
            for place, (label, name) in enumerate(zip(self.labels, self.types, strict=True))
        }
        if self.library == "polars":
            series = [module.Series(str(label), of) for label, of in columns.items()]
            return module.DataFrame(
                [one.cast(getattr(module, name)) for one, name in zip(series, self.types, strict=True)]
            )
        return module.DataFrame(columns, index=index).astype(dict(zip(self.labels, self.types, strict=True)))

    def frame_of_cells(self, cells: Mapping[str, NDArray[Any]], index: Any = None) -> Any:
        """The cells of a table, some of them words, dates or None for a gap, as a frame of this form.

        Args:
            cells: by the name of their column, as text.
            index: of the rows, where the library is pandas.

        Raises:
            ValueError: the library is not installed.
        """
        module = self._module()
        columns: dict[Any, Any] = {}
        kinds: list[Any] = []
        for label, name in zip(self.labels, self.types, strict=True):
            own, levels = as_text(cells[one_line(str(label))], name), self.levels.get(one_line(str(label)))
            if levels is None:
                columns[label], kind = with_gaps(own), name
            else:
                columns[label], values = as_levels(own, levels["values"])
                kind = self._of_levels(module, values, levels["ordered"])
            kinds.append(kind)
        if self.library == "polars":
            series = [
                module.Series(str(label), of.tolist() if of.dtype.kind == "O" else of, nan_to_null=True)
                for label, of in columns.items()
            ]
            return module.DataFrame([_of_kind(module, one, kind) for one, kind in zip(series, kinds, strict=True)])
        for label, name in zip(self.labels, self.types, strict=True):
            if name.startswith("datetime64[") and "," in name:  # with a zone: the cells are in UTC
                columns[label] = module.Series(columns[label], index=index).dt.tz_localize("UTC")
        found = module.DataFrame(columns, index=index)
        of = dict(zip(self.labels, kinds, strict=True))
        return found.astype({label: nullable(kind, found[label]) for label, kind in of.items() if kind})

    def _of_levels(self, module: Any, values: Sequence[Any], ordered: bool) -> Any:
        """The library's type of these categories."""
        return module.Enum(values) if self.library == "polars" else module.CategoricalDtype(values, ordered)

    def _module(self) -> Any:
        try:
            return importlib.import_module(self.library)
        except ImportError as error:
            raise ValueError(
                f"samples of this table are a frame of {self.library}, which is not installed: pip install "
                f"{self.library}, or write samples to a file with `remblai sample`"
            ) from error


def _of_kind(module: Any, series: Any, kind: Any) -> Any:
    """A series of polars in a type of it, or in that of this name, where it has one of cells."""
    if not isinstance(kind, str):
        return series.cast(kind)
    return series.cast(getattr(module, kind)) if kind in POLARS or _is_numeric(kind) else in_zone(series, kind)


def _is_numeric(name: str) -> bool:
    try:
        numpy_type(name)
    except ValueError:
        return False
    return True


def frame_of_cells(form: "FrameForm | Any", cells: Mapping[str, NDArray[Any]]) -> Any:
    """The cells of a table as a frame of a form, or like another frame.

    Args:
        form: the form; or a frame, whose library, types, order of columns and, of as many rows, index it gets.
        cells: by the name of their column, as text.

    Raises:
        ValueError: the library is not installed.
    """
    if isinstance(form, FrameForm):
        return form.frame_of_cells(cells)
    known = FrameForm.of_cells(form, [name for name in column_names(form) if name in cells])
    rows = len(next(iter(cells.values())))
    return known.frame_of_cells(cells, form.index if known.library == "pandas" and len(form) == rows else None)


def numpy_type(name: str) -> np.dtype[Any]:
    """The type of numbers that a type of a frame's column holds: Int64, UInt8, boolean, double[pyarrow] and the like.

    Raises:
        ValueError: it holds no numbers of a numpy type.
    """
    base = name.lower().partition("[")[0]
    try:
        kind = np.dtype("bool" if base == "boolean" else base)
    except TypeError as error:
        raise ValueError(f"expected the name of a type of numbers, got {name!r}") from error
    if kind.kind not in "buif":
        raise ValueError(f"expected the name of a type of numbers, got {name!r}")
    return kind


def is_frame(data: Any) -> bool:
    """Whether it is a data frame."""
    return hasattr(data, "columns") and hasattr(data, "to_numpy") and type(data).__name__ == "DataFrame"


def frame_array(frame: Any, columns: Sequence[str] | None = None) -> NDArray[Any]:
    """The columns of a data frame as (n, d).

    Raises:
        ValueError: a column that is missing, holds no numbers or has gaps.
    """
    by_name = _labels(frame)
    parts = []
    for name in chosen_columns(list(by_name), columns, "the data frame"):
        column = np.asarray(frame[by_name[name]].to_numpy())
        with contextlib.suppress(TypeError, ValueError):  # what is no number is refused below
            column = column.astype(np.float64) if column.dtype.kind == "O" else column
        if column.dtype.kind not in "buif":
            raise ValueError(
                f"column {name!r} of the data frame holds {column.dtype}: expected numbers. Choose others with columns"
            )
        parts.append(column)
    return np.stack(parts, 1) if parts else np.empty((len(frame), 0))


def frame_like(frame: Any, values: NDArray[Any], names: Sequence[str] | None) -> Any:
    """Rows as a frame like another: its library, its types, the order of its columns and, of as many rows, its index.

    Args:
        frame: the other.
        values: (n, d).
        names: of the columns of `values`; None is those of the frame.
    """
    present = column_names(frame)
    names = present if names is None else list(names)
    order = [name for name in present if name in names]
    form = FrameForm.of(frame, order)
    if form is None:
        return values
    index = frame.index if form.library == "pandas" and len(frame) == len(values) else None
    return form.frame(values[:, [names.index(name) for name in order]], index)


def column_names(frame: Any) -> list[str]:
    """The names of a frame's columns as text, which a terminal may show.

    Raises:
        ValueError: two columns of one name.
    """
    return list(_labels(frame))


def categories(frame: Any) -> list[str]:
    """The names of a frame's columns of categories."""
    kinds = {name: str(frame[label].dtype).partition("(")[0].lower() for name, label in _labels(frame).items()}
    return [name for name, kind in kinds.items() if kind in ("category", "categorical", "enum")]


def column(frame: Any, name: str) -> Any:
    """The values of one column, by its name as `column_names` has it."""
    return frame[_labels(frame)[name]].to_numpy()


def _labels(frame: Any) -> dict[str, Any]:
    """Name as text -> label as the frame has it."""
    labels = {one_line(str(label)): label for label in frame.columns}
    if len(labels) < len(frame.columns):
        raise ValueError(f"the data frame has two columns of one name, among {', '.join(labels)}: rename one")
    return labels


def _type(column: Any, otherwise: str) -> str:
    """The name of a column's type, or of floats where its numbers are read as such."""
    name = str(column.dtype)
    return name if _is_numeric(name) else otherwise
