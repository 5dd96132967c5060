"""The fidelity card of recipes on the embedded digits, at default settings: 360 samples against 360 held-out digits.

    python benchmarks/digits.py [wae-mmd gan ...] [--seeds 5] [--threads 1] [--out runs/digits]

Prints a row a run, the floor (real against held-out real) and the median, least and most of each recipe; a median that
misses its target is marked with a `*`. Sharpness is told as a share of the data's own. CPU seconds are those of the
whole run, with its card and its report. The machines, which are of bits, have benchmarks/machines.py.
"""

import argparse
import math
import statistics
from collections.abc import Sequence
from pathlib import Path

import remblai
from modes import TITLE, line, trained
from remblai import data
from remblai.recipes import RECIPES

COLUMNS = {
    "nearest_neighbour_accuracy": "1-NN",
    "energy_distance_squared": "energy^2",
    "memorisation_ratio": "memorisation",
    "sharpness": "sharpness",
    "w2": "W2",
    "reconstruction_mse": "reconstruction",
}
MOST = {"1-NN": (0.80, 0.85), "energy^2": (0.02, 0.03), "memorisation": (1.4, 1.4), "CPU s": (120.0, 120.0)}
"""What a recipe should not exceed: where it encodes, and where it only generates."""
LEAST_MEMORISATION = 0.7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", default=[name for name in RECIPES if not name.endswith("rbm")])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/digits"))
    given = parser.parse_args()
    digits = data.load("digits")
    print(f"{'':{TITLE}s}" + "".join(f"{column:>16s}" for column in [*COLUMNS.values(), "CPU s"]))
    floors: list[float] = []
    passed = []
    for recipe in given.recipes:
        rows = []
        for seed in range(given.seeds):
            found, floor = row(recipe, seed, given, digits)
            if not floors:
                line("floor", floors := floor)
            rows.append(found)
            line(f"{recipe} {seed}", found)
        passed.append(summary(recipe, rows))
    print(f"{sum(passed)} of {len(passed)} recipes reach every target in the median")


def row(recipe: str, seed: int, given: argparse.Namespace, digits: data.Dataset) -> tuple[list[float], list[float]]:
    """The figures of one run, and the floors of the card; nan where there is none."""
    folder = given.out / f"{recipe}-{seed}"
    run, seconds = trained(recipe, "digits", folder, seed=seed, threads=given.threads)
    card = remblai.evaluate(run, digits, seed=seed)
    sharp = card["sharpness_data"]["value"]
    figures, floors = (
        [card[name][key] / (sharp if name == "sharpness" else 1.0) if name in card else math.nan for name in COLUMNS]
        for key in ("value", "floor")
    )
    return [*figures, seconds], [*floors, math.nan]


def summary(recipe: str, rows: Sequence[Sequence[float]]) -> bool:
    """Prints the medians with what misses its target marked, the least and the most; whether nothing misses."""
    columns = list(zip(*rows, strict=True))
    medians = [statistics.median(column) for column in columns]
    encodes = not math.isnan(medians[list(COLUMNS).index("reconstruction_mse")])
    titles = [*COLUMNS.values(), "CPU s"]
    missed = [
        (title in MOST and value > MOST[title][not encodes]) or (title == "memorisation" and value < LEAST_MEMORISATION)
        for title, value in zip(titles, medians, strict=True)
    ]
    line(f"{recipe}: median", medians, ["*" if one else "" for one in missed])
    line(f"{recipe}: least", [min(column) for column in columns])
    line(f"{recipe}: most", [max(column) for column in columns])
    return not any(missed)


if __name__ == "__main__":
    main()
