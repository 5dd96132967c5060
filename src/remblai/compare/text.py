"""A comparison as text: the cells and the orders that the terminal, CSV, LaTeX and the page share."""

import math
from collections.abc import Collection, Sequence
from itertools import chain, pairwise
from typing import TYPE_CHECKING

from remblai.compare.groups import letters
from remblai.compare.ranking import mean_loss
from remblai.compare.sentences import FLATTERED, sentences
from remblai.compare.table import Average, Row, common_floor, label_of
from remblai.metrics import METRICS
from remblai.metrics.reading import named_features, number
from remblai.runtime.text import aligned

if TYPE_CHECKING:
    from remblai.compare.comparison import Comparison

MEGABYTE = 2**20
FEW = 6
"""Orders that the terminal shows, at most."""


def figures(comparison: "Comparison") -> list[str]:
    """The names of the figures in the table, that which ranks first."""
    return [name for name in comparison.orders if name == comparison.by or name not in METRICS or METRICS[name].listed]


def cells(comparison: "Comparison") -> tuple[list[str], list[list[str]]]:
    """The table: heads, and a row of text a model, the best first.

    A figure is its mean, then the standard deviation between seeds in brackets, where there are several, and its floor
    where the models have different ones; the last columns are what training cost. A model of one seed has no letter
    beside several models of more seeds, with which it is not tested.
    """
    names = figures(comparison)
    groups = _groups(comparison)
    own = {name for name in names if common_floor(comparison.rows, name) is None}
    heads = ["model", "group", "seeds", *(label_of(name) for name in names)]
    heads += ["seconds", "images/s", "MiB", "parameters"]
    return heads, [_cells(row, groups, names, own) for row in comparison.rows]


def _groups(comparison: "Comparison") -> dict[str, str]:
    """The letters of the models of several seeds, or where fewer than two have several of those of one."""
    ranked = [row for row in comparison.rows if comparison.by in row.figures]
    several, single = ([row.label for row in ranked if (len(row.trials) > 1) is wanted] for wanted in (True, False))
    tested = several if len(several) > 1 or not single else single
    return letters(tested, comparison.pairs) if len(tested) > 1 else {}


def short_cells(comparison: "Comparison") -> tuple[list[str], list[list[str]]]:
    """The table for a terminal: of the figures only the one that ranks, with its floor and its deviations."""
    heads, rows = cells(comparison)
    first, last = heads.index("seeds") + 1, heads.index("seconds")
    named = [label_of(comparison.by), "floor", "sd over seeds", "sd over samples"]
    shown = []
    for row, line in zip(comparison.rows, rows, strict=True):
        figure = row.figures.get(comparison.by)
        numbers = [getattr(figure, part, None) for part in ("floor", "over_seeds", "over_samples")]
        shown.append([*line[:first], _mean_text(figure), *map(number, numbers), *line[last:]])
    return [*heads[:first], *named, *heads[last:]], shown


def _cells(row: Row, groups: dict[str, str], names: Sequence[str], own: Collection[str]) -> list[str]:
    memory = row.mean("memory")
    return [
        row.label,
        groups.get(row.label, "-"),
        str(len(row.trials)),
        *(figure_text(row.figures.get(name), name in own) for name in names),
        _count(row.mean("seconds")),
        _count(row.images_per_second),
        _count(None if memory is None else memory / MEGABYTE),
        _count(row.mean("parameters")),
    ]


def figure_text(figure: Average | None, with_floor: bool = False) -> str:
    """A mean with the standard deviation between seeds in brackets, and with its floor."""
    if figure is None:
        return "-"
    over_seeds = f" ({number(figure.over_seeds)})" if figure.over_seeds is not None else ""
    return _mean_text(figure) + over_seeds + (f", floor {number(figure.floor)}" if with_floor else "")


def _mean_text(figure: Average | None) -> str:
    """A mean, marked where its features flatter it."""
    return "" if figure is None else number(figure.mean) + FLATTERED * figure.trained_through


def _count(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def features_text(comparison: "Comparison") -> str:
    """The features of the figures in the table, by name and checksum; empty where none is on features."""
    every = [figure for row in comparison.rows for name, figure in row.figures.items() if name in figures(comparison)]
    return ", ".join(sorted({named_features(figure.features) for figure in every if figure.features is not None}))


def floors_text(comparison: "Comparison") -> str:
    """What the floors of the figures in the table are."""
    floors: dict[str, list[str]] = {}
    for name in filter(METRICS.__contains__, figures(comparison)):
        floors.setdefault(METRICS[name].floor, []).append(label_of(name))
    return "; ".join(f"{', '.join(of)}: {floor}" for floor, of in floors.items())


def orders_text(comparison: "Comparison") -> list[tuple[str, str, str]]:
    """For each other figure the order of the models, and how far it agrees with that which ranks (Kendall's tau)."""
    return [
        (label_of(name), _order_text(comparison, name), _in_words(tau))
        for name, tau in _others(comparison).items()
        if comparison.orders[name][0]
    ]


def _others(comparison: "Comparison") -> dict[str, float]:
    """The tau of each figure of the table but the one that ranks; infinite where there is none."""
    return {
        name: math.inf if tau is None else round(tau, 2)
        for name, (_, tau) in comparison.orders.items()
        if name in figures(comparison) and name != comparison.by
    }


def _in_words(tau: float) -> str:
    return "-" if math.isinf(tau) else f"{tau:.2f}".replace("-", "\N{MINUS SIGN}")


def _order_text(comparison: "Comparison", name: str) -> str:
    """The models from best to worst, with = between equal ones."""
    rows = {row.label: row for row in comparison.rows}
    order, _ = comparison.orders[name]
    losses = [mean_loss(rows[label], name) for label in order]
    signs = [" = " if one == other else " > " for one, other in pairwise(losses)]
    return "".join(chain(*zip(order, [*signs, ""], strict=True)))


def lines(comparison: "Comparison") -> list[str]:
    """All of it for a terminal, a line each."""
    heads, rows = short_cells(comparison)
    return [
        *aligned(rows, heads),
        *sentences(comparison),
        *([f"features: {used}"] if (used := features_text(comparison)) else []),
        *_changed_orders(comparison),
    ]


def _changed_orders(comparison: "Comparison") -> list[str]:
    """The orders by the figures that agree least with the one that ranks, of those in which models differ."""
    every = {name: tau for name, tau in _others(comparison).items() if not math.isinf(tau)}
    other = sorted((name for name in every if every[name] != 1.0), key=every.__getitem__)
    if not other:
        return ["all other figures give the same order"] * bool(every)
    more = f" ({len(other) - FEW} more on the page)" if len(other) > FEW else ""
    return [
        f"the order by the figures that agree least{more}, with Kendall's tau to the one above, the best first:",
        *aligned((label_of(name), _in_words(every[name]), _order_text(comparison, name)) for name in other[:FEW]),
    ]
