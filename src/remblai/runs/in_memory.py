"""A model trained in memory, without a run on disk: for the gallery and the estimators."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from torch import Tensor

from remblai.objectives import Objective
from remblai.runs.load import eval_copy
from remblai.training import State, steps

M = TypeVar("M", bound=Objective)


def train_objective(model: M, loop: Mapping[str, Any], batches: Callable[[int], Iterator[Tensor]]) -> M:
    """The model after its steps, with its averaged weights where the loop keeps them; to be called within `seeded`.

    Args:
        model: what is trained.
        loop: the options of `State`, `steps` among them.
        batches: endless batches of so many data.

    Raises:
        Diverged: a term was infinite or not a number.
    """
    state = State(model, **loop)
    for _ in steps(state, batches(state.batch_size)):
        pass
    return eval_copy(model, state.averaged_weights)
