import math

import numpy as np
import pytest
import torch
from torch.distributions import Normal

from remblai.distances.problem import Problem
from remblai.distances.stochastic import continuous
from remblai.distances.stochastic.finite import solve
from remblai.kernels import Energy, Gaussian, Laplacian


def between_normals(m1, s1, m2, s2, epsilon):
    """Entropic transport of |x - y|^2 between two normal laws on the line: Janati et al. (2020), arXiv 2006.02572."""
    a, b, s = s1**2, s2**2, 0.5 * epsilon
    d = math.sqrt(4.0 * a * b + s**2)
    return (m1 - m2) ** 2 + a + b - d + s * (1.0 - math.log(2.0 * s)) + s * math.log(d + s)


def relative(laws, share):
    m1, s1, m2, s2 = laws
    return share * ((m1 - m2) ** 2 + s1**2 + s2**2)


@pytest.mark.parametrize("laws", [(0.0, 1.0, 0.0, 1.0), (0.0, 1.0, 2.0, 0.5)])
def test_the_closed_form_is_sinkhorns_on_a_fine_grid(laws):
    m1, s1, m2, s2 = laws
    t = np.linspace(-6.0, 6.0, 300)
    masses = np.exp(-0.5 * t**2) / np.exp(-0.5 * t**2).sum()
    epsilon = relative(laws, 0.2)
    grid = solve(Problem.of_points(m1 + s1 * t, m2 + s2 * t, "square", masses, masses), epsilon, tolerance=1e-5)
    assert grid.value == pytest.approx(between_normals(*laws, epsilon), rel=1e-4)


@pytest.mark.parametrize(
    ("laws", "share"),
    [((0.0, 1.0, 0.0, 1.0), 0.1), ((0.0, 1.0, 2.0, 0.5), 0.5), ((0.0, 1.0, 3.0, 2.0), 0.2)],
)
def test_the_value_between_normal_laws(laws, share):
    epsilon = relative(laws, share)
    plan = continuous(Normal(*laws[:2]), Normal(*laws[2:]), epsilon=epsilon, samples=2**12, evaluation=2**12)
    truth = between_normals(*laws, epsilon)
    assert float(plan.value) == pytest.approx(truth, rel=0.05)
    assert abs(float(plan.value) - truth) < 4.0 * plan.standard_error + 0.02 * truth


@pytest.mark.parametrize("kernel", [Gaussian(0.5), Laplacian(2.0), "laplacian", {"name": "imq", "scale": 3.0}])
def test_other_kernels_serve_too(kernel):
    plan = continuous(Normal(0.0, 1.0), Normal(2.0, 0.5), epsilon=1.5, kernel=kernel, samples=2**10, evaluation=2**11)
    assert float(plan.value) == pytest.approx(between_normals(0.0, 1.0, 2.0, 0.5, 1.5), rel=0.05)


def test_the_potential_extends_to_the_closed_form_up_to_a_constant():
    """Between equal normal laws f(x) = (1 - r) x^2 + constant, r = sqrt(1 + (epsilon / 4)^2) - epsilon / 4."""
    epsilon = 1.0
    plan = continuous(Normal(0.0, 1.0), Normal(0.0, 1.0), epsilon=epsilon, samples=2**11, evaluation=2**11)
    x = torch.linspace(-1.5, 1.5, 7, dtype=torch.float64)
    f = plan.extend(x)
    rate = math.sqrt(1.0 + (epsilon / 4.0) ** 2) - epsilon / 4.0
    torch.testing.assert_close(f - f[3], (1.0 - rate) * x**2, atol=0.1, rtol=0.0)


def test_many_dimensions_and_plain_functions():
    rng = np.random.default_rng(0)
    plan = continuous(
        lambda n: rng.standard_normal((n, 2)),
        lambda n: rng.normal([2.0, 0.0], 1.0, (n, 2)),
        epsilon=2.0,
        samples=2**12,
        evaluation=2**12,
    )
    truth = between_normals(0.0, 1.0, 2.0, 1.0, 2.0) + between_normals(0.0, 1.0, 0.0, 1.0, 2.0)
    assert isinstance(plan.value, float)
    assert plan.value == pytest.approx(truth, rel=0.05)


def test_the_ascent_improves_on_its_start_and_the_curve_shows_it():
    laws = (0.0, 1.0, 3.0, 2.0)
    epsilon = relative(laws, 0.1)
    plan = continuous(Normal(*laws[:2]), Normal(*laws[2:]), epsilon=epsilon, samples=2**11, evaluation=2**8)
    steps, values = np.array(plan.curve).T
    assert 30 <= len(steps) <= 100
    assert steps[-1] == plan.iterations * 64 == 2**11
    assert values[-1] > 1.1 * values[0]


@pytest.mark.parametrize("epsilon", [1e-3, 1e3])
def test_it_stays_finite_at_extreme_epsilon(epsilon):
    plan = continuous(Normal(0.0, 1.0), Normal(5.0, 1.0), epsilon=epsilon, samples=2**9, evaluation=2**9)
    assert math.isfinite(float(plan.value))
    assert math.isfinite(plan.standard_error)


def test_what_it_has_not_is_told():
    plan = continuous(Normal(0.0, 1.0), Normal(0.0, 1.0), epsilon=1.0, samples=2**8, evaluation=2**8)
    for name in ("coupling", "g", "cost"):
        with pytest.raises(AttributeError, match=name):
            getattr(plan, name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sampler_x": [0.0, 1.0]}, "sampler_x: expected a torch Distribution"),
        ({"sampler_y": lambda n: np.zeros((n, 2))}, "dimension"),
        ({"sampler_y": lambda n: np.full(n, np.inf)}, "finite"),
        ({"sampler_y": lambda n: np.zeros((2, n))}, "points of"),
        ({"epsilon": 0.0}, "epsilon"),
        ({"kernel": "gausian"}, "gaussian"),
        ({"kernel": Energy()}, "expected k"),
        ({"kernel": 3.0}, "kernel"),
        ({"cost": "none"}, "unknown cost"),
        ({"samples": -1}, "samples"),
        ({"evaluation": 1}, "evaluation"),
        ({"batch": 0}, "batch"),
        ({"step": np.inf}, "step"),
    ],
)
def test_bad_input_is_told(change, message):
    with pytest.raises(ValueError, match=message):
        continuous(**({"sampler_x": Normal(0.0, 1.0), "sampler_y": Normal(0.0, 1.0)} | change))
