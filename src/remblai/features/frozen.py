"""A feature map that a model is trained through, and never trained itself."""

import copy
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from remblai.features.features import Features
from remblai.runtime.precision import wide

MapOfSeveral = Callable[[Tensor], Tensor | Sequence[Tensor]]
"""phi: x (n, ...) -> features (n, ...), or several."""
M = TypeVar("M", bound=MapOfSeveral)


class Frozen:
    """phi: x (n, ...) -> one or several features (n, ...), in float32 or better, with gradient in x alone.

    It is no module, so that no optimiser finds its parameters, no checkpoint holds its weights and `train()` does not
    reach its batch statistics; copies of a model share it.

    Args:
        features: phi, a function or a module, of which a copy is frozen; `Features` are copied where they must move.
    """

    def __init__(self, features: MapOfSeveral) -> None:
        module = isinstance(features, nn.Module) and not isinstance(features, Features)
        self.features = copy.deepcopy(features) if module else features
        if isinstance(self.features, nn.Module):
            self.features.eval().requires_grad_(False)

    def __call__(self, x: Tensor) -> list[Tensor]:
        x = wide(x)
        self._follow(x)
        with torch.autocast(x.device.type, enabled=False):
            found: Any = self.features(x)
        return [wide(one) for one in ([found] if isinstance(found, Tensor) else found)]

    def __deepcopy__(self, memo: dict[int, Any]) -> "Frozen":
        return self

    def _follow(self, x: Tensor) -> None:
        """Takes a copy on the device and of the type of x, where the map has tensors of floating point elsewhere."""
        if not isinstance(self.features, nn.Module):
            return
        for part in (*self.features.parameters(), *self.features.buffers()):
            if part.is_floating_point() and (part.device != x.device or part.dtype != x.dtype):
                self.features = copy.deepcopy(self.features).to(x)
                return


def lead(features: M, shape: tuple[int, ...]) -> M:
    """The features, checked on one x of this shape: their values must have a gradient that a model can follow.

    Raises:
        ValueError: they take another shape, or have no gradient in x.
    """
    with torch.enable_grad():  # a model may be built, as by `load`, where gradients are off
        found = Frozen(features)(torch.full((1, *shape), 0.5, requires_grad=True))
    if found and all(one.requires_grad for one in found):
        return features
    name = features.name if isinstance(features, Features) else getattr(features, "__name__", type(features).__name__)
    raise ValueError(
        f"features {name}: expected features with a gradient in the images, got some without, as those of images that "
        "are rounded to bytes: choose others, such as random-convolutions, or dinov2 or clip of strong networks."
    )
