"""Partial transport: only some of the mass is carried, so much of it or as far as it pays."""

import functools
from typing import NamedTuple, overload

import torch
from torch import Tensor

from remblai.config.aliases import checked_options
from remblai.distances.certificate import Interval
from remblai.distances.coupling import Coupling, Dense
from remblai.distances.envelope import with_gradients
from remblai.distances.exact import kantorovich
from remblai.distances.geometry import Matrix
from remblai.distances.partial_bounds import bounds_with_mass, bounds_with_threshold
from remblai.distances.plan import ArrayPlan, Parts, Plan, TensorPlan
from remblai.distances.problem import Problem, uniform
from remblai.distances.rounding import roundoff
from remblai.distances.solution import carried_cost
from remblai.distances.validation import ArrayLike, NumPyLike, masses, number

ROUNDING = 1e-9
"""By what share a mass may exceed the smaller total and still be that total."""


@overload
def partial(
    a: NumPyLike | None,
    b: NumPyLike | None,
    C: NumPyLike,
    *,
    mass: float | None = ...,
    threshold: float | None = ...,
    method: str = ...,
) -> ArrayPlan: ...
@overload
def partial(
    a: ArrayLike | None,
    b: ArrayLike | None,
    C: Tensor,
    *,
    mass: float | Tensor | None = ...,
    threshold: float | Tensor | None = ...,
    method: str = ...,
) -> TensorPlan: ...
@overload
def partial(
    a: ArrayLike | None,
    b: ArrayLike | None,
    C: ArrayLike,
    *,
    mass: float | Tensor | None = ...,
    threshold: float | Tensor | None = ...,
    method: str = ...,
) -> Plan: ...
@checked_options
def partial(
    a: ArrayLike | None,
    b: ArrayLike | None,
    C: ArrayLike,
    *,
    mass: float | Tensor | None = None,
    threshold: float | Tensor | None = None,
    method: str = "auto",
) -> Plan:
    """The least cost of carrying a given mass from a to b, or of carrying what is nearer than a threshold; exact.

    With `mass` m: min <P, C> over P >= 0 with P 1 <= a, P' 1 <= b and total m. With `threshold` t: min <P, C> +
    t / 2 (|a - P 1| + |b - P' 1|), the flat (Kantorovich-Rubinstein) form: a pair is worth carrying where it costs less
    than t, and mass that has no such pair stays. Both are transport problems with one more place on either side.

    The plan's `f` (n,) and `g` (m,) are the derivatives of the value in the masses: f <= 0, g <= 0 and f_i + g_j <=
    c_ij - l with `mass`, l the derivative in the mass; f, g <= t / 2 and f_i + g_j <= c_ij with `threshold`. The value
    is differentiable once in costs, masses, `mass` and `threshold`. `certificate` holds it between two proven bounds,
    for the masses and costs as they were given; a mass that exceeds the smaller total by rounding counts as that total.
    The plan has no map.

    Args:
        a: masses (n,) of any total; None is 1 / n each.
        b: masses (m,) of any total.
        C: costs (n, m); +infinity, or an entry that a sparse matrix does not have, forbids a pair.
        mass: how much is carried, above 0 and at most the smaller total.
        threshold: the cost above which a pair is not worth it.
        method: as in `emd`.

    Raises:
        ValueError: masses or costs that are not valid, both or none of mass and threshold, or a mass that cannot be
            carried.

    Source: Caffarelli and McCann (2010), Free boundaries in optimal transport; Chapel, Alaya and Gasso (2020),
    proposition 1, arXiv 2002.08276; the flat form: Piccoli and Rossi (2014), arXiv 1206.3219.

    Example:
        >>> from remblai.distances import partial
        >>> plan = partial([0.5, 0.5], [0.5, 0.5], [[1.0, 9.0], [9.0, 8.0]], mass=0.5)
        >>> plan.value, plan.coupling.tolist()
        (0.5, [[0.5, 0.0], [0.0, 0.0]])
        >>> partial([0.5, 0.5], [0.5, 0.5], [[1.0, 9.0], [9.0, 8.0]], threshold=4.0).value  # 0.5 * 1 + 0.5 * 4
        2.5
    """
    if (mass is None) == (threshold is None):
        raise ValueError(
            f"partial: expected either a mass or a threshold, got {'none' if mass is None else 'both'}: pass mass=m, "
            "how much is carried, or threshold=t, the cost above which a pair stays."
        )
    geometry = Matrix(C)
    arrays = not any(isinstance(one, Tensor) for one in (a, b, C, mass, threshold))
    given = tuple(
        masses(name, one, n, geometry.device) for name, one, n in zip("ab", (a, b), geometry.shape, strict=True)
    )
    plain = given[0].detach(), given[1].detach()
    sides = _Sides(plain[0].double(), plain[1].double())
    setting = mass if threshold is None else threshold
    assert setting is not None
    size = number(
        "mass" if threshold is None else "threshold", setting.detach() if isinstance(setting, Tensor) else setting
    )
    found = (
        _by_mass(geometry, sides, size, method) if threshold is None else _by_threshold(geometry, sides, size, method)
    )
    derivatives = [(one, h) for one, h in zip(given, (found.f, found.g), strict=True) if one.requires_grad]
    derivatives += geometry.gradients(found.coupling)
    if isinstance(setting, Tensor) and setting.requires_grad:
        derivatives.append((setting, found.derivative.reshape(setting.shape)))
    value = torch.tensor(found.value, dtype=torch.float64, device=geometry.device)
    return Plan(
        value=found.value if arrays else with_gradients(value, derivatives),
        method=f"partial ({found.plan.method})",
        marginal_error=found.error,
        converged=found.plan.converged,
        iterations=found.plan.iterations,
        seconds=found.plan.seconds,
        arrays=arrays,
        parts=Parts(
            coupling=found.coupling,
            f=found.f,
            g=found.g,
            cost=functools.partial(carried_cost, geometry, found.coupling),
            certificate=functools.partial(_bounds, geometry, plain, found, (mass is not None, size)),
        ),
    )


def _bounds(
    geometry: Matrix, given: tuple[Tensor, Tensor], found: "_Found", setting: tuple[bool, float], _: float
) -> Interval:
    """The proven interval of the value, which holds the value that was computed, too."""
    by_mass, size = setting
    masses = given[0].double(), given[1].double()
    error = max(0.0 if uniform(one) else roundoff(one) for one in given)
    plan = found.coupling.dense()
    if by_mass:
        bounds = bounds_with_mass(geometry, masses, plan, found.g, float(found.derivative), size, error)
    else:
        bounds = bounds_with_threshold(geometry, masses, plan, found.g, size, error)
    return bounds.with_value(found.value)


class _Sides(NamedTuple):
    a: Tensor
    b: Tensor

    def capped(self, first: float, second: float) -> "_Sides":
        """Masses a of at most `first` and b of at most `second`: what no plan can use is left out.

        Solvers compare masses in float64: beside much that stays, a small mass that is carried would be rounding.
        """
        return _Sides(self.a.clamp(max=first), self.b.clamp(max=second))


class _Found(NamedTuple):
    """The extended problem's plan, and what it says of the original one."""

    plan: Plan
    value: float
    coupling: Coupling
    f: Tensor
    g: Tensor
    derivative: Tensor
    error: float


def _by_mass(geometry: Matrix, sides: _Sides, mass: float, method: str) -> _Found:
    first, second = float(sides.a.sum()), float(sides.b.sum())
    least = min(first, second)
    if not 0.0 < mass <= least * (1.0 + ROUNDING):
        raise ValueError(
            f"mass: expected more than 0 and at most {least:.9g}, the smaller of the totals {first:.9g} and "
            f"{second:.9g}, got {mass:.9g}: lower it, or pass a threshold."
        )
    mass = min(mass, least)
    capped = sides.capped(mass, mass)
    first, second = float(capped.a.sum()), float(capped.b.sum())
    # a side whose places have just the mass has none left: not a rounding of it
    more = (max(second - mass, 0.0), max(first - mass, 0.0))
    try:
        extended = _extended(geometry, capped, 0.0, float("inf"), more, method)
    except ValueError as problem:
        if bool(geometry.costs.isfinite().all()):
            raise
        raise ValueError(
            f"costs: expected a plan that carries {mass:.9g} over pairs that are not forbidden, but there is none: "
            "lower the mass, or allow more pairs."
        ) from problem
    found = _found(extended, sides, first + second - mass, extended.f[-1] + extended.g[-1], mass)
    # a place with more than the mass is worth nothing more: what the cap is worth belongs to the mass
    over, beyond = sides.a > capped.a, sides.b > capped.b
    worth = found.f[over].sum() + found.g[beyond].sum()
    return found._replace(
        f=found.f.masked_fill(over, 0.0), g=found.g.masked_fill(beyond, 0.0), derivative=found.derivative + worth
    )


def _by_threshold(geometry: Matrix, sides: _Sides, threshold: float, method: str) -> _Found:
    if not 0.0 < threshold < float("inf"):
        raise ValueError(
            f"threshold: expected a positive, finite cost, got {threshold:.9g}: for all of the mass use emd."
        )
    first, second = float(sides.a.sum()), float(sides.b.sum())
    capped, stay = sides.capped(second, first), 0.5 * threshold
    totals = float(capped.a.sum()), float(capped.b.sum())
    extended = _extended(geometry, capped, stay, 0.0, (totals[1], totals[0]), method)
    found = _found(extended, sides, sum(totals), None, None)
    # one side at most has places with more than all of the other's mass: the rest of them stays
    over, beyond = sides.a > capped.a, sides.b > capped.b
    less_f, less_g = (stay - found.g[beyond]).sum(), (stay - found.f[over]).sum()
    return found._replace(
        value=found.value + stay * (first - totals[0] + second - totals[1]),
        f=(found.f - less_f).masked_fill(over, stay),
        g=(found.g - less_g).masked_fill(beyond, stay),
    )


def _extended(
    geometry: Matrix, sides: _Sides, stay: float, idle: float, more: tuple[float, float], method: str
) -> Plan:
    """The plan with one more place on either side, of masses `more`; it costs `stay` to it and `idle` between both."""
    n, m = geometry.shape
    costs = sides.a.new_full((n + 1, m + 1), stay)
    costs[:n, :m] = geometry.matrix()
    costs[n, m] = idle
    a, b = (torch.cat([one, one.new_tensor([extra])]) for one, extra in zip(sides, more, strict=True))
    return kantorovich.solve(Problem.of_matrix(a, b, costs, normalise=True), method)


def _found(plan: Plan, sides: _Sides, total: float, price: Tensor | None, mass: float | None) -> _Found:
    """What the extended plan says; `price` is minus the derivative in the mass, None with a threshold."""
    full = total * plan.coupling
    coupling = full[:-1, :-1].contiguous()
    f, g = plan.f[:-1] + plan.g[-1], plan.g[:-1] + plan.f[-1]
    rows, columns = coupling.sum(1), coupling.sum(0)
    excess = float((rows - sides.a).clamp(min=0.0).sum() + (columns - sides.b).clamp(min=0.0).sum())
    excess += 0.0 if mass is None else abs(float(coupling.sum()) - mass)
    left = 0.5 * (sides.a.sum() + sides.b.sum()) - coupling.sum()
    derivative = left if price is None else -price
    return _Found(plan, total * float(plan.value), Dense(coupling), f, g, derivative, excess / total)
