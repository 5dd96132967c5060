"""How a part prints itself: the arguments that it was made with, which every part stores under their names."""

import inspect
from typing import Any

from torch import Tensor, nn

LONGEST = 80
"""Letters of a value, at most: longer ones are left out."""


def settings(part: Any) -> str:
    """The arguments of a part's constructor as `name=value, ...`, for `extra_repr` and `__repr__`.

    Modules are left out, for torch prints them below, and so are tensors and functions.

    Args:
        part: an object that stores its constructor's arguments under their names.

    >>> class Part:
    ...     def __init__(self, weight, scales=(1, 2), function=abs):
    ...         self.weight, self.scales, self.function = weight, scales, function
    >>> settings(Part(3.0))
    'weight=3.0, scales=(1, 2)'
    """
    found = ((name, getattr(part, name)) for name in _arguments(type(part)) if hasattr(part, name))
    words = [f"{name}={value!r}" for name, value in found if not _left_out(value)]
    return ", ".join(word for word in words if len(word) <= LONGEST)


def _arguments(kind: type) -> list[str]:
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    rows = inspect.signature(kind).parameters
    return [name for name, row in rows.items() if row.kind not in kinds]


def _left_out(value: Any) -> bool:
    return isinstance(value, nn.Module | Tensor) or inspect.isroutine(value)
