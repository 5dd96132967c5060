"""What a card's figures say, in plain words: where a value is from its floor, and what it could have seen there."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from remblai.metrics import METRICS, Metric
from remblai.metrics.faults import SEEN
from remblai.runtime.text import one_line, printable

BAND = 2.0
"""Standard deviations around the floor within which a value could be the floor by chance, about 19 times out of 20."""
MOST = 1000.0
"""Standard deviations from the floor that are counted: a deviation of nearly 0 is one of rounding."""
TOO_FEW = "too few to judge"
MENTIONED = 3
"""Columns that a figure's sentence names, at most."""
OFF = "off the floor, with a standard deviation of 0"


@dataclass(frozen=True)
class Reading:
    """A row of the card's table.

    Attributes:
        label, meaning: of the metric.
        value, floor, spread, n: the numbers as text.
        floor_is, spread_is: which floor and which standard deviation they are.
        says: a sentence with the numbers.
        cue: where the value is from the floor, and what that is worth.
        place: where the value is from the floor, -1 to 1 with the band at +-`BAND`; None where nothing can be said.
        inside: whether it is in the band.
    """

    label: str
    meaning: str
    value: str
    floor: str
    floor_is: str
    spread: str
    spread_is: str
    n: str
    says: str
    cue: str
    place: float | None
    inside: bool


def read(metrics: Mapping[str, Mapping[str, Any]]) -> list[Reading]:
    """The rows of the table: the metrics that are known in the order of their table, then all others.

    Raises:
        ValueError: figures of different features.
    """
    features_of(metrics)
    known = [name for name, row in METRICS.items() if name in metrics and row.listed]
    others = [name for name in metrics if name not in METRICS]
    return [_row(name, metrics[name]) for name in known + others]


def _row(name: str, figure: Mapping[str, Any]) -> Reading:
    metric = METRICS.get(name)
    value, floor, spread = (figure.get(key) for key in ("value", "floor", "spread"))
    away = _away(figure) if metric is None or metric.power is not None else None
    cue = None
    if away is not None:
        cue = cue_of(away, figure.get("sees")) + _rank(figure)
        away, cue = _with_sides(figure, away, cue)
    elif spread == 0 and value != floor and metric is not None and metric.power is not None:
        cue = OFF
    used, dead, by_axis = figure.get("features"), figure.get("dead"), figure.get("by_axis")
    largest = _largest(figure)
    return Reading(
        label=metric.label if metric else one_line(name).replace("_", " ").capitalize(),
        meaning=(metric.meaning if metric else "")
        + (f" Features: {named_features(used)}." if used else "")
        + (" The model was trained through them: the figure flatters it." if figure.get("trained_through") else ""),
        value=number(value),
        floor=number(floor),
        floor_is=metric.floor if metric else "real against held-out real",
        spread=number(spread),
        spread_is=metric.spread if metric else "standard deviation",
        n=f"{figure['n']:,}" if figure.get("n") is not None else "",
        says=_says(metric, value, floor, spread)
        + (f" Dead: {', '.join(f'code_{axis}' for axis in dead)}." if dead else "")
        + (f" It is code_{by_axis.index(max(by_axis))}." if by_axis else "")
        + (f" {_where(figure).capitalize()} in {largest}." if largest else "")
        + (f" Right on {_of_sides(figure['sides'])}." if "sides" in figure else "")
        + (f" Held-out data that were augmented have {number(figure['augmented'])}." if "augmented" in figure else "")
        + (f" Answers at random have {number(figure['chance'])}." if "chance" in figure else "")
        + (f" By class: {_by_class(figure['by_class'])}." if figure.get("by_class") else ""),
        cue=cue or "",
        place=place(away) if away is not None and not (cue or "").startswith(TOO_FEW) else None,
        inside=away is not None and abs(away) <= BAND,
    )


def _away(figure: Mapping[str, Any]) -> float | None:
    """Standard deviations from the floor; None where one of the three is missing, or the last is 0 or not known."""
    value, floor, spread = (figure.get(key) for key in ("value", "floor", "spread"))
    if value is None or floor is None or not spread or not math.isfinite(spread):
        return None
    return float((value - floor) / spread)


def _with_sides(figure: Mapping[str, Any], away: float, cue: str) -> tuple[float, str]:
    """What a mean of two sides says, corrected where it is at its floor and a side is not."""
    sides = {name: _side_away(side) for name, side in figure.get("sides", {}).items()}
    off = {name: side for name, side in sides.items() if side is not None and abs(side) > BAND}
    if abs(away) > BAND or len(off) < 2 or len({side > 0 for side in off.values()}) < 2:
        return away, cue
    worst = max(off.values(), key=abs)
    parts = " and ".join(f"{cue_of(side, None)} on {name}" for name, side in off.items())
    return worst, f"the mean hides that it is {parts}"


def _side_away(side: Mapping[str, Any]) -> float | None:
    """As `_away`; infinite where halves do not vary, as where all rows are right, and the floor is another."""
    if side["spread"] == 0 and side["value"] != side["floor"]:
        return math.copysign(math.inf, side["value"] - side["floor"])
    return _away(side)


def _of_sides(sides: Mapping[str, Mapping[str, Any]]) -> str:
    return " and ".join(f"{100 * side['value']:.0f}\N{NO-BREAK SPACE}% of {name}" for name, side in sides.items())


def _where(figure: Mapping[str, Any]) -> str:
    """Which columns `_largest` names; cards of earlier versions have no floors by column."""
    return "furthest above the floor" if "floor_by_column" in figure else "largest"


def _largest(figure: Mapping[str, Any]) -> str:
    """The columns where a figure is furthest above its floor there, at most `MENTIONED`, each with that floor."""
    values, floors = figure.get("by_column", {}), figure.get("floor_by_column", {})
    above = {name: value - floors.get(name, 0.0) for name, value in values.items()}
    found = sorted((name for name in above if above[name] > 0), key=above.__getitem__, reverse=True)
    beside = {name: f" (floor {number(floors[name])})" for name in found if name in floors}
    return ", ".join(f"{printable(name)} {number(values[name])}{beside.get(name, '')}" for name in found[:MENTIONED])


def verdict(readings: Sequence[Reading]) -> str:
    """How many figures are in the range that real data give by chance, how many are not, and how many cannot say."""
    inside = sum(row.inside for row in readings if row.place is not None)
    outside = sum(not row.inside if row.place is not None else row.cue == OFF for row in readings)
    silent = len(readings) - inside - outside
    return (
        f"Figures that compare it with held-out data: {len(readings)}. In the range that real data would give by "
        f"chance: {inside}; outside of it: {outside}; without such a range, or with too few data to say: {silent}."
    )


def features_of(metrics: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The features that a card's figures were taken on; None where none was taken on features.

    Raises:
        ValueError: figures of different features, which are not comparable and have no place in one table.
    """
    every = {json.dumps(figure["features"], sort_keys=True) for figure in metrics.values() if "features" in figure}
    if len(every) > 1:
        raise ValueError(
            f"the figures were taken on different features ({', '.join(sorted(every))}), which cannot be compared: "
            "evaluate again, with one choice of --features."
        )
    used: Mapping[str, Any] | None = json.loads(every.pop()) if every else None
    return used


def named_features(used: Mapping[str, Any]) -> str:
    """The features of figures by name and checksum."""
    return f"{printable(used['name'])} (sha256 {printable(used['sha256'])[:12]}...)"


def _says(metric: Metric | None, value: float | None, floor: float | None, spread: float | None) -> str:
    if metric is None or value is None or floor is None:
        return ""
    return metric.says.format(
        value=number(value),
        floor=number(floor),
        spread=number(spread),
        ratio=f"{value / floor:.2f}" if floor > 0 else "-",
        value_percent=f"{100 * value:.0f}\N{NO-BREAK SPACE}%",
        floor_percent=f"{100 * floor:.0f}\N{NO-BREAK SPACE}%",
        value_count=f"{value:,.4g}",
        floor_count=f"{floor:,.4g}",
    )


def _rank(figure: Mapping[str, Any]) -> str:
    """What a figure of covariances is worth where they are singular."""
    if "full_rank" not in figure:
        return ""
    return f"; {figure['n']:,} rows are too few for covariances of full rank, which take {figure['full_rank']:,}"


def cue_of(away: float, sees: Mapping[str, float] | None) -> str:
    """Where a value is from its floor, and what that is worth.

    Args:
        away: standard deviations from the floor.
        sees: by fault, the standard deviations by which it shifts the figure; None where that was not measured.
    """
    if abs(away) > BAND:
        digits = 0 if abs(away) >= 10 else 1
        count = f"{abs(away):,.{digits}f}" if abs(away) < MOST else f"more than {MOST:,.0f}"
        return f"{count} standard deviations {'above' if away > 0 else 'below'} the floor"
    if sees is None:
        return f"within {BAND:.0f} standard deviations of the floor; what it could have seen was not measured"
    seen = [name for name, shift in sees.items() if abs(shift) >= SEEN]
    unseen = [name for name in sees if name not in seen]
    if not seen:
        return f"{TOO_FEW}: at this n and standard deviation the figure sees no {_either(unseen, 'or')}"
    blind = f", no {_either(unseen, 'or')}" if unseen else ""
    return f"within {BAND:.0f} standard deviations of the floor; at this n it sees {_either(seen, 'and')}{blind}"


def _either(names: list[str], word: str) -> str:
    return f" {word} ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part) or "fault"


def _by_class(values: Mapping[str, float]) -> str:
    return "; ".join(f"{printable(name)}: {number(value)}" for name, value in values.items())


def class_lines(metrics: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A row for each class, with the figures that are known by class; nothing where there are none."""
    known = {name: figure["by_class"] for name, figure in metrics.items() if figure.get("by_class")}
    classes = list(dict.fromkeys(name for values in known.values() for name in values))
    if all(name.isdecimal() for name in classes):  # each figure may lack other classes
        classes.sort(key=int)
    if not classes:
        return []
    wide = max(5, *(len(one_line(name)) for name in classes))
    head = "class".ljust(wide) + "".join(f"  {one_line(name):>20s}" for name in known)
    rows = []
    for name in classes:
        cells = (f"{values[name]:.4g}" if name in values else "" for values in known.values())
        rows.append(one_line(name).ljust(wide) + "".join(f"  {cell:>20s}" for cell in cells))
    return ["", head, *rows]


def card_lines(metrics: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The card as lines of text for a terminal: value, floor, standard deviation, n, and what the value is worth."""
    rows = [f"{'':28s}{'value':>12s}{'floor':>12s}{'std':>12s}{'n':>7s}"]
    for name, figure in metrics.items():
        numbers = "".join(f"{figure[key]:12.4g}" for key in ("value", "floor", "spread"))
        largest = _largest(figure)
        words = "; ".join(
            part for part in (_row(name, figure).cue, f"{_where(figure)} in {largest}" * bool(largest)) if part
        )
        rows.append(f"{one_line(name):28s}{numbers}{figure['n']:7d}" + (f"  {words}" if words else ""))
    used = features_of(metrics)
    return rows + ([f"features: {named_features(used)}"] if used else []) + class_lines(metrics)


def place(away: float, furthest: float = 60.0) -> float:
    """Standard deviations on a line from -1 to 1: even near the floor, squeezed like a logarithm far from it."""
    return max(-1.0, min(1.0, math.copysign(math.log1p(abs(away)) / math.log1p(furthest), away)))


def number(value: float | None) -> str:
    """Three digits that count, with a real minus sign; powers of ten only where zeros would hide the digits."""
    if value is None:
        return ""
    if value == 0:
        return "0"
    if 999.5 <= abs(value) < 1e6:
        text = f"{value:,.0f}"
    else:
        text = f"{value:#.3g}".rstrip(".") if 1e-4 <= abs(value) < 1e6 else f"{value:.2e}"
    return text.replace("-", "\N{MINUS SIGN}")
