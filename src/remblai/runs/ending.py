"""How a training ends, and how the run says so."""

from remblai.runs.folder import Run
from remblai.runs.manifest import now
from remblai.runs.plateau import Plateau, stop_in_words
from remblai.runs.saving import best_step
from remblai.runtime import distributed
from remblai.training import State


def complete_in_words(run: Run, state: State, plateau: Plateau) -> str:
    """A line that says how a run that is resumed ended before."""
    if state.step == state.steps:
        return f"{run.folder} is complete: all its {state.steps} steps are done"
    return f"{run.folder} is complete: it {stop_in_words(plateau.stop_of(state.step, best_step(run)))}"


def note_end(run: Run, state: State, plateau: Plateau) -> None:
    """Notes in the run that its training is complete, and how it ended."""
    if distributed.rank() > 0:
        return
    fell_back = state.terms.fell_back or state.adversary.fell_back
    early = plateau.reached and state.step != state.steps
    stop = plateau.stop_of(state.step, best_step(run)) if early else None
    run.update(
        status="complete",
        ended=now(),
        early_stop=stop,
        held_weight=state.objective.held_weight(),
        compile_fell_back=fell_back,
        graph_fell_back=state.graphs.fell_back,
    )
