"""The point about which squared distances are computed from a matrix product."""

import torch
from torch import Tensor

JUDGED = 64
"""Points, spread over the sample, that say which centre is nearer: enough to tell a few far points from the others."""


def central(y: Tensor) -> Tensor:
    """A point (1, d) near most of the points y (n, d), without gradient; of clouds (B, n, d) one each, (B, 1, d).

    It is the mean unless far points have moved that from the others: then it is a point of the sample, the one whose
    distance from the mean is the median. More than half of the points near each other have as many neighbouring ranks
    among the distances, so that the median is one of them.
    """
    y = y.detach()
    mean = y.mean(-2, keepdim=True)
    count = y.shape[-2]
    if count < 3:
        return mean
    some = y[..., :: -(-count // JUDGED), :]
    about_mean, order = (some - mean).square().sum(-1).sort(-1)
    middle = some.shape[-2] // 2
    place = order[..., middle, None, None].expand(*some.shape[:-2], 1, some.shape[-1])
    typical = some.gather(-2, place)
    about_typical = (some - typical).square().sum(-1).sort(-1).values
    nearer = about_typical[..., middle] < about_mean[..., middle]
    return torch.where(nearer[..., None, None], typical, mean)
