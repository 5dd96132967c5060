"""A run on disk: its settings, its terms over time, its checkpoints. Written atomically, checked when read."""

import hashlib
import io
import json
import os
import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from remblai.runtime.files import explained, sync, whole, write_json

SCHEMA = 1
RENAMED = {"ascents": "critic_steps"}
"""Options of the loop that runs of version 0.1 recorded under another name."""
WEIGHTS, AVERAGE, STATE, SUMS = "weights.safetensors", "average.safetensors", "state.pt", "checksums.json"


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds: the step's number, the weights, their average if one is kept, the rest of the state."""

    number: int
    weights: dict[str, Tensor]
    average: dict[str, Tensor] | None
    state: dict[str, Any]


class Run:
    """A run's folder. `Run.create` starts one, `Run.open` reads one."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.folder, self.settings = folder, settings

    @classmethod
    def create(cls, folder: str | Path, settings: dict[str, Any], overwrite: bool = False) -> "Run":
        """Makes the folder and writes `run.json`.

        Raises:
            ValueError: the folder holds anything already and `overwrite` is off, or is no run and `overwrite` is on.
        """
        folder = Path(folder)
        if folder.exists() and (not folder.is_dir() or any(not _left(path) for path in folder.iterdir())):
            if not overwrite:
                raise ValueError(f"{folder} is not empty: name another --out, or add --resume or --overwrite.")
            if not (folder / "run.json").is_file():
                raise ValueError(f"{folder} holds something that is not a run; --overwrite replaces runs only.")
            shutil.rmtree(folder)
        run = cls(folder, {"schema": SCHEMA} | settings)
        with explained(folder):
            write_json(folder / "run.json", run.settings)
        return run

    @classmethod
    def open(cls, folder: str | Path) -> "Run":
        """Reads a run.

        Raises:
            ValueError: there is no run, or one of another schema.
        """
        path = Path(folder) / "run.json"
        if not path.is_file():
            raise ValueError(f"{folder} is not a run: it has no run.json. `remblai train` makes one.")
        try:
            settings = json.loads(path.read_text())
        except ValueError as problem:
            raise ValueError(f"{path} cannot be read: {problem}.") from None
        if not isinstance(settings, dict) or settings.get("schema") != SCHEMA:
            raise ValueError(f"{path}: expected schema {SCHEMA}; this run is of another version of remblai.")
        if isinstance(settings.get("loop"), dict):
            settings["loop"] = {RENAMED.get(name, name): value for name, value in settings["loop"].items()}
        return cls(Path(folder), settings)

    def update(self, **settings: Any) -> None:
        """Changes some settings and writes them."""
        self.settings |= settings
        write_json(self.folder / "run.json", self.settings)

    def log(self, line: dict[str, Any]) -> None:
        """Appends one line to `terms.jsonl`."""
        with (self.folder / "terms.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")

    def terms(self) -> list[dict[str, Any]]:
        """The logged lines, oldest first; a last line cut short by a kill is left out."""
        path = self.folder / "terms.jsonl"
        lines = path.read_text().splitlines(keepends=True) if path.is_file() else []
        try:
            return [json.loads(line) for line in lines if line.endswith("\n")]
        except ValueError as problem:
            raise ValueError(f"{path} cannot be read: {problem}.") from None

    def cut_terms(self, number: int) -> None:
        """Forgets what was logged after step `number`, so that a resumed run's log has no line twice."""
        kept = [line for line in self.terms() if line["step"] <= number]
        with whole(self.folder / "terms.jsonl") as temporary:
            temporary.write_text("".join(json.dumps(line) + "\n" for line in kept))

    def metrics(self) -> dict[str, Any] | None:
        """The newest evaluation, or None."""
        path = self.folder / "metrics.json"
        if not path.is_file():
            return None
        try:
            return {name: figure for name, figure in json.loads(path.read_text()).items() if name != "schema"}
        except ValueError as problem:
            raise ValueError(f"{path} cannot be read: {problem}: `remblai evaluate` writes it anew.") from None

    def write_metrics(self, metrics: dict[str, Any]) -> None:
        """Writes the newest evaluation."""
        write_json(self.folder / "metrics.json", {"schema": SCHEMA} | metrics)

    def steps_kept(self) -> set[int]:
        """The steps of the checkpoints that are there."""
        return {int(folder.name) for folder in self._folders()}

    @property
    def checkpoints(self) -> Path:
        """Where the checkpoints are."""
        return self.folder / "checkpoints"

    def save(self, checkpoint: Checkpoint, keep: int = 2) -> None:
        """Writes a checkpoint into a temporary folder, syncs it, renames it.

        Args:
            checkpoint: what to write.
            keep: how many of the newest stay, the best apart.
        """
        final = self.checkpoints / _name(checkpoint.number)
        with explained(self.folder):
            self.checkpoints.mkdir(parents=True, exist_ok=True)
            for stale in self.checkpoints.glob(".*"):  # what a kill left
                stale.unlink() if stale.is_symlink() else shutil.rmtree(stale)
            for later in self._folders():
                if int(later.name) > checkpoint.number:  # damaged, for this run went on from one before it
                    shutil.rmtree(later)
            temporary = self.checkpoints / f".writing-{os.getpid()}"
            temporary.mkdir()
            try:
                _write_checkpoint(temporary, checkpoint)
                if final.exists():
                    shutil.rmtree(final)
                temporary.rename(final)
                sync(self.checkpoints)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
            self._point("last", final.name)
        best = self.pointed("best")
        for old in self._folders()[keep:]:
            if old != best:
                shutil.rmtree(old)

    def mark_best(self, number: int) -> None:
        """Points `best` at the checkpoint of this step."""
        self._point("best", _name(number))

    def pointed(self, name: str) -> Path | None:
        """The checkpoint that `last` or `best` names, or None."""
        link = self.checkpoints / name
        return self.checkpoints / link.readlink() if link.is_symlink() else None

    def load(self, which: str = "last", device: torch.device | str = "cpu") -> Checkpoint | None:
        """The newest whole checkpoint, or the best; a damaged one is skipped, with a warning, for the one before it.

        Raises:
            ValueError: there are checkpoints but none is whole.
        """
        folders = self._folders()
        if which == "best" and (best := self.pointed("best")) in folders:
            folders = [best, *(folder for folder in folders if folder != best)]
        for folder in folders:
            if problem := _damage(folder):
                warnings.warn(
                    f"{folder} is damaged ({problem}); falling back to the checkpoint before it", stacklevel=2
                )
                continue
            return _read_checkpoint(folder, device)
        if folders:
            raise ValueError(f"{self.checkpoints}: every checkpoint is damaged; train again with --overwrite.")
        return None

    def _folders(self) -> list[Path]:
        found = self.checkpoints.glob("[0-9]*") if self.checkpoints.is_dir() else []
        return sorted((path for path in found if path.is_dir()), reverse=True)

    def _point(self, name: str, target: str) -> None:
        temporary = self.checkpoints / f".{name}-{os.getpid()}"
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(target)
        temporary.replace(self.checkpoints / name)


def _name(number: int) -> str:
    return f"{number:08d}"


def _left(path: Path) -> bool:
    """Whether a file is what a kill left of a `run.json` that was being written."""
    return path.name.startswith(".run-") and path.suffix == ".json"


def _write_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    # through Python's own files, which say why they fail and keep to the umask; the libraries' writers do neither
    (folder / WEIGHTS).write_bytes(save(_plain(checkpoint.weights)))
    if checkpoint.average is not None:
        (folder / AVERAGE).write_bytes(save(_plain(checkpoint.average)))
    buffer = io.BytesIO()
    torch.save({"number": checkpoint.number, "state": checkpoint.state}, buffer)
    (folder / STATE).write_bytes(buffer.getbuffer())
    write_json(folder / SUMS, {path.name: _sum(path) for path in sorted(folder.iterdir())})
    for path in folder.iterdir():
        sync(path)
    sync(folder)


def _read_checkpoint(folder: Path, device: torch.device | str) -> Checkpoint:
    saved = torch.load(folder / STATE, weights_only=True, map_location="cpu")
    average = folder / AVERAGE
    return Checkpoint(
        saved["number"],
        load_file(folder / WEIGHTS, device=str(device)),
        load_file(average, device=str(device)) if average.is_file() else None,
        saved["state"],
    )


def _damage(folder: Path) -> str | None:
    """Why a checkpoint cannot be trusted, or None."""
    try:
        sums = json.loads((folder / SUMS).read_text())
    except (OSError, ValueError) as problem:
        return f"its checksums cannot be read: {problem}"
    for name, expected in sums.items():
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        if _sum(path) != expected:
            return f"{name} has changed since it was written"
    return None


def _plain(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Contiguous copies that share no memory, as the file format wants them."""
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
