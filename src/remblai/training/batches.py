"""The batches of a run: started again at the end of an epoch, checked as they come."""

from collections.abc import Iterable, Iterator
from typing import Any

from torch import Tensor


class Batches:
    """An endless stream of tensors x (n, ...) from what `steps` is given.

    Args:
        batches: an endless iterator, or what can be iterated anew, such as a `DataLoader`: each of its passes has an
            order of its own. (`itertools.cycle` would freeze the first order and keep every batch in memory.)
        shape: of one x; None for any.

    Raises:
        ValueError: by `draw`: batches that end, or of another kind, with the remedy.
    """

    def __init__(self, batches: Iterable[Any], shape: tuple[int, ...] | None) -> None:
        self._batches, self._shape = batches, shape
        self._stream: Iterator[Any] = iter(batches)
        self._count = 0
        self._endless = self._stream is batches

    def draw(self) -> Tensor:
        """The next batch."""
        try:
            batch = next(self._stream)
        except StopIteration:
            batch = self._again()
        self._count += 1
        return self._checked(batch[0] if isinstance(batch, tuple | list) and batch else batch)

    def _again(self) -> Any:
        if self._endless:
            raise ValueError(
                f"batches: this iterator ended after {self._count}: pass what can be iterated anew, such as a "
                "DataLoader or a list, or an iterator without an end."
            ) from None
        self._stream = iter(self._batches)
        try:
            return next(self._stream)
        except StopIteration:
            raise ValueError(
                "batches: expected at least one in an epoch, got none: a DataLoader with drop_last has none where the "
                "batch is larger than the data."
            ) from None

    def _checked(self, x: Any) -> Tensor:
        if not isinstance(x, Tensor) or not x.is_floating_point():
            kind = x.dtype if isinstance(x, Tensor) else type(x).__name__
            raise ValueError(
                f"batches: expected tensors x (n, ...) of floating point, or (x, label) pairs of them, got {kind}: use "
                "torch.as_tensor(x).float(), scaled to [0, 1] for images."
            )
        if self._shape is not None and tuple(x.shape[1:]) != self._shape:
            raise ValueError(
                f"batches: expected x (n, {', '.join(map(str, self._shape))}), as the objective was built for, got "
                f"{tuple(x.shape)}: reshape the batches, or build the objective with shape={tuple(x.shape[1:])}."
            )
        return x
