"""A run small enough for a test, and what it left."""

from pathlib import Path
from typing import Any

import remblai

SMALL: dict[str, Any] = {
    "latent": 2,
    "network": {"name": "mlp", "width": 16},
    "steps": 20,
    "batch_size": 20,
    "quiet": True,
    "device": "cpu",
    "evaluate_every": 0,
}


def train(out: Path, recipe: Any = "wae-mmd", **options: Any) -> remblai.Trained:
    return remblai.train(recipe, out=out, **SMALL | options)


def last(folder: Path) -> dict[str, bytes]:
    """The bytes of the last checkpoint's weights."""
    where = folder / "checkpoints" / "last"
    return {path.name: path.read_bytes() for path in where.glob("*.safetensors")}
