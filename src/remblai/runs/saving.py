"""A training's checkpoints: written only where every weight is finite, and continued from."""

import torch

from remblai.runs.checkpoints import Checkpoint
from remblai.runs.folder import Run
from remblai.runs.plateau import Plateau
from remblai.runs.weights import check_weights_fit
from remblai.runtime import distributed
from remblai.runtime.processes import from_first
from remblai.training import Diverged, State, check


def check_weights(state: State) -> None:
    """Raises `Diverged` when a term has been, or a weight is, infinite or not a number. Waits for the device."""
    check(state)
    for name, value in state.objective.state_dict().items():
        if not torch.isfinite(value).all():
            raise Diverged(state.step, name)


def save_state(run: Run, state: State, plateau: Plateau, keep: int) -> None:
    """Writes a checkpoint, unless something in it is not finite: then the one before it stays the last."""
    check_weights(state)
    saved = state.state_dict() | plateau.state_dict()
    checkpoint = Checkpoint(state.step, state.objective.state_dict(), state.averaged_weights, saved)
    if distributed.rank() == 0:
        run.save(checkpoint, keep)


def continue_state(run: Run, state: State, plateau: Plateau) -> Plateau:
    """Puts the run's newest whole checkpoint into the state, and its best score into the plateau, which it returns.

    Raises:
        ValueError: the checkpoint is of another model.
    """
    first = distributed.rank() == 0
    checkpoint = from_first(run.load() if first else None)
    if checkpoint is not None:
        check_weights_fit(state.objective, checkpoint.weights, run.folder)
    if first:
        run.cut_terms(checkpoint.number if checkpoint else 0)
    if checkpoint is None:
        return plateau
    state.objective.load_state_dict(checkpoint.weights)
    state.load_state_dict(checkpoint.state, checkpoint.average)
    plateau.load_state_dict(checkpoint.state)
    if plateau.improved and first:  # a kill may have come between saving and marking
        run.mark_best(checkpoint.number)
    return plateau


def best_step(run: Run) -> int:
    """The step of the checkpoint with the best score; 0 where none is marked."""
    best = run.pointed("best")
    return 0 if best is None else int(best.name)
