"""What an objective is given, and what it gives back: batches, labels, terms."""

from numbers import Integral

import torch
from torch import Tensor

from remblai.networks.classes import Classes
from remblai.networks.shapes import Range

SLACK = 0.5
"""How far values may leave their range, in lengths of it: interpolation overshoots and noise do, another scale more."""


def check_batch(x: object, shape: tuple[int, ...] | None, like: Tensor | None) -> Tensor:
    """The batch, if a model of data of this shape can take it; its values are not read.

    Args:
        x: the batch.
        shape: of one x; None takes any.
        like: a parameter of the model, for its precision and device; None takes any.

    Raises:
        ValueError: what is no tensor x (n, ...) of floating point, of the model's precision, shape and device.
    """
    if not isinstance(x, Tensor) or not x.is_floating_point():
        kind = x.dtype if isinstance(x, Tensor) else type(x).__name__
        pair = ", and labels as objective(x, labels)" * isinstance(x, tuple | list)
        raise ValueError(
            f"batches: expected tensors x (n, ...) of floating point, or (x, label) pairs of them, got {kind}: use "
            f"torch.as_tensor(x).float(), scaled to [0, 1] for images{pair}."
        )
    if shape is not None and tuple(x.shape[1:]) != shape:
        build = f"reshape the batches, or build the objective with shape={tuple(x.shape[1:])}"
        one = "it is one sample: pass x[None], or as batches a list of them, [x]"
        raise ValueError(
            f"batches: expected x (n, {', '.join(map(str, shape))}), as the objective was built for, got "
            f"{tuple(x.shape)}: {one if tuple(x.shape) == shape else build}."
        )
    if x.ndim == 0 or len(x) == 0:
        raise ValueError(f"batches: expected at least one sample in x (n, ...), got {tuple(x.shape)}: leave it out.")
    if like is not None and x.dtype != like.dtype:
        raise ValueError(
            f"batches: expected x of {like.dtype}, as the model is, got {x.dtype}: use x.to({like.dtype})."
        )
    if like is not None and x.device != like.device:
        raise ValueError(f"batches: expected x on {like.device}, as the model is, got {x.device}: use x.to(device).")
    return x


def check_range(x: Tensor, values: Range) -> None:
    """Whether the values of a batch are in the range of what the model makes. Waits for the device.

    Raises:
        ValueError: they are not.
    """
    if values is None:
        return
    low, high = torch.stack(x.detach().aminmax()).tolist()
    slack = SLACK * (values[1] - values[0])
    if low < values[0] - slack or high > values[1] + slack:
        whole = low >= 0.0 and values == (0.0, 1.0)
        signed = low >= -1.5 and high <= 1.5 and values == (0.0, 1.0)
        remedy = "use x / 255" if whole and high > 2.0 else "use (x + 1) / 2" if signed else "scale them to it"
        raise ValueError(
            f"batches: expected values from {values[0]:g} to {values[1]:g}, as the model's own are, got {low:g} to "
            f"{high:g}: {remedy}."
        )


def check_number(n: int) -> int:
    """The number of samples, if so many can be drawn.

    Raises:
        ValueError: no whole number of at least 0.
    """
    if isinstance(n, bool) or not isinstance(n, Integral | torch.SymInt) or n < 0:
        raise ValueError(f"n: expected a whole number of samples, at least 0, got {n!r}.")
    return n


def check_codes(z: object, width: int) -> None:
    """Whether codes can be decoded; their values are not read.

    Args:
        z: the codes.
        width: k, the coordinates of one.

    Raises:
        ValueError: what is no tensor (n, k) of floating point.
    """
    if isinstance(z, Tensor) and z.is_floating_point() and z.ndim == 2 and z.shape[1] == width:
        return
    got = type(z).__name__ if not isinstance(z, Tensor) else tuple(z.shape) if z.is_floating_point() else z.dtype
    one = isinstance(z, Tensor) and z.is_floating_point() and tuple(z.shape) == (width,)
    remedy = "it is one code: pass z[None]" if one else "they are such as `prior.sample(n)` gives"
    raise ValueError(f"codes: expected a tensor (n, {width}) of floating point, got {got}: {remedy}.")


def check_labels(labels: object, n: int, classes: Classes | None, read: bool) -> None:
    """Whether labels are of the kind and number that a model takes, and of its classes, -1 for none.

    Args:
        labels: of n rows.
        n: how many.
        classes: of the model.
        read: whether their values may be read, for which a device is waited for.

    Raises:
        ValueError: they are not.
    """
    if classes is None:
        raise ValueError("labels: this model has no classes: leave them out, or build it with classes=...")
    shape = (n, classes.count) if isinstance(labels, Tensor) and labels.is_floating_point() else (n,)
    if not isinstance(labels, Tensor) or tuple(labels.shape) != shape:
        kind = f"{labels.dtype} {tuple(labels.shape)}" if isinstance(labels, Tensor) else type(labels).__name__
        raise ValueError(
            f"labels: expected a tensor of whole numbers ({n},), or of weights ({n}, {classes.count}), got {kind}."
        )
    if read and labels.ndim == 1 and bool(((labels < -1) | (labels >= classes.count)).any()):
        raise ValueError(
            f"labels: expected classes from 0 to {classes.count - 1}, or -1 for none, got {int(labels.min())} to "
            f"{int(labels.max())}."
        )


def on_host(labels: object) -> bool:
    """Whether values are on the CPU, and read without a wait."""
    return isinstance(labels, Tensor) and labels.device.type == "cpu"


def check_terms(terms: object, objective: str) -> dict[str, Tensor]:
    """The terms, if they can be descended.

    Raises:
        ValueError: no dict of named tensors of one number each.
    """
    if not isinstance(terms, dict) or not terms:
        raise ValueError(
            f"{objective}: expected named terms from it, such as {{'transport': cost.mean()}}, got "
            f"{type(terms).__name__ if not isinstance(terms, dict) else 'none'}."
        )
    for name, term in terms.items():
        if not isinstance(term, Tensor) or term.numel() != 1:
            came = f"one of shape {tuple(term.shape)}" if isinstance(term, Tensor) else f"{type(term).__name__} {term}"
            remedy = "take its mean" if isinstance(term, Tensor) else "compute it by torch operations"
            raise ValueError(
                f"{objective}: expected a tensor of one number for the term {name!r}, got {came}: {remedy}."
            )
    return terms
