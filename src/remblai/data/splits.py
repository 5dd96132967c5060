"""From arrays, as they lie in a source, to a data set with its three splits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from remblai.data.dataset import SPLITS, Dataset, Split
from remblai.data.image_units import image_units
from remblai.data.layout import BYTES
from remblai.data.look import numbering_note, repeats_note, values_note
from remblai.data.mixed import Mixed
from remblai.data.mixing import permutation
from remblai.data.rows import Rows, chunks
from remblai.data.sources import source_of
from remblai.data.standardise import moments, standardise
from remblai.data.units import Units
from remblai.runtime.text import one_line

Positions = NDArray[np.int64]
WHOLE = "whole"
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "test": "test",
    "testing": "test",
}
"""What sources call the splits, in the names of folders, arrays and parts."""
MOST_HELD_OUT = 5000
IN_TRAINING = " in the training split"
"""What a note ends in that is no word about the other rows."""


@dataclass(frozen=True, eq=False)
class Part:
    """What a source itself keeps together: "train", "validation", "test", or "whole" where it has no splits.

    Args:
        array: images (n, c, h, w), a view of any strides, or points (n, d), of any number type.
        labels: (n,) whole numbers or text, for every row of `array`, or None.
        positions: the rows of `array` that belong to the part; None for all of them.
        limits: the values of images that become 0 and 1; None is 0 and 255.
        source: of standardised points these as the data have them, where they are kept.
    """

    array: NDArray[Any]
    labels: NDArray[Any] | None = None
    positions: Positions | None = None
    limits: tuple[float, float] | None = None
    source: NDArray[Any] | None = None


def arrange(parts: Mapping[str, Positions]) -> tuple[dict[str, tuple[str, Positions]], str]:
    """Which rows of which part make up each split, and a note that says so.

    A source without splits is cut 80/10/10. Parts that the source names are kept apart; a validation or test part that
    it lacks is taken from its train part, 10 % of it and at most 5,000. All by one fixed permutation, which is also the
    order of every split, so that the first rows of any split are a fair sample of it.

    Args:
        parts: "whole" alone, or "train" with "validation" and "test" or without; the positions of each.

    Raises:
        ValueError: an empty part, or parts without a train part.
    """
    shuffled = {name: positions[permutation(len(positions))] for name, positions in parts.items()}
    for name, positions in shuffled.items():
        if len(positions) == 0:
            raise ValueError(f"the {name} part of the data is empty: expected at least one sample")
    if WHOLE in shuffled:
        return _cut(shuffled[WHOLE])
    if "train" not in shuffled:
        raise ValueError(f"the data has the parts {', '.join(sorted(parts))} but no train part: expected one")
    train, splits, notes = shuffled["train"], {}, []
    for name in ("validation", "test"):
        if name in shuffled:
            splits[name] = (name, shuffled[name])
            continue
        n = min(MOST_HELD_OUT, round(0.1 * len(shuffled["train"])), len(train) - 1)
        splits[name], train = ("train", train[:n]), train[n:]
        notes.append(f"{name} is {n} samples of the source's train part, by a fixed permutation")
    kept = ", ".join(name for name in SPLITS if name in shuffled)
    kept = " and".join(kept.rsplit(",", 1))
    return {"train": ("train", train), **splits}, "; ".join([f"{kept} as the source keeps them", *notes])


def _cut(order: Positions) -> tuple[dict[str, tuple[str, Positions]], str]:
    n = len(order)
    held = max(1, round(0.1 * n)) if n > 2 else 0
    train, validation, test = order[: n - 2 * held], order[n - 2 * held : n - held], order[n - held :]
    note = f"80/10/10 by a fixed permutation: {len(train)} train, {len(validation)} validation, {len(test)} test"
    return {"train": (WHOLE, train), "validation": (WHOLE, validation), "test": (WHOLE, test)}, note


def _positions(parts: Mapping[str, Part]) -> dict[str, Positions]:
    return {
        name: np.arange(len(part.array)) if part.positions is None else part.positions for name, part in parts.items()
    }


def images(
    name: str,
    parts: Mapping[str, Part],
    classes: Sequence[str] | None = None,
    notes: Sequence[str] = (),
    layout: str | None = None,
    kind: np.dtype[Any] | None = None,
) -> Dataset:
    """A data set of images.

    Args:
        name: what a report calls it.
        parts: the source's parts, (n, c, h, w).
        classes: the names of the labels 0, 1, ...; None makes them of the labels found.
        notes: what else to say about the data.
        layout: the axes of the source: nhw, nhwc or nchw; None is nhw for grey images and nhwc for others.
        kind: the type of the source's numbers, where the arrays hold them in another.

    Raises:
        ValueError: parts of different shapes, images one pixel high or wide, an empty part, wrong labels.
    """
    shapes = {part: of.array.shape[1:] for part, of in parts.items()}
    if len(set(shapes.values())) > 1:
        raise ValueError(f"the parts of the data must hold images of one shape, got (c, h, w) = {_listed(shapes)}")
    c, h, w = next(iter(shapes.values()))
    if min(h, w) < 2:
        raise ValueError(f"images of {h}x{w} pixels: expected at least 2x2")
    first = parts.get("train") or next(iter(parts.values()))
    limits = first.limits or BYTES
    kind = first.array.dtype if kind is None else kind
    units = image_units((c, h, w), kind, limits, layout or ("nhw" if c == 1 else "nhwc"))
    alike = {id(of.array): of.array for of in parts.values() if of.array.dtype == first.array.dtype}
    found = _build(name, parts, units, classes)
    n = sum(len(positions) for positions in _positions(parts).values())
    look = values_note(n, list(alike.values()), limits, kind)
    return replace(found, notes=(*look, *(note for note in notes if note), *found.notes))


def points(
    name: str,
    parts: Mapping[str, Part],
    columns: Sequence[str] | None = None,
    notes: Sequence[str] = (),
    item: tuple[int, ...] | None = None,
    types: tuple[str, ...] | None = None,
    mixed: Mixed | None = None,
) -> Dataset:
    """A data set of points, standardised by its train split; a table of nothing but 0 and 1 is left as it is.

    Args:
        name: what a report calls it.
        parts: the source's parts, (n, d) finite numbers.
        columns: the names of the columns.
        notes: what to say about the data.
        item: the source's own shape of one sample, where that is no row.
        types: of the columns, where not all are of the parts' type.
        mixed: of a table with words, dates or gaps: how the columns are made of its own.

    Raises:
        ValueError: parts of different widths, no columns, an empty part, wrong labels.
    """
    widths = {part: of.array.shape[1:] for part, of in parts.items()}
    if len(set(widths.values())) > 1:
        raise ValueError(f"the parts of the data must have as many columns each, got {_listed(widths)}")
    if next(iter(widths.values())) == (0,):
        raise ValueError("the data has no columns: expected at least one")
    names = None if columns is None else tuple(columns)
    source, rows = arrange(_positions(parts))[0]["train"]
    bits = all(_are_bits(of.array) for of in parts.values())
    mean, deviation = (
        (np.zeros(widths[source]), np.ones(widths[source])) if bits else moments(parts[source].array, rows, names)
    )
    deviation = deviation if mixed is None or bits else mixed.shared(deviation)
    arrays = {id(of.array): of.array for of in parts.values()}  # parts may share one array
    shared = {key: standardise(array, mean, deviation, names) for key, array in arrays.items()}
    sources = {key: source_of(array) for key, array in arrays.items()}
    scaled = {
        part: Part(shared[id(of.array)], of.labels, of.positions, source=sources[id(of.array)])
        for part, of in parts.items()
    }
    kind = parts[source].array.dtype
    units = Units(
        (len(mean),),
        None,
        tuple(mean.tolist()),
        tuple(deviation.tolist()),
        names,
        dtype=None if kind == np.float64 else kind.name,
        item=item,
        types=types,
        mixed=mixed,
    )
    still = _constant_notes(parts, np.flatnonzero(deviation == 0), names)
    if names and WHOLE in parts and (numbered := numbering_note(parts[WHOLE].array, names)):
        still.append(numbered)
    found = _build(name, scaled, units, None)
    return replace(found, notes=(*notes, *still, *(() if bits else found.notes)))


def _constant_notes(parts: Mapping[str, Part], constant: Positions, names: tuple[str, ...] | None) -> list[str]:
    """What to say of columns that are constant in the training split, and perhaps in no other rows."""
    ends = [(of.array[:, constant].min(0), of.array[:, constant].max(0)) for of in parts.values()]
    everywhere = np.min([low for low, _ in ends], 0) == np.max([high for _, high in ends], 0)
    notes = []
    for words, chosen in (("", constant[everywhere]), (IN_TRAINING, constant[~everywhere])):
        called = ", ".join(names[i] if names else str(i) for i in chosen)
        notes += [f"columns of one value only{words}: {called}"] * bool(len(chosen))
    return notes


def _are_bits(array: NDArray[Any]) -> bool:
    return all(np.isin(array[part], (0, 1)).all() for part in chunks(len(array), 8 * array.shape[1]))


def _build(name: str, parts: Mapping[str, Part], units: Units, classes: Sequence[str] | None) -> Dataset:
    labels, found = encoded({part: of.labels for part, of in parts.items()}, classes)
    for part, of in parts.items():
        if of.labels is not None and len(of.labels) != len(of.array):
            raise ValueError(f"{len(of.labels)} labels for the {len(of.array)} samples of the {part} part")
    where, how = arrange(_positions(parts))
    shared: dict[int, Rows] = {}
    for of in parts.values():
        shared.setdefault(id(of.array), Rows(of.array, of.limits, of.source))

    def split(which: str) -> Split:
        source, positions = where[which]
        known = labels[source]
        chosen: Tensor | None = None if known is None else torch.from_numpy(known[positions])
        return Split(which, shared[id(parts[source].array)], torch.from_numpy(positions), chosen)

    again = repeats_note(parts[WHOLE].array, where["train"][1], where["test"][1]) if WHOLE in parts else ""
    notes = (again,) if again else ()
    return Dataset(name, units, split("train"), split("validation"), split("test"), found, how, notes=notes)


def encoded(
    labels: Mapping[str, NDArray[Any] | None], classes: Sequence[str] | None = None
) -> tuple[dict[str, NDArray[np.int64] | None], list[str] | None]:
    """Labels as 0, 1, ... over all parts, and the name of each.

    Args:
        labels: of each part, (n,) or (n, 1): whole numbers or text; None where the part has none.
        classes: the names of 0, 1, ..., when the labels are those already; None makes sorted names of the labels.

    Raises:
        ValueError: labels of another shape or type, or outside the classes.
    """
    given = {part: _checked(part, of) for part, of in labels.items() if of is not None}
    if not given:
        return dict.fromkeys(labels, None), None
    together = np.concatenate(list(given.values()))
    if classes is None:
        values, places = np.unique(together, return_inverse=True)
        names = [one_line(str(value)) for value in values.tolist()]
    else:
        places, names = together, list(classes)
        if together.dtype.kind not in "iu" or together.min() < 0 or together.max() >= len(names):
            raise ValueError(f"with {len(names)} classes, labels must be 0 to {len(names) - 1}")
    ends = np.cumsum([len(of) for of in given.values()])[:-1]
    cut = dict(zip(given, np.split(places.reshape(-1).astype(np.int64), ends), strict=True))
    return {part: cut.get(part) for part in labels}, names


def _checked(part: str, labels: NDArray[Any]) -> NDArray[Any]:
    flat = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if flat.ndim != 1:
        raise ValueError(f"labels of the {part} part must be one per sample, (n,), got {labels.shape}")
    if flat.dtype.kind == "f" and (flat == np.floor(flat)).all():
        flat = flat.astype(np.int64)
    if flat.dtype.kind == "S":
        flat = np.char.decode(flat, "utf-8")
    if flat.dtype.kind not in "iubU":
        raise ValueError(f"labels of the {part} part must be whole numbers or text, got {labels.dtype}: leave them out")
    return flat


def _listed(shapes: Mapping[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{part} {shape}" for part, shape in shapes.items())
