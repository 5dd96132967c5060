"""A run small enough for a test, and what it left."""

import re
from pathlib import Path
from typing import Any

import torch

import remblai
from remblai.config import registry
from remblai.recipes import RECIPES
from remblai.runs.resolve import Resolved, loop_options, resolve

SMALL: dict[str, Any] = {
    "latent": 2,
    "network": {"name": "mlp", "width": 16},
    "steps": 20,
    "batch_size": 20,
    "quiet": True,
    "device": "cpu",
    "evaluate_every": 0,
}


NARROW: dict[str, Any] = {
    "latent": 3,
    "network": "mlp",
    "network.width": 8,
    "critic": "mlp",
    "critic.width": 8,
    "penalty.width": 9,
    "penalty.depth": 1,
    "penalty.directions": 20,
    "code": 3,
    "hidden": 4,
    "features": 5,
    "noise": 0.1,
}
"""Options of parts, for tests over every recipe; each takes those that it has."""


def train(out: Path, recipe: Any = "wae-mmd", **options: Any) -> remblai.Trained:
    return remblai.train(recipe, out=out, **SMALL | options)


def last(folder: Path) -> dict[str, bytes]:
    """The bytes of the last checkpoint's weights."""
    where = folder / "checkpoints" / "last"
    return {path.name: path.read_bytes() for path in where.glob("*.safetensors")}


def refusal(name: str) -> str | None:
    """How a recipe with its own settings refuses points, by their shape or their values; None where it takes them."""
    try:
        RECIPES[name]((2,))(torch.randn(8, 2))
    except ValueError as problem:
        assert re.search("expected images|expects 0s and 1s", str(problem)), problem
        return str(problem)
    return None


REFUSALS = {name: words for name in RECIPES if (words := refusal(name)) is not None}
IMAGES_ONLY = set(REFUSALS)
"""Recipes that refuse points."""
CONVOLUTIONAL = {name for name, words in REFUSALS.items() if "expected images" in words}
"""Those of them whose networks are convolutions."""


def settled(name: str, wanted: dict[str, Any], **options: Any) -> Resolved:
    """The recipe with these options, and with as many of the wanted ones as it has then: no number for a part."""
    parts = {option.name for option in registry.own_options(RECIPES[name].function) if option.table is not None}
    wanted = {key: value for key, value in wanted.items() if not (key in parts and isinstance(value, int))}
    picked = {key: value for key, value in wanted.items() if "." not in key} | options
    own = {option.name for option in registry.own_options(RECIPES[name].function)}
    picked = {key: value for key, value in picked.items() if key.partition(".")[0] in own}
    known = {option.name for option in registry.options(RECIPES[name].function, picked)}
    known |= {option.name for option in loop_options(RECIPES[name])}
    return resolve(name, {key: value for key, value in wanted.items() if key in known} | options)
