"""A checkpoint on disk: its files, its checksums, and what is a checkpoint among the names of a folder."""

import io
import json
import pickle
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from remblai.runtime.files import sha256_of, write_json

WEIGHTS, AVERAGE, STATE, SUMS = "weights.safetensors", "average.safetensors", "state.pt", "checksums.json"
PARTS = (WEIGHTS, AVERAGE, STATE, SUMS)
NAME = re.compile(r"\d{8}|[1-9]\d{8,}")
"""The name of a checkpoint: its step, in eight digits or more."""
NEW_LINK = re.compile(r"\.(last|best)-\d+")
"""The name of a link that is to replace another."""


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds: the step's number, the weights, their average if one is kept, the rest of the state."""

    number: int
    weights: dict[str, Tensor]
    average: dict[str, Tensor] | None
    state: dict[str, Any]


def name_of(number: int) -> str:
    """The name of the checkpoint of this step."""
    return f"{number:08d}"


def is_checkpoint(path: Path) -> bool:
    """Whether it is a folder with a checkpoint's name and at least one of its files, whole or not."""
    named = NAME.fullmatch(path.name) is not None and path.is_dir() and not path.is_symlink()
    return named and any((path / part).exists() for part in PARTS)


def write(folder: Path, checkpoint: Checkpoint) -> None:
    """Writes the files of a checkpoint into an empty folder."""
    # through Python's own files, which say why they fail and keep to the umask; the libraries' writers do neither
    (folder / WEIGHTS).write_bytes(save(plain(checkpoint.weights)))
    if checkpoint.average is not None:
        (folder / AVERAGE).write_bytes(save(plain(checkpoint.average)))
    buffer = io.BytesIO()
    torch.save({"number": checkpoint.number, "state": checkpoint.state}, buffer)
    (folder / STATE).write_bytes(buffer.getbuffer())
    write_json(folder / SUMS, {path.name: sha256_of(path) for path in sorted(folder.iterdir())})


def read(folder: Path, device: torch.device | str) -> Checkpoint:
    """What a checkpoint holds. Nothing in it is executed.

    Raises:
        ValueError: files that agree with their checksums but hold something else.
    """
    average = folder / AVERAGE
    try:
        saved = torch.load(folder / STATE, weights_only=True, map_location="cpu")
        return Checkpoint(
            int(saved["number"]),
            load_file(folder / WEIGHTS, device=str(device)),
            load_file(average, device=str(device)) if average.is_file() else None,
            dict(saved["state"]),
        )
    except (pickle.UnpicklingError, SafetensorError, KeyError, TypeError, EOFError) as problem:
        raise ValueError(
            f"{folder} cannot be read: it holds something else than tensors and numbers ({type(problem).__name__}), "
            "which remblai does not write. Nothing of it was executed; use a run from another source."
        ) from None


def damage(folder: Path) -> str | None:
    """Why a checkpoint cannot be trusted, or None."""
    try:
        sums = json.loads((folder / SUMS).read_text())
    except (OSError, ValueError, RecursionError) as problem:
        return f"its checksums cannot be read: {problem}"
    there = {part for part in PARTS if part != SUMS and (folder / part).is_file()} | {WEIGHTS, STATE}
    if not isinstance(sums, dict) or not there <= sums.keys() <= set(PARTS):
        return "its checksums are not those of its files"
    for name, expected in sums.items():
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        if sha256_of(path) != expected:
            return f"{name} has changed since it was written"
    return None


def discard(folder: Path) -> None:
    """Removes a checkpoint's files and the folder; where other files are in it they stay, in `NAME.kept`."""
    for part in PARTS:
        (folder / part).unlink(missing_ok=True)
    if any(folder.iterdir()):
        folder.rename(folder.with_name(f"{folder.name}.kept"))
    else:
        folder.rmdir()


def plain(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Contiguous copies that share no memory, as the file format wants them."""
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
