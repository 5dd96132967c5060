"""Figures of classes, as a classifier of the table of features sees them."""

import math
from typing import Any

import torch
from torch import Tensor

from remblai.features import Features
from remblai.metrics.featured import Featured, featured
from remblai.metrics.metric import Figure
from remblai.metrics.pairs import flat
from remblai.metrics.samples import every_row
from remblai.metrics.sets import Sets

RARE = 5.0
"""Rows of a class among n that are expected, up to which the class is rare."""
SMOOTHING = 0.5
"""Added to each class's count of real data, so that a class without any is not infinitely far."""


def classifier_score(logits: Any) -> float:
    """exp E KL(p(y|x) | p(y)) of a classifier's answers: between 1 and the number of classes.

    High where each sample is clearly of one class and all classes are there; blind within a class: one perfect image a
    class has the highest score. On Inception's classes it is the Inception score.

    Args:
        logits: log-odds (n, classes).

    Raises:
        ValueError: no rows, NaN or infinity.

    Source: Salimans et al. 2016, arXiv 1606.03498.
    """
    logits = flat("the log-odds", logits).double()
    return float(_scores(logits, torch.ones(1, len(logits), dtype=torch.bool))[0])


def class_histogram_kl(samples: Any, real: Any, smoothing: float = SMOOTHING) -> float:
    """KL(h | r): h the samples' shares of each class, r those of real data, each by the most likely class.

    Every class has `smoothing` added to its count of real data. 0 where the histograms are equal, up to that.

    Args:
        samples: log-odds (n, classes).
        real: log-odds (m, classes).
        smoothing: of the real counts; 0 gives infinity where samples have a class that real data have not.

    Raises:
        ValueError: no rows, other numbers of classes, NaN or infinity, or a smoothing below 0.

    Source: the divergence of Che et al. 2017, arXiv 1612.02136, and of the stacked-MNIST test.
    """
    if not 0.0 <= smoothing < math.inf:
        raise ValueError(f"smoothing: expected a finite number of at least 0, got {smoothing}.")
    y = flat("the samples' log-odds", samples)
    x = flat("the real log-odds", real, y)
    (value,) = _divergences(_shares(y, every_row(y)), _shares(x, every_row(x)), len(x), smoothing)
    return float(value)


def stacked_modes(images: Any, features: Features) -> dict[str, float]:
    """The stacked-MNIST test: how many of the 1,000 triples of digits samples show, and KL(their histogram | uniform).

    Each channel is read by the classifier; the three digits are the mode. 26,000 samples are usual.

    Args:
        images: (n, 3, 28, 28) on the scale 0 to 1.
        features: of a classifier of one channel, `mnist`.

    Returns:
        `modes` and `kl`.

    Raises:
        ValueError: images of another shape, or features without classes.

    Source: Metz et al. 2017, arXiv 1611.02163; Srivastava et al. 2017, arXiv 1705.07761; Lin et al., 1712.04086.
    """
    x = torch.as_tensor(images)
    if features.logits is None or features.shape is None:
        raise ValueError(f"stacked modes need the features of a classifier, such as mnist, not {features.name}.")
    if x.ndim != 4 or x.shape[2:] != features.shape[1:]:
        _, h, w = features.shape
        raise ValueError(f"stacked modes take images (n, c, {h}, {w}), not shape {tuple(x.shape)}.")
    n, channels = x.shape[:2]
    logits = features.logits(features.of(x.reshape(n * channels, *features.shape)))
    classes = logits.shape[1]
    powers = classes ** torch.arange(channels - 1, -1, -1, device=logits.device)
    counts = torch.bincount((logits.argmax(1).reshape(n, channels) * powers).sum(1), minlength=classes**channels)
    share = counts.double() / n
    divergence = torch.special.xlogy(share, share * classes**channels).sum()
    return {"modes": float((counts > 0).sum()), "kl": float(divergence)}


def figure_of_class_histogram(sets: Sets) -> Figure:
    """KL(samples' classes | held-out data's classes)."""
    own = featured(sets)
    real = _shares(_logits(own, own.held_out), own.masks)

    def values(other: Tensor) -> Tensor:
        return _divergences(_shares(_logits(own, other), own.masks), real, own.masks.sum(1), SMOOTHING)

    value, floor = values(own.samples), values(own.train)
    return {"value": float(value[0]), "floor": float(floor[0]), "spread": float(value[1:].std()), "n": sets.n}


def figure_of_classes_covered(sets: Sets) -> Figure:
    """How many classes the samples show, beside what as many of the training data show on average.

    The floor is the mean over all subsets of n of the N training rows that are read, sum over classes of
    1 - C(N - N_c, n) / C(N, n), which is unbiased. A class of share p is missing among n with probability
    q = (1 - p)^n, so that the count has the variance sum of q (1 - q), which is also the expected number of classes
    that one of two samples shows and the other does not: of rare classes, whose shares training rows hardly know, that
    of the samples counts where it is larger. The floor varies by a part n / N of it besides.
    """
    own, n = featured(sets), sets.n
    rows, counts = (
        len(own.training),
        sets.real("classes of training data", lambda: _of_each(_logits(own, own.training))),
    )
    known, shown = counts > 0, _of_each(_logits(own, own.samples)) > 0
    missing = (1.0 - counts[known] / rows) ** n
    of_train: Tensor = sets.real("classes of as many training data", lambda: _of_each(_logits(own, own.train)) > 0)
    rare = n * counts <= RARE * rows
    variance = max(float((missing * (1.0 - missing)).sum()), float((shown & ~of_train & rare).sum()))
    spread = math.sqrt(variance * (1.0 + n / rows))
    return {"value": float(shown.sum()), "floor": _rarefied(counts[known], rows, n), "spread": spread, "n": n}


def _rarefied(counts: Tensor, rows: int, n: int) -> float:
    """The mean number of classes among n of so many rows, by the counts of each class."""
    left = rows - counts
    ways = torch.lgamma(left + 1.0) - torch.lgamma((left - n).clamp(min=0.0) + 1.0)
    every = math.lgamma(rows + 1.0) - math.lgamma(rows - n + 1.0)
    return float((1.0 - torch.where(left >= n, (ways - every).exp(), 0.0)).sum())


def _of_each(logits: Tensor) -> Tensor:
    """How many rows (classes,) are of each class."""
    return torch.bincount(logits.argmax(1), minlength=logits.shape[1]).double()


def figure_of_classifier_score(sets: Sets) -> Figure:
    """The samples' classifier score beside that of held-out data."""
    own = featured(sets)
    values = _scores(_logits(own, own.samples).double(), own.masks)
    floors = _scores(_logits(own, own.held_out).double(), own.masks)
    spread = math.hypot(float(values[1:].std()), float(floors[1:].std()))  # the floor is as uncertain
    return {"value": float(values[0]), "floor": float(floors[0]), "spread": spread, "n": sets.n}


def _logits(own: Featured, features: Tensor) -> Tensor:
    assert own.features.logits is not None  # the rows of the table need classes
    return own.features.logits(features)


def _shares(logits: Tensor, masks: Tensor) -> Tensor:
    """The share (r, classes) of each class in r parts, by masks (r, n)."""
    counts = masks.double() @ torch.nn.functional.one_hot(logits.argmax(1), logits.shape[1]).double()
    shares: Tensor = counts / masks.sum(1, keepdim=True)
    return shares


def _divergences(h: Tensor, r: Tensor, n: Tensor | int, smoothing: float) -> Tensor:
    """KL(h | r) (parts,) of shares (parts, classes), r smoothed as counts of n."""
    n = torch.as_tensor(n).double().to(r.device).reshape(-1, 1)
    smooth = (r * n + smoothing) / (n + smoothing * r.shape[1])
    found: Tensor = (torch.special.xlogy(h, h) - torch.special.xlogy(h, smooth)).sum(1)
    return found


def _scores(logits: Tensor, masks: Tensor) -> Tensor:
    """The classifier score (r,) of r parts of log-odds (n, classes), by masks (r, n)."""
    log_p = logits.log_softmax(1)
    weights = masks.double() / masks.sum(1, keepdim=True)
    marginal = weights @ log_p.exp()
    entropy = (log_p.exp() * log_p).sum(1)
    found: Tensor = (weights @ entropy - torch.special.xlogy(marginal, marginal).sum(1)).exp()
    return found
