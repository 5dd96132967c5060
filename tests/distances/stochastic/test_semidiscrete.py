from typing import Any

import numpy as np
import ot
import pytest
import torch
from scipy.stats import norm
from torch.distributions import Independent, MultivariateNormal, Normal, Uniform

from remblai.distances.problem import Problem
from remblai.distances.stochastic import laguerre, semi_discrete
from remblai.distances.stochastic.finite import solve


def uniform(d):
    return Independent(Uniform(torch.zeros(d, dtype=torch.float64), torch.ones(d, dtype=torch.float64)), 1)


def on_the_line(quantile, y, b, p, n=400_000):
    """Sum over atoms in order of the integral of |Q(t) - y|^p over the atom's part of (0, 1)."""
    order, t = np.argsort(y), (np.arange(n) + 0.5) / n
    nearest = order[np.searchsorted(np.cumsum(b[order]), t).clip(max=len(y) - 1)]
    return float(np.mean(np.abs(quantile(t) - y[nearest]) ** p))


def test_even_atoms_have_the_closed_forms():
    y = (np.arange(8) + 0.5) / 8
    square = semi_discrete(uniform(1), y)
    assert float(square.value) == pytest.approx(1 / (12 * 64), rel=0.01)
    straight = semi_discrete(uniform(1), y, cost="euclidean")
    assert float(straight.value) == pytest.approx(1 / (4 * 8), rel=0.01)


@pytest.mark.parametrize(("p", "cost"), [(2, "square"), (1, "euclidean")])
def test_uneven_atoms_against_a_uniform_law(p, cost):
    y, b = np.array([0.9, 0.1, 0.6, 0.3]), np.array([0.1, 0.4, 0.2, 0.3])
    plan = semi_discrete(uniform(1), y, b, cost)
    truth = on_the_line(lambda t: t, y, b, p)
    assert float(plan.value) == pytest.approx(truth, rel=0.01)
    assert abs(float(plan.value) - truth) < 4 * plan.standard_error + 1e-3 * truth


def test_atoms_against_a_normal_law():
    y, b = np.array([-1.5, 0.0, 2.0]), np.array([0.5, 0.2, 0.3])
    plan = semi_discrete(Normal(0.0, 1.0), y, b)
    assert float(plan.value) == pytest.approx(on_the_line(norm.ppf, y, b, 2), rel=0.01)


def test_four_symmetric_atoms_quarter_the_square():
    y = np.array([[0.25, 0.25], [0.25, 0.75], [0.75, 0.25], [0.75, 0.75]])
    plan = semi_discrete(uniform(2), y)
    assert float(plan.value) == pytest.approx(2 / (12 * 4), rel=0.01)
    x = np.random.default_rng(0).random((500, 2))
    inside = np.abs(x - 0.5).min(1) > 0.02
    np.testing.assert_array_equal(laguerre(x, y, plan.g)[inside], (2 * (x[:, 0] > 0.5) + (x[:, 1] > 0.5))[inside])


@pytest.mark.parametrize("epsilon", [0.3, 0.03])
def test_with_epsilon_it_is_sinkhorns_on_a_fine_grid(epsilon):
    y, b = np.array([0.9, 0.15, 0.6, 0.3]), np.array([0.1, 0.4, 0.2, 0.3])
    grid = (np.arange(4000) + 0.5) / 4000
    truth = solve(Problem.of_points(grid, y, "square", None, b), epsilon)
    plan = semi_discrete(uniform(1), y, b, epsilon=epsilon)
    assert float(plan.value) == pytest.approx(truth.value, rel=0.01)
    np.testing.assert_allclose(plan.g - plan.g.mean(), truth.g - truth.g.mean(), atol=0.01)
    shift = float(plan.g[0]) - truth.g[0]
    np.testing.assert_allclose(plan.extend(grid[::400]), truth.f[::400] - shift, atol=0.01)


def test_cells_carry_the_atoms_masses():
    rng = np.random.default_rng(0)
    y, b = rng.random((6, 2)), rng.random(6) + 0.3
    b /= b.sum()
    plan = semi_discrete(uniform(2), y, b, "euclidean")
    cells = laguerre(rng.random((100_000, 2)), y, plan.g, "euclidean")
    np.testing.assert_allclose(np.bincount(cells, minlength=6) / 100_000, b, atol=0.01)


def test_a_stream_beats_the_law_discretised_at_equal_memory():
    """The plug-in holds 4096 samples, the stream as many, its probe, and never more, but it sees ever new ones."""
    rng = np.random.default_rng(0)
    y, b = (np.arange(40) + 0.5) / 40, np.tile([0.8, 1.2], 20) / 40
    truth = on_the_line(lambda t: t, y, b, 2)
    plugged = [abs(ot.emd2_1d(rng.random(4096), y, None, b) - truth) for _ in range(3)]
    streamed = [abs(float(semi_discrete(uniform(1), y, b, seed=seed).value) - truth) for seed in range(3)]
    assert np.mean(streamed) < 0.2 * np.mean(plugged)


def test_a_plan_has_its_curve_and_its_error_but_no_coupling():
    plan = semi_discrete(
        lambda n: np.random.default_rng(n).random((n, 1)), [0.9, 0.1, 0.6], [0.1, 0.6, 0.3], samples=2**14
    )
    assert isinstance(plan.value, float)
    assert isinstance(plan.g, np.ndarray)
    steps, values = np.array(plan.curve).T
    assert 30 <= len(steps) <= 100
    assert steps[-1] == plan.iterations * 128
    assert values[-1] > values[0]
    assert 0.0 < plan.standard_error < 0.1 * plan.value
    with pytest.raises(AttributeError, match="coupling"):
        _ = plan.coupling


def test_one_atom_is_a_mean_and_empty_atoms_have_empty_cells():
    alone = semi_discrete(uniform(1), [0.5])
    assert float(alone.value) == pytest.approx(1 / 12, rel=0.01)
    pair = semi_discrete(uniform(1), [0.0, 1.0, 0.5], [0.5, 0.5, 0.0])
    assert float(pair.value) == pytest.approx(1 / 12, rel=0.01)
    assert set(laguerre(np.linspace(0.01, 0.99, 50), [0.0, 1.0, 0.5], pair.g).tolist()) == {0, 1}


def test_equal_atoms_share_and_equal_costs_do_no_harm():
    plan = semi_discrete(uniform(1), [0.5, 0.5], samples=2**12)
    assert float(plan.value) == pytest.approx(1 / 12, rel=0.02)
    still = semi_discrete(lambda n: np.zeros((n, 1)), [1.0, -1.0], samples=2**12)
    assert still.value == pytest.approx(1.0, rel=0.01)


def test_a_seed_repeats_the_answer_and_leaves_torchs_generator():
    state = torch.get_rng_state()
    first, second = (semi_discrete(uniform(1), [0.1, 0.7], samples=2**10, seed=3) for _ in range(2))
    assert float(first.value) == float(second.value)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sampler": np.zeros((4, 1))}, "Distribution or a function"),
        ({"sampler": lambda n: np.zeros((n + 1, 1))}, "expected 4096 points"),
        ({"sampler": lambda n: np.full((n, 1), np.nan)}, "finite"),
        ({"sampler": lambda n: np.zeros((n, 2))}, "dimension"),
        ({"sampler": lambda n: np.zeros((n, 1 if n > 1000 else 2))}, "dimension"),
        ({"y": []}, "points"),
        ({"y": [0.0, np.nan]}, "finite"),
        ({"b": [0.5, 0.6]}, "normalise=True"),
        ({"b": [1.5, -0.5]}, "below 0"),
        ({"epsilon": -1.0}, "epsilon"),
        ({"epsilon": np.nan}, "epsilon"),
        ({"cost": "sqare"}, "square"),
        ({"samples": 0}, "samples"),
        ({"evaluation": 1}, "evaluation"),
        ({"batch": 2.5}, "batch"),
        ({"step": 0.0}, "step"),
    ],
)
def test_bad_input_is_told(change, message):
    with pytest.raises(ValueError, match=message):
        semi_discrete(**({"sampler": uniform(1), "y": [0.2, 0.8]} | change))


def test_laguerre_wants_one_potential_an_atom():
    with pytest.raises(ValueError, match="potential g"):
        laguerre([0.1, 0.2], [0.0, 1.0], [0.0])


@pytest.mark.parametrize("scale", [1e-100, 1e-7, 1e50])
def test_the_value_scales_with_the_square_of_the_points(scale: float) -> None:
    def plan(size: float) -> Any:
        rng = np.random.default_rng(0)
        return semi_discrete(lambda n: size * rng.random((n, 1)), [0.2 * size, 0.9 * size], [0.3, 0.7], samples=2**12)

    assert plan(scale).value / scale**2 == pytest.approx(plan(1.0).value, rel=1e-9)


def test_masses_that_are_missed_are_measured_and_said() -> None:
    y = np.random.default_rng(5).normal(size=(200, 2)) * 3
    law = MultivariateNormal(torch.zeros(2), torch.eye(2))
    with pytest.warns(UserWarning, match="the masses are missed by 1.6 in all.*converged=False"):
        short = semi_discrete(law, y, samples=2**8, evaluation=2**14)
    assert not short.converged
    torch.manual_seed(1)
    cells = laguerre(law.sample((2**15,)).double(), y, short.g)
    missed = float((torch.bincount(cells, minlength=200) / 2**15 - 1 / 200).abs().sum())
    assert short.marginal_error == pytest.approx(missed, abs=0.05)
    enough = semi_discrete(law, y, samples=2**17, evaluation=2**14)
    assert enough.converged
    assert enough.marginal_error < 0.2
    with pytest.warns(UserWarning, match="equally near to two atoms"):
        semi_discrete(lambda n: np.zeros((n, 1)), [1.0, 2.0], samples=2**12)
    assert semi_discrete(uniform(1), [0.5, 0.5, 0.2], samples=2**14, evaluation=2**14).converged  # one place twice


def test_costs_in_memory_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    y = np.random.default_rng(0).normal(size=(50, 2))
    whole = semi_discrete(uniform(2), y, samples=2**14, evaluation=2**10)
    monkeypatch.setattr("remblai.distances.stochastic.semidiscrete.ENTRIES", 700)
    parts = semi_discrete(uniform(2), y, samples=2**14, evaluation=2**10)
    assert float(parts.value) == pytest.approx(float(whole.value), rel=1e-12)
