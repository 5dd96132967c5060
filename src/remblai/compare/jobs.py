"""Trainings in processes of their own, several at a time: one that fails loses nothing but itself."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from remblai.config.code import WAY
from remblai.config.file import words_of
from remblai.runs.record import read_settings
from remblai.runtime.signals import Interrupted


@dataclass(frozen=True)
class Job:
    """One training.

    Attributes:
        label: of the model.
        seed: of the training.
        folder: of its run.
        words: of the command `remblai train`.
    """

    label: str
    seed: int
    folder: Path
    words: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether the run is trained and measured."""
        if not (self.folder / "metrics.json").is_file():
            return False
        return bool(read_settings(self.folder).get("status") == "complete")


@dataclass(frozen=True)
class Done:
    """How a training ended.

    Attributes:
        memory: the most that its process held, bytes; 0 of one that never ran.
        error: why it failed, in a line; None where it did not.
    """

    memory: int
    error: str | None


def job_of(label: str, slug: str, recipe: str, seed: int, folder: Path, settings: dict[str, Any]) -> Job:
    """The training of a recipe with one seed, in the folder SLUG-SEED.

    Args:
        label, slug: of the entry.
        recipe: its name or path.
        seed: of the training.
        folder: where the runs are.
        settings: every option of the command, by name.
    """
    place = folder / f"{slug}-{seed}"
    words = [recipe, *words_of(settings), "--seed", str(seed), "--out", str(place), "--resume", "--quiet"]
    return Job(label, seed, place, tuple(words))


def run_jobs(jobs: Sequence[Job], at_once: int) -> Iterator[tuple[Job, Done]]:
    """Runs the trainings, `at_once` at a time, and yields each as it ends.

    A signal that ends this process is passed on: each training writes a checkpoint, and the next call goes on there.
    """
    running: set[subprocess.Popen[bytes]] = set()
    stopping = Event()
    with ThreadPoolExecutor(at_once) as pool:
        waiting = {pool.submit(_run, job, running, stopping): job for job in jobs}
        try:
            for future in as_completed(waiting):
                yield waiting[future], future.result()
        except BaseException:
            stopping.set()
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(running):
                process.send_signal(signal.SIGTERM)
            raise


def _run(job: Job, running: set[subprocess.Popen[bytes]], stopping: Event) -> Done:
    """One training, its output in FOLDER.log."""
    job.folder.parent.mkdir(parents=True, exist_ok=True)
    path = job.folder.with_name(job.folder.name + ".log")
    with path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "remblai", "train", *job.words],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C reaches it once, through this process
        )  # fmt: skip
        running.add(process)
        if stopping.is_set():  # it began while the others were being stopped
            process.send_signal(signal.SIGTERM)
        try:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            running.discard(process)
    memory = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Done(memory, None if process.returncode == 0 else _reason(path, process.returncode))


def _reason(log: Path, code: int) -> str:
    """Why a training failed: its error line, or the signal that ended it."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    if errors:
        return errors[-1].removesuffix(WAY)  # no option of this command shows another's way
    return str(Interrupted(-code)) if code < 0 else f"it ended with exit code {code}; see {log}"
