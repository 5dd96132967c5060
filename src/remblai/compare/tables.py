"""The table of a comparison for other programs: CSV, and LaTeX for a paper."""

import csv
import io

from remblai.compare.comparison import Comparison
from remblai.compare.sentences import sentences
from remblai.compare.table import Average, common_floor, label_of
from remblai.compare.text import cells, features_text, figures, floors_text
from remblai.metrics.reading import number
from remblai.runtime.text import one_line

WORDS = {"~": r"\textasciitilde{}", "^": r"\^{}", "\\": r"\textbackslash{}"}
LATEX = str.maketrans({sign: "\\" + sign for sign in "&%$#_{}"} | WORDS | {"\N{MINUS SIGN}": "$-$"})


def csv_text(comparison: Comparison) -> str:
    """A row a model, plain numbers: of each figure the mean, both standard deviations, the floor and n.

    A figure that was taken on features has the name and the sha256 of these, and whether the model was trained through
    them, too.
    """
    names = list(comparison.orders)
    parts = ("mean", "over_seeds", "over_samples", "floor", "n")
    on_features = [n for n in names if any(n in row.figures and row.figures[n].features for row in comparison.rows)]
    costs = ("seconds", "images", "memory", "parameters")
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    heads = [f"{name}.{part}" for name in names for part in parts]
    heads += [f"{name}.{part}" for name in on_features for part in ("features", "sha256", "trained_through")]
    writer.writerow(["model", "seeds", *heads, *costs])
    for row in comparison.rows:
        of = [row.figures.get(name) for name in names]
        numbers = [getattr(figure, part) if figure else None for figure in of for part in parts]
        numbers += [part for name in on_features for part in _of_features(row.figures.get(name))]
        spent = [row.mean(name) for name in costs]
        writer.writerow([row.label, len(row.trials), *("" if one is None else one for one in [*numbers, *spent])])
    return file.getvalue()


def _of_features(figure: Average | None) -> tuple[str | None, str | None, bool | None]:
    if figure is None or figure.features is None:
        return None, None, None
    return figure.features["name"], figure.features["sha256"], figure.trained_through


def latex_text(comparison: Comparison) -> str:
    """The table in LaTeX, with the rules of booktabs: a line a figure, with its floor, and a column a model.

    Comments say what the numbers are, and what the tests of the pairs found.
    """
    heads, rows = cells(comparison)
    floors = {label_of(name): number(common_floor(comparison.rows, name)) or "-" for name in figures(comparison)}
    lines = [["figure", "floor", *(row[0] for row in rows)]]
    lines += [[head, floors.get(head, ""), *column] for head, *column in list(zip(heads, *rows, strict=True))[1:]]
    written = [" & ".join(cell.translate(LATEX) for cell in line) + r" \\" for line in lines]
    said = [
        f"{comparison.data}, {comparison.budget}",
        "means over seeds, in brackets the standard deviation between seeds; a floor stands in the cells where it is "
        "not that of all models",
        f"floors: {floors_text(comparison)}",
        *([f"features: {used}"] if (used := features_text(comparison)) else []),
        "models that share a letter in the line group are not told apart:",
        *sentences(comparison),
    ]
    body = [rf"\begin{{tabular}}{{lr{'r' * len(rows)}}}", r"\toprule", written[0], r"\midrule", *written[1:]]
    return "\n".join([*(f"% {one_line(line)}" for line in said), *body, r"\bottomrule", r"\end{tabular}", ""])
