"""Entropic transport of a law with itself, which has a single potential."""

import time
from typing import Any

import torch
from torch import Tensor

from remblai.distances import validation
from remblai.distances.entropic.balanced import ITERATIONS, TOLERANCE
from remblai.distances.entropic.gibbs import gibbs, marginal_error, near_product, on_all_places, support
from remblai.distances.entropic.kernel import Form
from remblai.distances.entropic.schedule import make_form, precision_schedule, stores_plan, warn_not_converged
from remblai.distances.entropic.softmin import Exponents
from remblai.distances.pairwise.availability import Unavailable
from remblai.distances.plan import Plan
from remblai.distances.problem import Problem
from remblai.distances.solution import solved


def symmetric(
    problem: Problem,
    epsilon: float,
    *,
    tolerance: float = TOLERANCE,
    max_iterations: int = ITERATIONS,
    form: str = "auto",
    start: Any = None,
) -> Plan:
    """The entropic plan of a law with itself: a single potential, by f <- (f + T f) / 2, which needs few passes.

    Args:
        problem: with the same masses and points on both sides, and a symmetric cost.
        epsilon: the absolute regularisation.
        tolerance: the marginal error at which the solver has converged.
        max_iterations: most passes; the solver warns where they were not enough.
        form: as in `sinkhorn`.
        start: a potential (n,) to start from.
    """
    began = time.perf_counter()
    tolerance = validation.positive("tolerance", tolerance)
    max_iterations = validation.positive_integer("max_iterations", max_iterations)
    seen = support(problem)
    inner, iterations = seen.problem, 0
    a = inner.a
    h = torch.zeros_like(a) if start is None else torch.as_tensor(start).to(a)[seen.rows]
    closed, plan = near_product(inner, epsilon), None
    if closed is not None:
        h = closed[0]
        value, route = 2.0 * float(a @ h), "product"
    else:
        stored = stores_plan(inner, form)
        try:
            h, back, iterations, kernel = _iterated(inner, epsilon, h, tolerance, max_iterations, form)
        except Unavailable:  # which is known now: other forms are chosen
            h, back, iterations, kernel = _iterated(inner, epsilon, h, tolerance, max_iterations, form)
        carried = float((a * ((h - back) / epsilon).exp()).sum())
        value, route = 2.0 * float(a @ h) - epsilon * (carried - 1.0), f"{kernel.name} {str(kernel.dtype)[6:]}"
        plan = kernel.plan(h, h) if stored else None
    coupling = gibbs(problem, seen, h, h, epsilon, plan)
    error = marginal_error(problem, coupling)
    converged = error <= tolerance  # False for NaN
    if not converged:
        warn_not_converged(error, tolerance, iterations)
    f, _ = on_all_places(problem, seen, (h, h), epsilon)
    return solved(
        problem,
        value,
        coupling,
        (f, f),
        method=f"sinkhorn (symmetric, {route})",
        epsilon=epsilon,
        marginal_error=error,
        converged=converged,
        iterations=iterations,
        seconds=time.perf_counter() - began,
    )


def _iterated(
    problem: Problem, epsilon: float, h: Tensor, tolerance: float, limit: int, form: str
) -> tuple[Tensor, Tensor, int, Form]:
    """The potential, its transform, the number of iterations and the form that was used last."""
    iterations = 0
    # a few passes are enough: where the kernel becomes the plan, all are in float64
    for dtype, target in precision_schedule(problem, tolerance, form)[-1 if stores_plan(problem, form) else 0 :]:
        kernel = make_form(form, dtype, problem)
        kernel.begin(Exponents(problem.geometry, epsilon, dtype), h)
        error, back = 2.0, kernel.transform(h)
        while not error <= 0.5 * target and iterations < limit:
            h = 0.5 * (h + back)
            back = kernel.transform(h)
            error = float((problem.a * ((h - back) / epsilon).expm1()).abs().sum())  # of either marginal of P(h, h)
            iterations += 1
    return h, back, iterations, kernel
