"""The files of a comparison: its page with pictures side by side, and its table as CSV and LaTeX."""

from pathlib import Path

from remblai.compare.comparison import Comparison
from remblai.compare.sentences import sentences
from remblai.compare.table import Row, common_floor, label_of
from remblai.compare.tables import csv_text, latex_text
from remblai.compare.text import cells, features_text, figures, orders_text
from remblai.metrics import METRICS
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
        summary=f"{count} trained models, ordered by one figure; two models share a letter where they are not "
        "told apart.",
        facts=_facts(comparison),
        undrawn=[label for label, picture in samples.items() if picture is None],
        heads=heads,
        rows=rows,
        floors=_floors(comparison),
        sentences=sentences(comparison),
        orders=orders_text(comparison),
        pictures=[picture for picture in samples.values() if picture is not None],
        versions={},
    )


def _facts(comparison: Comparison) -> dict[str, str]:
    """What stands at the head of the page."""
    used = features_text(comparison)
    return {"Budget": comparison.budget, "How": "; ".join(comparison.notes)} | ({"Features": used} if used else {})


def _floors(comparison: Comparison) -> list[tuple[str, str]]:
    """Each figure's floor at its n, and what it is: a row of the table."""
    found = []
    for name in figures(comparison):
        n = max(row.figures[name].n for row in comparison.rows if name in row.figures)
        floor = common_floor(comparison.rows, name)
        meaning = f" ({METRICS[name].floor})" if name in METRICS else ""
        found.append((label_of(name), f"{'in each cell' if floor is None else number(floor)} at n = {n:,}{meaning}"))
    return found


def _samples(row: Row) -> Picture | None:
    """The samples of a model's first trial; None where they were not drawn."""
    path = Path(row.trials[0].folder) / "samples.png"
    if not path.is_file():
        return None
    caption = f"Seed {row.trials[0].seed}: {row.trials[0].steps:,} steps."
    return Picture(path.parent.name, row.label, caption, f"Samples of {row.label}", path.read_bytes())
