"""The folder that a training writes to: claimed for one process, made anew, replaced or continued."""

import itertools
import shlex
import warnings
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from remblai.config.convert import convert
from remblai.config.file import FILE, config_text
from remblai.runs import contents
from remblai.runs.folder import Run
from remblai.runs.manifest import OF_DATA, as_config, differences
from remblai.runs.resolve import customs, warn_of_change
from remblai.runtime.devices import processors
from remblai.runtime.files import explained, whole
from remblai.runtime.locks import locked
from remblai.training import Diverged

THREADS_PER_CORE = 4
"""CPU threads for each core, at most."""


def check_request(counts: Mapping[str, tuple[Any, int]], flags: Mapping[str, Any], out: Any) -> None:
    """Refuses numbers and flags of a training that are of another type or too small.

    Args:
        counts: name -> the value and the least one; None is not checked.
        flags: name -> the value; an option that could destroy data takes true and false only.
        out: the folder that is asked for; None takes a new one.

    Raises:
        ValueError: one is wrong, or a run to replace or to continue is not named.
    """
    for name, flag in flags.items():
        if not isinstance(flag, bool):
            raise ValueError(f"{name}: expected True or False, got {flag!r}.")
    for name, (value, least) in counts.items():
        if value is not None and convert(name, value, int) < least:
            raise ValueError(f"{name}: expected at least {least}, got {value}.")
    if flags["overwrite"] and flags["resume"]:
        raise ValueError("overwrite and resume: give one of them: a run is replaced or continued.")
    for name, verb in (("overwrite", "replace"), ("resume", "continue")):
        if flags[name] and out is None:
            raise ValueError(f"{name}: expected out, the folder of the run to {verb}, got none: name it with --out.")
    most = THREADS_PER_CORE * processors()
    if (threads := counts["threads"][0]) is not None and threads > most:
        raise ValueError(f"threads: expected at most {most}, {THREADS_PER_CORE} for each core, got {threads}.")


@contextmanager
def started(
    out: Path | None, settings: dict[str, Any], overwrite: bool, resume: bool, given: Container[str] = ()
) -> Iterator[Run]:
    """The run to write to, which no other process can train within the block: a new one, or the one in the folder.

    Args:
        out: the folder; None takes the next free one under runs/.
        settings: of the training, as `manifest.describe` gives them.
        overwrite: replace the run in the folder.
        resume: continue it.
        given: the dotted names of the options that were asked for.

    Raises:
        ValueError: a folder that is in use, cannot be written, holds something else or a run of other settings.
    """
    folder, is_new = _claim(out, f"{settings['recipe']}-{settings['data']['name']}")
    try:
        with locked(folder):
            contents.finish(folder)
            with _left_empty(folder):
                run = _run(folder, settings, overwrite, resume, given)
                try:
                    yield run
                finally:
                    if run.replaces:
                        contents.discard_new(folder)
    except BaseException:
        if is_new and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
        raise


@contextmanager
def _left_empty(folder: Path) -> Iterator[None]:
    """Within it a failure before the first checkpoint leaves a folder that was empty so: the same command can follow.

    A training that diverged keeps its log, which shows how.
    """
    empty = not any(folder.iterdir())
    try:
        yield
    except Diverged:
        raise
    except Exception:
        if empty and not Run(folder, {}).steps_kept():
            contents.remove(folder)
        raise


def earlier_settings(folder: Path | None) -> dict[str, Any] | None:
    """The settings of the run in the folder; None where no folder is named, or it holds none yet.

    Args:
        folder: of a run that is to be resumed.
    """
    return Run.open(folder).settings if folder is not None and (folder / "run.json").is_file() else None


def next_folder(name: str) -> Path:
    """Makes the next free folder runs/NAME, runs/NAME-2 ...; two processes never make the same one."""
    for number in itertools.count(1):
        folder = Path("runs") / (name + (f"-{number}" if number > 1 else ""))
        with explained(folder):
            folder.parent.mkdir(exist_ok=True)
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            break
    return folder


def _claim(out: Path | None, name: str) -> tuple[Path, bool]:
    """The folder, and whether it was made now."""
    if out is None:
        return next_folder(name.replace("/", "-").replace(":", "-")), True
    with explained(out):
        if out.is_dir():
            return out, False
        if out.exists() or out.is_symlink():
            raise ValueError(f"{out} is not empty: it is a file or a broken link, no folder: name another --out.")
        out.mkdir(parents=True)
    return out, True


def _run(folder: Path, settings: dict[str, Any], overwrite: bool, resume: bool, given: Container[str]) -> Run:
    """A new run, or the one in the folder when it has the same settings."""
    if not resume or not (folder / "run.json").is_file():
        run = Run.create(folder, settings, overwrite)
        _write_config(run)
        return run
    run = Run.open(folder)
    warn_of_change(run.settings.get("code"), settings["recipe"])
    if changed := differences(run.settings, settings, given):
        place, config = shlex.quote(str(folder)), shlex.quote(str(folder / FILE))
        if all(one.startswith(OF_DATA) for one in changed):
            raise ValueError(
                f"{folder} was made with other data, so it cannot be resumed: {'; '.join(changed)}. Restore the data, "
                f"or train anew with its settings by --from {place}, --data and another --out."
            )
        way = (
            f"Give its own, go on with them by --config {config} --resume --out {place}, or train anew with its "
            f"settings by --from {place} and another --out."
        )
        if live := customs(run.settings):
            way = f"What was passed in Python, {', '.join(live)}, has to be passed there again: resume it in Python."
        raise ValueError(f"{folder} was made with other settings, so it cannot be resumed: {'; '.join(changed)}. {way}")
    if run.settings.get("status") == "complete" and run.pointed("last") is None:
        warnings.warn(f"{folder}: no checkpoint of the training is left: it begins anew", stacklevel=2)
    run.repair_links()
    kept = ("loop", "data", "graph", "processes", "patience", "evaluate_every", "checkpoint_every", "keep", "loggers")
    run.update(**{name: settings[name] for name in kept})
    _write_config(run)
    return run


def _write_config(run: Run) -> None:
    """Writes the settings as the YAML file that `train --config` reads."""
    with run.writing(), whole(run.folder / FILE) as temporary:
        temporary.write_text(config_text(as_config(run.settings)), encoding="utf-8")
