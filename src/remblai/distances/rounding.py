"""How exactly numbers are known that were given in float32 or float64."""

import torch
from torch import Tensor

ROUNDOFF = 2.0**-53
"""The largest relative error of one rounded operation in float64."""

UNDERFLOW = 2.0**-1074
"""Twice the largest absolute error of one where the answer is below 2^-1022, and has fewer digits."""


def roundoff(values: Tensor) -> float:
    """The relative error that values carry from the format in which they were given.

    Float64 values are taken as they are. A value in float32 may stand for any number that rounds to it (0.1, say),
    with an error of 2^-24, unless all values are short numbers such as 0.5 or 12, which float32 holds exactly.
    """
    if values.dtype == torch.float64:
        return 0.0
    finite = values.detach().where(values.isfinite(), 0.0)
    return 0.0 if bool((finite.half() == finite).all()) else 2.0**-24
