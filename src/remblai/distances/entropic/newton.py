"""Newton's method on the semi-dual of entropic transport: few steps where Sinkhorn's would be thousands."""

import torch
from torch import Tensor

from remblai.distances.entropic.softmin import Exponents
from remblai.distances.geometry import Geometry

MOST = 1024
"""Most places on the smaller side for which the Hessian is made."""

FALL = 2.0
"""What epsilon is divided by from one place of the path to the next, as long as Newton finds it."""

LOOSE, TRIES = 1e-2, 30
"""Marginal error, and most Newton steps, of a place on the path before its end."""

LEAST = 1.05
"""The smallest such divisor that is tried."""

REACH = 30.0
"""Longest step, in units of epsilon."""


def follow(
    geometry: Geometry, a: Tensor, b: Tensor, epsilon: float, above: float, target: float, limit: int
) -> tuple[Tensor, Tensor, float, int]:
    """Newton along the path of potentials from a large epsilon down to this one: f, g, error, steps.

    Args:
        geometry: the costs.
        a: masses (n,) above 0.
        b: masses (m,) above 0.
        epsilon: where the path ends.
        above: an epsilon from which it may start at g = 0.
        target: the marginal error wanted at its end.
        limit: most steps in all.
    """
    behind, blur, fall, done = None, max(above, epsilon), FALL, 0
    f, here, error, done = polish(Exponents(geometry, blur, torch.float64), a, b, torch.zeros_like(b), LOOSE, limit)
    while blur > epsilon and done < limit:
        lower = max(blur / fall, epsilon)
        # potentials are nearly linear in epsilon
        g = here if behind is None else here + (here - behind[0]) * ((lower - blur) / (blur - behind[1]))
        exponents = Exponents(geometry, lower, torch.float64)
        f, g, error, steps = polish(exponents, a, b, g, LOOSE, min(TRIES, limit - done))
        done += steps
        if error <= LOOSE or fall < LEAST:
            behind, here, blur = (here, blur), g, lower
            fall = fall if steps > TRIES // 3 else min(fall**1.5, FALL)
        else:
            fall **= 0.5
    f, g, error, steps = polish(Exponents(geometry, epsilon, torch.float64), a, b, here, target, limit - done)
    return f, g, error, done + steps


def polish(
    exponents: Exponents, a: Tensor, b: Tensor, g: Tensor, target: float, limit: int
) -> tuple[Tensor, Tensor, float, int]:
    """Ascends the semi-dual a . f(g) + b . g until |P' 1 - b|_1 <= target or no step helps: f, g, error, steps.

    The Hessian is -(diag(c) - P' diag(1 / a) P) / epsilon, with c = P' 1; it is damped as little as a step allows.
    """
    f, value, error, plan = _at(exponents, a, b, g)
    damping = 1e-12
    for k in range(limit):
        if error <= target:
            return f, g, error, k
        arrived = plan.sum(0)
        hessian = torch.diag(arrived) - plan.T @ (plan / a[:, None])
        hessian += arrived.mean() / len(b)  # a constant in g changes nothing: this fixes it
        while damping < 1e6:
            factor, failed = torch.linalg.cholesky_ex(hessian + torch.diag(damping * b))
            step = torch.cholesky_solve((b - arrived)[:, None], factor)[:, 0]
            if not int(failed) and bool(step.isfinite().all()):
                step *= min(1.0, REACH / max(float(step.abs().max()), 1e-300))
                tried = g + exponents.epsilon * step
                new_f, new_value, new_error, new_plan = _at(exponents, a, b, tried)
                if new_error < error or new_value > value + 1e-9 * abs(value):
                    break
            damping *= 100.0
        else:
            return f, g, error, k
        f, g, value, error, plan = new_f, tried, new_value, new_error, new_plan
        damping = max(damping / 1000.0, 1e-15)
    return f, g, error, limit


def _at(exponents: Exponents, a: Tensor, b: Tensor, g: Tensor) -> tuple[Tensor, float, float, Tensor]:
    """f, the semi-dual, the columns' error and the plan (n, m), whose rows are exact."""
    bias, parts, found_f = exponents.bias(g), [], []
    for part in exponents.parts():
        found, top = exponents.peaked(part, bias)
        sums = torch.mv(found, b)
        found_f.append(exponents.potentials(top, sums, part))
        parts.append(found * b * (a[part] / sums)[:, None])
    plan = torch.cat(parts)
    f = torch.cat(found_f)
    return f, float(a @ f + b @ g), float((plan.sum(0) - b).abs().sum()), plan
