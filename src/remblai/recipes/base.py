"""The recipe decorator: a function from a shape and options to an objective, with its loop's options beside it."""

import functools
import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from remblai.objectives import Objective


class Recipe:
    """A named model: call it for its objective; `loop` holds what belongs to the training loop and not to the equation.

    The function's parameters without a default (`shape`) come from the data; the others are the configuration.
    """

    def __init__(self, function: Callable[..., Objective], loop: Mapping[str, Any]) -> None:
        self.function = function
        self.name = function.__name__.replace("_", "-")
        self.loop = MappingProxyType(dict(loop))
        self.summary = (inspect.getdoc(function) or "").partition("\n")[0]
        functools.update_wrapper(self, function)

    def __call__(self, *args: Any, **kwargs: Any) -> Objective:
        """Builds the objective, a plain `torch.nn.Module`."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<recipe {self.name}>"


def recipe(**loop: Any) -> Callable[[Callable[..., Objective]], Recipe]:
    """Makes a recipe of a function; the keywords are its loop's defaults (`lr`, `batch_size`, `critic_steps` ...)."""
    return lambda function: Recipe(function, loop)
