"""Batch normalisation over the points of all processes: several then train as one process with all the points."""

from typing import Any

from torch import Tensor, nn

from remblai.runtime import distributed


class _Everywhere(nn.Module):
    def forward(self, x: Tensor) -> Any:
        """Normalised x (n, c, ...): in training by the mean and variance over the points of all processes."""
        if distributed.world() == 1 or not self.training:
            return super().forward(x)
        # whole maps are gathered, not their sums: the results then equal those of one process to the last bits
        return super().forward(distributed.gather(x)).chunk(distributed.world())[distributed.rank()]


class BatchNorm1d(_Everywhere, nn.BatchNorm1d):
    """`torch.nn.BatchNorm1d`, for vectors (n, c), over all processes."""


class BatchNorm2d(_Everywhere, nn.BatchNorm2d):
    """`torch.nn.BatchNorm2d`, for maps (n, c, h, w), over all processes."""
