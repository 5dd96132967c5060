"""The one door of every solver: what comes in is turned into tensors and checked here, and nowhere else."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

TOLERANCE = 1e-6
"""Relative difference of total masses that is taken for rounding (of float32, say) and mended."""


def tensor(name: str, value: Any) -> Tensor:
    """Arrays, lists and tensors as a float32 or float64 tensor; integers become float64. Gradients are kept.

    Raises:
        ValueError: it is no array of real numbers.
    """
    if not isinstance(value, Tensor):
        try:
            array = np.asarray(value)
        except ValueError:
            raise ValueError(f"{name}: expected an array of numbers, got rows of unequal length.") from None
        if array.dtype.kind not in "biuf":
            raise ValueError(f"{name}: expected an array of real numbers, got {array.dtype} of shape {array.shape}.")
        # torch has no arrays that cannot be written, are turned round, or of another machine's kind: those are copied
        lent = array.flags.writeable and array.dtype.isnative and all(step >= 0 for step in array.strides)
        if array.dtype.itemsize > 8:
            array, lent = array.astype(float), True
        value = torch.from_numpy(array if lent else np.array(array, dtype=array.dtype.newbyteorder("="), order="C"))
    found: Tensor = value
    if found.is_complex():
        raise ValueError(f"{name}: expected real numbers, got {found.dtype}.")
    if not found.is_floating_point():
        return found.double()
    return found if found.dtype in (torch.float32, torch.float64) else found.float()


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
            f"{int(bad.sum())} of {value.numel()} entries that are not, the first at {where}: drop or mend them."
        )


def masses(name: str, value: Any, n: int, device: torch.device) -> Tensor:
    """The masses of n places as a tensor (n,); None is 1 / n each. Gradients are kept.

    Raises:
        ValueError: another shape, a mass that is negative or not finite, or no mass at all.
    """
    if value is None:
        return torch.full((n,), 1.0 / n, dtype=torch.float64, device=device)
    found = tensor(f"masses {name}", value).to(device)
    if found.shape != (n,):
        raise ValueError(f"masses {name}: expected shape ({n},), one for each place, got {tuple(found.shape)}.")
    finite(f"masses {name}", found)
    if bool((found < 0).any()):
        worst = int(found.argmin())
        raise ValueError(f"masses {name}: expected none below 0, got {found[worst].item():g} at {worst}.")
    if float(found.detach().sum()) <= 0.0:
        raise ValueError(f"masses {name}: expected a positive total, got 0: every place is empty.")
    return found


def same_total(a: Tensor, b: Tensor) -> float:
    """The total mass that a and b have in common, up to rounding.

    Raises:
        ValueError: totals that differ by more than rounding.
    """
    here, there = float(a.detach().double().sum()), float(b.detach().double().sum())
    if abs(here - there) > TOLERANCE * max(here, there):
        raise ValueError(
            f"masses: expected equal totals, got sum(a) = {here:.9g} and sum(b) = {there:.9g}: divide each by its sum, "
            "or use sinkhorn(..., unbalanced=...), which lets mass be made and lost."
        )
    return here


def epsilon(value: Any) -> float:
    """A positive, finite regularisation.

    Raises:
        ValueError: it is not.
    """
    found = number("epsilon", value)
    if not 0.0 < found < float("inf"):
        raise ValueError(
            f"epsilon: expected a positive, finite number, got {value}: it blurs the plan; the unblurred one is emd's, "
            "or transport's with epsilon=None."
        )
    return found


def exponent(value: Any) -> float:
    """The p of W_p, at least 1 and finite.

    Raises:
        ValueError: it is not.
    """
    found = number("p", value)
    if not 1.0 <= found < float("inf"):
        raise ValueError(f"p: expected 1 <= p < infinity, got {value}: below 1 W_p is no distance.")
    return found


def positive(name: str, value: Any) -> float:
    """A positive, finite number.

    Raises:
        ValueError: it is not.
    """
    found = number(name, value)
    if not 0.0 < found < float("inf"):
        raise ValueError(f"{name}: expected a positive, finite number, got {value}.")
    return found


def number(name: str, value: Any) -> float:
    """A real number.

    Raises:
        ValueError: it is none.
    """
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name}: expected a number, got {value!r}.") from None
