"""Whether a checkpoint's weights are those of the model that a run's settings make."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from remblai.objectives import Objective


def check_weights_fit(model: Objective, weights: Mapping[str, Tensor], folder: Path) -> None:
    """Refuses a model that has other tensors than its checkpoint.

    Args:
        model: as the settings of the run make it.
        weights: of its checkpoint.
        folder: of the run.

    Raises:
        ValueError: a tensor is missing in one of them or has another shape; the first one is named.
    """
    own = model.state_dict()
    for name in [*own, *(name for name in weights if name not in own)]:
        here, there = (f"of shape {tuple(of[name].shape)}" if name in of else "none" for of in (own, weights))
        if here != there:
            raise ValueError(
                f"{folder}: expected a checkpoint that fits the model of its settings, which has {name} {here}, got "
                f"{there}: restore run.json, the file of the recipe and the parts that were passed in Python as they "
                "were in the training, or train again."
            )
