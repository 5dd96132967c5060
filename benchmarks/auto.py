"""`--weight auto` and `--latent auto` beside sweeps, on the embedded digits.

    python benchmarks/auto.py [weight latent] [--recipe wae-mmd] [--steps 1500] [--seeds 2] [--threads 1]

For each of 7 weights, or of 5 sizes of the code, and for auto: samples of the prior against the test split, the mean of
five draws of 360 each. Prints the 1-NN accuracy, the squared energy distance, the error of reconstructions of test
images, and what auto chose; then auto's ratio to the best of the sweep in the mean over the seeds. Nothing is chosen by
the test split: auto does not see it, and the sweep's best one is what a user would have found with it, an advantage of
the sweep. Runs are short, so that all of it takes some minutes on two cores.
"""

import argparse
import itertools
import statistics
from collections.abc import Iterator
from typing import Any

import torch

from remblai import data
from remblai.metrics import energy_distance, nearest_neighbour_accuracy, reconstruction_mse
from remblai.objectives.weights import weight_in_words
from remblai.runs.feed import batches
from remblai.runs.latent import chosen_latent, latent_in_words
from remblai.runs.load import eval_copy
from remblai.runs.resolve import resolve
from remblai.runtime import rng
from remblai.training import State, steps
from runs import header, line

SWEEPS: dict[str, list[Any]] = {
    "weight": [0.8, 3.0, 12.0, 50.0, 200.0, 800.0, 3200.0, "auto:1", "auto"],
    "latent": [2, 4, 8, 16, 32, "auto"],
}
COLUMNS = ["1-NN", "energy^2", "reconstruction"]
DRAWS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("options", nargs="*", default=list(SWEEPS))
    parser.add_argument("--recipe", default="wae-mmd")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    digits = data.load("digits")
    header(COLUMNS)
    for option in given.options:
        rows: dict[Any, list[list[float]]] = {value: [] for value in SWEEPS[option]}
        for seed, value in itertools.product(range(given.seeds), SWEEPS[option]):
            figures, words = trained(digits, given.recipe, {option: value, "steps": given.steps}, seed)
            rows[value].append(figures)
            line(f"{option} {value}, seed {seed}", figures)
            if words:
                print(f"    {words}", flush=True)
        summary(option, rows)


def trained(digits: data.Dataset, recipe: str, options: dict[str, Any], seed: int) -> tuple[list[float], str]:
    """The figures of one training, and what it chose in words."""
    resolved = resolve(recipe, options)
    chosen = chosen_latent(None, resolved, digits, torch.device("cpu"))
    rng.seed(seed)
    objective = resolved.build(digits.shape)
    state = State(objective, **resolved.loop)
    for _ in steps(state, batches(state, digits, seed)):
        pass
    model = eval_copy(objective, state.averaged_weights)
    held = objective.held_weight()
    words = [weight_in_words(held)] if held else []
    words += [latent_in_words(chosen)] if chosen else []
    return list(figures_of(model, digits.test[:])), "; ".join(words)


@torch.no_grad()
def figures_of(model: Any, test: torch.Tensor) -> Iterator[float]:
    """The figures of the columns."""
    with rng.seeded(0):
        draws = [model.sample(len(test)) for _ in range(DRAWS)]
        again = model.decode(model.encode(test).z)
    for figure in (nearest_neighbour_accuracy, energy_distance):
        yield statistics.mean(figure(test, draw) for draw in draws)
    yield reconstruction_mse(test, again)


def summary(option: str, rows: dict[Any, list[list[float]]]) -> None:
    """Prints the means over the seeds, and auto's ratio to the best of the sweep."""
    means = {value: [statistics.mean(column) for column in zip(*found, strict=True)] for value, found in rows.items()}
    for value, mean in means.items():
        line(f"{option} {value}: mean", mean)
    for value in (value for value in means if isinstance(value, str)):
        best = [
            min(mean[i] for other, mean in means.items() if not isinstance(other, str)) for i in range(len(COLUMNS))
        ]
        line(
            f"{option} {value} / best of the sweep",
            [mine / least for mine, least in zip(means[value], best, strict=True)],
        )


if __name__ == "__main__":
    main()
