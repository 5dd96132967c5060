"""One run by several processes: the first one writes, and all of them train the same model with the same settings."""

from collections.abc import Container, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from remblai.data import Dataset
from remblai.laws import FittedLaw
from remblai.objectives import Objective
from remblai.runs.folder import Run
from remblai.runs.log import validation_scores
from remblai.runs.manifest import differences
from remblai.runs.start import started
from remblai.runtime.distributed import rank, share, single_process, world
from remblai.runtime.processes import averages, from_all, from_first
from remblai.training import State, Step


def check_agreement(settings: dict[str, Any]) -> None:
    """Refuses processes that were asked for different things, and a batch that they cannot share.

    Args:
        settings: of this process, as `manifest.describe` gives them.

    Raises:
        ValueError: the settings or the data of two processes differ, which are named; in every process.
    """
    share(settings["loop"]["batch_size"], "batch_size")
    compared = {name: value for name, value in settings.items() if name not in ("started", "threads")}
    everyone = from_all(compared)
    for number, other in enumerate(everyone):
        found = [words.replace(" was ", " is ").replace(", now ", ", there ") for words in _changed(everyone[0], other)]
        if found:
            raise ValueError(
                f"processes: expected the settings and the data of process 0 in all {world()}, got others in process "
                f"{number}: {'; '.join(found)}. Start all of them with one command line."
            )


def _changed(first: dict[str, Any], other: dict[str, Any]) -> list[str]:
    found = differences(first, other)
    steps = first["loop"]["steps"], other["loop"]["steps"]
    found += [f"steps was {steps[0]}, now {steps[1]}"] if steps[1] > steps[0] else []  # of a resumed run no difference
    versions = [
        f"{name} is {value}, there {other['versions'][name]}"
        for name, value in first["versions"].items()
        if other["versions"][name] != value
    ]
    return found + versions


@contextmanager
def started_by_first(
    out: Path | None, settings: dict[str, Any], overwrite: bool, resume: bool, given: Container[str] = ()
) -> Iterator[Run]:
    """The run, which the first process starts; the others read where it is. Arguments as for `start.started`.

    A run that replaces another moves with its first checkpoint; the `Run` of the other processes keeps the old place.

    Raises:
        ValueError: as `started`, in every process.
    """
    if rank() > 0:
        nothing: tuple[str, Path, dict[str, Any]] = ("", Path(), {})
        refused, folder, known = from_first(nothing)
        if refused:
            raise ValueError(refused)
        yield Run(folder, known)
        return
    if world() == 1:
        with started(out, settings, overwrite, resume, given) as run:
            yield run
        return
    with ExitStack() as stack:
        try:
            run = stack.enter_context(started(out, settings, overwrite, resume, given))
        except (ValueError, OSError) as problem:
            from_first((str(problem), Path(), {}))
            raise
        from_first(("", run.folder, run.settings))
        yield run


def averaged(step: Step) -> Step:
    """The step with its terms averaged over the processes."""
    return step if world() == 1 else replace(step, terms=averages(step.terms))


def any_stopped(stopped: bool, meet: bool) -> bool:
    """Whether a signal reached any process: several ask each other only where they `meet`, and go on until then."""
    if world() == 1:
        return stopped
    return meet and any(from_all(stopped))


def scores_by_first(
    state: State, model: Objective | None, dataset: Dataset, latent_law: FittedLaw | None
) -> dict[str, float]:
    """The scores on validation data, which the first process computes, in every process.

    Args:
        state: that is trained.
        model: its `averaged_copy`; None in the other processes.
        dataset: of the training.
        latent_law: as for `validation_scores`.
    """
    scores: dict[str, float] = {}
    with single_process(wanted=True):
        if model is not None:
            scores = validation_scores(state, model, dataset, latent_law)
    return from_first(scores)
