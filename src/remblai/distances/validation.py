"""Validation of what every solver takes: inputs become tensors and are checked here, and nowhere else."""

import sys
from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import issparse
from torch import Tensor
from torch.distributions import Distribution

NumPyLike = NDArray[Any] | Sequence[Any] | float
"""Numbers outside torch: an array, nested lists or one number. Where no input is a tensor, answers are NumPy's."""

ArrayLike = Tensor | NumPyLike
"""Numbers in any form that the functions of this package take."""

WEIGHTS = "weights"
"""The masses of laws, of which a barycentre is the mean."""

TOLERANCE = 1e-6
"""Relative difference of a total mass from 1 that counts as rounding (of float32, say)."""


def tensor(name: str, value: Any) -> Tensor:
    """Arrays, lists and tensors as a float32 or float64 tensor; integers become float64. Gradients are kept.

    Raises:
        ValueError: it is not an array of real numbers, or it is sparse, masked, nested or without values.
    """
    if isinstance(value, Tensor) and (value.is_nested or value.is_meta):
        raise ValueError(
            f"{name}: expected a tensor that holds numbers (n, ...), got a {'nested' if value.is_nested else 'meta'} "
            "one: pass rows of one length, on a device that holds their values."
        )
    refuse_sparse(name, value)
    if not isinstance(value, Tensor):
        value = _from_numpy(name, value)
    converted: Tensor = value
    if converted.is_complex():
        raise ValueError(f"{name}: expected real numbers, got {converted.dtype}.")
    if not converted.is_floating_point():
        return converted.double()
    return converted if converted.dtype in (torch.float32, torch.float64) else converted.float()


def refuse_sparse(name: str, value: Any) -> None:
    """Refuses sparse arrays and tensors.

    Raises:
        ValueError: it is one.
    """
    if issparse(value) or (isinstance(value, Tensor) and value.layout != torch.strided):
        raise ValueError(
            f"{name}: expected a dense array, got a sparse {type(value).__name__} of shape {tuple(value.shape)}: a "
            "missing entry could mean 0. Pass the dense array, by .toarray() (.to_dense() in torch); only cost "
            "matrices may be sparse, where a missing entry forbids the pair."
        )


def refuse_masked(name: str, value: Any) -> None:
    """Refuses masked arrays, whose masks would be ignored.

    Raises:
        ValueError: a place is masked.
    """
    if np.ma.is_masked(value):
        raise ValueError(
            f"{name}: expected a number at every place, got an array with {np.count_nonzero(value.mask)} of "
            f"{value.size} places masked: leave their rows out, or fill them by .filled(number)."
        )


def _from_numpy(name: str, value: Any) -> Tensor:
    refuse_masked(name, value)
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(f"{name}: expected an array of numbers, got rows of unequal length.") from None
    except (RuntimeError, TypeError) as problem:  # of tensors with gradients, or on a GPU
        raise ValueError(
            f"{name}: expected an array or one tensor, got a {type(value).__name__} that NumPy cannot read "
            f"({problem}): join tensors by torch.stack."
        ) from None
    if isinstance(value, Distribution):
        raise ValueError(
            f"{name}: expected an array of numbers, got the law {type(value).__name__}: of two normal laws "
            "wasserstein_gaussian, bures and f_divergence have closed forms; of others pass draws, law.sample((n,))."
        )
    if array.dtype.kind not in "biuf":
        raise ValueError(
            f"{name}: expected an array of real numbers, got {array.dtype} of shape {array.shape}: convert it, by "
            ".astype(float) say."
        )
    # torch cannot share memory that is read-only, has negative strides or another byte order: such arrays are copied
    shareable = array.flags.writeable and array.dtype.isnative and all(step >= 0 for step in array.strides)
    if array.dtype.itemsize > 8:
        array, shareable = array.astype(float), True
    return torch.from_numpy(array if shareable else np.array(array, dtype=array.dtype.newbyteorder("="), order="C"))


def finite(name: str, value: Tensor, infinite: bool = False) -> None:
    """Checks that every entry is finite; with `infinite`, that none is NaN or minus infinity.

    Raises:
        ValueError: how many are not, and where the first is.
    """
    if bool(value.sum().isfinite()):  # one pass, and proof enough
        return
    bad = value.isnan() | value.isneginf() if infinite else ~value.isfinite()
    if bool(bad.any()):
        where = tuple(int(i) for i in bad.nonzero()[0])
        raise ValueError(
            f"{name}: expected {'no NaN and no minus infinity' if infinite else 'finite numbers'}, got "
            f"{int(bad.sum())} of {value.numel()} entries that are not, the first at {where}: remove or replace them."
        )


def masses(name: str, value: Any, n: int, device: torch.device) -> Tensor:
    """The masses of n places as a tensor (n,), of any total; None is 1 / n each. Gradients are kept.

    Raises:
        ValueError: another shape, a mass that is negative or not finite, or no mass at all.
    """
    if value is None:
        return torch.full((n,), 1.0 / n, dtype=torch.float64, device=device)
    called, each = _called(name), "law" if name == WEIGHTS else "place"
    given = tensor(called, value).to(device)
    if given.shape != (n,):
        raise ValueError(f"{called}: expected shape ({n},), one for each {each}, got {tuple(given.shape)}.")
    finite(called, given)
    if bool((given < 0).any()):
        worst = int(given.argmin())
        raise ValueError(f"{called}: expected none below 0, got {given[worst].item():g} at {worst}.")
    if float(given.detach().sum()) <= 0.0:
        raise ValueError(f"{called}: expected a positive total, got 0: every {each} is empty.")
    return given


def _called(name: str) -> str:
    return name if name == WEIGHTS else f"masses {name}"


def probabilities(name: str, value: Any, n: int, device: torch.device, normalise: bool = False) -> Tensor:
    """The masses of n places, which sum to 1 up to rounding: (n,); None is 1 / n each. Gradients are kept.

    Args:
        name: what errors call them.
        value: the masses.
        n: the number of places.
        device: where the answer is.
        normalise: whether masses of any total, such as counts, are divided by it.

    Raises:
        ValueError: as `masses`, or a total that is not 1 without `normalise`.
    """
    given = masses(name, value, n, device)
    if normalise:
        scaled = given.double() / given.detach().double().max()  # counts near the limit of float64 have no finite sum
        return scaled / scaled.sum()
    total = float(given.detach().double().sum())
    if abs(total - 1.0) > TOLERANCE:
        raise ValueError(
            f"{_called(name)}: expected a sum of 1, got {total:.9g}: pass normalise=True, which divides them by their "
            "sum. Totals that matter, because mass may be created or removed, are for sinkhorn(..., unbalanced=...)."
        )
    return given


def epsilon(value: Any) -> float:
    """A positive, finite regularisation.

    Raises:
        ValueError: it is not.
    """
    strength = number("epsilon", value)
    if not 0.0 < strength < float("inf"):
        raise ValueError(
            f"epsilon: expected a positive, finite number, got {value}: for a plan without regularisation use emd, or "
            "transport with epsilon=None."
        )
    return normal_epsilon(strength)


def normal_epsilon(strength: float) -> float:
    """A positive epsilon with all of its digits.

    Raises:
        ValueError: it is below the least normal number.
    """
    if strength < sys.float_info.min:
        raise ValueError(
            f"epsilon: expected at least {sys.float_info.min:.3g}, below which float64 loses digits, got "
            f"{strength:.3g}: multiply the points or the costs, and epsilon with the costs, by a large number."
        )
    return strength


def exponent(value: Any, infinite: bool = False) -> float:
    """The p of W_p, at least 1 and finite; with `infinite`, infinity too.

    Raises:
        ValueError: it is not.
    """
    p = number("p", value)
    if p == float("inf") and not infinite:
        raise ValueError("p: expected 1 <= p < infinity, got inf: only wasserstein(x, y, p=math.inf) takes it.")
    if not p >= 1.0:
        raise ValueError(f"p: expected 1 <= p, got {value}: below 1 W_p is no metric.")
    return p


def positive(name: str, value: Any) -> float:
    """A positive, finite number.

    Raises:
        ValueError: it is not.
    """
    given = number(name, value)
    if not 0.0 < given < float("inf"):
        raise ValueError(f"{name}: expected a positive, finite number, got {value}.")
    return given


def positive_integer(name: str, value: Any) -> int:
    """A whole number, at least 1.

    Raises:
        ValueError: it is not.
    """
    found = number(name, value)
    if isinstance(value, bool) or not (found >= 1.0 and found == found // 1.0):
        raise ValueError(f"{name}: expected a whole number, at least 1, got {value!r}.")
    return int(found)


def seed_number(name: str, value: Any) -> int:
    """A whole number that a generator starts at: from 0 to 2^63 - 1.

    Raises:
        ValueError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or not 0 <= int(value) < 2**63:
        raise ValueError(f"{name}: expected a whole number, at least 0, got {value!r}.")
    return int(value)


def number(name: str, value: Any) -> float:
    """A real number.

    Raises:
        ValueError: it is not one.
    """
    if isinstance(value, np.ndarray) and value.size == 1:  # as torch does of a tensor
        value = value.item()
    try:
        if isinstance(value, str | bytes):
            raise TypeError
        return float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):  # torch raises the last for more than one number
        raise ValueError(f"{name}: expected a number, got {value!r}.") from None
