"""What feature maps read of data: rows with a length and slices, and a data set with its splits."""

from typing import Any, Protocol

import torch
from torch import Tensor


def spread(n: int, most: int) -> Tensor:
    """Places (k,) of n rows, k at most `most`, spread evenly over all of them."""
    return torch.linspace(0, n - 1, min(most, n), dtype=torch.float64).long()


class Rows(Protocol):
    """Anything with a length whose slices are tensors or arrays (n, ...)."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: slice, /) -> Any: ...


class Part(Protocol):
    """One split of a data set: images by a slice or by an index tensor, and their labels (n,), where there are any."""

    @property
    def labels(self) -> Tensor | None: ...

    def __len__(self) -> int: ...

    def __getitem__(self, where: slice | Tensor, /) -> Tensor: ...


class Source(Protocol):
    """A data set that features are fitted to, as `data.Dataset` is one."""

    @property
    def name(self) -> str: ...

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def fingerprint(self) -> str: ...

    @property
    def train(self) -> Part: ...

    @property
    def test(self) -> Part: ...

    def split(self, name: str, /) -> Part: ...
