"""The mode tests of the GAN papers: 8 Gaussians on a ring, 25 on a grid, 2,500 samples, a row a run.

    python benchmarks/modes.py [gan gan-r1 gmmn-laplacian ...] [--data ring grid] [--seeds 5] [--out runs/modes]

A name is a recipe at its default settings, or one of the settings below; each prints what it stands for. The first rows
are the truth: what is expected of it exactly, and fresh draws. The median of each name is held against the targets;
what misses one is marked with a `*`. Ratio is the modes' width over the truth's, all modes pooled, then of the
narrowest and the widest mode. CPU seconds are those of the whole run, with its card and its report.
"""

import argparse
from collections.abc import Mapping
from typing import Any

from remblai import data
from remblai.config.registry import flatten
from remblai.metrics.modes import mode_deviation_ratios, mode_expectations, mode_figures
from remblai.runs.resolve import resolve
from runs import TITLE, Targets, header, line, options, summary, trained

SAMPLES = 2500
DATA: dict[str, dict[str, Any]] = {
    "ring": {"name": "ring", "modes": 8, "radius": 1.0, "deviation": 0.01},
    "grid": {"name": "grid", "side": 5, "spacing": 2.0, "deviation": 0.05},
}


def laplacian(*scales: float) -> dict[str, Any]:
    """A kernel that sees differences of these sizes."""
    return {"name": "laplacian", "scale": 1.0, "scales": scales}


NET = {"name": "mlp", "width": 128, "depth": 3}
SETTINGS: dict[str, tuple[str, dict[str, Any], dict[str, dict[str, Any]]]] = {
    "gan-plain": (
        "gan",
        {
            "latent": 2,
            "network": NET,
            "critic": NET,
            "lipschitz": "free",
            "lr": 2e-4,
            "betas": (0.5, 0.999),
            "schedule": "constant",
            "average": None,
            "steps": 20_000,
        },
        {},
    ),
    "gan-r1": (
        "gan",
        {
            "latent": 2,
            "network": NET,
            "critic": NET,
            "lr": 1e-3,
            "betas": (0.0, 0.99),
            "batch_size": 256,
            "schedule": "cosine",
            "average": 0.995,
        },
        {
            "ring": {"lipschitz": {"name": "r1", "weight": 0.01}, "steps": 15_000},
            "grid": {"lipschitz": {"name": "r1", "weight": 0.002}, "steps": 20_000, "prior": "uniform"},
        },
    ),
    "gmmn-laplacian": (
        "gmmn",
        {
            "latent": 2,
            "network": NET | {"depth": 5},
            "lr": 3e-3,
            "betas": (0.5, 0.999),
            "batch_size": 128,
            "schedule": "cosine",
            "average": 0.995,
        },
        {
            "ring": {
                "discrepancy": {"name": "mmd", "kernel": laplacian(0.02, 0.1, 0.5, 2.0)},
                "steps": 50_000,
            },
            "grid": {
                "discrepancy": {"name": "mmd", "kernel": laplacian(0.1, 0.5, 2.0, 8.0)},
                "steps": 100_000,
            },
        },
    ),
}
"""By name: a recipe, what differs from its defaults, and what depends on the data and their scale. The kernel's scales
go from twice the deviation of a mode to the extent of the data."""

COLUMNS = ("modes", "high quality %", "histogram TV", "reverse KL", "ratio", "narrowest", "widest", "CPU s")
PUBLISHED: dict[str, dict[str, tuple[float, float, float | None]]] = {
    "ring": {
        "GAN (VEEGAN paper)": (1, 99.3, None),
        "ALI (VEEGAN paper)": (2.8, 0.13, None),
        "Unrolled GAN (VEEGAN paper)": (7.6, 35.6, None),
        "VEEGAN (VEEGAN paper)": (8, 52.9, None),
        "GAN (PacGAN paper)": (6.3, 98.2, 0.45),
        "ALI (PacGAN paper)": (6.6, 97.6, 0.36),
        "PacGAN2": (7.9, 95.6, 0.07),
        "PacGAN3": (7.8, 97.7, 0.10),
        "PacGAN4": (7.8, 95.9, 0.07),
    },
    "grid": {
        "GAN (VEEGAN paper)": (3.3, 0.5, None),
        "ALI (VEEGAN paper)": (15.8, 1.6, None),
        "Unrolled GAN (VEEGAN paper)": (23.6, 16, None),
        "VEEGAN (VEEGAN paper)": (24.6, 40, None),
        "GAN (PacGAN paper)": (17.3, 94.8, 0.70),
        "ALI (PacGAN paper)": (24.1, 95.7, 0.14),
        "PacGAN2": (23.8, 91.3, 0.13),
        "PacGAN3": (24.6, 94.2, 0.06),
        "PacGAN4": (24.8, 93.6, 0.04),
    },
}
"""Modes, high quality in per cent and reverse KL: arXiv 1705.07761 (5 runs) and 1712.04086 (10 runs)."""


def main() -> None:
    parser = options(__doc__, "names", list(SETTINGS), "runs/modes")
    parser.add_argument("--data", nargs="+", choices=list(DATA), default=list(DATA))
    given = parser.parse_args()
    for name in given.data:
        compare(name, given)


def setting(name: str, dataset: str) -> tuple[str, dict[str, Any]]:
    """The recipe that a name stands for, and the settings in which it differs from its defaults."""
    recipe, common, own = SETTINGS.get(name, (name, {}, {}))
    return recipe, common | own.get(dataset, {})


def compare(name: str, given: argparse.Namespace) -> None:
    """Prints the rows of one data set."""
    dataset = data.load(DATA[name])
    assert dataset.modes is not None
    modes = len(dataset.modes.centres)
    print(f"\n{name} of {modes}, deviation {dataset.modes.deviation}, {SAMPLES:,} samples, {given.seeds} seeds")
    for one in given.names:
        recipe, settings = setting(one, name)
        resolved = resolve(recipe, settings)
        every = flatten(resolved.to_json()["arguments"]) | resolved.loop
        print(f"{one}: {recipe} " + " ".join(f"{option}={value}" for option, value in every.items()))
    header(COLUMNS)
    expected = mode_expectations(SAMPLES, modes)
    line("truth, expected", in_columns(expected)[:5])
    draws = [row(next(dataset.test.batches(SAMPLES, seed)), dataset) for seed in range(given.seeds)]
    summary("truth, drawn", draws, COLUMNS[:-1], targets(modes))
    for one in given.names:
        rows = []
        recipe, settings = setting(one, name)
        for seed in range(given.seeds):
            run, seconds = trained(
                recipe, DATA[name], given.out / f"{one}-{name}-{seed}", seed=seed, threads=given.threads, **settings
            )
            rows.append([*row(run.sample(SAMPLES, seed), dataset), seconds])
            line(f"{one} {seed}", rows[-1])
        summary(one, rows, COLUMNS, targets(modes))
    for paper, (found, quality, divergence) in PUBLISHED[name].items():
        print(f"{'published: ' + paper:{TITLE}s}{found:16.1f}{quality:16.2f}" + f"{'':16s}{divergence or '':>16}")


def targets(modes: int) -> Targets:
    """What is meant to be reached with so many modes."""
    return {
        "modes": lambda value: value >= (modes if modes == 8 else modes - 0.2),
        "high quality %": lambda value: 95.0 <= value <= 99.2,
        "histogram TV": lambda value: value <= 0.06,
        "ratio": lambda value: 0.7 <= value <= 1.4,
    }


def row(samples: Any, dataset: data.Dataset) -> list[float]:
    """The figures of samples, but for the CPU seconds."""
    assert dataset.modes is not None
    known = dataset.modes.centres, dataset.modes.deviation
    each = mode_deviation_ratios(samples, *known)
    return [*in_columns(mode_figures(samples, *known)), float(each.min()), float(each.max())]


def in_columns(figures: Mapping[str, float]) -> list[float]:
    """The figures in the order of the columns, the share in per cent."""
    modes, quality, variation, divergence, ratio = figures.values()
    return [modes, 100 * quality, variation, divergence, ratio]


if __name__ == "__main__":
    main()
