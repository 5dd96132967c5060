"""The machine trained by likelihood against the Wasserstein machine, on binarised digits: figures on held-out digits.

    python benchmarks/machines.py [--seeds 5] [--steps 3000] [--likelihood-weight 1.0]

Both machines take the same seeds, batches and steps; the second takes the transport in for the second half of them.
Prints a row for each machine and seed, the medians with the least and the most, and in how many pairs the second has
the lower figure. Transport is in bits from 360 held-out digits to 360 draws of the machine, smoothed (epsilon 2) and
exact; variety is the mean distance of two draws, noise that of a draw to the nearest held-out digit. Completed and
flipped are shares of wrong bits in draws given the rest: a random half, the rows above, or noisy bits. log p is nats
for a held-out digit, by annealed importance sampling. The floor is training digits in place of draws.
"""

import argparse
import statistics
import time
from collections.abc import Sequence

import torch
from torch import Tensor

from remblai import data
from remblai.gallery.machines.wasserstein_machine import Row, figures, trained
from remblai.recipes import Recipe
from remblai.recipes.machines import rbm, wasserstein_rbm
from remblai.runtime.rng import seeded


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=rbm.loop["steps"])
    parser.add_argument("--likelihood-weight", type=float, default=1.0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    digits = data.load("digits")
    held_out, known = ((part[:] > 0.5).float().flatten(1) for part in (digits.test, digits.train))
    floor = figures(known[: len(held_out)], held_out, known, None)
    rows: dict[str, list[Row]] = {"rbm": [], "wasserstein-rbm": []}
    options: dict[str, dict[str, float]] = {
        "rbm": {},
        "wasserstein-rbm": {"likelihood_weight": given.likelihood_weight},
    }
    for seed in range(given.seeds):
        for recipe in (rbm, wasserstein_rbm):
            row = measured(recipe, seed, given.steps, options[recipe.name], held_out, known)
            if seed == 0 and recipe is rbm:
                show("", list(row))
                show("floor", [floor.get(name, "") for name in row])
            rows[recipe.name].append(row)
            show(f"{recipe.name} {seed}", list(row.values()))
    for name, found in rows.items():
        for title, of in (("median", statistics.median), ("least", min), ("most", max)):
            show(f"{name} {title}", [of(row[column] for row in found) for column in found[0]])
    pairs = list(zip(*rows.values(), strict=True))
    lower = {name: sum(second[name] < first[name] for first, second in pairs) for name in pairs[0][0]}
    show("second is lower", [f"{count} of {len(pairs)}" for count in lower.values()])


def measured(recipe: Recipe, seed: int, count: int, options: dict[str, float], held_out: Tensor, known: Tensor) -> Row:
    """The recipe's machine at its default settings: its figures, and the CPU seconds that its training took."""
    began = time.process_time()
    machine = trained(recipe, count, seed, **options)
    seconds = time.process_time() - began
    with seeded(seed):
        return figures(machine.draw(len(held_out)), held_out, known, machine.rbm) | {"CPU seconds": seconds}


def show(title: str, cells: Sequence[float | str]) -> None:
    told = [cell if isinstance(cell, str) else f"{cell:.4g}" for cell in cells]
    print(f"{title:24s}" + "".join(f"{cell:>20s}" for cell in told), flush=True)


if __name__ == "__main__":
    main()
