"""What a model makes in the units of the data that several models are held against, so that their figures are alike."""

import numpy as np
import torch
from torch import Tensor

from remblai.data import Units
from remblai.data.layout import BYTES
from remblai.data.standardise import standardised
from remblai.runs.conforming import same_type


def same_units(own: Units, common: Units) -> bool:
    """Whether equal numbers mean equal data."""
    if own.range is not None:
        return not same_type(own, common) or (own.limits or BYTES) == (common.limits or BYTES)
    return (own.mean, own.deviation) == (common.mean, common.deviation) and _places(own, common) is None


def in_units_of(common: Units, own: Units, x: Tensor) -> Tensor:
    """What people look at of a model, x (n, ...) in its units, in those of other data.

    Args:
        common: of what people look at of the data; images of another type of numbers are on the scale 0 to 1 already.
        own: of what people look at of the model.
        x: as the model's `Units.seen` gives it.

    Raises:
        ValueError: tables of different columns.
    """
    if same_units(own, common):
        return x
    if own.range is not None:
        (low, high), (least, most) = own.limits or BYTES, common.limits or BYTES
        return (x * (high - low) + (low - least)) / (most - least)
    values, places = own.values(x.detach().cpu()), _places(own, common)
    if places is not None:
        values = values[:, places]
    if common.mean is not None:
        values = standardised(values, np.asarray(common.mean), np.asarray(common.deviation))
    return torch.from_numpy(values.astype(np.float32))


def _places(own: Units, common: Units) -> list[int] | None:
    """Where the columns of the data are among those of the model; None where they are in the same order."""
    if own.columns is None or common.columns is None or own.columns == common.columns:
        return None
    if {*own.columns} != {*common.columns}:
        lacking, others = ({*a} - {*b} for a, b in ((own.columns, common.columns), (common.columns, own.columns)))
        raise ValueError(
            "expected models of the columns of the data, for figures of other columns are not comparable: the data "
            f"have {', '.join(sorted(others)) or 'no other column'} in the place of "
            f"{', '.join(sorted(lacking)) or 'none'}: name the columns with --columns."
        )
    return [own.columns.index(name) for name in common.columns]
