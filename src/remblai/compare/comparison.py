"""A comparison of several models: their table, the tests of each two of them, and their orders."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from remblai.compare.ranking import predictions
from remblai.compare.table import Row
from remblai.compare.text import lines
from remblai.runtime.notebook import table
from remblai.runtime.text import printable
from remblai.statistics import Pair


@dataclass(frozen=True, repr=False)
class Comparison:
    """Several models on one data set. It prints as the command `compare` does.

    Attributes:
        data: its name.
        budget: what every model was given, in words.
        by: the figure that ranks them.
        rows: the models, the best by that figure first; models without a figure last.
        pairs: what is known of each two of them, by that figure; none of one seed beside several.
        orders: for each figure the labels from best to worst, and Kendall's tau to the order by `by`; no labels where
            the figure gives no order.
        against: for each figure of samples the pairs, as "better, other", whose test by it says the opposite.
        folder: where it is kept.
        notes: what a reader must know.
    """

    data: str
    budget: str
    by: str
    rows: list[Row]
    pairs: list[Pair]
    orders: dict[str, tuple[list[str], float | None]]
    against: dict[str, list[tuple[str, str]]]
    folder: str
    notes: list[str]

    @property
    def page(self) -> Path:
        """The page of it, an HTML file."""
        return Path(self.folder) / "compare.html"

    def __repr__(self) -> str:
        return printable("\n".join(lines(self)))

    def _repr_html_(self) -> str:
        ranked = [(row.label, row.figures.get(self.by)) for row in self.rows]
        rows = [
            (label, "-", "-", "-")
            if figure is None
            else (label, figure.mean, figure.floor, "-" if figure.over_seeds is None else figure.over_seeds)
            for label, figure in ranked
        ]
        heads = ("model", self.by, "floor", "standard deviation between seeds")
        return table(f"{self.data}, {self.budget}", rows, heads)

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON keeps it; figures of trials as metrics.json has them."""
        pairs = [asdict(pair) | {"better": pair.better} for pair in self.pairs]
        orders = {name: {"order": order, "tau": tau} for name, (order, tau) in self.orders.items()}
        predicted = [asdict(one) for one in predictions(self.rows, self.by)]
        return asdict(self) | {"pairs": pairs, "orders": orders, "predictions": predicted}
