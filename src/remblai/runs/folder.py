"""A run on disk: its settings, its terms over time, its checkpoints. Written atomically, checked when read."""

import errno
import json
import os
import warnings
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch

from remblai.runs import checkpoints, contents, terms
from remblai.runs.checkpoints import SUMS, Checkpoint, name_of
from remblai.runs.record import SCHEMA, read_settings
from remblai.runtime.files import explained, sync, whole, whole_folder, write_json

COPY = "copy the run to a place that can be written"
"""What to do where a run that is there cannot be written: its commands take no other place for what belongs to it."""
OF_METRICS = ("schema", "step", "law")
"""What metrics.json holds beside figures."""


class Run:
    """A run's folder. `Run.create` starts one, `Run.open` reads one."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        self.folder, self.settings = folder, settings

    @classmethod
    def create(cls, folder: str | Path, settings: dict[str, Any], overwrite: bool = False) -> "Run":
        """Makes the folder and writes `run.json`.

        A run that replaces another is written to a hidden folder inside the other's; it takes its place with its first
        checkpoint.

        Raises:
            ValueError: the folder holds anything already and `overwrite` is off, or holds no run and `overwrite` is on.
        """
        folder = Path(folder)
        with explained(folder):
            occupied = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
        if occupied and not overwrite:
            raise ValueError(f"{folder} is not empty: name another --out, or add --resume or --overwrite.")
        if occupied:
            try:
                if "recipe" not in cls.open(folder).settings:
                    raise ValueError(f"{folder / 'run.json'} names no recipe, as every run does.")
            except ValueError as problem:
                raise ValueError(
                    f"{folder} holds something that is not a run ({problem}) --overwrite replaces runs only: name "
                    "another --out."
                ) from None
        run = cls(folder / contents.NEW if occupied else folder, {"schema": SCHEMA} | settings)
        with explained(folder):
            write_json(run.folder / "run.json", run.settings)
        return run

    @classmethod
    def open(cls, folder: str | Path) -> "Run":
        """Reads a run.

        Raises:
            ValueError: there is no run, one of another schema, or one with fields of other types.
        """
        settings = read_settings(folder)  # which refuses what is no path
        return cls(Path(folder), settings)

    @property
    def replaces(self) -> bool:
        """Whether the run has no checkpoint yet and is still beside the one that it replaces."""
        return self.folder.name == contents.NEW

    def writing(self) -> AbstractContextManager[None]:
        """Within it what cannot be written is said to be of a run.

        Raises:
            UnwritableError: the folder cannot be written.
        """
        return explained(self.folder, COPY)

    def update(self, **settings: Any) -> None:
        """Changes some settings and writes them."""
        self._must_exist()
        self.settings |= settings
        with self.writing():
            write_json(self.folder / "run.json", self.settings)

    def log(self, line: dict[str, Any]) -> None:
        """Appends one line to `terms.jsonl`."""
        self._must_exist()
        with self.writing():
            terms.append(self.folder / terms.FILE, line)

    def terms(self) -> list[dict[str, Any]]:
        """The logged lines, oldest first; damaged ones are left out, with a warning."""
        return terms.read(self.folder / terms.FILE)

    def cut_terms(self, number: int) -> None:
        """Forgets what was logged after step `number`, so that a resumed run's log has no line twice."""
        kept = [line for line in self.terms() if line["step"] <= number]
        with self.writing(), whole(self.folder / terms.FILE) as temporary:
            temporary.write_text(terms.text(kept))

    def metrics(self) -> dict[str, Any] | None:
        """The newest evaluation, or None."""
        found = self._evaluation()
        return found and {name: figure for name, figure in found.items() if name not in OF_METRICS}

    def write_metrics(
        self, metrics: dict[str, Any], step: int | None = None, law: dict[str, Any] | None = None
    ) -> None:
        """Writes the newest evaluation on the run's own data.

        Args:
            metrics: the figures by name.
            step: whose checkpoint they are of.
            law: what their samples were drawn by, as `figures.law_of_samples` says it.
        """
        about = {"schema": SCHEMA, "step": step, "law": law}
        known = {name: value for name, value in about.items() if value is not None}
        with self.writing():
            write_json(self.folder / "metrics.json", known | metrics)

    def measured_step(self) -> int | None:
        """The step whose checkpoint the newest evaluation is of; None where there is none, or it does not say."""
        step = (self._evaluation() or {}).get("step")
        return step if isinstance(step, int) else None

    def measured_law(self) -> dict[str, Any] | None:
        """What the samples of the newest evaluation were drawn by; None where there is none, or it does not say."""
        law = (self._evaluation() or {}).get("law")
        return law if isinstance(law, dict) else None

    def _evaluation(self) -> dict[str, Any] | None:
        """What metrics.json holds, or None."""
        path = self.folder / "metrics.json"
        if not path.is_file():
            return None
        try:
            return dict(json.loads(path.read_text()))
        except (ValueError, TypeError) as problem:
            raise ValueError(f"{path} cannot be read: {problem}: `remblai evaluate` writes it anew.") from None

    def steps_kept(self) -> set[int]:
        """The steps of the checkpoints that are there."""
        return {int(folder.name) for folder in self._folders()}

    @property
    def checkpoints(self) -> Path:
        """Where the checkpoints are."""
        return self.folder / "checkpoints"

    def save(self, checkpoint: Checkpoint, keep: int = 2) -> None:
        """Writes a checkpoint, whole or not at all.

        Args:
            checkpoint: what to write.
            keep: how many of the newest stay, besides the best.
        """
        self._must_exist()
        name = name_of(checkpoint.number)
        with self.writing():
            self.checkpoints.mkdir(parents=True, exist_ok=True)
            self._clear()
            for later in self._folders():
                if int(later.name) > checkpoint.number:  # damaged, because this run continued from one before it
                    checkpoints.discard(later)
            if (self.folder / terms.FILE).is_file():
                sync(self.folder / terms.FILE)
            with whole_folder(self.checkpoints / name, checkpoints.discard) as temporary:
                checkpoints.write(temporary, checkpoint)
            self._point("last", name)
        best = self.pointed("best")
        for old in self._folders()[keep:]:
            if old != best:
                checkpoints.discard(old)
        if self.replaces:
            contents.swap(self.folder.parent)
            self.folder = self.folder.parent

    def mark_best(self, number: int) -> None:
        """Points `best` at the checkpoint of this step."""
        self._point("best", name_of(number))

    def pointed(self, name: str) -> Path | None:
        """The checkpoint that `last` or `best` names, or None. A folder that was copied without links is read too."""
        link = self.checkpoints / name
        if link.is_symlink():
            target = str(link.readlink())
        elif link.is_file():
            target = link.read_bytes()[:20].decode(errors="replace").strip()
        else:
            sums = (link / SUMS).read_bytes() if (link / SUMS).is_file() else None
            same = [f for f in self._folders() if sums and (f / SUMS).is_file() and (f / SUMS).read_bytes() == sums]
            target = same[0].name if same else ""
        return self.checkpoints / target if checkpoints.NAME.fullmatch(target) else None

    def repair_links(self) -> None:
        """Makes links of `last` and `best` where the folder was copied without links, with a warning."""
        newest = self._folders()[:1]
        for name in ("last", "best"):
            place, target = self.checkpoints / name, self.pointed(name)
            if place.is_symlink() or not (place.exists() or (name == "last" and newest)):
                continue
            if place.is_dir():
                checkpoints.discard(place)
            target = target if target in self._folders() else newest[0] if name == "last" and newest else None
            if target is not None:
                self._point(name, target.name)
                warnings.warn(f"{place} was not a link: it points at {target.name} again", stacklevel=2)

    def load(self, which: str = "last", device: torch.device | str = "cpu") -> Checkpoint | None:
        """The newest whole checkpoint, or the best; a damaged one is skipped, with a warning, for the one before it.

        Raises:
            ValueError: there are checkpoints but none is whole.
        """
        folders = self._folders()
        if which == "best" and (best := self.pointed("best")) in folders:
            folders = [best, *(folder for folder in folders if folder != best)]
        for folder in folders:
            if problem := checkpoints.damage(folder):
                warnings.warn(
                    f"{folder} is damaged ({problem}); falling back to the checkpoint before it", stacklevel=2
                )
                continue
            return checkpoints.read(folder, device)
        if folders:
            raise ValueError(f"{self.checkpoints}: every checkpoint is damaged; train again with --overwrite.")
        return None

    def _folders(self) -> list[Path]:
        """The checkpoints, whole or not, newest first; whatever else is there is not looked at."""
        found = self.checkpoints.iterdir() if self.checkpoints.is_dir() else ()
        return sorted(filter(checkpoints.is_checkpoint, found), key=lambda path: int(path.name), reverse=True)

    def _clear(self) -> None:
        """Removes links that a kill left beside the checkpoints."""
        for path in self.checkpoints.iterdir():
            if checkpoints.NEW_LINK.fullmatch(path.name) and path.is_symlink():
                path.unlink()

    def _must_exist(self) -> None:
        """Raises `OSError` where the folder was moved or removed while its run is trained."""
        if not self.folder.is_dir():
            raise OSError(
                errno.ENOENT,
                f"{self.folder} is no longer there: it was moved or removed while its run was trained. Move it back "
                "and add --resume",
            )

    def _point(self, name: str, target: str) -> None:
        temporary = self.checkpoints / f".{name}-{os.getpid()}"
        with self.writing():
            temporary.unlink(missing_ok=True)
            temporary.symlink_to(target)
            temporary.replace(self.checkpoints / name)
