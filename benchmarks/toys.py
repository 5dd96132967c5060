"""Every recipe for points, at default settings, on the easy ring: 8 Gaussians of deviation 0.1 at radius 2.

    python benchmarks/toys.py [wae-mmd gan ...] [--seeds 5] [--threads 1] [--out runs/toys]

Prints a row a run and the median of each recipe, from 1,000 samples against 1,000 held-out points; a figure that misses
its target is marked with a `*`. CPU seconds are those of the whole run, with its card and its report. The machines,
which are of bits, have benchmarks/machines.py.
"""

from typing import Any

from remblai import data
from remblai.metrics import energy_distance
from remblai.metrics.modes import mode_figures
from remblai.runs.resolve import resolve
from runs import OF_NUMBERS, TITLE, Targets, header, line, options, summary, trained

SAMPLES = 1000
RING: dict[str, Any] = {"name": "ring", "modes": 8, "radius": 2.0, "deviation": 0.1}
COLUMNS = ("modes", "histogram TV", "energy^2", "CPU s", "high quality %", "width ratio")
TARGETS: Targets = {
    "modes": lambda value: value >= 8,
    "histogram TV": lambda value: value <= 0.15,
    "energy^2": lambda value: value <= 0.03,
    "CPU s": lambda value: value <= 180,
}


def main() -> None:
    given = options(__doc__, "recipes", OF_NUMBERS, "runs/toys").parse_args()
    ring = data.load(RING)
    header(COLUMNS)
    draws = [row(next(ring.validation.batches(SAMPLES, seed)), ring, 0.0) for seed in range(given.seeds)]
    summary("truth", draws, COLUMNS, TARGETS)
    passed = []
    for recipe in given.recipes:
        if reason := refused(recipe, ring.shape):
            print(f"{recipe:{TITLE}s}  not for points: {reason}")
            continue
        rows = []
        for seed in range(given.seeds):
            run, seconds = trained(recipe, RING, given.out / f"{recipe}-{seed}", seed=seed, threads=given.threads)
            rows.append(row(run.sample(SAMPLES, seed), ring, seconds))
            line(f"{recipe} {seed}", rows[-1])
        passed.append(summary(recipe, rows, COLUMNS, TARGETS))
    print(f"{sum(passed)} of {len(passed)} recipes reach every target in the median")


def refused(recipe: str, shape: tuple[int, ...]) -> str:
    """Why a recipe takes no points; nothing where it takes them."""
    resolved = resolve(recipe, {})
    try:
        resolved.build(shape)
    except ValueError as error:
        return str(error)
    return ""


def row(samples: Any, ring: data.Dataset, seconds: float) -> list[float]:
    """The figures of one run."""
    assert ring.modes is not None
    found = mode_figures(samples, ring.modes.centres, ring.modes.deviation)
    return [
        found["modes_covered"],
        found["mode_total_variation"],
        energy_distance(ring.test[:SAMPLES], samples),
        seconds,
        100 * found["high_quality_share"],
        found["mode_deviation_ratio"],
    ]


if __name__ == "__main__":
    main()
