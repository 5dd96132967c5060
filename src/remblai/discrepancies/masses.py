"""Masses of samples: each point of a weighted sample stands for a share of its law."""

import torch
from torch import Tensor

from remblai.distances.validation import ArrayLike, probabilities, tensor


def of_samples(
    x: Tensor, y: Tensor, a: ArrayLike | None, b: ArrayLike | None, normalise: bool = False
) -> tuple[Tensor, Tensor]:
    """The masses of samples x (n, ...) and y (m, ...) in float64, (n,) and (m,); None is 1 / n each.

    Raises:
        ValueError: masses that are not valid, or whose sum is not 1 without `normalise`.
    """
    return _checked("a", a, x, normalise), _checked("b", b, y, normalise)


def of_clouds(
    x: Tensor, y: Tensor, a: ArrayLike | None, b: ArrayLike | None, normalise: bool = False
) -> tuple[Tensor, Tensor]:
    """The masses of clouds x (B, n, d) and y (B, m, d) in float64, (B, n) and (B, m), each row as in `of_samples`."""
    return _rows("a", a, x, normalise), _rows("b", b, y, normalise)


def effective_size(masses: Tensor) -> float:
    """Kish's effective sample size 1 / sum of a_i^2: n where all masses are 1 / n."""
    return 1.0 / float(masses.detach().square().sum())


def distinct_pairs(name: str, masses: Tensor) -> Tensor:
    """The mass of the pairs of two different points, sum over i != j of a_i a_j = 1 - sum of a_i^2.

    Raises:
        ValueError: one point has all of the mass.
    """
    if int((masses > 0).sum()) < 2:
        raise ValueError(
            f"{name}: expected at least 2 points with mass in each sample, got 1: a variance or an unbiased estimate "
            "needs two; use a larger sample, or a biased estimate where there is one."
        )
    return 1.0 - masses.square().sum()


def _checked(name: str, value: ArrayLike | None, sample: Tensor, normalise: bool) -> Tensor:
    given = probabilities(name, value, len(sample), sample.device, normalise).double()
    return given / given.detach().sum()  # a total that rounding has left near 1


def _rows(name: str, value: ArrayLike | None, clouds: Tensor, normalise: bool) -> Tensor:
    if value is None:
        return clouds.new_full(clouds.shape[:2], 1.0 / clouds.shape[1], dtype=torch.float64)
    given = tensor(f"masses {name}", value)
    if given.shape != clouds.shape[:2]:
        raise ValueError(
            f"masses {name}: expected shape {tuple(clouds.shape[:2])}, a row for each cloud, got {tuple(given.shape)}."
        )
    return torch.stack([_checked(name, row, cloud, normalise) for row, cloud in zip(given, clouds, strict=True)])
