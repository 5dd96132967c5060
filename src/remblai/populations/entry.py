"""Drift between two data sets: is it the same population, where did it move, and could these sizes have seen it."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from remblai.config.registry import Choice
from remblai.distances.validation import number
from remblai.populations.battery import Decision, decide
from remblai.populations.dependence import Dependence, dependences
from remblai.populations.forms import with_form_notes
from remblai.populations.given import Given, check_given, drift_given
from remblai.populations.identifiers import without_identifiers
from remblai.populations.moved import Moved, moved
from remblai.populations.reading import Read, read
from remblai.populations.shifts import Shift, shifts
from remblai.populations.text import HEADS, cells, lines, verdict
from remblai.runtime.notebook import table
from remblai.runtime.text import printable
from remblai.runtime.timing import timed
from remblai.statistics.power import LEVEL
from remblai.statistics.splits import Splits

PERMUTATIONS = 999
LEAST = 19
"""Permutations, at least: the least p-value is then 0.05."""


@dataclass(frozen=True, eq=False, repr=False)
class Drift:
    """What differs between two data sets. It prints as the command `drift` does.

    Attributes:
        data: what was compared.
        p_value: of one population, from columns and joint statistics together; equal populations have one of at most
            the level in the share `level` of pairs.
        p_joint: by the joint statistics alone.
        joint_rows: rows behind these.
        permutations: random splits.
        shifts: of the columns, the least p-value first.
        dependences: the pairs of columns whose correlation differs, the largest change first; () where the two are not
            told apart.
        moved: the optimal plan between the two.
        given: drift within a column; None where none was given.
        seconds: that it took.
        level: of false alarms.
        tolerance: what a column may move by; None where nothing was said.
    """

    data: Read
    p_value: float
    p_joint: float
    joint_rows: int
    permutations: int
    shifts: tuple[Shift, ...]
    dependences: tuple[Dependence, ...]
    moved: Moved
    given: Given | None
    seconds: float
    level: float = LEVEL
    tolerance: float | None = None

    @property
    def drifted(self) -> bool:
        """Whether the two are called different populations, at the level."""
        return self.p_value <= self.level

    @property
    def columns(self) -> list[str]:
        """The names of the columns that differ by themselves, at the level for all columns; none of one population."""
        return [] if not self.drifted else [one.name for one in self.shifts if one.p_corrected <= self.level]

    @property
    def beyond(self) -> list[str]:
        """The names of the columns that are sure to have moved by more than the tolerance, all together at the level.

        A column of numbers moves by W1 in standard deviations of the first table or by its share of gaps, one of
        categories by its total variation. Without a tolerance they are those of `columns`.
        """
        if self.tolerance is None or not self.drifted:
            return self.columns
        return [one.name for one in self.shifts if max(one.at_least, one.missing_at_least) > self.tolerance]

    def __repr__(self) -> str:
        return printable("\n".join(lines(self)))

    def _repr_html_(self) -> str:
        return table(verdict(self), map(cells, self.shifts), HEADS)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        tables = self.data.tables
        return {
            "schema": 1,
            "drifted": self.drifted,
            "p_value": self.p_value,
            "p_joint": self.p_joint,
            "level": self.level,
            "tolerance": self.tolerance,
            "beyond": self.beyond,
            "permutations": self.permutations,
            "n": tables.n,
            "m": tables.m,
            "names": list(tables.names),
            "features": self.data.features,
            "columns": [asdict(one) for one in self.shifts],
            "dependences": [asdict(one) for one in self.dependences],
            "joint_rows": self.joint_rows,
            "moved": asdict(self.moved),
            "given": self.given and asdict(self.given),
            "left_out": list(tables.left_out),
            "notes": list(tables.notes),
            "seconds": self.seconds,
        }


def drift(
    a: Any,
    b: Any,
    *,
    columns: Sequence[str] | None = None,
    given: str | None = None,
    permutations: int = PERMUTATIONS,
    level: float = LEVEL,
    tolerance: float | None = None,
    seed: int = 0,
    features: Choice | None = None,
    data_options: Mapping[str, Any] | None = None,
) -> Drift:
    """Whether two data sets are of one population; where they moved, by how much, and what they could have shown.

    Args:
        a: the reference: a table of numbers, categories and gaps (.csv, .tsv, .parquet, a data frame of pandas or
            polars), or images and arrays as `data.load` reads them.
        b: the data that it is compared with.
        columns: of tables, the names of those to compare; None takes all but those that look like identifiers, which
            the notes name.
        given: a column within whose levels, or ranges, the others are compared too; where `columns` does not name it,
            it is read for that alone.
        permutations: random splits of all rows behind every p-value, at least 19, and 1 / level - 1.
        level: of false alarms: how often equal populations are called different.
        tolerance: what a column may move by, in standard deviations of the first table, or as a share of the rows of
            categories and gaps; the verdict and `beyond` then name the columns that are sure to have moved by more.
        seed: of what is drawn.
        features: of images; random convolutions when not given.
        data_options: of `data.load`, for images and arrays; `label` and `exclude` also of tables: columns that are not
            compared.

    Raises:
        ValueError: data that cannot be read or compared, an unknown column, a level outside (0, 1), a negative
            tolerance, or too few permutations.
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level: expected a number between 0 and 1, got {level}.")
    if tolerance is not None and not 0.0 <= (tolerance := number("tolerance", tolerance)) < math.inf:
        raise ValueError(f"tolerance: expected a number from 0 up, got {tolerance}.")
    least = max(LEAST, math.ceil(1.0 / level - 1e-9) - 1)
    if permutations < least:
        raise ValueError(
            f"permutations: expected at least {least}, for p-values down to the level {level:g}, got {permutations}."
        )
    start = time.perf_counter()
    with timed("reading the data"):
        data = read(a, b, columns, features, data_options, given)
    check_given(data.tables, given)
    if data.images is None:
        kept = [*(columns or ()), *([given] if given else ())]
        data = replace(data, tables=with_form_notes(without_identifiers(data.tables, kept)))
    tables = data.tables
    draws = torch.Generator().manual_seed(seed)
    splits = Splits(tables.first, permutations, draws)
    with timed("the test on random splits"):
        test: Decision = decide(tables.columns, splits, draws)
    with timed("sizes of shifts, and the smallest that are seen"):
        found = sorted(shifts(tables, test, splits, level), key=lambda one: one.p_value)
    with timed("the plan"):
        plan = moved(tables, splits, draws)
    pairs: tuple[Dependence, ...] = ()
    if test.p_value <= level and data.images is None:
        pairs = dependences(tables.columns, [one.cells for one in test.tests], splits, draws, level)
    within = None if given is None else drift_given(tables, given, permutations, draws)
    return Drift(
        data, test.p_value, test.p_joint, test.rows, permutations, tuple(found), pairs, plan, within,
        time.perf_counter() - start, level, tolerance,
    )  # fmt: skip
