"""The loop of a run: its steps are logged, scored on validation data and saved."""

import signal
from collections.abc import Iterator
from typing import Any

from remblai.data import Dataset
from remblai.laws import FittedLaw
from remblai.objectives.weights import weight_in_words
from remblai.runs.ending import note_end
from remblai.runs.folder import Run
from remblai.runs.load import averaged_copy
from remblai.runs.log import log_line
from remblai.runs.manifest import now
from remblai.runs.plateau import Plateau, evaluation_interval, stop_in_words
from remblai.runs.previews import previews
from remblai.runs.processes import any_stopped, averaged, scores_by_first
from remblai.runs.progress import Progress
from remblai.runs.recording import Recording
from remblai.runs.saving import best_step, check_weights, save_state
from remblai.runtime import distributed
from remblai.runtime.signals import Interrupted, stop_signals
from remblai.training import State, Step, check, steps


def run_loop(
    run: Run,
    state: State,
    dataset: Dataset,
    latent_law: FittedLaw | None,
    progress: Progress,
    recorder: Recording,
    stream: Iterator[Any],
    plateau: Plateau,
    checkpoint_every: int,
    keep: int,
    evaluate_every: int | None,
) -> None:
    """Takes the steps of a run until they end, the plateau is reached or a signal comes.

    Args:
        run: the run on disk.
        state: what is trained; its `steps` are known.
        dataset: whose validation data are scored.
        latent_law: the law, not fitted, that samples are decoded from; None where it is the objective's.
        progress: the bar.
        recorder: the loggers.
        stream: endless batches.
        plateau: of the scores, which may end the training early.
        checkpoint_every: steps between checkpoints.
        keep: how many checkpoints stay.
        evaluate_every: steps between scores; None as `plateau.evaluation_interval` says.

    Raises:
        Diverged: a term or a weight is not finite.
        Interrupted: a signal stopped the training; a checkpoint was written.
    """
    assert state.steps is not None  # a training of a run has an end
    evaluate_every = evaluation_interval(evaluate_every, state.steps)
    first = distributed.rank() == 0
    if first:
        run.update(status="running", ended=None, early_stop=None)
    every = max(1, min(50, state.steps // 100))
    scored = evaluate_every > 0 and len(dataset.validation) > 1
    with stop_signals() as stopped:
        for step in steps(state, stream):
            last = step.number == state.steps
            signalled = bool(stopped)  # read once: a signal from here on waits for the next step
            logged = step.number % every == 0 or last or (signalled and distributed.world() == 1)
            if logged:
                _log(run, state, step, progress, recorder)
            plateau.pass_over()
            if scored and (step.number % evaluate_every == 0 or last):
                _score(run, state, dataset, latent_law, plateau, recorder)
            last |= plateau.reached
            stop = any_stopped(signalled, logged)
            if plateau.improved or step.number % checkpoint_every == 0 or last or stop:
                save_state(run, state, plateau, keep)
            if plateau.improved and first:
                run.mark_best(step.number)
            if stop and not last:
                if first:
                    run.update(status="stopped", ended=now())
                raise Interrupted(stopped[0] if stopped else signal.SIGTERM)
            progress.step()
            if plateau.reached and step.number < state.steps:
                progress.say(stop_in_words(plateau.stop_of(step.number, best_step(run))))
                break
    note_end(run, state, plateau)
    if (weight := state.objective.held_weight()) is not None:
        progress.say(f"weight auto: {weight_in_words(weight)}")
    if stopped:
        raise Interrupted(stopped[0])


def _log(run: Run, state: State, step: Step, progress: Progress, recorder: Recording) -> None:
    """Writes the terms of a step."""
    check(state)
    line = log_line(state, averaged(step))
    if distributed.rank() == 0:
        run.log(line)
        recorder.line(line)
    progress.show(line)


def _score(
    run: Run, state: State, dataset: Dataset, latent_law: FittedLaw | None, plateau: Plateau, recorder: Recording
) -> None:
    """Scores the model on validation data and logs it."""
    check_weights(state)
    model = averaged_copy(state) if distributed.rank() == 0 else None
    scores = scores_by_first(state, model, dataset, latent_law)
    if model is not None:
        line = {"step": state.step, "validation": scores}
        run.log(line)
        recorder.line(line)
        recorder.pictures(state.step, lambda: previews(run, model, state.step, dataset, latent_law))
    plateau.observe(scores["energy_distance_squared"])
