import pytest
import torch

from remblai.distances.entropic.newton import continuation, newton_ascent
from remblai.distances.entropic.softmin import Exponents
from remblai.distances.problem import Problem


def problem(n=30, m=25):
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(k, 2, generator=generator, dtype=torch.float64) for k in (n, m))
    a, b = (torch.rand(k, generator=generator).double() + 0.1 for k in (n, m))
    return Problem.of_points(x, y, "square", a / a.sum(), b / b.sum())


def checked(given, epsilon, f, g, error):
    plan = given.a[:, None] * given.b * ((f[:, None] + g - given.geometry.matrix()) / epsilon).exp()
    assert torch.allclose(plan.sum(1), given.a, atol=1e-12)
    assert float((plan.sum(0) - given.b).abs().sum()) == pytest.approx(error, abs=1e-11)


def test_few_steps_solve_to_rounding():
    given, epsilon = problem(), 0.3
    start = torch.zeros_like(given.b)
    f, g, error, steps = newton_ascent(
        Exponents(given.geometry, epsilon, torch.float64), given.a, given.b, start, 1e-12, 50
    )
    assert error <= 1e-12
    assert steps <= 20
    checked(given, epsilon, f, g, error)


@pytest.mark.parametrize("epsilon", [1e-2, 1e-3, 1e-4])
def test_the_path_reaches_small_epsilons(epsilon):
    given = problem()
    f, g, error, steps = continuation(given.geometry, given.a, given.b, epsilon, 0.2, 1e-9, 2000)
    assert error <= 1e-9
    assert steps < 500
    checked(given, epsilon, f, g, error)


def test_no_more_steps_than_the_limit():
    given = problem()
    assert continuation(given.geometry, given.a, given.b, 1e-4, 0.2, 1e-9, 7)[3] <= 7
