"""The page of a drift: one offline file with the verdict, what moved, and a row with a small figure for each column."""

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from remblai.metrics.reading import number
from remblai.populations.entry import Drift
from remblai.populations.shifts import level_shares
from remblai.populations.table import Column, Tables
from remblai.populations.text import (
    GIVEN_HEADS,
    HEADS,
    cells,
    could_see,
    given_cells,
    notes,
    percent,
    verdict,
)
from remblai.report import Picture
from remblai.report.images import grid
from remblai.report.page import write_html

FINEST = 1e-12
"""The least range of a histogram, as a share of its largest number."""
BINS = 24
"""Of the small histograms."""
WIDTH, HEIGHT = 120.0, 34.0
"""Of a small figure, in its own units."""
EDGE = 0.005
"""Share of the rows left out at either end of a histogram."""
BARS = 6
"""Levels drawn for a column of categories, at most."""


@dataclass(frozen=True)
class Sketch:
    """A small figure: an outline for the first table, one for the second, and what it shows in words.

    Histograms lie over each other; bars of levels stand side by side.
    """

    first: str
    second: str
    words: str


def write_drift(path: Path, found: Drift) -> None:
    """Writes the page, whole or not at all."""
    tables, moved = found.data.tables, found.moved
    sketches = {column.name: sketch(tables, column) for column in tables.columns}
    write_html(
        path,
        "drift.html",
        Path(__file__).parent,
        title="Drifted" if found.drifted else "No drift seen",
        summary=verdict(found),
        could=could_see(found),
        level=f"{found.level:g}",
        names=tables.names,
        facts={
            "A": f"{tables.names[0]}, {tables.n:,}",
            "B": f"{tables.names[1]}, {tables.m:,}",
            "p": f"{found.p_value:.2g}",
            "p of columns together": f"{found.p_joint:.2g}",
            "permutations": f"{found.permutations:,}",
        },
        heads=HEADS,
        rows=[(cells(one), sketches[one.name], one.name in found.columns) for one in found.shifts],
        size=(WIDTH, HEIGHT),
        moved=moved,
        cost=number(moved.cost),
        floor=number(moved.floor),
        parts=[(one.column, number(one.cost), number(one.floor), number(one.cost - one.floor)) for one in moved.parts],
        movers=[(one.row, one.to, number(one.cost), one.changes) for one in moved.movers],
        picture=_pairs(found),
        given=found.given,
        given_heads=GIVEN_HEADS,
        given_rows=[given_cells(one) for one in found.given.columns] if found.given else [],
        groups=[
            (one.name, percent(one.before), percent(one.after)) for one in (found.given.groups if found.given else ())
        ],
        notes=notes(found),
        versions={"remblai": version("remblai")},
    )


def sketch(tables: Tables, column: Column) -> Sketch:
    """Two outlines of a column: histograms of the middle 99 % of the numbers, or bars of the most common levels."""
    first = tables.first
    if column.levels is not None:
        shares = level_shares(column, first)
        order = np.argsort(-shares.sum(0), kind="stable")[:BARS]
        order = order[shares.sum(0)[order] > 0]
        names = [*column.levels, "missing"]
        words = "; ".join(f"{names[at]} {percent(shares[0, at])} and {percent(shares[1, at])}" for at in order)
        heights = shares[:, order]
    else:
        known = column.values[~column.gaps]
        low, high = np.quantile(known, [EDGE, 1.0 - EDGE])
        least = FINEST * max(abs(low), abs(high))  # a bin is wider than the rounding of the numbers
        low, high = (low, high) if high - low > least else (low - max(0.5, least), high + max(0.5, least))
        parts = [column.values[part & ~column.gaps] for part in (first, ~first)]
        counts = [np.histogram(part, BINS, (low, high))[0] / max(1, len(part)) for part in parts]
        heights, words = np.stack(counts), f"values from {column.text(low)} to {column.text(high)}"
    heights = heights / max(float(heights.max(initial=0.0)), 1e-12)
    if column.levels is not None:
        return Sketch(_bars(heights[0], 0.1), _bars(heights[1], 0.52), words)
    return Sketch(_outline(heights[0]), _outline(heights[1]), words)


def _bars(heights: np.ndarray, start: float) -> str:
    """Bars of levels as the points of an SVG polyline; each starts at this share of its level's place."""
    step, points = WIDTH / max(1, len(heights)), []
    for place, top in enumerate(_tops(heights)):
        left, right = (place + start) * step, (place + start + 0.38) * step
        points += [(left, HEIGHT - 1.0), (left, top), (right, top), (right, HEIGHT - 1.0)]
    return _polyline(points)


def _outline(heights: np.ndarray) -> str:
    """The steps of a histogram as the points of an SVG polyline."""
    step = WIDTH / max(1, len(heights))
    points = [(0.0, HEIGHT - 1.0)]
    for place, top in enumerate(_tops(heights)):
        points += [(place * step, top), ((place + 1) * step, top)]
    points.append((WIDTH, HEIGHT - 1.0))
    return _polyline(points)


def _tops(heights: np.ndarray) -> list[float]:
    return [(HEIGHT - 1.0) - (HEIGHT - 3.0) * float(height) for height in heights]


def _polyline(points: list[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _pairs(found: Drift) -> Picture | None:
    """The images of the largest movers above those that they are carried to."""
    images, n = found.data.images, found.data.tables.n
    if images is None or not found.moved.movers:
        return None
    movers = found.moved.movers
    shown = images[[one.row for one in movers] + [n + one.to for one in movers]]
    return Picture(
        "movers",
        "Carried farthest",
        "Above: images of A that the plan carries farthest. Below each: the image of B that it is carried to.",
        f"{len(movers)} pairs of images, those of A above those of B",
        grid(shown, len(movers)),
        wide=True,
    )
