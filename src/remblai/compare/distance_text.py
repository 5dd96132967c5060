"""A measured distance in words: the value beside its floor, its test, its interval and its plan."""

from typing import TYPE_CHECKING

from remblai.compare.measures import OF_THE_CARD
from remblai.compare.permutations import COUNTS, EXCEEDANCES
from remblai.distances.certificate import Interval

if TYPE_CHECKING:
    from remblai.compare.datasets import Distance

ROOT = 1e-15
"""Relative rounding of a root, more than twice."""


def lines(found: "Distance") -> list[str]:
    """A measured distance for a terminal, a line each."""
    return [title(found), "", *(f"  {name:10s} {words}" for name, words in rows(found))]


def title(found: "Distance") -> str:
    """What was compared."""
    sizes = zip((len(found.x), len(found.y)), found.points.sizes, strict=True)
    used = " and ".join(f"{part:,}" if part == all_of else f"{part:,} of {all_of:,}" for part, all_of in sizes)
    d = found.x.shape[1]
    space = f"{d} dimension{'' if d == 1 else 's'}"
    return f"{found.metric} between {used} points in {space} ({found.points.units})"


def rows(found: "Distance") -> list[tuple[str, str]]:
    """What was found, by its name."""
    of_the_card = OF_THE_CARD.get(found.metric)
    told = [("value", f"{found.value:.6g}" + (f"   {of_the_card.meaning}" if of_the_card else ""))]
    if found.test:
        splits = f"{found.test.permutations:,} random splits of both sets together"
        if found.floor:
            words = f"mean and standard deviation over {splits}, of the same sizes"
            told.append(("floor", f"{found.floor.value:.6g} +- {found.floor.spread:.2g}   {words}"))
        else:
            told.append(("floor", f"none: {found.reasons['floor']}"))
        fewer = found.test.permutations in COUNTS[1:]  # as many as time allowed
        again = f"; --permutations {found.test.permutations} is the same on every machine" if fewer else ""
        splits = f"{found.test.permutations:,} splits{again}"
        if found.test.stopped:
            waited = round(EXCEEDANCES / found.test.p_value)
            splits = f"{EXCEEDANCES} of {waited:,} splits, at which the test ended early"
        words = f"how often a split at random looks this different ({splits})"
        told.append(("p", f"{found.test.p_value:.4g}   {words}"))
    if found.interval:
        told.append(("interval", f"{found.interval.lower:.6g} to {found.interval.upper:.6g}   {_aim(found)}"))
    elif "interval" in found.reasons:
        told.append(("interval", f"none: {found.reasons['interval']}"))
    if found.plan is not None:
        blur = f", epsilon {found.plan.epsilon:.6g} in units of the cost" if found.plan.epsilon else ""
        raw = ", before debiasing" if found.metric == "entropic" and found.options.get("debiased", True) else ""
        p = float(found.options.get("p", 2.0)) if found.metric == "wasserstein" else 1.0
        of = f", the value above to the power {p:g}" if p != 1.0 else ""
        precision = str(found.x.dtype).removeprefix("torch.")
        told.append(("plan", f"{found.plan.method}{blur}: value {float(found.plan.value):.9g}{raw}{of}"))
        told.append(("proven", f"{_root(found.plan.certificate(), p).text()}   of these points, in {precision}"))
    elif "plan" in found.reasons:
        told.append(("plan", f"none: {found.reasons['plan']}"))
    told.append(("seconds", f"{found.seconds:.3g}"))
    return told + [("data", note) for note in found.points.notes]


def _root(interval: Interval, p: float) -> Interval:
    """The interval of the p-th root, widened by its rounding."""
    if p == 1.0:
        return interval
    lower, upper = (max(end, 0.0) ** (1.0 / p) for end in interval)
    return Interval(lower * (1.0 - ROOT), upper * (1.0 + ROOT))


def _aim(found: "Distance") -> str:
    """What the interval is for."""
    interval = found.interval
    assert interval is not None
    level = f"{interval.level:.0%} interval"
    of_the_card = found.metric in OF_THE_CARD
    if interval.target == "population":
        return f"{level} for {'this figure of' if of_the_card else 'the distance between'} the laws"
    mean = f"{level} for what samples of these sizes give on average"
    if of_the_card:
        return mean if found.floor is None else f"{mean}; such samples of one law give {found.floor.value:.3g}"
    if interval.bias <= 0:
        return f"{mean}, not for the distance between the laws"
    if found.floor is None:
        return f"{mean}; the distance between the laws is lower by the bias, by {interval.bias:.2g} at least"
    return f"{mean}; the distance between the laws is lower: such samples of one law are {found.floor.value:.3g} apart"
