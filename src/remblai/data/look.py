"""One look at what was loaded, in sentences: the kind, the values and what of the data is not used."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from remblai.config.convert import quoted
from remblai.data.layout import Limits
from remblai.data.rows import spread
from remblai.runtime.text import one_line

SMALL_SHARE = 0.3
"""Values that fill less of their range than this are pointed out."""
LOOKED_AT, MOST_LOOKED_AT = 2**26, 2**18
"""Bytes and rows of data in which repeated rows are looked for, at most."""
NUMBERED = 20
"""Rows, at least, in which values that rise from each to the next are no chance."""
COLOURS = {1: "grey", 2: "grey with alpha", 3: "RGB", 4: "RGBA"}
UNPACK = "Unpack it, and pass the folder or the file in it"
REMEDIES = {
    **dict.fromkeys((".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".7z", ".rar", ".xz", ".bz2"), UNPACK),
    **dict.fromkeys((".xlsx", ".xls", ".ods"), "Save the sheet as .csv"),
    **dict.fromkeys(
        (".json", ".jsonl", ".feather", ".arrow"), "Read it with pandas, and pass the data frame or a .parquet"
    ),
}
"""The end of a file's name -> what makes data of it, for kinds that are not read."""
REPEATED = "test rows are equal to training rows: figures of held-out data flatter a model that copies"
"""What a note says of splits that share rows."""


def remedy(path: Path) -> str:
    """What makes data of a file of a kind that is not read, in a sentence after a point; or nothing."""
    return next((f". {words}" for ending, words in REMEDIES.items() if path.name.lower().endswith(ending)), "")


def values_note(n: int, arrays: Sequence[NDArray[Any]], limits: Limits, type_: np.dtype[Any]) -> list[str]:
    """What images are, and which of their range they use.

    Args:
        n: how many images there are.
        arrays: (m, c, h, w), of one type; of more than 64 MiB a part is looked at.
        limits: the values that the model sees as 0 and 1.
        type_: of the source's numbers.
    """
    c, h, w = arrays[0].shape[1:]
    parts = [spread(array) for array in arrays]
    whole, looked = sum(map(len, arrays)), sum(map(len, parts))
    lowest = min(float(part.min()) for part in parts)
    highest = max(float(part.max()) for part in parts)
    low, high = limits
    kind = COLOURS.get(c, f"{c}-channel")
    some = "" if looked == whole else f" of {looked:,} of them"
    notes = [
        f"{n:,} {kind} images of {h}x{w} pixels, {type_.name}: values{some} from {lowest:.4g} to {highest:.4g}"
        f"{_levels(parts)}, of the range {low:g} to {high:g}"
    ]
    share = (highest - lowest) / (high - low)
    if 0 < share < SMALL_SHARE:
        notes.append(
            f"the values fill {share:.2g} of the range: --range {lowest:g},{highest:g} spreads them over all of it"
        )
    return notes


def range_note(name: str, own: Limits, taken: Limits) -> str:
    """What to say of images that alone would be taken for those of another range: their black may be another value.

    Args:
        name: of the data.
        own: the range that they would be read on alone.
        taken: the range that they are read on, of the data of a run.
    """
    (own_low, own_high), (low, high) = own, taken
    return (
        f"data {name}: its values, which alone would be read on the range {own_low:g} to {own_high:g}, are taken as "
        f"part of the range {low:g} to {high:g} that the run was trained on: pass --range {own_low:g},{own_high:g} if "
        "that is theirs"
    )


def _levels(parts: Sequence[NDArray[Any]]) -> str:
    """How many different values whole numbers of at most 16 bits take."""
    kind = parts[0].dtype
    if kind.kind not in "ui" or kind.itemsize > 2:
        return ""
    low = int(np.iinfo(kind).min)
    counts = np.zeros(1 << (8 * kind.itemsize), np.int64)
    for part in parts:
        values = np.unique(part)
        counts[values.astype(np.int64) - low] = 1
    return f" in {int(counts.sum()):,} levels"


def repeats_note(rows: NDArray[Any], train: NDArray[np.int64], test: NDArray[np.int64]) -> str:
    """How many test rows are training rows too, in words; "" where none is, or the data are too many to look at.

    Args:
        rows: of the data.
        train: which of them are trained on.
        test: which of them are held out.
    """
    if rows.nbytes > LOOKED_AT or len(rows) > MOST_LOOKED_AT or len(train) == 0:
        return ""
    known = {rows[place].tobytes() for place in train}
    again = sum(rows[place].tobytes() in known for place in test)
    return f"{again:,} of {len(test):,} {REPEATED}. Leave repeated rows out" * bool(again)


def numbering_note(table: NDArray[Any], names: Sequence[str]) -> str:
    """Which columns look like row numbers or times, in words; "" where none does.

    Args:
        table: (n, d), in the order of the source.
        names: of the columns.
    """
    if len(table) < NUMBERED or len(names) < 2:
        return ""
    # most columns are told apart by their first rows
    rising = [place for place in range(len(names)) if _numbers_rows(table[:NUMBERED, place])]
    found = ",".join(quoted(names[place]) for place in rising if _numbers_rows(table[:, place]))
    words = "columns whose values rise from each row to the next, as row numbers and times do"
    return f"{words}: {found}. Leave out with --exclude what a model is not to learn" * bool(found)


def _numbers_rows(column: NDArray[Any]) -> bool:
    return bool((np.diff(column) > 0).all() and (column == np.round(column)).all())


def left_out(names: Sequence[str], hints: dict[str, str]) -> str:
    """Files that are not read, counted by kind.

    Args:
        names: of the files.
        hints: suffix -> what would read such files.
    """
    if not names:
        return ""
    counts = Counter(Path(name).suffix.lower() or "without a suffix" for name in names)
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:5]
    kinds = [f"{count} {kind}{f' ({hints[kind]})' if kind in hints else ''}" for kind, count in most]
    rest = sum(counts.values()) - sum(count for _, count in most)
    return one_line(f"files left out: {', '.join(kinds)}{f', {rest} others' if rest else ''}")
