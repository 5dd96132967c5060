"""A comparison as text: the cells that the terminal, CSV, LaTeX and the page share, and sentences of its tests."""

import csv
import io
from collections.abc import Sequence

from remblai.compare.groups import letters
from remblai.compare.table import Average, Comparison, Row
from remblai.metrics import METRICS
from remblai.report.reading import number
from remblai.statistics import Pair

MEGABYTE = 2**20
WORDS = {"~": r"\textasciitilde{}", "^": r"\^{}", "\\": r"\textbackslash{}"}
LATEX = str.maketrans({sign: "\\" + sign for sign in "&%$#_{}"} | WORDS)


def figures(comparison: Comparison) -> list[str]:
    """The names of the figures in the table, that which ranks first."""
    return [name for name in comparison.orders if name == comparison.by or name not in METRICS or METRICS[name].listed]


def label_of(name: str) -> str:
    """A figure's name for people."""
    return METRICS[name].label if name in METRICS else name.replace("_", " ").capitalize()


def cells(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
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


def short_cells(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
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


def sentences(comparison: Comparison) -> list[str]:
    """What each pair's test says, and what failed."""
    said = []
    for pair in comparison.pairs:
        scope = "" if pair.over_seeds else ", of these trained models alone"
        if pair.better is not None:
            other = pair.second if pair.better == pair.first else pair.first
            said.append(f"{pair.better} is better than {other} (p = {pair.p_value:.2g}{scope})")
        else:
            said.append(
                f"{pair.first} and {pair.second} cannot be told apart (p = {pair.p_value:.2g}{scope}){_need(pair)}"
            )
    for row in comparison.rows:
        said += [f"{row.label}, seed {seed}, failed: {why}" for seed, why in row.failures.items()]
    return said


def _need(pair: Pair) -> str:
    if pair.seeds_needed is None:
        return ""
    return f"; a difference of this size would take about {pair.seeds_needed:,} seeds each"


def orders_text(comparison: Comparison) -> list[tuple[str, str, str]]:
    """For each figure the order of the models, and how far it agrees with the order that ranks (Kendall's tau)."""
    return [
        (label_of(name), " > ".join(order), "-" if tau is None else f"{tau:.2f}")
        for name, (order, tau) in comparison.orders.items()
        if name in figures(comparison)
    ]


def csv_text(comparison: Comparison) -> str:
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


def latex_text(comparison: Comparison) -> str:
    """The table in LaTeX, with the rules of booktabs."""
    heads, rows = cells(comparison)
    lines = [" & ".join(cell.translate(LATEX) for cell in line) + r" \\" for line in [heads, *rows]]
    columns = "l" + "r" * (len(heads) - 1)
    body = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule"]
    return "\n".join([f"% {comparison.data}, {comparison.budget}", *body, r"\end{tabular}", ""])
