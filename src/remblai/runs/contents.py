"""The files that remblai writes into a run's folder: listed, removed, and replaced by those of a new run."""

import re
import shutil
import warnings
from pathlib import Path

from remblai.runtime.files import explained, sweep, sweep_folders, sync

OWN = re.compile(
    r"""run\.json | config\.yaml | terms\.jsonl | metrics\.json | loggers\.json | report\.html
    | (samples|drawn)\.(png|npz|npy) | drawn\.(csv|tsv|parquet)
    | (reconstructions|samples|classes|interpolations|walks|codes|quantiles|terms|validation)\.png
    | checkpoints/(last|best)
    | checkpoints/(last|best|\d{8,})/(weights\.safetensors|average\.safetensors|state\.pt|checksums\.json)
    | features/[\w.-]+\.safetensors
    | samplers/[\w-]+-\d{8,}\.safetensors
    | samplers/[\w-]+/\d{8,}/(law\.json|tensors\.safetensors)
    | tensorboard/events\.out\.tfevents\.[^/]+""",
    re.VERBOSE,
)
"""The files of a run, by their paths in its folder: nothing else is ever removed."""
FOLDERS = ("checkpoints", "features", "samplers", "tensorboard")
NEW, CLEARING, MOVING = ".new-run", ".new-run-clearing", ".new-run-moving"
"""Where a run that replaces another is made; its name while the old one is removed, and while it takes its place."""


def own_files(folder: Path) -> list[Path]:
    """The files in the folder that remblai wrote."""
    return [path for path in _files(folder) if OWN.fullmatch(path.relative_to(folder).as_posix())]


def foreign_files(folder: Path) -> list[Path]:
    """The files in the folder that remblai did not write."""
    own = set(own_files(folder))
    parts = {NEW, CLEARING, MOVING}
    return [p for p in _files(folder) if p not in own and not parts & set(p.relative_to(folder).parts)]


def remove(folder: Path) -> None:
    """Removes a run's files from the folder, `run.json` last, and the folders that this empties. Other files stay."""
    own = own_files(folder)
    with explained(folder):
        for path in sorted(own, key=lambda path: path.name == "run.json"):
            path.unlink()
        for name in FOLDERS:
            inner = folder / name
            if inner.is_dir() and not inner.is_symlink():
                for below in sorted(inner.rglob("*"), reverse=True):
                    _remove_empty(below)
                _remove_empty(inner)


def swap(folder: Path) -> None:
    """Replaces the old run by the one in `NEW`. `finish` completes a replacement that was killed."""
    kept = [path.relative_to(folder).as_posix() for path in foreign_files(folder)]
    if kept:
        shown = ", ".join(kept[:5]) + (f" and {len(kept) - 5} more" if len(kept) > 5 else "")
        warnings.warn(f"{folder}: files that remblai did not write stay: {shown}", stacklevel=2)
    (folder / NEW).rename(folder / CLEARING)
    finish(folder)


def finish(folder: Path) -> None:
    """Completes a replacement that has begun, drops one that has not, and removes the temporary files of kills."""
    discard_new(folder)
    if (folder / CLEARING).is_dir():
        remove(folder)
        sync(folder)
        (folder / CLEARING).rename(folder / MOVING)
    if (folder / MOVING).is_dir():
        source = folder / MOVING
        for path in sorted(_files(source), key=lambda path: path.name == "run.json"):
            target = folder / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
        shutil.rmtree(source)
        sync(folder)
    sweep(folder, _is_own)
    for fitted in (folder / "samplers").glob("*"):
        sweep_folders(fitted)


def discard_new(folder: Path) -> None:
    """Removes a run that was to replace the one in the folder and has no checkpoint."""
    if (folder / NEW).is_dir():
        shutil.rmtree(folder / NEW)


def is_unfinished(folder: Path) -> bool:
    """Whether a kill came while one run replaced another."""
    return (folder / CLEARING).is_dir() or (folder / MOVING).is_dir()


def _is_own(name: str) -> bool:
    return OWN.fullmatch(name) is not None


def _files(folder: Path) -> list[Path]:
    """Everything below the folder that is no folder; links are not followed."""
    return [path for path in sorted(folder.rglob("*")) if path.is_symlink() or not path.is_dir()]


def _remove_empty(path: Path) -> None:
    if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
        path.rmdir()
