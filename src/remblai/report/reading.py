"""What a card's figures say, in plain words: no thresholds of our own, only where a value lies from its floor."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BAND = 2.0  # spreads around the floor within which a value could be the floor by chance, roughly 19 times of 20


@dataclass(frozen=True)
class Meaning:
    """How a metric is called and explained; `says` is filled with the numbers, {ratio} being value / floor."""

    label: str
    what: str
    says: str
    floor: str = "real against held-out real"
    banded: bool = True


MEANINGS = {
    "nearest_neighbour_accuracy": Meaning(
        "Nearest-neighbour accuracy",
        "How often a judge tells a sample from held-out data by its nearest neighbour. 50 % is a coin toss, the best.",
        "The judge is right {value_percent} of the time; {floor_percent} when both sides are real.",
    ),
    "energy_distance_squared": Meaning(
        "Squared energy distance",
        "How far the whole clouds lie apart. 0 for equal laws, where chance makes it negative half of the time.",
        "{value} from the data; real data are {floor} from other real data.",
    ),
    "memorisation_ratio": Meaning(
        "Memorisation ratio",
        "How far samples lie from the training data, over the same for held-out data. 1 is right, 0 means copies.",
        "Samples lie {ratio} times as far from the training data as new real data do.",
        "held-out against held-out",
    ),
    "w2": Meaning(
        "Wasserstein distance W2",
        "The root of the least mean squared move that carries samples onto held-out data. "
        "Blur and copies score well here: read it with the two above.",
        "{ratio} times what carrying real data onto other real data takes.",
    ),
    "sharpness": Meaning(
        "Sharpness",
        "Variance of the Laplacian's response: fine detail. The data's own is the aim; noise overshoots it.",
        "{ratio} times the detail of the data.",
        "held-out data",
    ),
    "modes_covered": Meaning(
        "Modes covered",
        "How many of the known modes have a sample within 3 deviations of their centre.",
        "{value} modes, where as many draws of the truth cover {floor}.",
        "draws of the truth",
    ),
    "high_quality_share": Meaning(
        "High-quality share",
        "Samples within 3 deviations of the nearest mode's centre. More than the truth has are modes too narrow.",
        "{value_percent} of the samples, where the truth has {floor_percent}.",
        "draws of the truth",
    ),
    "mode_total_variation": Meaning(
        "Modes' histogram, total variation",
        "The share of samples that would have to change their mode to fill all modes evenly.",
        "{value_percent}, where as many draws of the truth have {floor_percent} by chance.",
        "draws of the truth",
    ),
    "mode_reverse_kl": Meaning(
        "Modes' histogram, reverse KL",
        "The divergence of the modes' histogram from the even one.",
        "{value}, where as many draws of the truth have {floor} by chance.",
        "draws of the truth",
    ),
    "mode_deviation_ratio": Meaning(
        "Modes' width",
        "The deviation within the modes over the truth's. 0 means points, above 1 modes too wide.",
        "{value} times the truth's deviation.",
        "draws of the truth",
    ),
    "reconstruction_mse": Meaning(
        "Reconstruction error",
        "Mean squared error a pixel, or a coordinate, on held-out data; images are on the [0, 1] scale.",
        "{ratio} times the error of answering with the nearest training example.",
        "nearest training example",
        banded=False,
    ),
    "latent_mmd_squared": Meaning(
        "Latent MMD, squared",
        "How far codes lie from the prior, through 7 inverse multiquadric kernels; unbiased, so it may be negative. "
        "Its spread is what the prior shows against itself.",
        "{value}, where two samples of the prior show {floor} ± {spread}.",
        "prior against prior",
    ),
}
FOLDED = {"sharpness_data"}  # it stands in the table already, as the floor of the samples' sharpness


@dataclass(frozen=True)
class Reading:
    """A row of the card's table. `place` is where the value lies from the floor, -1 to 1 with the band at +-`band`."""

    label: str
    what: str
    value: str
    floor: str
    floor_is: str
    spread: str
    n: str
    says: str
    cue: str
    place: float | None
    inside: bool


def read(metrics: Mapping[str, Mapping[str, Any]]) -> list[Reading]:
    """The rows of the table: the metrics with a meaning in its order, then whatever else has been measured."""
    known = [name for name in MEANINGS if name in metrics]
    others = [name for name in metrics if name not in MEANINGS and name not in FOLDED]
    return [_row(name, metrics[name]) for name in known + others]


def _row(name: str, figure: Mapping[str, Any]) -> Reading:
    meaning = MEANINGS.get(name, Meaning(name.replace("_", " ").capitalize(), "", ""))
    value, floor, spread = (figure.get(key) for key in ("value", "floor", "spread"))
    away = None
    if value is not None and floor is not None and spread:
        away = (value - floor) / spread
    cue = "" if away is None or not meaning.banded else _cue(away)
    return Reading(
        label=meaning.label,
        what=meaning.what,
        value=number(value),
        floor=number(floor),
        floor_is=meaning.floor,
        spread=number(spread),
        n=f"{figure['n']:,}" if figure.get("n") is not None else "",
        says=_says(meaning, value, floor, spread),
        cue=cue,
        place=place(away) if cue and away is not None else None,
        inside=away is not None and abs(away) <= BAND,
    )


def _says(meaning: Meaning, value: float | None, floor: float | None, spread: float | None) -> str:
    if value is None or floor is None:
        return ""
    return meaning.says.format(
        value=number(value),
        floor=number(floor),
        spread=number(spread),
        ratio=f"{value / floor:.2f}" if floor > 0 else "-",
        value_percent=f"{100 * value:.0f}\N{NO-BREAK SPACE}%",
        floor_percent=f"{100 * floor:.0f}\N{NO-BREAK SPACE}%",
    )


def _cue(away: float) -> str:
    if abs(away) <= BAND:
        return f"within {BAND:.0f} spreads of the floor: at this n it cannot be told from it"
    return f"{abs(away):.{0 if abs(away) >= 10 else 1}f} spreads {'above' if away > 0 else 'below'} the floor"


def place(away: float, furthest: float = 60.0) -> float:
    """Spreads on a line from -1 to 1: even near the floor, squeezed like a logarithm far from it."""
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
