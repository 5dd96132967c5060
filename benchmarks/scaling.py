"""Tables as normal scores and in standard deviations, side by side: how like the data samples are, column by column.

    python benchmarks/scaling.py            # some ten minutes on 2 cores

Each recipe is trained on each table with both scalings, the same steps and seeds. Every figure is of samples against
held-out rows in standard deviations of the data, whatever the model saw, and is a mean over seeds.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

import remblai

FIGURES = ("nearest_neighbour_accuracy", "energy_distance_squared", "furthest_column", "beyond_the_range")
SCALINGS = ("standard", "normal-scores")


def people(n: int = 3000) -> pd.DataFrame:
    """Ages that end at 18 and 90, incomes of a long tail, hours of which half are 40, gains that nine in ten lack."""
    rng = np.random.default_rng(0)
    age = rng.normal(40, 15, n).clip(18, 90).round()
    hours = np.where(rng.random(n) < 0.5, 40, rng.normal(40, 12, n).clip(1, 99).round())
    gain = np.where(rng.random(n) < 0.9, 0, rng.lognormal(7, 1, n).round())
    return pd.DataFrame({"age": age, "hours": hours, "income": rng.lognormal(8 + age / 40, 1).round(2), "gain": gain})


def normal(n: int = 3000) -> pd.DataFrame:
    """A normal law, of which scores are no other thing than standard deviations."""
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.normal(size=(n, 4)) @ rng.normal(size=(4, 4)), columns=list("abcd"))


TABLES = {
    "people": people,
    "breast cancer": lambda: load_breast_cancer(as_frame=True).data,
    "diabetes": lambda: load_diabetes(as_frame=True, scaled=False).data,
    "wine": lambda: load_wine(as_frame=True).data,
    "normal": normal,
}


def card(recipe: str, table: pd.DataFrame, scaling: str, seed: int, steps: int) -> dict[str, dict[str, float]]:
    """The figures of one training."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        options = {"steps": steps, "seed": seed, "quiet": True, "device": "cpu", "evaluate_every": 0}
        trained = remblai.train(recipe, data=table, scaling=scaling, out=out, **options)
        return {name: dict(figure) for name, figure in remblai.evaluate(trained, table).items()}


def main() -> None:
    """Prints a line for each recipe, table and scaling."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--recipes", nargs="+", default=["wae-mmd", "vae"])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=2)
    asked = parser.parse_args()
    print(f"{'':36}" + "".join(f"{name:>30}" for name in FIGURES))
    for recipe in asked.recipes:
        for name, table in TABLES.items():
            for scaling in SCALINGS:
                cards = [card(recipe, table(), scaling, seed, asked.steps) for seed in range(asked.seeds)]
                cells = [
                    f"{np.mean([one[figure]['value'] for one in cards]):.3f} (floor {cards[0][figure]['floor']:.3f})"
                    for figure in FIGURES
                ]
                print(f"{recipe:9}{name:14}{scaling:13}" + "".join(f"{cell:>30}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
