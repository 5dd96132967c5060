"""This library's side of `transport.py`, and POT's of the semi-dual, which are compared at an equal gap."""

from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from scipy.spatial.distance import cdist

from peer_transport import Answer, Problem, contender, directions, floats, marginal_error
from remblai import distances
from remblai.discrepancies import MMD
from remblai.discrepancies.slices import Lines, mean
from remblai.distances import stochastic
from remblai.kernels import Gaussian

TOLERANCE = 1e-4
ROUTE = f"numba {'there' if find_spec('numba') else 'not there: plain torch and numpy'}"
PASSES = 30
"""Epochs of POT's stochastic averaged gradient in the semi-dual's comparison; ours stops at the gap that it reached."""


@contender("exact", "remblai transport", ours=True)
def _(p: Problem, _: Any) -> Answer:
    a, b = p.masses()
    return {"value": distances.transport(p.x, p.y, a=a, b=b).value}


@contender("line", "remblai line.transport_cost", ours=True)
def _(p: Problem, _: Any) -> Answer:
    a, b = p.masses()
    return {"value": distances.line.transport_cost(p.x[:, 0], p.y[:, 0], p.extra["p"], a, b)}


def sinkhorn(form: str) -> Any:
    def answer(p: Problem, _: Any) -> Answer:
        options = {"tolerance": 1e-4, "form": form}
        plan = distances.transport(p.x, p.y, a=p.a, b=p.b, epsilon=p.epsilon, **options)
        return {"f": plan.f, "g": plan.g}

    return answer


contender("sinkhorn", "remblai sinkhorn", ours=True)(sinkhorn("auto"))
contender("sinkhorn", "remblai sinkhorn, streamed", ours=True)(sinkhorn("stream"))


@contender("sliced", "remblai Sliced", ours=True)
def _(p: Problem, _: Any) -> Answer:
    x, y, slices = floats(p.x, p.y, directions(p).T.copy())
    value = mean(x.requires_grad_(p.extra["gradient"]), y, Lines(slices, len(slices)), 2.0)
    if p.extra["gradient"]:
        value.backward()
    return {"value": float(value.detach())}


@contender("mmd", "remblai MMD", ours=True)
def _(p: Problem, _: Any) -> Answer:
    x, y = floats(p.x, p.y)
    value = MMD(Gaussian(float(p.d)))(x.requires_grad_(), y)
    value.backward()
    return {"value": float(value.detach())}


@cache
def _best(n: int, epsilon: float) -> float:
    p = Problem(n, 2)
    return distances.transport(p.x, p.y, epsilon=epsilon, tolerance=1e-11).value


def semidual(p: Problem, g: Any) -> float:
    """H(g) = b . g - epsilon a . log sum_j b_j exp((g_j - c_ij) / epsilon)."""
    exponents = (g - cdist(p.x, p.y, "sqeuclidean")) / p.epsilon + np.log(p.b)
    f = -p.epsilon * torch.logsumexp(torch.from_numpy(exponents), 1).numpy()
    return float(p.a @ f + p.b @ g)


def pot_sag(p: Problem) -> Any:
    import ot

    np.random.seed(0)
    costs = ot.dist(p.x, p.y)
    lr = p.epsilon / p.a.max()
    return ot.stochastic.sag_entropic_transport(p.a, p.b, costs, p.epsilon, numItermax=PASSES * p.n, lr=lr)


@cache
def pot_gap(n: int, relative: float) -> float:
    """How far POT's stochastic averaged gradient stays below the best semi-dual value."""
    p = Problem(n, 2, relative=relative)
    return _best(n, p.epsilon) - semidual(p, pot_sag(p))


def judged(p: Problem, answer: Answer, ours: bool) -> tuple[float, float]:
    """The error of potentials, and the largest that is good enough: of a semi-dual alone, POT's own."""
    if "f" in answer:
        return marginal_error(p, answer["f"], answer["g"]), 1.02 * TOLERANCE
    error = _best(p.n, p.epsilon) - semidual(p, answer["g"])
    return error, pot_gap(p.n, p.relative) if ours else float("inf")


@contender("semidual", "POT sag_entropic_transport")
def _(p: Problem, _: Any) -> Answer:
    return {"g": pot_sag(p)}


@contender("semidual", "remblai stochastic.discrete", ladder="epochs", ours=True)
def _(p: Problem, stop: Any) -> Answer:
    costs = cdist(p.x, p.y, "sqeuclidean")
    return {"g": stochastic.discrete(p.a, p.b, costs, p.epsilon, tolerance=1e-12, epochs=stop).g}
