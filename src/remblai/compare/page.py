"""The files of a comparison: its page with pictures side by side, and its table as CSV and LaTeX."""

from pathlib import Path

from remblai.compare.comparison import Comparison
from remblai.compare.table import Row
from remblai.compare.text import cells, csv_text, figures, label_of, latex_text, orders_text, sentences
from remblai.metrics.reading import number
from remblai.report import Picture
from remblai.report.page import write_html
from remblai.runtime.files import whole


def write_comparison(comparison: Comparison) -> None:
    """Writes compare.html, compare.csv and compare.tex into the comparison's folder."""
    folder = Path(comparison.folder)
    for name, text in {"compare.csv": csv_text(comparison), "compare.tex": latex_text(comparison)}.items():
        with whole(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    heads, rows = cells(comparison)
    samples = {row.label: _samples(row) for row in comparison.rows if row.trials}
    count = sum(len(row.trials) for row in comparison.rows)
    write_html(
        comparison.page,
        "comparison.html",
        Path(__file__).parent,
        title=f"{len(rows)} models of {comparison.data}",
        summary=f"{count} trained models, ordered by one figure; two models share a letter where their difference "
        "could be chance.",
        facts={"Budget": comparison.budget, "How": "; ".join(comparison.notes)},
        undrawn=[label for label, picture in samples.items() if picture is None],
        heads=heads,
        rows=rows,
        floors=_floors(comparison),
        sentences=sentences(comparison),
        orders=orders_text(comparison),
        pictures=[picture for picture in samples.values() if picture is not None],
        versions={},
    )


def _floors(comparison: Comparison) -> list[tuple[str, str]]:
    """Each figure's floor at its n, of the first model that has it: a row of the table."""
    found = []
    for name in figures(comparison):
        figure = next(row.figures[name] for row in comparison.rows if name in row.figures)
        found.append((label_of(name), f"{number(figure.floor)} at n = {figure.n:,}"))
    return found


def _samples(row: Row) -> Picture | None:
    """The samples of a model's first trial; None where they were not drawn."""
    path = Path(row.trials[0].folder) / "samples.png"
    if not path.is_file():
        return None
    caption = f"Seed {row.trials[0].seed}: {row.trials[0].steps:,} steps."
    return Picture(path.parent.name, row.label, caption, f"Samples of {row.label}", path.read_bytes())
