"""WAE-MMD and WAE-GAN on MNIST: do they train in every seed, do reconstruction and codes' law hold at once?

    python benchmarks/mnist.py FOLDER_OF_IDX_FILES [--seeds 5] [--epochs 10] [--out runs/mnist]

Prints, for each run, the test reconstruction error a pixel on the [0, 1] scale and the squared unbiased MMD between
1,000 test codes and the prior (7 inverse multiquadric scales), then medians. Settings: the recipes' defaults but for
those below.
"""

import argparse
import json
import statistics
from pathlib import Path

import remblai
from remblai import data

SETTINGS = {
    "wae-mmd": {"weight": 100.0, "noise": 0.0},
    "wae-gan": {
        "weight": 10.0,
        "noise": 0.0,
        "critic_lr": 5e-4,
        "critic_steps": 1,
        "penalty": {"name": "adversarial", "width": 256, "depth": 4, "lipschitz": "free"},
    },
}
N = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--recipes", nargs="*", default=list(SETTINGS), choices=list(SETTINGS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=float, default=10)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/mnist"))
    given = parser.parse_args()
    dataset = data.load(given.data)
    for recipe in given.recipes:
        rows = [row(recipe, seed, given, dataset) for seed in range(given.seeds)]
        medians = {name: statistics.median(r[name] for r in rows) for name in rows[0]}
        show(f"{recipe} median", medians)
        show(f"{recipe} worst", {name: max(r[name] for r in rows) for name in rows[0]})


def row(recipe: str, seed: int, given: argparse.Namespace, dataset: data.Dataset) -> dict[str, float]:
    folder = given.out / f"{recipe}-{seed}"
    run = remblai.train(
        recipe,
        data=given.data,
        out=folder,
        seed=seed,
        epochs=given.epochs,
        threads=given.threads,
        resume=True,
        network={"name": "dcgan", "width": 32},
        latent=8,
        **SETTINGS[recipe],
    )
    card = remblai.evaluate(run, dataset, N)
    seconds = json.loads((folder / "terms.jsonl").read_text().splitlines()[-2])["seconds"]
    names = ("reconstruction_mse", "latent_mmd_squared", "energy_distance_squared", "nearest_neighbour_accuracy")
    found = {name: card[name]["value"] for name in names}
    found |= {"latent_mmd_null_spread": card["latent_mmd_squared"]["spread"], "seconds": seconds}
    show(f"{recipe} seed {seed}", found)
    return found


def show(title: str, figures: dict[str, float]) -> None:
    print(f"{title:18s}" + "".join(f"  {name} {value:.5g}" for name, value in figures.items()), flush=True)


if __name__ == "__main__":
    main()
