"""f-divergences between known laws: weights of the same places, or two Gaussians."""

import math
from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeAlias, cast, overload

import torch
from torch import Tensor
from torch.distributions import Distribution

from remblai.config.aliases import checked_options
from remblai.config.registry import unknown
from remblai.distances import gaussians
from remblai.distances.divergence_table import DIVERGENCES, Divergence
from remblai.distances.gaussians import Gaussian
from remblai.distances.validation import ArrayLike, NumPyLike, probabilities, tensor

AnyLaw: TypeAlias = ArrayLike | Distribution
"""Weights (n,), or a Gaussian law."""

TensorLaw: TypeAlias = Tensor | Distribution
"""What gives a tensor."""


class OfTwoLaws(Protocol):
    """The type of a divergence as a function of p and q."""

    @overload
    def __call__(self, p: NumPyLike, q: NumPyLike, *, normalise: bool = ...) -> float: ...
    @overload
    def __call__(self, p: TensorLaw, q: TensorLaw, *, normalise: bool = ...) -> Tensor: ...
    @overload
    def __call__(self, p: AnyLaw, q: AnyLaw, *, normalise: bool = ...) -> Any: ...


def _of_two_laws(function: Callable[..., Any]) -> OfTwoLaws:
    return cast(OfTwoLaws, checked_options(function))


@overload
def f_divergence(divergence: str | Divergence, p: NumPyLike, q: NumPyLike, *, normalise: bool = ...) -> float: ...
@overload
def f_divergence(divergence: str | Divergence, p: TensorLaw, q: TensorLaw, *, normalise: bool = ...) -> Tensor: ...
@overload
def f_divergence(divergence: str | Divergence, p: AnyLaw, q: AnyLaw, *, normalise: bool = ...) -> Any: ...
@checked_options
def f_divergence(divergence: str | Divergence, p: AnyLaw, q: AnyLaw, *, normalise: bool = False) -> float | Tensor:
    """D_f(p, q) = sum of q f(p / q) + f(0) q[p = 0] + f'(infinity) p[q = 0]; never NaN.

    Between Gaussians it is a closed form where there is one, otherwise, on the line, a quadrature to about 1e-12 (for
    a divergence that is bounded, as Jensen-Shannon's). Differentiable where p and q are positive. Weights may be as
    small as float64 has them.

    Args:
        divergence: a name of the table DIVERGENCES, or a `Divergence`.
        p: weights (n,) that sum to 1, or a Gaussian law (Normal, Independent(Normal), MultivariateNormal).
        q: weights (n,) of the same places, or a Gaussian law of the same dimension.
        normalise: whether weights of another total, such as counts, are divided by it.

    Raises:
        ValueError: an unknown name, no weights, weights that do not sum to 1, or laws without a closed form.

    Example:
        >>> from remblai.distances import f_divergence
        >>> round(f_divergence("hellinger", [0.5, 0.5], [0.9, 0.1]), 6)
        0.105573
    """
    return _value(divergence, p, q, normalise)


@_of_two_laws
def total_variation(p: AnyLaw, q: AnyLaw, *, normalise: bool = False) -> float | Tensor:
    """sup over A of |P(A) - Q(A)| = sum |p - q| / 2, in [0, 1]. Arguments as of `f_divergence`.

    Example:
        >>> from remblai.distances import total_variation
        >>> total_variation([0.5, 0.5], [0.75, 0.25])
        0.25
    """
    return _value("total-variation", p, q, normalise)


@_of_two_laws
def kullback_leibler(p: AnyLaw, q: AnyLaw, *, normalise: bool = False) -> float | Tensor:
    """KL(p | q) = sum p log(p / q), infinite where p > 0 = q. Arguments as of `f_divergence`.

    Example:
        >>> from torch.distributions import Normal
        >>> from remblai.distances import kullback_leibler
        >>> kullback_leibler([0.5, 0.5], [1.0, 0.0])
        inf
        >>> float(kullback_leibler(Normal(0.0, 1.0), Normal(1.0, 1.0)))
        0.5
    """
    return _value("kullback-leibler", p, q, normalise)


@_of_two_laws
def jensen_shannon(p: AnyLaw, q: AnyLaw, *, normalise: bool = False) -> float | Tensor:
    """(KL(p | m) + KL(q | m)) / 2, m = (p + q) / 2, at most log 2, never rooted. Arguments as of `f_divergence`.

    Example:
        >>> from remblai.distances import jensen_shannon
        >>> round(jensen_shannon([1.0, 0.0], [0.0, 1.0]), 6)  # log 2
        0.693147
    """
    return _value("jensen-shannon", p, q, normalise)


@_of_two_laws
def hellinger(p: AnyLaw, q: AnyLaw, *, normalise: bool = False) -> float | Tensor:
    """H^2 = 1 - sum sqrt(p q), in [0, 1], never rooted. Arguments as of `f_divergence`.

    Example:
        >>> from remblai.distances import hellinger
        >>> hellinger([1.0, 0.0], [0.0, 1.0])
        1.0
    """
    return _value("hellinger", p, q, normalise)


Kind: TypeAlias = Literal["pearson", "neyman"]


@overload
def chi_square(p: NumPyLike, q: NumPyLike, kind: Kind = ..., *, normalise: bool = ...) -> float: ...
@overload
def chi_square(p: TensorLaw, q: TensorLaw, kind: Kind = ..., *, normalise: bool = ...) -> Tensor: ...
@overload
def chi_square(p: AnyLaw, q: AnyLaw, kind: Kind = ..., *, normalise: bool = ...) -> Any: ...
@checked_options
def chi_square(p: AnyLaw, q: AnyLaw, kind: Kind = "pearson", *, normalise: bool = False) -> float | Tensor:
    """Pearson's sum of (p - q)^2 / q, or Neyman's of (p - q)^2 / p. Other arguments as of `f_divergence`.

    Example:
        >>> from remblai.distances import chi_square
        >>> chi_square([0.75, 0.25], [0.5, 0.5])
        0.25
    """
    if kind not in ("pearson", "neyman"):
        raise unknown("kind of chi-square", kind, ("pearson", "neyman"))
    return _value(kind, p, q, normalise)


def _value(divergence: str | Divergence, p: AnyLaw, q: AnyLaw, normalise: bool) -> float | Tensor:
    if isinstance(divergence, str) and divergence not in DIVERGENCES:
        raise unknown("divergence", divergence, DIVERGENCES)
    chosen = DIVERGENCES[divergence] if isinstance(divergence, str) else divergence
    if not isinstance(chosen, Divergence):
        raise ValueError(
            f"divergence: expected a name ({', '.join(sorted(DIVERGENCES))}) or a Divergence, got "
            f"{type(chosen).__name__}: make one of a convex f by Divergence(f, ...)."
        )
    if isinstance(p, Distribution) or isinstance(q, Distribution):
        return _between_gaussians(chosen, *gaussians.pair(p, q))
    first = _weights("p", p, None, normalise)
    second = _weights("q", q, first, normalise)
    value = _between_weights(chosen, first, second.to(first.device))
    return value if isinstance(p, Tensor) or isinstance(q, Tensor) else float(value)


def _weights(name: str, value: ArrayLike, other: Tensor | None, normalise: bool) -> Tensor:
    given = tensor(name, value)
    if given.dim() != 1 or len(given) == 0 or (other is not None and len(given) != len(other)):
        wanted = "(n,), n >= 1" if other is None else f"({len(other)},), as p has"
        raise ValueError(f"{name}: expected weights of shape {wanted}, got {tuple(given.shape)}.")
    weights = probabilities(name, value, len(given), given.device, normalise).double()
    return weights / weights.sum()


def _between_weights(chosen: Divergence, p: Tensor, q: Tensor) -> Tensor:
    both = (p > 0) & (q > 0)
    perspective = chosen.perspective or _composed(chosen)
    value = perspective(p[both], q[both]).sum()
    for price, mass in ((chosen.f_at_zero, q[p == 0]), (chosen.f_slope_at_infinity, p[q == 0])):
        if price and bool((mass > 0).any()):  # an infinite price of nothing is nothing
            value = value + price * mass.sum()
    return value.clamp(min=float(chosen.f(torch.ones_like(p[:1]))))  # below it is rounding: Jensen


def _composed(chosen: Divergence) -> Callable[[Tensor, Tensor], Tensor]:
    """q f(p / q) of a divergence that has no perspective of its own.

    Raises:
        ValueError: f cannot be evaluated at a ratio p / q in float64.
    """

    def perspective(p: Tensor, q: Tensor) -> Tensor:
        values = q * chosen.f(p / q)
        if not bool(values.isfinite().all()):
            where = int((~values.isfinite()).nonzero()[0])
            raise ValueError(
                f"divergence: expected ratios p / q at which f is finite in float64, got {float(p[where]):g} / "
                f"{float(q[where]):g}: give the Divergence its `perspective`, q f(p / q) in a form that does not "
                "overflow, or leave such places out."
            )
        return values

    return perspective


def _between_gaussians(chosen: Divergence, p: Gaussian, q: Gaussian) -> Tensor:
    if chosen.closed_form is not None:
        return chosen.closed_form(p, q)
    if len(p.mean) > 1:
        raise ValueError(
            f"divergence: expected Gaussians on the line where there is no closed form, got {len(p.mean)} dimensions: "
            "compare samples with a discrepancy, or weights on a grid."
        )
    if not math.isfinite(chosen.maximum):
        raise ValueError(
            "divergence: without a closed form expected f_at_zero and f_slope_at_infinity to be finite, got "
            f"{chosen.f_at_zero:g} and {chosen.f_slope_at_infinity:g}: compare weights on a grid."
        )

    def perspective(log_p: Tensor, log_q: Tensor) -> Tensor:
        """The value q f(p / q), computed from the larger density."""
        ratio = (log_p - log_q).clamp(-600.0, 600.0).exp()
        above = ratio > 1.0
        return torch.where(above, log_p, log_q).exp() * chosen.f(ratio) / torch.where(above, ratio, 1.0)

    value = gaussians.quadrature(perspective, p, q)
    return value.clamp(min=float(chosen.f(torch.ones_like(p.mean))))
