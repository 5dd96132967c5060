"""What a training says before it starts, and where it fails."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from remblai.data import Dataset
from remblai.objectives.power import blindness
from remblai.runs.architecture import networks_in_words
from remblai.runs.folder import Run
from remblai.runs.latent import latent_in_words
from remblai.runs.manifest import now
from remblai.runs.progress import Progress
from remblai.runs.resolve import Resolved
from remblai.runtime import devices, distributed
from remblai.runtime.signals import Interrupted
from remblai.training import Diverged, State

WORTH_SAYING = 2.0
"""How many times as slow as float32 a precision is before the training says so."""


def say_first(
    progress: Progress,
    folder: Path,
    state: State,
    resolved: Resolved,
    dataset: Dataset,
    latent: Mapping[str, Any] | None,
    printed: bool,
) -> None:
    """Says what the model and the data are, what was chosen, and what a batch cannot see, before the training.

    Args:
        progress: prints it.
        folder: of the run.
        state: that is trained.
        resolved: its recipe with the options.
        dataset: of the training.
        latent: how the number of coordinates was chosen; None where it was given.
        printed: whether this process prints: the test of what a batch cannot see takes seconds.
    """
    assert state.steps is not None
    parameters = sum(one.numel() for one in state.objective.parameters())
    progress.say(
        f"model: {parameters:,} parameters on {next(state.objective.parameters()).device}, {state.steps:,} steps of "
        f"{state.batch_size}, into {folder}"
    )
    if (times := _bfloat16_times(state)) > WORTH_SAYING:
        progress.say(
            f"precision: on this CPU a product of matrices takes {times:.0f} times as long in bfloat16 as in float32; "
            "--precision float32 is faster here"
        )
    if network := networks_in_words(state.objective, resolved):
        progress.say(f"network: {network}")
    for note in dataset.notes:
        progress.say(f"data: {note}")
    if latent is not None:
        progress.say(f"latent auto: {latent_in_words(latent)}")
    with distributed.single_process(wanted=True):  # a penalty would gather the others' codes
        blind = blindness(state.objective, state.batch_size) if printed else None
    if blind is not None:
        progress.say(f"penalty: {blind}")


def _bfloat16_times(state: State) -> float:
    """How many times as long as in float32 the device computes in the precision of a training."""
    if state.precision == "float32":
        return 1.0
    return devices.bfloat16_slowdown(next(state.objective.parameters()).device)


@contextmanager
def failures_noted(run: Run) -> Iterator[None]:
    """Within it an error is noted in the run, so that it does not seem to run; a `Diverged` says what stays."""
    try:
        yield
    except Diverged as problem:
        last = run.pointed("last")
        problem.kept = int(last.name) if last else None
        kept = f"the checkpoint of step {problem.kept} stays" if last else "there was no checkpoint yet"
        earlier = ", and the run that was to be replaced stays" if run.replaces else ""
        problem.add_note(f"{kept}{earlier}. Try a smaller --lr, or --clip 1.")
        if distributed.rank() == 0:
            run.update(status="diverged", ended=now())
        raise
    except Interrupted:  # which is noted where its checkpoint is written
        raise
    except Exception:
        if distributed.rank() == 0:
            with suppress(OSError):  # a full disk may refuse this too, and the first error says more
                run.update(status="failed", ended=now())
        raise
