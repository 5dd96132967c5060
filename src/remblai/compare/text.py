"""A comparison as text: the cells that the terminal, CSV, LaTeX and the page share, and sentences of its tests."""

import csv
import io
import math
from collections.abc import Sequence
from itertools import chain, pairwise
from typing import TYPE_CHECKING

from remblai.compare.groups import letters
from remblai.compare.table import Average, Row, copying, mean_loss
from remblai.metrics import METRICS
from remblai.metrics.reading import number
from remblai.runtime.text import aligned, one_line
from remblai.statistics import Pair

if TYPE_CHECKING:
    from remblai.compare.comparison import Comparison

MEGABYTE = 2**20
FEW = 6
"""Pairs up to which each has a sentence of its own."""
WORDS = {"~": r"\textasciitilde{}", "^": r"\^{}", "\\": r"\textbackslash{}"}
LATEX = str.maketrans({sign: "\\" + sign for sign in "&%$#_{}"} | WORDS | {"\N{MINUS SIGN}": "$-$"})


def figures(comparison: "Comparison") -> list[str]:
    """The names of the figures in the table, that which ranks first."""
    return [name for name in comparison.orders if name == comparison.by or name not in METRICS or METRICS[name].listed]


def label_of(name: str) -> str:
    """A figure's name for people."""
    return METRICS[name].label if name in METRICS else name.replace("_", " ").capitalize()


def cells(comparison: "Comparison") -> tuple[list[str], list[list[str]]]:
    """The table: heads, and a row of text a model, the best first.

    A figure is its mean, then the standard deviation between seeds in brackets, where there are several; the last
    columns are what training cost.
    """
    names = figures(comparison)
    ranked = [row.label for row in comparison.rows if comparison.by in row.figures]
    groups = letters(ranked, comparison.pairs)
    heads = ["model", "group", "seeds", *(label_of(name) for name in names)]
    heads += ["seconds", "images/s", "MiB", "parameters"]
    return heads, [_cells(row, groups, names) for row in comparison.rows]


def short_cells(comparison: "Comparison") -> tuple[list[str], list[list[str]]]:
    """The table for a terminal: of the figures only the one that ranks, with its floor and its deviations."""
    heads, rows = cells(comparison)
    first, last = heads.index("seeds") + 1, heads.index("seconds")
    named = [label_of(comparison.by), "floor", "sd over seeds", "sd over samples"]
    shown = []
    for row, line in zip(comparison.rows, rows, strict=True):
        figure = row.figures.get(comparison.by)
        numbers = [getattr(figure, part, None) for part in ("mean", "floor", "over_seeds", "over_samples")]
        shown.append([*line[:first], *map(number, numbers), *line[last:]])
    return [*heads[:first], *named, *heads[last:]], shown


def _cells(row: Row, groups: dict[str, str], names: Sequence[str]) -> list[str]:
    memory = row.mean("memory")
    return [
        row.label,
        groups.get(row.label, "-"),
        str(len(row.trials)),
        *(figure_text(row.figures.get(name)) for name in names),
        _count(row.mean("seconds")),
        _count(row.images_per_second),
        _count(None if memory is None else memory / MEGABYTE),
        _count(row.mean("parameters")),
    ]


def figure_text(figure: Average | None) -> str:
    """A mean with the standard deviation between seeds in brackets."""
    if figure is None:
        return "-"
    return number(figure.mean) + (f" ({number(figure.over_seeds)})" if figure.over_seeds is not None else "")


def _count(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def sentences(comparison: "Comparison") -> list[str]:
    """What the tests of the pairs say, and what failed: a sentence a pair, or a model where there are many pairs."""
    pairs = comparison.pairs
    if len(pairs) <= FEW:
        said = [_of_pair(pair) + _opposite(comparison, pair) for pair in pairs]
    else:
        said = _by_model(pairs) + _reversals(comparison)
    for row in comparison.rows:
        said += [f"{row.label}, seed {seed}, failed: {why}" for seed, why in row.failures.items()]
    said += [
        f"samples of {row.label} are nearer to the training data than held-out data are ({label_of(name)} "
        f"{number(row.figures[name].mean)}, floor {number(row.figures[name].floor)}): copies "
        "of training data, which would do well by most figures, or samples that vary less than data"
        for row, name in copying(comparison.rows)
    ]
    return said + _conditional(comparison.rows)


def _conditional(rows: Sequence[Row]) -> list[str]:
    """That models with classes are ranked beside others, where they are."""
    kinds = {row.label: row.trials[0].classes is not None for row in rows if row.trials}
    with_classes, others = ([label for label, own in kinds.items() if own is wanted] for wanted in (True, False))
    if not (with_classes and others):
        return []
    return [
        f"trained with labels: {', '.join(with_classes)}; without: {', '.join(others)}: the first draw each class as "
        "often as the data have it, which the others had to learn"
    ]


def _of_pair(pair: Pair) -> str:
    p = f"p = {pair.p_value:.2g}{_scope(pair)}"
    if pair.better is not None:
        return f"{pair.better} is better than {pair.other(pair.better)} ({p})"
    need = f"; a difference of this size would take about {pair.seeds_needed:,} seeds each" if pair.seeds_needed else ""
    return f"{pair.first} and {pair.second} cannot be told apart ({p}){need}"


def _opposite(comparison: "Comparison", pair: Pair) -> str:
    """The figures whose test of a pair says the opposite."""
    decided = (pair.better, "" if pair.better is None else pair.other(pair.better))
    names = [label_of(name) for name, pairs in comparison.against.items() if decided in pairs]
    return f"; the opposite by {', '.join(names)}" if names else ""


def _reversals(comparison: "Comparison") -> list[str]:
    """For each figure the pairs whose test by it says the opposite."""
    return [
        f"by {label_of(name)} the test of {len(pairs)} of these pairs says the opposite: "
        + "; ".join(f"{other} before {better}" for better, other in pairs[:FEW])
        for name, pairs in comparison.against.items()
    ]


def _by_model(pairs: Sequence[Pair]) -> list[str]:
    """For each model those that it is better than, and those ranked after it from which it cannot be told apart."""
    said = []
    for model in dict.fromkeys(name for pair in pairs for name in (pair.first, pair.second)):
        for scope in dict.fromkeys(map(_scope, pairs)):
            own = [pair for pair in pairs if _scope(pair) == scope]
            beaten = [pair for pair in own if pair.better == model]
            if beaten:
                most = max(pair.p_value for pair in beaten)
                others = ", ".join(pair.other(model) for pair in beaten)
                said.append(f"{model} is better than {others} (p at most {most:.2g}{scope})")
            alike = [pair for pair in own if pair.better is None and pair.first == model]
            if alike:
                least = min(pair.p_value for pair in alike)
                others = ", ".join(pair.second for pair in alike)
                bound = "p = 1" if least == 1 else f"p at least {least:.2g}"
                said.append(f"{model} cannot be told apart from {others} ({bound}{scope})")
    return said + _seeds_for_half(pairs)


def _seeds_for_half(pairs: Sequence[Pair]) -> list[str]:
    """How many seeds would tell half of the pairs apart that cannot be told apart."""
    needs = sorted(pair.seeds_needed or math.inf for pair in pairs if pair.better is None and pair.over_seeds)
    if not needs or math.isinf(half := needs[(len(needs) - 1) // 2]):
        return []
    return [
        f"{len(needs)} of {len(pairs)} pairs cannot be told apart; were their differences as large as they are here, "
        f"{half:,} seeds each would tell half of them apart"
    ]


def _scope(pair: Pair) -> str:
    if pair.borrows is not None:
        return f", if {pair.borrows} varies over seeds as {pair.other(pair.borrows)} does"
    return "" if pair.over_seeds else ", of these trained models alone"


def orders_text(comparison: "Comparison") -> list[tuple[str, str, str]]:
    """For each other figure the order of the models, and how far it agrees with that which ranks (Kendall's tau)."""
    return [
        (label_of(name), _order_text(comparison, name), _in_words(tau)) for name, tau in _others(comparison).items()
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
        *_changed_orders(comparison),
    ]


def _changed_orders(comparison: "Comparison") -> list[str]:
    """The orders by the figures that agree least with the one that ranks."""
    every = _others(comparison)
    other = sorted((name for name in every if every[name] != 1.0), key=every.__getitem__)
    if not other:
        return ["all other figures give the same order"] * bool(every)
    more = f" ({len(other) - FEW} more on the page)" if len(other) > FEW else ""
    return [
        f"the order by the figures that agree least{more}, with Kendall's tau to the one above, the best first:",
        *aligned((label_of(name), _in_words(every[name]), _order_text(comparison, name)) for name in other[:FEW]),
    ]


def csv_text(comparison: "Comparison") -> str:
    """A row a model, plain numbers: of each figure the mean, both standard deviations, the floor and n."""
    names = list(comparison.orders)
    parts = ("mean", "over_seeds", "over_samples", "floor", "n")
    costs = ("seconds", "images", "memory", "parameters")
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["model", "seeds", *(f"{name}.{part}" for name in names for part in parts), *costs])
    for row in comparison.rows:
        of = [row.figures.get(name) for name in names]
        numbers = [getattr(figure, part) if figure else None for figure in of for part in parts]
        spent = [row.mean(name) for name in costs]
        writer.writerow([row.label, len(row.trials), *("" if one is None else one for one in [*numbers, *spent])])
    return file.getvalue()


def latex_text(comparison: "Comparison") -> str:
    """The table in LaTeX, with the rules of booktabs: a line a figure, with its floor, and a column a model.

    Comments say what the numbers are, and what the tests of the pairs found.
    """
    heads, rows = cells(comparison)
    floors = {label_of(name): number(_floor(comparison, name)) for name in figures(comparison)}
    lines = [["figure", "floor", *(row[0] for row in rows)]]
    lines += [[head, floors.get(head, ""), *column] for head, *column in list(zip(heads, *rows, strict=True))[1:]]
    written = [" & ".join(cell.translate(LATEX) for cell in line) + r" \\" for line in lines]
    said = [
        f"{comparison.data}, {comparison.budget}",
        "means over seeds, in brackets the standard deviation between seeds; the floor is the figure of real data",
        "models that share a letter in the line group cannot be told apart:",
        *sentences(comparison),
    ]
    body = [rf"\begin{{tabular}}{{lr{'r' * len(rows)}}}", r"\toprule", written[0], r"\midrule", *written[1:]]
    return "\n".join([*(f"% {one_line(line)}" for line in said), *body, r"\bottomrule", r"\end{tabular}", ""])


def _floor(comparison: "Comparison", name: str) -> float | None:
    """The floor of a figure, that of the first model which has it."""
    return next((row.figures[name].floor for row in comparison.rows if name in row.figures), None)
