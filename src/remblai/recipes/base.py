"""The recipe decorator: a function from a shape and options to an objective, with its loop's options beside it."""

import functools
import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, overload

from remblai.config.aliases import checked_options
from remblai.config.registry import CLASSES, make
from remblai.laws import SAMPLERS, FittedLaw
from remblai.networks.network import checked_shape
from remblai.objectives import Objective

SAMPLER = "sampler"
"""The option of a recipe that names the law of codes that its samples are decoded from."""
SHAPE = "shape"
"""The parameter of a recipe that the data give."""
NUMBERS = ("lr", "critic_lr", "weight_decay", "clip", "accumulate", "average", "warm_start", "batch_size", "steps")
"""The options of a loop that are one number."""


class Recipe:
    """A named model: call it for its objective; `loop` holds what belongs to the training loop and not to the equation.

    The function's parameters without a default (`shape`) come from the data; the others are the configuration. An
    option `sampler` is part of the configuration but not of the equation: it names the law of codes that samples are
    decoded from, which is fitted after training. `latent_law` makes it; the objective does not know it.

    Raises:
        ValueError: a function without `shape`, or with another parameter that has no default; a loop option that is a
            word where a number is expected.

    >>> import remblai
    >>> remblai.recipes.wgan.name, remblai.recipes.wgan.loop["critic_steps"]
    ('wgan', 'long-rounds')
    >>> remblai.recipes.wgan.summary
    "Wasserstein GAN: the critic's weights are clipped (Arjovsky, Chintala, Bottou 2017, arXiv 1701.07875)."
    """

    def __init__(self, function: Callable[..., Objective], loop: Mapping[str, Any]) -> None:
        self.function = function
        self.name = function.__name__.replace("_", "-")
        _check_signature(self.name, function)
        for option, value in loop.items():
            if isinstance(value, str) and option in NUMBERS:
                raise ValueError(f"recipe {self.name!r}: expected {option} as a number, got the text {value!r}.")
        self.loop = MappingProxyType(dict(loop))
        self.summary = (inspect.getdoc(function) or "").partition("\n")[0]
        functools.update_wrapper(self, function)

    def __call__(self, *args: Any, **kwargs: Any) -> Objective:
        """Builds the objective, a plain `torch.nn.Module`.

        Raises:
            ValueError: an unknown option, or a shape that is none.
        """
        checked_shape(kwargs.get("shape", args[0] if args else None))
        return checked_options(self.function, self.name)(*args, **kwargs)

    def latent_law(self, arguments: Mapping[str, Any]) -> FittedLaw | None:
        """The law of codes that the recipe's samples are decoded from, not fitted yet; None for the objective's own.

        Args:
            arguments: of the recipe, by name; the function's defaults stand for the rest.

        Raises:
            ValueError: an unknown name, or what is no law that can be fitted.
        """
        parameter = inspect.signature(self.function).parameters.get(SAMPLER)
        if parameter is None:
            return None
        law = make(SAMPLERS, arguments.get(SAMPLER, parameter.default), SAMPLER)
        if law is not None and not isinstance(law, FittedLaw):
            raise ValueError(
                f"sampler: expected a name ({', '.join(SAMPLERS)}) or a FittedLaw, got {type(law).__name__}: derive "
                "yours from remblai.laws.FittedLaw."
            )
        if law is not None and law.name == "prior":
            raise ValueError("sampler: 'prior' is the name of what is not fitted: give your law another.")
        return law

    def __repr__(self) -> str:
        return f"<recipe {self.name}>"

    def __reduce__(self) -> str:
        return self.function.__qualname__  # as functions are: by the name under which its module has it; a copy is it


def _check_signature(name: str, function: Callable[..., Objective]) -> None:
    parameters = inspect.signature(function).parameters
    passed_on = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    if SHAPE not in parameters and not passed_on:
        raise ValueError(
            f"recipe {name!r}: expected a parameter shape, that of one point or image, which the data give, got "
            f"({', '.join(parameters)}): write def {function.__name__}(shape, ...)."
        )
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    for key, one in parameters.items():
        if key not in (SHAPE, CLASSES) and one.default is one.empty and one.kind not in variadic:
            raise ValueError(
                f"recipe {name!r}: expected a default for its option {key!r}, for only the shape comes from the data: "
                f"write {key}=... in its signature."
            )


@overload
def recipe(function: Callable[..., Objective], /) -> Recipe: ...


@overload
def recipe(**loop: Any) -> Callable[[Callable[..., Objective]], Recipe]: ...


def recipe(
    function: Callable[..., Objective] | None = None, /, **loop: Any
) -> Recipe | Callable[[Callable[..., Objective]], Recipe]:
    """Makes a recipe of a function; the keywords are its loop's defaults (`lr`, `batch_size`, `critic_steps` ...).

    Without any the parentheses may be left out.

    Raises:
        ValueError: when it decorates: as `Recipe`.

    >>> import torch, remblai
    >>> from remblai.objectives import Generator
    >>> @remblai.recipe(lr=1e-3, steps=500)
    ... def my_model(shape, latent: int = 2, discrepancy: str = "sliced") -> Generator:
    ...     "A generator by the sliced distance."
    ...     return remblai.recipes.minimum_distance(shape=shape, latent=latent, discrepancy=discrepancy)
    >>> my_model.name, dict(my_model.loop)
    ('my-model', {'lr': 0.001, 'steps': 500})
    >>> my_model(shape=(3,)).sample(4).shape
    torch.Size([4, 3])
    """
    return Recipe(function, {}) if function is not None else lambda function: Recipe(function, loop)
