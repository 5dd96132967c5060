"""What a metric is: a row of the table `METRICS`, which the card, the report and the commands read."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, TypedDict

from remblai.features import FeaturesUsed
from remblai.metrics.faults import Faults, shifts
from remblai.metrics.sets import Need, Sets
from remblai.runtime.notebook import table

OVER_IMAGES = "standard error of the mean over images"
NEAREST_EXAMPLE = "nearest training example, or their mean"
"""Words of rows: which standard deviation, and which floor."""
Better = Literal["lower", "higher", "near the floor"]


class Figure(TypedDict):
    """A metric's value and what it can be trusted for.

    Keys:
        value: the estimate.
        floor: the same estimate, at the same n, between real data and held-out real data.
        spread: a standard deviation of the value; the row says which.
        n: rows a side.
        sees: for each fault that was put into real data (`faults.py`), by how many standard deviations it moves the
            figure at this n. Absent where the figure does not say whether samples are like the data.
        features: name and sha256 of the features that it was taken on; those of different features are not comparable.
        full_rank: of the Frechet distance where n is too small for it: rows a side from which a covariance of as many
            features can be of full rank.
        trained_through: the model was trained through these features, so that the figure flatters it. Absent otherwise.
        by_class: the value in each class, by its name, of a conditional model.
        by_level: of patches, the value at each level of the pyramid, by its height and width.
        augmented: the value of held-out data that were augmented, of the figure of leaking.
        by_axis: the value on each axis of the codes.
        by_column: the value in each column of a table, by its name.
        floor_by_column: the floor in each column.
        chance: of a share of right answers, that of answers at random.
        sides: of the nearest-neighbour accuracy, the value, floor and spread of each set by itself.
        dead: numbers of the axes of the codes that do not vary with the data, from 0.
        spectrum: eigenvalues of the covariance of the codes' means.
    """

    value: float
    floor: float
    spread: float
    n: int
    sees: NotRequired[dict[str, float]]
    features: NotRequired[FeaturesUsed]
    full_rank: NotRequired[int]
    trained_through: NotRequired[bool]
    by_class: NotRequired[dict[str, float]]
    by_level: NotRequired[dict[str, float]]
    augmented: NotRequired[float]
    by_axis: NotRequired[list[float]]
    by_column: NotRequired[dict[str, float]]
    floor_by_column: NotRequired[dict[str, float]]
    chance: NotRequired[float]
    sides: NotRequired[dict[str, "Figure"]]
    dead: NotRequired[list[int]]
    spectrum: NotRequired[list[float]]


class Card(dict[str, Figure]):
    """Figures by the name of their metric; Python and notebooks show them as a table, each beside its floor."""

    def __repr__(self) -> str:
        from remblai.metrics.reading import card_lines  # which reads the table of metrics, whose rows make cards

        return "\n".join(card_lines(self))

    def _repr_html_(self) -> str:
        rows = [(name, one["value"], one["floor"], one["spread"], one["n"]) for name, one in self.items()]
        return table("Figures", rows, ("figure", "value", "floor", "standard deviation", "n"))


Compute = Callable[[Sets], Figure | None]
"""From the sets of a card to the figure; None where these sets have none, whatever the row needs."""


@dataclass(frozen=True)
class OfTwo:
    """A metric as a statistic of two samples.

    Attributes:
        compute: from samples (n, ...), (m, ...) to the value.
        meaning: what the value is.
        unbiased: whether its mean is that of the laws at every sample size.
        nonnegative: whether it is at least 0.
        maximum: the largest value that there is.
    """

    compute: Callable[[Any, Any], float]
    meaning: str
    unbiased: bool = False
    nonnegative: bool = False
    maximum: float = math.inf


@dataclass(frozen=True)
class Metric:
    """A row of the table of metrics.

    Attributes:
        label: its name for people.
        meaning: what it is and how to read it.
        says: a sentence with the numbers of a figure: {value}, {floor}, {spread}, {value_percent}, {floor_percent},
            {value_count}, {floor_count}, and {ratio}, which is value / floor.
        compute: from the sets of a card to the figure.
        better: which values are better.
        needs: what the sets must have beside training data, held-out data and samples.
        floor: what the floor is.
        spread: which standard deviation `spread` is.
        power: what the figure could have seen at its n and spread; None where the floor is not what a perfect model
            would have.
        statistic: the metric of two samples, large where their laws differ, for the command `distance`.
        listed: whether the card's table has a line for it.
    """

    label: str
    meaning: str
    says: str
    compute: Compute
    better: Better = "lower"
    needs: tuple[Need, ...] = ()
    floor: str = "real against held-out real"
    spread: str = "standard deviation over random halves"
    power: Callable[[Compute, Faults, float], dict[str, float]] | None = shifts
    statistic: OfTwo | None = None
    listed: bool = True
