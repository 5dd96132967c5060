"""The table of f-divergences: f, its conjugate, a critic's output activation and closed forms."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

from remblai.distances import gaussians
from remblai.distances.gaussians import Gaussian

LOG2 = math.log(2.0)
Function = Callable[[Tensor], Tensor]
Perspective = Callable[[Tensor, Tensor], Tensor]


def _absent(_: Tensor) -> Tensor:
    raise ValueError(
        "divergence: expected slope, f_star and activation, which a variational bound needs, got f alone: pass them."
    )


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """D_f(P, Q) = E_Q f(p / q) for a convex f on u > 0; its least value is f(1), where P = Q.

    Rows of the table DIVERGENCES pickle, by their names; others do where their functions do.

    Its conjugate is f*(t) = sup over u >= 0 of ut - f(u), finite for t < f_slope_at_infinity, so that

        D_f(P, Q) = sup over T of E_P T - E_Q f*(T),    with equality at T = f'(p / q).

    Source: Nowozin, Cseke, Tomioka (2016), f-GAN, arXiv 1606.00709.

    Example:
        >>> from remblai.distances import Divergence, f_divergence
        >>> vajda = Divergence(f=lambda u: (u - 1).abs() ** 3, f_at_zero=1.0, f_slope_at_infinity=float("inf"))
        >>> f_divergence(vajda, [0.75, 0.25], [0.5, 0.5])
        0.125

    Attributes:
        f: on u > 0.
        f_at_zero: lim f(u) as u -> 0: the price of mass of Q where P has none.
        f_slope_at_infinity: lim f(u) / u as u -> infinity: the price of mass of P where Q has none.
        perspective: q f(p / q) for masses p, q > 0, in a form that does not overflow where p / q does; None is the
            composition, which refuses masses whose ratio leaves float64.
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
    perspective: Perspective | None = None

    def __reduce__(self) -> str | tuple[Any, ...]:
        name = next((name for name, row in DIVERGENCES.items() if row is self), None)
        return super().__reduce__() if name is None else (_row, (name,))

    def __post_init__(self) -> None:
        if math.isnan(self.f_at_zero) or math.isnan(self.f_slope_at_infinity):
            raise ValueError(
                "divergence: expected f_at_zero and f_slope_at_infinity to be numbers or inf, got NaN: pass the limits "
                "of f(u) at 0 and of f(u) / u at infinity."
            )

    @property
    def maximum(self) -> float:
        """f(0) + f'(infinity), reached by laws that share no point."""
        return self.f_at_zero + self.f_slope_at_infinity

    def f_star_of_activation(self, v: Tensor) -> Tensor:
        """f*(activation(v)): what a critic's game descends."""
        return self.f_star(self.activation(v)) if self.stable is None else self.stable(v)


def _row(name: str) -> Divergence:
    return DIVERGENCES[name]


def _up_to(top: float, conjugate: Function) -> Function:
    """The conjugate for t < top, and its infinity beyond, without a NaN in the gradient."""

    def f_star(t: Tensor) -> Tensor:
        inside = t < top
        return torch.where(inside, conjugate(torch.where(inside, t, top - 1.0)), float("inf"))

    return f_star


def _f_of_jensen_shannon(u: Tensor) -> Tensor:
    # u log u - (u + 1) log((1 + u) / 2), where u log u alone would overflow and cancel
    return 0.5 * (u * (LOG2 - torch.log1p(1.0 / u)) + LOG2 - torch.log1p(u))


def _kullback_leibler(p: Tensor, q: Tensor) -> Tensor:
    return p * (p.log() - q.log())


def _against_mean(p: Tensor, q: Tensor) -> Tensor:
    """p log(p / m) with m = (p + q) / 2."""
    return p * (p.log() - (0.5 * (p + q)).log())


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
        perspective=_kullback_leibler,
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
        perspective=lambda p, q: _kullback_leibler(q, p),
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
        perspective=lambda p, q: (p - q) * ((p - q) / q),
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
        perspective=lambda p, q: (p - q) * ((p - q) / p),
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
        perspective=lambda p, q: 0.5 * (p.sqrt() - q.sqrt()).square(),
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
        perspective=lambda p, q: 0.5 * (p - q).abs(),
    ),
    "jensen-shannon": Divergence(
        f=_f_of_jensen_shannon,
        f_at_zero=0.5 * LOG2,
        f_slope_at_infinity=0.5 * LOG2,
        slope=lambda u: 0.5 * (LOG2 - torch.log1p(1.0 / u)),
        f_star=_up_to(0.5 * LOG2, lambda t: -0.5 * (-torch.expm1(2.0 * t - LOG2)).log() - 0.5 * LOG2),
        activation=lambda v: 0.5 * (LOG2 - softplus(-v)),
        stable=lambda v: 0.5 * (softplus(v) - LOG2),
        perspective=lambda p, q: 0.5 * (_against_mean(p, q) + _against_mean(q, p)),
    ),
    "gan": Divergence(
        f=lambda u: -u * torch.log1p(1.0 / u) - torch.log1p(u),
        f_at_zero=0.0,
        f_slope_at_infinity=0.0,
        slope=lambda u: -torch.log1p(1.0 / u),
        f_star=_up_to(0.0, lambda t: -(-torch.expm1(t)).log()),
        activation=lambda v: -softplus(-v),
        stable=softplus,
        perspective=lambda p, q: _against_mean(p, q) + _against_mean(q, p) - LOG2 * (p + q),
    ),
}
"""Every divergence by name. "hellinger" is squared, H^2 = 1 - sum sqrt(p q); "jensen-shannon" has halves, so that it is
at most log 2; "gan" is the game of the optimal discriminator, 2 JS - 2 log 2."""
