"""A compiled function that falls back to eager, and says so."""

import warnings
from collections.abc import Callable
from typing import Any

import torch


class Compiled:
    """Calls `function`, compiled if wanted; a compile that fails is dropped for good with a warning.

    Args:
        function: what to call. A module's state keeps its names, because the module itself is not wrapped.
        wanted: whether to compile it.
    """

    def __init__(self, function: Callable[..., Any], wanted: bool) -> None:
        self.function = function
        self.fell_back = False
        self._call = torch.compile(function) if wanted else function
        self._proven = not wanted

    def __call__(self, *args: Any) -> Any:
        if self._proven:
            return self._call(*args)
        try:
            result = self._call(*args)
        except torch._dynamo.exc.TorchDynamoException as problem:
            warnings.warn(f"compiling failed ({type(problem).__name__}); going on without it", stacklevel=2)
            self._call, self.fell_back, self._proven = self.function, True, True
            return self.function(*args)
        self._proven = True
        return result
