"""Distances between Gaussian laws: closed forms, quadrature on the line, and transport (Bures)."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, overload

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, MultivariateNormal, Normal

from remblai.distances.envelope import with_gradients
from remblai.distances.validation import ArrayLike, NumPyLike, finite, tensor

NODES = 24
"""Gauss-Legendre nodes a panel."""

REACH = 12.0
"""Standard deviations that the quadrature covers on each side: beyond is a mass of 1e-32."""

PANEL = 0.5
"""Width of a panel in standard deviations."""

ASYMMETRY = 1e-6
"""Relative difference of a covariance from its transpose that counts as rounding."""


class Gaussian(NamedTuple):
    """A normal law in float64: mean (d,) and covariance (d, d)."""

    mean: Tensor
    covariance: Tensor


def gaussian(name: str, law: Any) -> Gaussian:
    """The mean and covariance of one Gaussian law.

    Raises:
        ValueError: another law, or a batch of laws.
    """
    known = isinstance(law, Normal | MultivariateNormal)
    if not known and not (isinstance(law, Independent) and isinstance(law.base_dist, Normal)):
        raise ValueError(
            f"{name}: expected weights (n,) or a Normal, Independent(Normal) or MultivariateNormal, got "
            f"{type(law).__name__}: there is no closed form; compare samples with a discrepancy. "
            "Means and covariances go to bures."
        )
    if law.batch_shape != () or len(law.event_shape) > 1:
        raise ValueError(
            f"{name}: expected one law, got a batch {tuple(law.batch_shape)} of laws over {tuple(law.event_shape)}: "
            "use Independent(law, 1), which is one law over points (d,)."
        )
    mean = law.mean.double().reshape(-1)
    if isinstance(law, MultivariateNormal):
        return Gaussian(mean, law.covariance_matrix.double())
    return Gaussian(mean, law.variance.double().reshape(-1).diag())


def pair(p: Any, q: Any) -> tuple[Gaussian, Gaussian]:
    """Two Gaussian laws over points of one dimension.

    Raises:
        ValueError: anything else.
    """
    first, second = gaussian("p", p), gaussian("q", q)
    if len(first.mean) != len(second.mean):
        raise ValueError(
            f"laws: expected p and q over points of one dimension, got {len(first.mean)} and {len(second.mean)}: "
            "use laws of the same points."
        )
    return first, second


def kullback_leibler(p: Gaussian, q: Gaussian) -> Tensor:
    """KL(p | q) = (tr(S_q^-1 S_p) + |m_p - m_q|^2 in S_q^-1 - d + log det S_q - log det S_p) / 2."""
    root, other = _root(q.covariance), _root(p.covariance)
    trace: Tensor = torch.linalg.solve_triangular(root, other, upper=False).square().sum()
    twice = trace + _square_length(q.mean - p.mean, root) - len(p.mean) + _logdet(root) - _logdet(other)
    return _at_least_zero(0.5 * twice)


def hellinger(p: Gaussian, q: Gaussian) -> Tensor:
    """H^2 = 1 - det(S_p S_q)^(1/4) / det(S)^(1/2) e^(-|m_p - m_q|^2 / 8 in S^-1), S = (S_p + S_q) / 2."""
    middle = _root(0.5 * (p.covariance + q.covariance))
    sizes = 0.25 * (_logdet(_root(p.covariance)) + _logdet(_root(q.covariance))) - 0.5 * _logdet(middle)
    affinity = sizes - 0.125 * _square_length(p.mean - q.mean, middle)
    return -torch.expm1(-_at_least_zero(-affinity))


def pearson(p: Gaussian, q: Gaussian) -> Tensor:
    """1 + chi^2 = det S_q / (det S_p det S)^(1/2) e^(|m_p - m_q|^2 in S^-1), S = 2 S_q - S_p; infinite unless S > 0."""
    root, failed = torch.linalg.cholesky_ex(2.0 * q.covariance - p.covariance)
    if int(failed):
        return p.mean.new_tensor(float("inf"))
    sizes = _logdet(_root(q.covariance)) - 0.5 * (_logdet(_root(p.covariance)) + _logdet(root))
    return torch.expm1(_at_least_zero(sizes + _square_length(p.mean - q.mean, root)))


def total_variation(p: Gaussian, q: Gaussian) -> Tensor:
    """On the line from the points where the densities cross; for one covariance erf(|m_p - m_q| / sqrt 8 in S^-1).

    In several dimensions covariances are one where no entry differs by more than 1e-6 of the largest: rounding.

    Raises:
        ValueError: unequal covariances in more than one dimension.
    """
    several = len(p.mean) > 1
    gap = float((p.covariance - q.covariance).detach().abs().max())
    if gap <= ASYMMETRY * several * float(p.covariance.detach().abs().max()):
        return torch.erf(_length(p.mean - q.mean, _root(p.covariance)) / 8.0**0.5)
    if several:
        raise ValueError(
            "total variation: expected Gaussians on the line or of equal covariance, which have a closed form, got "
            f"unequal covariances in {len(p.mean)} dimensions: hellinger gives bounds, H^2 <= TV <= sqrt(H^2 (2 - "
            "H^2)); or use a histogram of samples of both."
        )
    ends = crossings(p, q)
    inside = [torch.erf((ends - law.mean) / (2.0 * law.covariance[0, 0]).sqrt()) for law in (p, q)]
    return 0.5 * ((inside[0] - inside[1]) * ends.new_tensor([-1.0, 1.0])).sum().abs()


def crossings(p: Gaussian, q: Gaussian) -> Tensor:
    """The two points (2,) where the densities on the line are equal, in order; an infinite one where there is one.

    They carry no gradient: the total variation has none through them, because the densities are equal there.
    """
    (m, v), (n, w) = ((float(law.mean.detach()), float(law.covariance.detach())) for law in (p, q))
    # a t^2 + 2 b t + c = 0 in t = x - m_p, by the roots that do not cancel
    gap = n - m
    a, b, c = 1.0 / v - 1.0 / w, gap / w, np.log(v / w) - gap * gap / w
    large = -b - np.copysign(np.sqrt(max(gap * gap / (v * w) - a * np.log(v / w), 0.0)), b)
    with np.errstate(divide="ignore"):
        roots = [np.divide(large, a) if a else np.copysign(np.inf, large), c / large if large else 0.0]
    return p.mean.new_tensor(sorted(m + float(one) for one in roots))


def quadrature(perspective: Callable[[Tensor, Tensor], Tensor], p: Gaussian, q: Gaussian) -> Tensor:
    """The integral over the line of perspective(log p(x), log q(x)), for integrands that are at most p + q.

    Gauss-Legendre on panels of half a standard deviation of both laws, cut where the densities cross. Differentiable.
    """
    with torch.no_grad():
        steps = torch.arange(-REACH, REACH + PANEL, PANEL, dtype=torch.float64, device=p.mean.device)
        parts = [law.mean + steps * law.covariance[0, 0].sqrt() for law in (p, q)]
        low, high = torch.cat(parts).aminmax()
        edges = torch.cat([*parts, crossings(p, q)]).clamp(low, high).sort().values
        nodes, weights = (torch.from_numpy(one).to(edges) for one in np.polynomial.legendre.leggauss(NODES))
        halves = 0.5 * edges.diff()[:, None]
        x, measure = edges[:-1, None] + halves * (1.0 + nodes), halves * weights
    return (measure * perspective(_log_density(p, x), _log_density(q, x))).sum()


def wasserstein_gaussian(p: Distribution, q: Distribution) -> Tensor:
    """Squared W2 of two Gaussian laws, never rooted: `bures` of their means and covariances, as a float64 tensor.

    Args:
        p: a Normal, Independent(Normal) or MultivariateNormal over points (d,).
        q: another of the same dimension.

    Raises:
        ValueError: another law, a batch of laws, or unequal dimensions.

    Example:
        >>> from torch.distributions import Normal
        >>> from remblai.distances import wasserstein_gaussian
        >>> float(wasserstein_gaussian(Normal(0.0, 1.0), Normal(3.0, 2.0)))
        10.0
    """
    first, second = pair(p, q)
    return bures(*first, *second)


@overload
def bures(mean1: NumPyLike, cov1: NumPyLike, mean2: NumPyLike, cov2: NumPyLike) -> float: ...
@overload
def bures(mean1: Tensor, cov1: Tensor, mean2: Tensor, cov2: Tensor) -> Tensor: ...
@overload
def bures(mean1: ArrayLike, cov1: ArrayLike, mean2: ArrayLike, cov2: ArrayLike) -> Any: ...
def bures(mean1: ArrayLike, cov1: ArrayLike, mean2: ArrayLike, cov2: ArrayLike) -> float | Tensor:
    """|m1 - m2|^2 + tr C1 + tr C2 - 2 tr (C1^(1/2) C2 C1^(1/2))^(1/2): squared W2 of Gaussians, never rooted.

    The last trace is the sum of the singular values of C1^(1/2) C2^(1/2), which loses no digits where covariances are
    singular, as roots of small eigenvalues do. Differentiable once; the derivative I - T in a covariance, with T the
    optimal map, is computed on that covariance's range, so that it is finite.

    Args:
        mean1: (d,).
        cov1: (d, d), symmetric, with no negative eigenvalue; it may be singular.
        mean2: (d,).
        cov2: (d, d).

    Raises:
        ValueError: shapes that do not agree, values that are not finite, or matrices that are no covariances.

    Source: Bhatia, Jain, Lim (2019), On the Bures-Wasserstein distance between positive definite matrices,
    arXiv 1712.01504.

    Example:
        >>> from remblai.distances import bures
        >>> round(bures([0.0], [[1.0]], [3.0], [[4.0]]), 9)
        10.0
    """
    inputs = dict(zip(("mean1", "cov1", "mean2", "cov2"), (mean1, cov1, mean2, cov2), strict=True))
    given = {name: tensor(name, value) for name, value in inputs.items()}
    m1, c1, m2, c2 = given.values()
    d = m1.numel()  # the others must agree with it
    for name, one in given.items():
        wanted = (d,) if name.startswith("mean") else (d, d)
        if one.shape != wanted or d == 0:
            raise ValueError(f"{name}: expected shape {wanted}, d >= 1, got {tuple(one.shape)}.")
        finite(name, one)
    first, second = (_factor(name, given[name].detach().double()) for name in ("cov1", "cov2"))
    left, sizes, right = torch.linalg.svd(first.T @ second, full_matrices=False)
    shift = m1.detach().double() - m2.detach().double()
    value = shift.square().sum() + first.square().sum() + second.square().sum() - 2.0 * sizes.sum()
    value = value.clamp(min=0.0)
    if not any(isinstance(one, Tensor) for one in inputs.values()):
        return float(value)
    gradients = [(m1, 2.0 * shift), (m2, -2.0 * shift)]
    if c1.requires_grad:
        gradients.append((c1, _less_map(first, second @ right.T @ left.T)))
    if c2.requires_grad:
        gradients.append((c2, _less_map(second, first @ left @ right)))
    return with_gradients(value, [(one, gradient) for one, gradient in gradients if one.requires_grad])


def _factor(name: str, covariance: Tensor) -> Tensor:
    """F (d, rank) with F F' = the covariance, on the eigenvectors above rounding."""
    size = float(covariance.abs().max())
    if float((covariance - covariance.T).abs().max()) > ASYMMETRY * size:
        raise ValueError(f"{name}: expected a symmetric matrix, got another: use ({name} + {name}.T) / 2.")
    values, vectors = torch.linalg.eigh(0.5 * (covariance + covariance.T))
    if float(values[0]) < -ASYMMETRY * size:
        raise ValueError(f"{name}: expected no negative eigenvalue, got {float(values[0]):g}: use a covariance matrix.")
    kept = values > len(values) * torch.finfo(torch.float64).eps * size
    factor: Tensor = vectors[:, kept] * values[kept].sqrt()
    return factor


def _less_map(factor: Tensor, image: Tensor) -> Tensor:
    """I - T, with image (d, rank) = T F: T is symmetric, known on the range of F, and 0 on the rest of the space."""
    squares = factor.square().sum(0)
    inverse = factor / squares  # its columns are orthogonal
    onto = inverse @ factor.T
    carried = image @ inverse.T
    return torch.eye(len(factor), dtype=factor.dtype, device=factor.device) - (carried + carried.T - onto @ carried)


def _log_density(law: Gaussian, x: Tensor) -> Tensor:
    variance = law.covariance[0, 0]
    return -0.5 * ((x - law.mean).square() / variance + (2.0 * math.pi * variance).log())


def _root(covariance: Tensor) -> Tensor:
    root: Tensor
    root, failed = torch.linalg.cholesky_ex(covariance)
    if int(failed):
        raise ValueError(
            "covariance: expected a positive definite one, since this divergence needs a density, got a singular one: "
            "add a small multiple of the identity, or use wasserstein_gaussian."
        )
    return root


def _logdet(root: Tensor) -> Tensor:
    return 2.0 * torch.log(root.diagonal()).sum()


def _length(vector: Tensor, root: Tensor) -> Tensor:
    """|vector| in the inverse of root root'; its gradient at 0 is 0."""
    length: Tensor = torch.linalg.vector_norm(_whitened(vector, root))
    return length


def _square_length(vector: Tensor, root: Tensor) -> Tensor:
    """|vector|^2 in the inverse of root root', whose derivatives at 0 are numbers, as those of the length are not."""
    return _whitened(vector, root).square().sum()


def _whitened(vector: Tensor, root: Tensor) -> Tensor:
    whitened: Tensor = torch.linalg.solve_triangular(root, vector[:, None], upper=False)
    return whitened


def _at_least_zero(value: Tensor) -> Tensor:
    """The value, or 0 where rounding puts it below, with the derivatives of the value."""
    return torch.where(value < 0.0, value - value.detach(), value)
