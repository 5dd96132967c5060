import math

import pytest
import torch

from remblai.distances.entropic.kernel import Kernel, Relaxation, Stream, iterate
from remblai.distances.entropic.softmin import Exponents, sweep
from remblai.distances.problem import Problem


def problem(n=40, m=30, spread=1.0):
    generator = torch.Generator().manual_seed(0)
    x = spread * torch.randn(n, 3, generator=generator, dtype=torch.float64)
    y = spread * torch.randn(m, 3, generator=generator, dtype=torch.float64) + 5.0
    a, b = torch.rand(n, generator=generator).double() + 0.1, torch.rand(m, generator=generator).double() + 0.1
    return Problem.of_points(x, y, "square", a / a.sum(), b / b.sum())


def plain(given, epsilon, g):
    """f by the formula, and the columns of the plan over b."""
    C = given.geometry.matrix()
    f = -epsilon * torch.logsumexp(given.b.log() + (g - C) / epsilon, 1)
    return f, (given.a[:, None] * ((f[:, None] + g - C) / epsilon).exp()).sum(0)


@pytest.mark.parametrize("cost", ["square", "manhattan"])
@pytest.mark.parametrize("epsilon", [10.0, 0.5])
def test_a_sweep_is_the_soft_transform(cost, epsilon):
    given = problem()
    given = Problem.of_points(given.geometry.x, given.geometry.y, cost, given.a, given.b)
    g = torch.randn(30, generator=torch.Generator().manual_seed(1)).double()
    f, ratios = sweep(Exponents(given.geometry, epsilon, torch.float64), given.a, given.b, g)
    wanted, columns = plain(given, epsilon, g)
    assert torch.allclose(f, wanted, atol=1e-9)
    assert torch.allclose(ratios, columns, rtol=1e-7, atol=1e-30)


@pytest.mark.parametrize("form", [Kernel, Stream])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_both_forms_take_the_plain_step_and_judge_it(form, dtype):
    given, epsilon = problem(), 5.0
    g = torch.zeros_like(given.b)
    moving = form(given.a, given.b, dtype)
    moving.begin(Exponents(given.geometry, epsilon, dtype), g)
    for _ in range(4):
        error = moving.sweep(1.0)
        f, ratios = plain(given, epsilon, g)
        assert error == pytest.approx(float((given.b * (ratios - 1)).abs().sum()), rel=1e-4)
        judged, told = moving.measured()
        assert torch.allclose(judged, f, atol=1e-5 if dtype == torch.float32 else 1e-9)
        assert told == pytest.approx(float((given.b * (ratios - 1)).abs().sum()), rel=1e-5, abs=1e-7)
        moving.step(1.0)
        g = g - epsilon * ratios.log()
        assert torch.allclose(moving.potentials(), g, atol=1e-4 if dtype == torch.float32 else 1e-9)
        assert torch.allclose(moving.transform(g), plain(given, epsilon, g)[0], atol=1e-4)


@pytest.mark.parametrize("rows", [7, 40])
def test_the_stored_kernel_becomes_the_plan_of_its_potentials(rows):
    given, epsilon = problem(), 0.2
    moving = Kernel(given.a, given.b, torch.float64)
    moving.parts = [slice(i, min(i + rows, 40)) for i in range(0, 40, rows)]
    moving.begin(Exponents(given.geometry, epsilon, torch.float64), torch.zeros_like(given.b))
    iterate(moving, 1e-9, 5)
    (f, _), g, C = moving.measured(), moving.potentials(), given.geometry.matrix()
    plan = moving.plan(f, g)
    assert torch.allclose(plan, given.a[:, None] * given.b * ((f[:, None] + g - C) / epsilon).exp(), atol=1e-14)
    assert (plan == 0.0).any()  # exponents below -80 are no masses
    assert torch.allclose(plan.sum(1), given.a)
    assert Stream(given.a, given.b, torch.float64).plan(f, g) is None


def test_exponents_at_another_epsilon_are_those_made_for_it():
    given = problem()
    moved = Exponents(given.geometry, 5.0, torch.float32, wide=False).at(0.7, torch.float64)
    direct = Exponents(given.geometry, 0.7, torch.float64)
    g = torch.randn(30, generator=torch.Generator().manual_seed(1)).double()
    for first, second in zip(*(sweep(one, given.a, given.b, g) for one in (moved, direct)), strict=True):
        assert torch.equal(first, second)


@pytest.mark.parametrize("form", [Kernel, Stream])
def test_far_sets_at_small_epsilon_are_absorbed_not_lost(form):
    given, epsilon = problem(spread=3.0), 0.5
    moving = form(given.a, given.b, torch.float32)
    moving.begin(Exponents(given.geometry, epsilon, torch.float32), torch.zeros_like(given.b))
    error, _ = iterate(moving, 1e-3, 5000)
    assert error <= 1e-3
    assert plain(given, epsilon, moving.potentials())[1] == pytest.approx(torch.ones(30).double(), abs=0.1)


def test_over_relaxation_needs_fewer_passes_than_plain_steps():
    given, epsilon = problem(), 0.3
    passes = []
    for relaxed in (True, False):
        moving = Kernel(given.a, given.b, torch.float64)
        moving.begin(Exponents(given.geometry, epsilon, torch.float64), torch.zeros_like(given.b))
        if relaxed:
            passes.append(iterate(moving, 1e-6, 20_000, patient=True)[1])
        else:
            passes.append(1)
            while moving.sweep(1.0) > 1e-6:
                moving.step(1.0)
                passes[-1] += 1
    assert passes[0] < 0.6 * passes[1]


def test_omega_comes_from_the_rate_of_the_errors():
    relaxation, theta = Relaxation(), 0.9
    for k in range(25):
        relaxation.update(theta**k)
    assert relaxation.omega == pytest.approx(2 / (1 + math.sqrt(1 - theta)))
    for k in range(20):
        relaxation.update(1.5**k)
    assert relaxation.omega < 2 / (1 + math.sqrt(1 - theta))
