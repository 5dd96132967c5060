"""Entropic plans from potentials, and the places without mass, which the solvers leave out."""

import math
from functools import partial

import torch
from torch import Tensor

from remblai.distances.certificate import transformed
from remblai.distances.coupling import Lazy
from remblai.distances.problem import Problem


def populated(problem: Problem) -> Problem:
    """The problem restricted to the places with mass."""
    rows, columns = problem.a > 0, problem.b > 0
    if bool(rows.all()) and bool(columns.all()):
        return problem
    kept = problem.geometry.part(rows, columns)
    return Problem(problem.a[rows], problem.b[columns], kept, problem.given, problem.arrays)


def on_all_places(problem: Problem, potentials: tuple[Tensor, Tensor], epsilon: float) -> tuple[Tensor, Tensor]:
    """Potentials at every place, from those at the places with mass, by the soft c-transform."""
    f, g = potentials
    if len(f) == len(problem.a) and len(g) == len(problem.b):
        return f, g
    full = torch.zeros_like(problem.b)
    full[problem.b > 0] = g
    f = transformed(problem, full, epsilon)
    empty = problem.b == 0
    if bool(empty.any()):
        full[empty] = transformed(problem.flipped(), f.where(problem.a > 0, 0.0), epsilon)[empty]
    return f, full


def gibbs(problem: Problem, f: Tensor, g: Tensor, epsilon: float) -> Lazy:
    """P = a b exp((f + g - c) / epsilon), computed in blocks: exactly 0 where a mass is 0 or a cost infinite."""
    rows, columns = f.where(problem.a > 0, -math.inf), g.where(problem.b > 0, -math.inf)
    return Lazy(partial(_block, problem, rows, columns, epsilon), problem.shape)


def _block(problem: Problem, f: Tensor, g: Tensor, epsilon: float, start: int, stop: int) -> Tensor:
    part = slice(start, stop)
    exponents = (f[part, None] + g - problem.geometry.block(start, stop)) / epsilon
    return problem.a[part, None] * problem.b * exponents.exp_()
