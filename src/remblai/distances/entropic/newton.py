"""Newton's method on the semi-dual of entropic transport: few steps where Sinkhorn needs thousands."""

import torch
from torch import Tensor

from remblai.distances.entropic.softmin import Exponents
from remblai.distances.geometry import Geometry

MOST = 1024
"""Most places on the smaller side for which the Hessian is computed."""

FALL = 2.0
"""Divisor of epsilon from one point of the path to the next, while Newton converges there."""

LOOSE, TRIES = 1e-2, 30
"""Marginal error, and most Newton steps, at a point of the path before its end."""

LEAST = 1.05
"""The smallest divisor to try."""

REACH = 30.0
"""Longest step, in units of epsilon."""


def continuation(
    geometry: Geometry, a: Tensor, b: Tensor, epsilon: float, largest: float, target: float, limit: int
) -> tuple[Tensor, Tensor, float, int]:
    """Newton's method along the path of potentials from a large epsilon down to this one: f, g, error, steps.

    Args:
        geometry: the costs.
        a: masses (n,) above 0.
        b: masses (m,) above 0.
        epsilon: the regularisation at the end of the path.
        largest: the regularisation at its start, where g = 0.
        target: the marginal error at its end.
        limit: most Newton steps in all.
    """
    previous, level, fall, done = None, max(largest, epsilon), FALL, 0
    f, current, error, done = newton_ascent(
        Exponents(geometry, level, torch.float64), a, b, torch.zeros_like(b), LOOSE, limit
    )
    while level > epsilon and done < limit:
        lower = max(level / fall, epsilon)
        g = current
        if previous is not None:  # potentials are nearly linear in epsilon: extrapolate
            g = current + (current - previous[0]) * ((lower - level) / (level - previous[1]))
        exponents = Exponents(geometry, lower, torch.float64)
        f, g, error, steps = newton_ascent(exponents, a, b, g, LOOSE, min(TRIES, limit - done))
        done += steps
        if error <= LOOSE or fall < LEAST:
            previous, current, level = (current, level), g, lower
            fall = fall if steps > TRIES // 3 else min(fall**1.5, FALL)
        else:
            fall **= 0.5
    f, g, error, steps = newton_ascent(Exponents(geometry, epsilon, torch.float64), a, b, current, target, limit - done)
    return f, g, error, done + steps


def newton_ascent(
    exponents: Exponents, a: Tensor, b: Tensor, g: Tensor, target: float, limit: int
) -> tuple[Tensor, Tensor, float, int]:
    """Maximises the semi-dual a . f(g) + b . g until |P' 1 - b|_1 <= target or no step helps: f, g, error, steps.

    The Hessian is -(diag(c) - P' diag(1 / a) P) / epsilon, with c = P' 1; the damping is the smallest that gives an
    ascent step.
    """
    f, value, error, plan = _at(exponents, a, b, g)
    damping = 1e-12
    for k in range(limit):
        if error <= target:
            return f, g, error, k
        arrived = plan.sum(0)
        hessian = torch.diag(arrived) - plan.T @ (plan / a[:, None])
        hessian += arrived.mean() / len(b)  # fixes the constant in g, which is free
        while damping < 1e6:
            factor, failed = torch.linalg.cholesky_ex(hessian + torch.diag(damping * b))
            step = torch.cholesky_solve((b - arrived)[:, None], factor)[:, 0]
            if not int(failed) and bool(step.isfinite().all()):
                step *= min(1.0, REACH / max(float(step.abs().max()), 1e-300))
                trial = g + exponents.epsilon * step
                new_f, new_value, new_error, new_plan = _at(exponents, a, b, trial)
                if new_error < error or new_value > value + 1e-9 * abs(value):
                    break
            damping *= 100.0
        else:
            return f, g, error, k
        f, g, value, error, plan = new_f, trial, new_value, new_error, new_plan
        damping = max(damping / 1000.0, 1e-15)
    return f, g, error, limit


def _at(exponents: Exponents, a: Tensor, b: Tensor, g: Tensor) -> tuple[Tensor, float, float, Tensor]:
    """f, the value of the semi-dual, the error of the columns, and the plan (n, m), whose rows are exact."""
    bias, plans, potentials = exponents.bias(g), [], []
    for part in exponents.parts():
        kernel, top = exponents.shifted_exponentials(part, bias)
        sums = torch.mv(kernel, b)
        potentials.append(exponents.potentials(top, sums, part))
        plans.append(kernel * b * (a[part] / sums)[:, None])
    plan = torch.cat(plans)
    f = torch.cat(potentials)
    return f, float(a @ f + b @ g), float((plan.sum(0) - b).abs().sum()), plan
