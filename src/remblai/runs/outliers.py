"""Rows of new data that are unlike those that a run was trained on."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from remblai.data import Units
from remblai.distances.validation import number
from remblai.laws import FittedLaw, LatentLaw, Prior
from remblai.runs.chunks import Rows
from remblai.runs.data import data_like
from remblai.runs.labels import Labels, labels_beside, labels_for, labels_of
from remblai.runs.load import load
from remblai.runs.model import Trained
from remblai.runtime.notebook import table
from remblai.statistics.outliers import Floats, Surprise, column_gains, discoveries

MOST = 5000
"""Held-out rows that new ones are compared with, at most."""
NAMED = 10
"""Rows that are listed, those least like the data."""


@dataclass(frozen=True, eq=False, repr=False)
class Outliers:
    """How unusual rows are for a run's model. It prints as the command `outliers` does.

    Attributes:
        scores: (n,), log-densities of row and code together: low for outliers.
        p_values: (n,), how often a held-out row scores as low.
        found: (n,), which rows are outliers at the false discovery rate `level`.
        errors: (n, d), each coordinate's squared reconstruction error over its mean on held-out rows: about 1 is usual.
            Of a column of normal scores the larger of that of the score and that in standard deviations.
        level: the share of false ones among those found that is expected at most.
        held_out: rows that the p-values compare with.
        law: of the codes, whose density is in the scores; "" where none is known.
        worst: for rows with p of at most the level, and the least likely ones, the name of the column whose replacement
            by its median would raise the score most; "" for other rows. None where columns have no names.
        strange: (n,), which rows have a word that the run's data do not have: no score is lower.
    """

    scores: Floats
    p_values: Floats
    found: NDArray[np.bool_]
    errors: Floats
    level: float
    held_out: int
    law: str
    worst: list[str] | None
    strange: NDArray[np.bool_]

    def __repr__(self) -> str:
        return "\n".join(self.lines())

    def _repr_html_(self) -> str:
        rows = [
            (int(i), float(self.scores[i]), float(self.p_values[i]), str(bool(self.found[i])), self._named(i))
            for i in self.order[:NAMED]
        ]
        return table("Outliers", rows, ("row", "score", "p", "found", "column"))

    @property
    def order(self) -> NDArray[np.int64]:
        """The rows (n,), the one least like the data first."""
        return self.scores.argsort(kind="stable")

    def _named(self, place: int) -> str:
        return "" if self.worst is None else self.worst[place]

    def lines(self) -> list[str]:
        """What was found, in sentences."""
        n, level = len(self.scores), self.level
        low = int((self.p_values <= level).sum())
        lines = [
            f"{low:,} of {n:,} rows have p of at most {level:g}, where {level * n:.3g} are expected "
            "of rows like the held-out ones",
            f"{int(self.found.sum()):,} are outliers, of which at most {level:.0%} are expected to be false",
            f"p: how often one of {self.held_out:,} held-out rows scores as low; none is below "
            f"{1 / (1 + self.held_out):.2g}",
        ]
        fewest = math.ceil(n / (1 + self.held_out) / level - 1e-9)
        if fewest > 1 and not self.found.any():
            lines.append(
                f"fewer than {fewest:,} outliers among {n:,} rows cannot be told from chance with {self.held_out:,} "
                "held out: take the rows of least p, or hold out more"
            )
        if strange := int(self.strange.sum()):
            lines.append(
                f"{strange:,} of them have a word that the data of the run do not have: no others are less like them"
            )
        lines.append("least like the data (rows count from 0):")
        for place in self.order[:NAMED]:
            most = f", most in {self._named(place)}" if self._named(place) else ""
            mark = ", an outlier" if self.found[place] else ""
            lines.append(f"  row {place}, p = {self.p_values[place]:.2g}{most}{mark}")
        return lines


def outliers(
    run: Trained | str | Path,
    x: Any,
    *,
    reference: Any = None,
    sampler: str | None = None,
    labels: Labels | None = None,
    level: float = 0.05,
) -> Outliers:
    """Compares rows of data with held-out rows of those that a run was trained on.

    The score of a row is the log-density of its code under a law of codes (of the row's class, where one was fitted to
    each) plus that of its reconstruction error, each coordinate in units of what is usual for it (see
    `statistics.outliers.Surprise`). Errors of normal scores are taken in standard deviations of the data too: a value
    between two groups has a usual score, for few ranks lie there. A row with a word that the data of the run do not
    have has the lowest score of all.

    Args:
        run: the model, or its run's folder.
        x: rows in the data's own units: an array, a tensor, a data frame, what `data.load` returns.
        reference: rows that are normal and were not trained on; the run's own validation and test data when None, of a
            run with `patience`, which chose by the validation data, the test data.
        sampler: the law of the codes; when None the run's own where its density is known, else the prior.
        labels: of a conditional model, the classes of x.
        level: the false discovery rate.

    Raises:
        ValueError: a model that does not encode and decode, data of another shape, a level outside (0, 1), or a
            reference for a conditional model.
    """
    trained = run if isinstance(run, Trained) else load(run)
    own = labels_beside(trained.run, x, labels)
    return of_rows(trained, trained.units.scale(x), reference, sampler, own, level)


def of_rows(
    trained: Trained, rows: Rows, reference: Any, sampler: str | None, labels: Labels | None, level: float
) -> Outliers:
    """The same of rows (n, ...) as the model sees them."""
    if not 0.0 < number("level", level) < 1.0:
        raise ValueError(f"level: expected a number between 0 and 1, got {level}.")
    trained.check_encodes()
    trained.check_decodes()
    law = _law_of(trained, sampler)
    held_out = _held_out(trained, reference)
    parts = [_parts(trained, part, law, own) for part, own in held_out]
    known = Surprise(*(np.concatenate(each) for each in zip(*parts, strict=True)))
    squares, log_prob = _parts(trained, rows, law, labels)
    scores, units = known.score(squares, log_prob), trained.units
    unknown = _strange(units, rows)
    strange = np.any([*unknown.values(), np.zeros(len(scores), bool)], 0)
    scores[strange] = min(scores.min(), known.scores.min()) - 1.0
    p_values = known.p_values(scores)
    found = Outliers(
        scores, p_values, discoveries(p_values, level), _by_column(squares / known.variances, units), level,
        len(known.scores), law or "", None, strange,
    )  # fmt: skip
    if units.columns is None or (names := units.names) is None:
        return found
    owners = units.columns if units.mixed is None else units.mixed.owners
    together = [[place for place, owner in enumerate(owners) if owner == name] for name in names]
    looked_at = np.union1d(np.flatnonzero(p_values <= level), found.order[:NAMED])
    every = labels_for(trained.objective, rows, labels, trained.classes)
    own = None if every is None else every[looked_at]
    typical = _typical(units, torch.cat([part[: len(part)] for part, _ in held_out]))
    gains = column_gains(lambda x: known.score(*_parts(trained, x, law, own)), rows[looked_at], typical, together)
    off = {row: names[most] for row, most in zip(looked_at.tolist(), gains.argmax(1).tolist(), strict=True)}
    off |= {row: name for name, of in unknown.items() for row in np.flatnonzero(of).tolist()}
    return replace(found, worst=[off.get(row, "") for row in range(len(scores))])


def _strange(units: Units, rows: Rows) -> dict[str, NDArray[np.bool_]]:
    """By column, which rows (n,) have a word that the run's data do not have; nothing of data without words."""
    return {} if units.mixed is None else units.mixed.strange(units.exact.restore(rows[: len(rows)]))


def _typical(units: Units, rows: Tensor) -> Tensor:
    """The median of each column (d,) of rows (n, d); of columns of words the word that is most frequent."""
    medians = rows.median(0).values
    if units.mixed is None:
        return medians
    frequent = torch.tensor(units.mixed.marks)
    return units.given(torch.where(frequent, rows.mean(0), medians)[None])[0]


def _law_of(trained: Trained, sampler: str | None) -> str | None:
    """The name of the law whose density of codes is in the scores; None where the run's own has none.

    Raises:
        ValueError: a law that is named and has no density.
    """
    names = [sampler] if sampler is not None else [trained.sampler, trained.objective.latent_name]
    found = next((name for name in names if _has_density(trained.law(name))), None)
    if found is None and sampler is not None:
        raise ValueError(
            f"sampler: {sampler} has no density by which codes could be judged: take prior, gaussian or mixture."
        )
    return found


def _has_density(law: LatentLaw) -> bool:
    return isinstance(law, Prior) or (isinstance(law, FittedLaw) and law.has_density)


def _held_out(trained: Trained, reference: Any) -> list[tuple[Rows, Labels | None]]:
    """Normal rows that were not trained on, with their labels where the model is conditional."""
    if reference is not None:
        if trained.conditional:
            raise ValueError("reference: expected none for a conditional model, which reads the classes of rows.")
        return [(trained.units.scale(reference)[:MOST], None)]
    settings = trained.run.settings
    try:
        dataset = data_like(settings, trained.units)
    except ValueError as problem:
        raise ValueError(
            f"reference: expected the run's own held-out rows, and they are not there ({problem}): in Python pass "
            "reference=rows, normal ones that were not trained on."
        ) from problem
    splits = [dataset.test] if settings.get("patience") else [dataset.test, dataset.validation]
    rows = [(part[: MOST // len(splits)], part) for part in splits if len(part)]
    return [(x, labels_of(part)[: len(x)] if trained.conditional else None) for x, part in rows]


def _by_column(errors: Floats, units: Units) -> Floats:
    """The errors (n, d) of each column: see `_parts` for those behind the columns, and `Outliers.errors`."""
    if units.scores is None:
        return errors
    columns, found = list(units.scores.columns), errors[:, : -len(units.scores.columns)]
    found[:, columns] = np.maximum(found[:, columns], errors[:, found.shape[1] :])
    return found


def _parts(trained: Trained, rows: Rows, law: str | None, labels: Labels | None) -> tuple[Floats, Floats]:
    """The squared errors (n, d) of the reconstructions of rows (n, ...), and the log-densities (n,) of their codes.

    Behind those of d columns stand those of the columns of normal scores in standard deviations.
    """
    codes, units = trained.code_means(rows, labels=labels), trained.units.exact
    sides = rows[: len(rows)].cpu(), trained.decoded(codes, labels).cpu()
    squares = (sides[0] - sides[1]).square().flatten(1).double().numpy()
    if units.scores is not None:
        seen = [units.seen(side)[:, list(units.scores.columns)].double().numpy() for side in sides]
        squares = np.concatenate([squares, (seen[0] - seen[1]) ** 2], 1)
    known = np.zeros(len(codes)) if law is None else trained.code_log_prob(codes, law, labels).double().numpy()
    return squares, known
