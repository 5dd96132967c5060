"""What `mnist.py` trains: a table of rows by group, each a recipe and its settings, or a model of pythae."""

from collections.abc import Sequence
from typing import Any

import mnist_peers

WIDTH = {"name": "dcgan", "width": 32}
CODES = {"network": WIDTH, "latent": 8, "batch_size": 100, "lr": 1e-3, "schedule": "cosine"}
WAE = {**CODES, "noise": 0.0, "weight": 100.0}
GAME = {"network": WIDTH, "critic": WIDTH}
FASTER = {**GAME, "precision": "bfloat16"}
"""Half as fast again where the CPU has it; `one-step`, whose rows have equal time, is in float32."""
CRITIC_OF_CODES = {"name": "adversarial", "width": 256, "depth": 4, "lipschitz": "free"}
WAE_GAN = {**CODES, "noise": 0.0, "weight": 10.0, "critic_lr": 5e-4, "critic_steps": 1, "penalty": CRITIC_OF_CODES}
BY_COST: dict[str, dict[str, Any]] = {
    "wae-mmd": {"recipe": "wae-mmd", **WAE},
    "wae-gan": {"recipe": "wae-gan", **WAE_GAN},
    "rae": {"recipe": "rae", **CODES},
}
COSTS = {"perceptual": 1.0, "manhattan": 2.0}
"""Costs beside the square, and what the penalty's weight is multiplied by with each: about their size in squares."""
WEIGHTS = {"sliced": 100.0, "energy-distance": 100.0, "entropic": 5.0, "cramer-wold": 100.0}
PERCEPTUAL = {"name": "entropic", "epsilon": 0.3, "cost": "perceptual"}
FULL_WIDTH = {"network": "wae", "latent": 8, "batch_size": 100, "weight": 10.0, "lr": 1e-3, "epochs": 50}
ROWS: dict[str, dict[str, dict[str, Any]]] = {
    "auto-encoders": {
        **BY_COST,
        "vae fixed variance": {"recipe": "vae", **CODES, "decoder": {"name": "gaussian", "learned": False}},
        "vae learned variance": {"recipe": "vae", **CODES},
        "vae bernoulli": {"recipe": "vae", **CODES, "decoder": "bernoulli"},
    },
    "costs": {
        f"{name} {cost}": {**row, "cost": cost, **({"weight": factor * row["weight"]} if "weight" in row else {})}
        for cost, factor in COSTS.items()
        for name, row in BY_COST.items()
    },
    "penalties": {
        name: {"recipe": "wae-mmd", **WAE, "penalty": name, "weight": weight} for name, weight in WEIGHTS.items()
    },
    "weights": {
        f"weight {weight}": {"recipe": "wae-mmd", **CODES, "noise": 0.0, "weight": weight}
        for weight in (1.5, 6.0, 25.0, 100.0, 400.0, 1600.0, 6400.0, "auto")
    },
    "sizes": {f"size {latent}": {"recipe": "wae-mmd", **WAE, "latent": latent} for latent in (2, 4, 8, 16, 32, "auto")},
    "pythae": {f"pythae {model}": {"peer": model} for model in mnist_peers.MODELS},
    "one-step": {
        "dcgan": {"recipe": "dcgan", **GAME},
        "drifting": {"recipe": "drifting", "network": WIDTH},
        "gmmn": {"recipe": "gmmn", "network": WIDTH},
        "gmmn-ae": {"recipe": "gmmn-ae", "network": WIDTH},
        "gmmn-ae perceptual": {"recipe": "gmmn-ae", "network": WIDTH, "cost": "perceptual"},
        "sinkhorn-gan": {"recipe": "sinkhorn-gan", "network": WIDTH},
        "sinkhorn-gan perceptual": {"recipe": "sinkhorn-gan", "network": WIDTH, "discrepancy": PERCEPTUAL},
        "flow-matching": {"recipe": "flow-matching", "velocity": {"name": "unet", "width": 32}},
    },
    "gans": {f"{name} game": {"recipe": name, **FASTER} for name in ("wgan-gp", "sn-gan", "dcgan", "lsgan", "gan")},
    "stacked": {
        f"stacked {name}": {"recipe": name, "data": "stacked-mnist", **FASTER, "latent": 32}
        for name in ("gan", "lsgan", "dcgan")
    },
    "paper": {f"{recipe} full width": {"recipe": recipe, **FULL_WIDTH} for recipe in ("wae-mmd", "wae-gan")},
}
SWEEPS = ("weights", "sizes")
"""Groups whose samples are drawn from the prior alone."""
STEPS_OF_FLOW = (1, 4, 50)
"""Steps from noise to a sample that flow-matching is measured at."""


def wanted(names: Sequence[str]) -> list[str]:
    """The rows of these names and groups, in the order of the table; all groups but `paper` for none.

    Raises:
        SystemExit: an unknown name.
    """
    known = {name for group, rows in ROWS.items() for name in (group, *rows)}
    if unknown := [name for name in names if name not in known]:
        raise SystemExit(f"error: no row or group {unknown[0]!r}: expected one of {', '.join(sorted(known))}")
    chosen = set(names or [group for group in ROWS if group != "paper"])
    return [name for group, rows in ROWS.items() for name in rows if chosen & {group, name}]


def row_of(name: str) -> dict[str, Any]:
    """The settings of a row."""
    return next(rows[name] for rows in ROWS.values() if name in rows)
