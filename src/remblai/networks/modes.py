"""Modules in evaluation mode for a moment, each part back in its own afterwards."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar, cast

import torch
from torch import nn

Given = ParamSpec("Given")
Found = TypeVar("Found")


@contextmanager
def in_evaluation(module: nn.Module, kinds: type[nn.Module] = nn.Module) -> Iterator[None]:
    """Within it the module's parts of this kind are in evaluation mode; afterwards each is in its own again."""
    training = [part for part in module.modules() if part.training and isinstance(part, kinds)]
    for part in training:
        part.training = False
    try:
        yield
    finally:
        for part in training:
            part.training = True


def evaluated(method: Callable[Given, Found]) -> Callable[Given, Found]:
    """The method of a module, in evaluation mode and without gradient: looking at samples moves no statistics."""

    @functools.wraps(method)
    def called(*args: Given.args, **options: Given.kwargs) -> Found:
        with torch.no_grad(), in_evaluation(cast(nn.Module, args[0])):
            return method(*args, **options)

    return called
