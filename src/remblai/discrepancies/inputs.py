"""What every discrepancy takes: two samples, as tensors, and what they are checked for."""

from typing import Any

import torch
from torch import Tensor

from remblai.distances import validation
from remblai.distances.point_sets import same_columns
from remblai.distances.validation import ArrayLike


def tensors(x: ArrayLike, y: ArrayLike) -> tuple[Tensor, Tensor]:
    """Samples as tensors: arrays and lists become float32 or float64 on the device of a tensor beside them.

    Values of what is no tensor are checked here, for none has to wait for a device.

    Raises:
        ValueError: a sample that is not an array of finite real numbers, or frames whose columns have other names.
    """
    if not isinstance(x, Tensor) and not isinstance(y, Tensor):  # of tensors, nothing that a graph cannot hold
        same_columns(x=x, y=y)
    device = next((sample.device for sample in (x, y) if isinstance(sample, Tensor)), None)
    first, second = (_tensor(name, sample, device) for name, sample in (("x", x), ("y", y)))
    return first, second


def _tensor(name: str, sample: Any, device: torch.device | None) -> Tensor:
    if isinstance(sample, Tensor) and sample.layout == torch.strided and not sample.is_nested:
        return sample  # `check_samples` refuses other types than floating point
    converted = validation.tensor(name, sample)
    if not isinstance(sample, Tensor):
        validation.finite(name, converted.detach())
    return converted.to(device)


def check_samples(x: Tensor, y: Tensor) -> None:
    """The validation of every discrepancy's samples but of their values, so that it never waits for the device.

    Raises:
        ValueError: samples that are empty, are not (n, ...), differ in the shape of a point or in their device, or are
            not floating point.
    """
    for name, sample in (("x", x), ("y", y)):
        if not isinstance(sample, Tensor):
            came = type(sample).__name__
            raise ValueError(f"discrepancy: expected tensors, got {name} of type {came}: use torch.as_tensor({name}).")
        if sample.dim() < 2 or sample.numel() == 0:
            how = f": use {name}[:, None], where each is a number" * (sample.dim() == 1)
            came = f"{tuple(sample.shape)}{how}"
            raise ValueError(f"discrepancy: expected samples {name} (n, d) with n, d >= 1, got {came}.")
        if not sample.is_floating_point():
            raise ValueError(f"discrepancy: expected floating point, got {name} of {sample.dtype}: use .float().")
    if x.shape[1:] != y.shape[1:]:
        raise ValueError(
            f"discrepancy: expected points of one shape, got x {tuple(x.shape)} and y {tuple(y.shape)}, "
            f"that is {tuple(x.shape[1:])} against {tuple(y.shape[1:])}."
        )
    if x.device != y.device:
        raise ValueError(f"discrepancy: expected samples on one device, got x on {x.device} and y on {y.device}.")


def check_clouds(x: Tensor, y: Tensor) -> None:
    """The validation of clouds, of shapes and types only.

    Raises:
        ValueError: other than x (B, n, d) and y (B, m, d) of floating point numbers.
    """
    if y.dim() != 3 or len(x) != len(y):
        raise ValueError(
            f"discrepancy: expected as many clouds on both sides, x (B, n, d) and y (B, m, d), got {tuple(x.shape)} "
            f"and {tuple(y.shape)}: for points that are matrices use x.flatten(1) and y.flatten(1)."
        )
    if x.numel() == 0 or y.numel() == 0:
        raise ValueError(
            f"discrepancy: expected clouds (B, n, d) with B, n, d >= 1, got x {tuple(x.shape)} and y {tuple(y.shape)}."
        )
    check_samples(x[0], y[0])


def check_finite(x: Tensor, y: Tensor) -> None:
    """`check_samples`, and every value is finite. It waits for the device.

    Raises:
        ValueError: as `check_samples`, or a value that is infinite or not a number.
    """
    check_samples(x, y)
    for name, sample in (("x", x), ("y", y)):
        bad = int((~torch.isfinite(sample.detach())).flatten(1).any(1).sum())
        if bad:
            raise ValueError(
                f"discrepancy: expected finite values, got {bad} of {len(sample)} points of {name} with NaN or "
                "infinity: remove or replace them."
            )
