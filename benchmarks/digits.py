"""The fidelity card of recipes on the embedded digits, at default settings: 360 samples against 360 held-out digits.

    python benchmarks/digits.py [wae-mmd gan ...] [--seeds 5] [--threads 1] [--sampler mixture]
        [--sampler.components 10] [--out runs/digits]

Prints a row a run, the floor (real against held-out real) and the median, least and most of each recipe; a median that
misses its target is marked with a `*`. Sharpness is told as a share of the data's own. CPU seconds are those of the
whole run, with its card and its report. With --sampler a law of that kind is fitted to the codes of each auto-encoder
and its samples are decoded from it; docs/models.md has a mixture of 10 components. The machines, which are of bits,
have benchmarks/machines.py.
"""

import argparse
import math
from pathlib import Path

import remblai
from remblai import data
from remblai.laws import FITTED
from runs import OF_NUMBERS, Targets, header, line, options, summary, trained

FIGURES = {
    "nearest_neighbour_accuracy": "1-NN",
    "energy_distance_squared": "energy^2",
    "memorisation_ratio": "memorisation",
    "sharpness": "sharpness",
    "w2": "W2",
    "reconstruction_mse": "reconstruction",
}
COLUMNS = [*FIGURES.values(), "CPU s"]


def main() -> None:
    parser = options(__doc__, "recipes", OF_NUMBERS, "runs/digits")
    parser.add_argument("--sampler", choices=list(FITTED))
    parser.add_argument("--sampler.components", dest="components", type=int, help="of --sampler mixture")
    given = parser.parse_args()
    digits = data.load("digits")
    header(COLUMNS)
    floors: list[float] = []
    passed = []
    for recipe in given.recipes:
        rows = []
        for seed in range(given.seeds):
            found, floor = row(recipe, given.out / f"{recipe}-{seed}", digits, seed, given)
            if not floors:
                line("floor", floors := floor)
            rows.append(found)
            line(f"{recipe} {seed}", found)
        encodes = not math.isnan(rows[0][COLUMNS.index("reconstruction")])
        passed.append(summary(recipe, rows, COLUMNS, targets(encodes)))
    print(f"{sum(passed)} of {len(passed)} recipes reach every target in the median")


def targets(encodes: bool) -> Targets:
    """What a recipe should reach, by whether it encodes or only generates."""
    return {
        "1-NN": lambda value: value <= (0.80 if encodes else 0.85),
        "energy^2": lambda value: value <= (0.02 if encodes else 0.03),
        "memorisation": lambda value: 0.7 <= value <= 1.4,
        "CPU s": lambda value: value <= 120.0,
    }


def row(
    recipe: str, folder: Path, digits: data.Dataset, seed: int, given: argparse.Namespace
) -> tuple[list[float], list[float]]:
    """The figures of one run, and the floors of the card; nan where there is none."""
    run, seconds = trained(recipe, "digits", folder, seed=seed, threads=given.threads)
    sampler = given.sampler if run.encodes else None
    if sampler:
        chosen = {} if given.components is None else {"components": given.components}
        remblai.fit(run, {"name": sampler} | chosen, digits)
    card = remblai.evaluate(run, digits, seed=seed, sampler=sampler)
    sharp = card["sharpness_data"]["value"]
    figures, floors = (
        [card[name][key] / (sharp if name == "sharpness" else 1.0) if name in card else math.nan for name in FIGURES]
        for key in ("value", "floor")
    )
    return [*figures, seconds], [*floors, math.nan]


if __name__ == "__main__":
    main()
