"""The fidelity card of recipes on the embedded digits, at default settings: 360 samples against 360 held-out digits.

    python benchmarks/digits.py [wae-mmd wae-gan ...] [--seeds 5] [--threads 1] [--out runs/digits]

Prints a row a run, the floor (real against held-out real) and the median of each recipe. Sharpness is told as a share
of the data's own. The machines, which are of bits, have benchmarks/machines.py.
"""

import argparse
import statistics
from pathlib import Path

import remblai
from remblai import data
from remblai.recipes import RECIPES

NAMES = (
    "nearest_neighbour_accuracy",
    "energy_distance_squared",
    "memorisation_ratio",
    "sharpness",
    "w2",
    "reconstruction_mse",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", default=[name for name in RECIPES if not name.endswith("rbm")])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/digits"))
    given = parser.parse_args()
    digits = data.load("digits")
    print(f"{'':16s}" + "".join(f"{name:>28s}" for name in NAMES) + f"{'seconds':>10s}")
    for recipe in given.recipes:
        rows = [row(recipe, seed, given, digits) for seed in range(given.seeds)]
        show(f"{recipe} median", [statistics.median(column) for column in zip(*rows, strict=True)])


def row(recipe: str, seed: int, given: argparse.Namespace, digits: data.Dataset) -> list[float]:
    folder = given.out / f"{recipe}-{seed}"
    run = remblai.train(recipe, data="digits", out=folder, seed=seed, threads=given.threads, resume=True, quiet=True)
    card = remblai.evaluate(run, digits, seed=seed)
    figures, floors = ([card[name][key] for name in NAMES] for key in ("value", "floor"))
    for numbers in (figures, floors):
        numbers[NAMES.index("sharpness")] /= card["sharpness_data"]["value"]
    seconds = [line["seconds"] for line in run.run.terms() if "seconds" in line][-1]
    if seed == 0:
        show("floor", [*floors, 0.0])
    show(f"{recipe} {seed}", [*figures, seconds])
    return [*figures, seconds]


def show(title: str, figures: list[float]) -> None:
    *metrics, seconds = figures
    print(f"{title:16s}" + "".join(f"{value:28.4g}" for value in metrics) + f"{seconds:10.0f}", flush=True)


if __name__ == "__main__":
    main()
