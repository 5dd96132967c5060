"""Divergences between known laws: one table of f, f*, output activation, and their values on weights and Gaussians."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.distributions import Distribution
from torch.nn.functional import softplus

from remblai.config.registry import unknown
from remblai.distances import gaussians
from remblai.distances.gaussians import Gaussian
from remblai.distances.validation import TOLERANCE, masses, tensor

LOG2 = math.log(2.0)
WIDEST = 2.0**1000
"""Ratios p / q are kept within 1 / WIDEST and WIDEST, so that they and u log u do not overflow."""

Function = Callable[[Tensor], Tensor]


def _absent(_: Tensor) -> Tensor:
    raise ValueError(
        "divergence: it was made of f alone; a variational bound also needs its slope, f_star and activation."
    )


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """D_f(P, Q) = E_Q f(p / q) for a convex f on u > 0; its least value is f(1), where P = Q.

    Its conjugate is f*(t) = sup over u >= 0 of ut - f(u), finite for t < f_slope_at_infinity, so that

        D_f(P, Q) = sup over T of E_P T - E_Q f*(T),    with equality at T = f'(p / q).

    Source: Nowozin, Cseke, Tomioka (2016), f-GAN, arXiv 1606.00709.

    Attributes:
        f: on u > 0.
        f_at_zero: lim f(u) as u -> 0: the price of mass of Q where P has none.
        f_slope_at_infinity: lim f(u) / u as u -> infinity: the price of mass of P where Q has none.
        slope: f', the best critic as a function of p / q.
        f_star: the conjugate; infinite outside its domain.
        activation: a critic's free output v -> t in the domain of f*, increasing.
        stable: f*(activation(v)) in a form that does not overflow or cancel; None is the composition.
        exponential: whether activation or f* of it is an exponential of v, which then is log p / q up to a factor.
        closed_form: its value between two Gaussian laws; None where there is none.
    """

    f: Function
    f_at_zero: float
    f_slope_at_infinity: float
    slope: Function = _absent
    f_star: Function = _absent
    activation: Function = _absent
    stable: Function | None = None
    exponential: bool = False
    closed_form: Callable[[Gaussian, Gaussian], Tensor] | None = None

    def __post_init__(self) -> None:
        if math.isnan(self.f_at_zero) or math.isnan(self.f_slope_at_infinity):
            raise ValueError("divergence: expected f_at_zero and f_slope_at_infinity to be numbers or inf, got NaN.")

    @property
    def maximum(self) -> float:
        """f(0) + f'(infinity), reached by laws that share no point."""
        return self.f_at_zero + self.f_slope_at_infinity

    def f_star_of_activation(self, v: Tensor) -> Tensor:
        """f*(activation(v)): what a critic's game descends."""
        return self.f_star(self.activation(v)) if self.stable is None else self.stable(v)


def _up_to(top: float, conjugate: Function) -> Function:
    """The conjugate for t < top, and its infinity beyond, without a NaN in the gradient."""

    def f_star(t: Tensor) -> Tensor:
        inside = t < top
        return torch.where(inside, conjugate(torch.where(inside, t, top - 1.0)), float("inf"))

    return f_star


def _f_of_jensen_shannon(u: Tensor) -> Tensor:
    # u log u - (u + 1) log((1 + u) / 2), where u log u alone would overflow and cancel
    return 0.5 * (u * (LOG2 - torch.log1p(1.0 / u)) + LOG2 - torch.log1p(u))


DIVERGENCES: dict[str, Divergence] = {
    "kullback-leibler": Divergence(
        f=lambda u: u * u.log(),
        f_at_zero=0.0,
        f_slope_at_infinity=math.inf,
        slope=lambda u: 1.0 + u.log(),
        f_star=lambda t: (t - 1.0).exp(),
        activation=lambda v: v,
        exponential=True,
        closed_form=gaussians.kullback_leibler,
    ),
    "reverse-kullback-leibler": Divergence(
        f=lambda u: -u.log(),
        f_at_zero=math.inf,
        f_slope_at_infinity=0.0,
        slope=lambda u: -1.0 / u,
        f_star=_up_to(0.0, lambda t: -1.0 - (-t).log()),
        activation=lambda v: -(-v).exp(),
        stable=lambda v: v - 1.0,
        exponential=True,
        closed_form=lambda p, q: gaussians.kullback_leibler(q, p),
    ),
    "pearson": Divergence(
        f=lambda u: (u - 1.0).square(),
        f_at_zero=1.0,
        f_slope_at_infinity=math.inf,
        slope=lambda u: 2.0 * (u - 1.0),
        # below -2 the best u is 0
        f_star=lambda t: 0.25 * t.clamp(min=-2.0).square() + t.clamp(min=-2.0),
        activation=lambda v: v,
        closed_form=gaussians.pearson,
    ),
    "neyman": Divergence(
        f=lambda u: (1.0 - u).square() / u,
        f_at_zero=math.inf,
        f_slope_at_infinity=1.0,
        slope=lambda u: 1.0 - u.pow(-2),
        f_star=_up_to(1.0, lambda t: 2.0 - 2.0 * (1.0 - t).sqrt()),
        activation=lambda v: -torch.expm1(-v),
        stable=lambda v: -2.0 * torch.expm1(-0.5 * v),
        exponential=True,
        closed_form=lambda p, q: gaussians.pearson(q, p),
    ),
    "hellinger": Divergence(
        f=lambda u: 0.5 * (u.sqrt() - 1.0).square(),
        f_at_zero=0.5,
        f_slope_at_infinity=0.5,
        slope=lambda u: 0.5 * (1.0 - u.rsqrt()),
        f_star=_up_to(0.5, lambda t: t / (1.0 - 2.0 * t)),
        activation=lambda v: -0.5 * torch.expm1(-v),
        stable=lambda v: 0.5 * torch.expm1(v),
        exponential=True,
        closed_form=gaussians.hellinger,
    ),
    "total-variation": Divergence(
        f=lambda u: 0.5 * (u - 1.0).abs(),
        f_at_zero=0.5,
        f_slope_at_infinity=0.5,
        slope=lambda u: 0.5 * (u - 1.0).sign(),
        f_star=lambda t: torch.where(t <= 0.5, t.clamp(min=-0.5), float("inf")),
        activation=lambda v: 0.5 * v.tanh(),
        stable=lambda v: 0.5 * v.tanh(),
        closed_form=gaussians.total_variation,
    ),
    "jensen-shannon": Divergence(
        f=_f_of_jensen_shannon,
        f_at_zero=0.5 * LOG2,
        f_slope_at_infinity=0.5 * LOG2,
        slope=lambda u: 0.5 * (LOG2 - torch.log1p(1.0 / u)),
        f_star=_up_to(0.5 * LOG2, lambda t: -0.5 * (-torch.expm1(2.0 * t - LOG2)).log() - 0.5 * LOG2),
        activation=lambda v: 0.5 * (LOG2 - softplus(-v)),
        stable=lambda v: 0.5 * (softplus(v) - LOG2),
    ),
    "gan": Divergence(
        f=lambda u: -u * torch.log1p(1.0 / u) - torch.log1p(u),
        f_at_zero=0.0,
        f_slope_at_infinity=0.0,
        slope=lambda u: -torch.log1p(1.0 / u),
        f_star=_up_to(0.0, lambda t: -(-torch.expm1(t)).log()),
        activation=lambda v: -softplus(-v),
        stable=softplus,
    ),
}
"""Every divergence by name. "hellinger" is squared, H^2 = 1 - sum sqrt(p q); "jensen-shannon" has halves, so that it is
at most log 2; "gan" is the game of the optimal discriminator, 2 JS - 2 log 2."""


def f_divergence(divergence: str | Divergence, p: Any, q: Any) -> Any:
    """D_f(p, q) = sum of q f(p / q) + f(0) q[p = 0] + f'(infinity) p[q = 0]; never NaN.

    Between Gaussians it is a closed form where there is one, otherwise, on the line, a quadrature to about 1e-12 (for
    a divergence that is bounded, as Jensen-Shannon's). Differentiable where p and q are positive.

    Args:
        divergence: a name of the table DIVERGENCES, or a `Divergence` of one's own.
        p: weights (n,) that sum to 1, or a Gaussian law (Normal, Independent(Normal), MultivariateNormal).
        q: weights (n,) of the same places, or a Gaussian law of the same dimension.

    Raises:
        ValueError: an unknown name, no weights, weights that do not sum to 1, or laws without a closed form.
    """
    if isinstance(divergence, str) and divergence not in DIVERGENCES:
        raise unknown("divergence", divergence, DIVERGENCES)
    chosen = DIVERGENCES[divergence] if isinstance(divergence, str) else divergence
    if isinstance(p, Distribution) or isinstance(q, Distribution):
        return _between_gaussians(chosen, *gaussians.pair(p, q))
    first = _weights("p", p, None)
    second = _weights("q", q, first)
    value = _between_weights(chosen, first, second.to(first.device))
    return value if isinstance(p, Tensor) or isinstance(q, Tensor) else float(value)


def total_variation(p: Any, q: Any) -> Any:
    """sup over A of |P(A) - Q(A)| = sum |p - q| / 2, in [0, 1]. Arguments as of `f_divergence`."""
    return f_divergence("total-variation", p, q)


def kullback_leibler(p: Any, q: Any) -> Any:
    """KL(p | q) = sum p log(p / q), infinite where p > 0 = q. Arguments as of `f_divergence`."""
    return f_divergence("kullback-leibler", p, q)


def jensen_shannon(p: Any, q: Any) -> Any:
    """(KL(p | m) + KL(q | m)) / 2, m = (p + q) / 2, at most log 2, never rooted. Arguments as of `f_divergence`."""
    return f_divergence("jensen-shannon", p, q)


def hellinger(p: Any, q: Any) -> Any:
    """H^2 = 1 - sum sqrt(p q), in [0, 1], never rooted. Arguments as of `f_divergence`."""
    return f_divergence("hellinger", p, q)


def chi_square(p: Any, q: Any, kind: Literal["pearson", "neyman"] = "pearson") -> Any:
    """Pearson's sum of (p - q)^2 / q, or Neyman's of (p - q)^2 / p. Arguments as of `f_divergence`."""
    if kind not in ("pearson", "neyman"):
        raise unknown("kind of chi-square", kind, ("pearson", "neyman"))
    return f_divergence(kind, p, q)


def _weights(name: str, value: Any, other: Tensor | None) -> Tensor:
    given = tensor(name, value)
    if given.dim() != 1 or len(given) == 0 or (other is not None and len(given) != len(other)):
        wanted = "(n,), n >= 1" if other is None else f"({len(other)},), as p has"
        raise ValueError(f"{name}: expected weights of shape {wanted}, got {tuple(given.shape)}.")
    held = masses(name, value, len(given), given.device).double()
    total = held.sum()
    if abs(float(total.detach()) - 1.0) > TOLERANCE:
        raise ValueError(
            f"{name}: expected weights that sum to 1, got a sum of {float(total.detach()):.9g}: divide by the sum, "
            f"{name} / {name}.sum()."
        )
    return held / total


def _between_weights(chosen: Divergence, p: Tensor, q: Tensor) -> Tensor:
    both = (p > 0) & (q > 0)
    ratio = (p[both] / q[both]).clamp(1.0 / WIDEST, WIDEST)
    value = (q[both] * chosen.f(ratio)).sum()
    for price, mass in ((chosen.f_at_zero, q[p == 0]), (chosen.f_slope_at_infinity, p[q == 0])):
        if price and bool((mass > 0).any()):  # an infinite price of nothing is nothing
            value = value + price * mass.sum()
    return value.clamp(min=float(chosen.f(torch.ones_like(p[:1]))))  # below it is rounding: Jensen


def _between_gaussians(chosen: Divergence, p: Gaussian, q: Gaussian) -> Tensor:
    if chosen.closed_form is not None:
        return chosen.closed_form(p, q)
    if len(p.mean) > 1:
        raise ValueError(
            "divergence: it has no closed form between Gaussians, and quadrature is for the line: compare samples with "
            "a discrepancy, or weights on a grid."
        )
    if not math.isfinite(chosen.maximum):
        raise ValueError(
            "divergence: without a closed form expected f_at_zero and f_slope_at_infinity to be finite, got "
            f"{chosen.f_at_zero:g} and {chosen.f_slope_at_infinity:g}: compare weights on a grid."
        )

    def perspective(log_p: Tensor, log_q: Tensor) -> Tensor:
        """q f(p / q), from the larger density."""
        ratio = (log_p - log_q).clamp(-600.0, 600.0).exp()
        above = ratio > 1.0
        return torch.where(above, log_p, log_q).exp() * chosen.f(ratio) / torch.where(above, ratio, 1.0)

    found = gaussians.quadrature(perspective, p, q)
    return found.clamp(min=float(chosen.f(torch.ones_like(p.mean))))
