import math

import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from remblai.config.registry import make
from remblai.costs import COSTS
from remblai.discrepancies import MMD
from remblai.discrepancies.entropic import Entropic
from remblai.distances.entropic.balanced import solve
from remblai.distances.problem import Problem
from remblai.kernels import Energy


def samples(n=12, m=9, d=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x, y = (torch.randn(size, d, generator=generator, dtype=torch.float64) for size in (n, m))
    return x, 1.3 * y + 0.4


def smoothed(x, y, epsilon, cost="sqeuclidean"):
    """<P, C> + epsilon KL(P | a x b), by another library's iteration in the log domain."""
    costs = torch.from_numpy(ot.dist(x.numpy(), y.numpy(), cost))
    a, b = (torch.full((len(one),), 1.0 / len(one), dtype=torch.float64) for one in (x, y))
    plan = ot.sinkhorn(a, b, costs, epsilon, method="sinkhorn_log", stopThr=1e-10, numItermax=5_000, warn=False)
    return float((plan * costs).sum() + epsilon * (plan * (plan / (a[:, None] * b)).log()).sum())


def exact(**options):
    return Entropic(tolerance=1e-9, **options)


@pytest.mark.parametrize(("cost", "name"), [("square", "sqeuclidean"), ("euclidean", "euclidean")])
def test_is_the_smoothed_cost_less_half_of_each_sample_against_itself(cost, name):
    x, y = samples()
    values = [smoothed(*pair, 1.0, name) for pair in ((x, y), (x, x), (y, y))]
    whole = exact(cost=cost, epsilon=1.0, relative=False, debiased=False)
    assert float(whole(x, y)) == pytest.approx(values[0], rel=1e-7)
    divergence = exact(cost=cost, epsilon=1.0, relative=False)
    assert float(divergence(x, y)) == pytest.approx(values[0] - 0.5 * (values[1] + values[2]), rel=1e-6)


def test_relative_epsilon_is_a_multiple_of_the_mean_cost_across():
    x, y = samples()
    absolute = 0.1 * float(torch.cdist(x, y).square().mean())
    for debiased in (True, False):
        one = exact(epsilon=0.1, debiased=debiased)(x, y)
        other = exact(epsilon=absolute, relative=False, debiased=debiased)(x, y)
        assert float(one) == pytest.approx(float(other), rel=1e-9)
    assert exact(epsilon=0.1).solved(x, y).epsilon == pytest.approx(absolute)


@pytest.mark.parametrize("debiased", [True, False])
@pytest.mark.parametrize("cost", ["square", "euclidean", "huber"])
def test_gradient_is_that_of_finite_differences(cost, debiased):
    x, y = (one.requires_grad_() for one in samples(5, 4))
    divergence = exact(cost=cost, epsilon=1.0, relative=False, debiased=debiased)
    assert torch.autograd.gradcheck(divergence, (x, y), eps=1e-5, atol=1e-5)


def test_gradient_takes_a_relative_epsilon_as_fixed():
    x, y = samples(6, 5)
    scale = float(torch.cdist(x, y).square().mean())
    found = []
    for divergence in (exact(epsilon=0.2), exact(epsilon=0.2 * scale, relative=False)):
        moved = y.clone().requires_grad_()
        divergence(x, moved).backward()
        found.append(moved.grad)
    assert torch.allclose(*found, atol=1e-8)


@pytest.mark.parametrize("shape", [(30, 2), (16, 1, 4, 4), (1, 3)])
def test_value_and_gradient_are_0_at_equal_samples(shape):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    y = x.clone().requires_grad_()
    value = Entropic(epsilon=0.05, relative=len(x) > 1)(x, y)
    value.backward()
    assert value.dtype == torch.float32 and value.shape == () and y.grad.shape == shape
    assert value.item() == pytest.approx(0.0, abs=1e-5)
    assert float(y.grad.abs().max()) < 1e-4


def test_without_debiasing_equal_samples_are_pulled_together():
    """Why it is debiased: the smoothed cost alone is descended by shrinking."""
    x = samples(30)[0]
    y = x.clone().requires_grad_()
    exact(epsilon=0.5, debiased=False)(x, y).backward()
    assert float((y.grad * (y.detach() - y.detach().mean(0))).sum()) > 0.1


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(1, 4), st.sampled_from(["square", "euclidean"]), st.floats(0.5, 3.0))
def test_at_least_0_symmetric_and_scales_and_moves_as_its_cost(seed, d, cost, scale):
    x, y = samples(7, 6, d, seed)
    divergence = Entropic(cost, epsilon=0.2, tolerance=1e-7)
    value = float(divergence(x, y))
    power = {"square": 2, "euclidean": 1}[cost]
    assert value >= -1e-6
    assert float(divergence(y, x)) == pytest.approx(value, rel=1e-4, abs=1e-6)
    assert float(divergence(x + 3.0, y + 3.0)) == pytest.approx(value, rel=1e-4, abs=1e-6)
    assert float(divergence(scale * x, scale * y)) == pytest.approx(scale**power * value, rel=1e-4, abs=1e-5)
    assert float(divergence(x, x.flip(0))) == pytest.approx(0.0, abs=1e-6)


def test_translation_by_t_costs_its_square():
    """|x - y|^2 = |x - y'|^2 - 2 t (x - y') + t^2 for y' = y - t: the entropic plans stay those of (x, x)."""
    x = samples(20)[0]
    assert float(exact(epsilon=0.5, relative=False)(x, x + 2.0)) == pytest.approx(8.0, rel=1e-6)


def test_runs_from_the_least_cost_to_the_energy_distance():
    x, y = samples(10, 10)
    least = ot.emd2([], [], ot.dist(x.numpy(), y.numpy()))
    assert float(exact(epsilon=1e-3, debiased=False)(x, y)) == pytest.approx(least, rel=0.01)
    energy = 0.5 * MMD(Energy(), biased=True)(x, y)
    assert float(exact(cost="euclidean", epsilon=1e4)(x, y)) == pytest.approx(float(energy), rel=1e-3)


@pytest.mark.parametrize("debiased", [True, False])
def test_potentials_are_the_derivatives_in_the_masses(debiased):
    x, y = samples(6, 5)
    divergence = exact(epsilon=0.4, relative=False, debiased=debiased)
    f, g = divergence.potentials(x, y)
    assert f.shape == (6,) and g.shape == (5,) and f.dtype == torch.float64
    assert float(f.mean() + g.mean()) == pytest.approx(float(divergence(x, y)), rel=1e-6)

    def value(points, a, other, b):
        return float(solve(Problem.of_points(points, other, a=a, b=b), 0.4, tolerance=1e-10).value)

    def at(a):
        b = torch.full((5,), 0.2, dtype=torch.float64)
        found = value(x, a, y, b)
        return found - 0.5 * (value(x, a, x, a) + value(y, b, y, b)) if debiased else found

    even = torch.full((6,), 1 / 6, dtype=torch.float64)
    for i in range(1, 6):
        move = torch.zeros(6, dtype=torch.float64)
        move[0], move[i] = -1e-4, 1e-4
        slope = (at(even + move) - at(even - move)) / 2e-4
        assert float(f[i] - f[0]) == pytest.approx(slope, abs=1e-5)


def test_debiased_potentials_are_0_at_equal_samples():
    x = samples(15)[0]
    for potential in exact(epsilon=0.3).potentials(x, x):
        assert float(potential.abs().max()) < 1e-6


@pytest.mark.parametrize(
    "cost", [name for name in COSTS if not (make(COSTS, name).images_only or make(COSTS, name).reads_law)]
)
def test_takes_every_cost_of_points(cost):
    x, y = samples()
    assert math.isfinite(float(Entropic(cost)(x, y)))


def test_descent_carries_one_sample_onto_the_law_of_the_other():
    x, y = samples(40, 40)
    y = y.clone().requires_grad_()
    divergence = Entropic(epsilon=0.05)
    first = divergence(x, y).item()
    for _ in range(30):
        (slope,) = torch.autograd.grad(divergence(x, y), y)
        with torch.no_grad():
            y -= 0.4 * len(y) * slope
    assert divergence(x, y).item() < 0.02 * first


@pytest.mark.parametrize("debiased", [True, False])
@pytest.mark.parametrize("m", [7, 4])
def test_points_that_are_all_one_point_have_distance_0_with_gradient_0(debiased, m):
    x, y = torch.full((7, 3), 1.1), torch.full((m, 3), 1.1, requires_grad=True)
    value = Entropic(debiased=debiased)(x, y)
    (gradient,) = torch.autograd.grad(value, y)
    assert abs(value.item()) < 1e-6
    assert float(gradient.abs().max()) < 1e-6


def test_a_batch_that_is_its_own_copy_has_divergence_0():
    x, _ = samples(20)
    assert abs(float(Entropic()(x, x.clone()))) < 1e-4


def test_arrays_and_lists_are_the_tensors_of_their_numbers():
    x, y = samples()
    truth = float(Entropic()(x, y))
    assert float(Entropic()(x.numpy(), y.numpy())) == truth
    assert float(Entropic()(x.tolist(), y)) == truth
    assert Entropic()(x.float().numpy(), y.float().numpy()).dtype == torch.float32
    plan = Entropic(debiased=False).plan(x.numpy(), y.numpy())
    assert plan.coupling.shape == (12, 9)


X = torch.rand(5, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Entropic(epsilon=0.0), "epsilon: expected a positive"),
        (lambda: Entropic(epsilon=-1.0), "epsilon: expected a positive"),
        (lambda: Entropic(tolerance=0.0), "tolerance: expected a positive"),
        (lambda: Entropic("squared"), "called 'square'"),
        (lambda: Entropic("negative-log-likelihood"), "reads a law"),
        (lambda: Entropic()(X, X[:, :1]), "one shape"),
        (lambda: Entropic()(X[:0], X), r"\(n, d\)"),
        (lambda: Entropic()(X[:, 0], X[:, 0]), r"\(n, d\)"),
        (lambda: Entropic()(X * math.nan, X), "finite"),
        (lambda: Entropic()(X, X * math.inf), "finite"),
        (lambda: Entropic()(X.long(), X.long()), "floating"),
        (lambda: Entropic().solved(X[None], X[None]), r"call the discrepancy itself, d\(x, y\), on clouds"),
        (lambda: Entropic()([["a"]], [["b"]]), "real numbers"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
