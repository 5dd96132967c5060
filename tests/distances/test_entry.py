import itertools
import math
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from remblai import distances
from remblai.distances import transport, wasserstein
from remblai.distances.rooted import STEEP, rooted

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((7, 2)), RNG.standard_normal((5, 2))
MANY = RNG.standard_normal((30, 2))


@pytest.mark.parametrize(
    ("given", "options", "method"),
    [
        ((X, Y), {}, "shortest-paths"),
        ((MANY, Y), {}, "simplex"),
        ((X, Y), {"method": "linear-program"}, "program"),
        ((X[:, :1], Y[:, :1]), {}, "line"),
        ((X[:, 0], Y[:, 0]), {"cost": "huber"}, "line"),
        ((X[:, 0], Y[:, 0]), {"cost": lambda x, y: (x - y).abs().sum(-1)}, "shortest-paths"),
        ((X, Y), {"epsilon": 0.1}, "sinkhorn"),
        ((X, Y), {"epsilon": 0.1, "unbalanced": 1.0}, "unbalanced"),
    ],
)
def test_the_plan_says_which_method_was_chosen(given, options, method):
    plan = transport(*given, **options)
    assert method in plan.method
    assert plan.converged


def test_the_line_and_the_simplex_agree():
    for cost in ("square", "euclidean", "huber", {"name": "power", "p": 1.7}):
        quick = transport(X[:, :1], Y[:, :1], cost).value
        assert quick == pytest.approx(transport(X[:, :1], Y[:, :1], cost, method="network-simplex").value, rel=1e-9)


@pytest.mark.parametrize("p", [1, 1.5, 2, 3])
@pytest.mark.parametrize("d", [1, 2])
def test_wasserstein_is_the_root_of_the_least_mean_power(p, d):
    costs = np.linalg.norm(X[:, None, :d] - Y[None, :, :d], axis=-1) ** p
    assert wasserstein(X[:, :d], Y[:, :d], p) == pytest.approx(
        distances.emd(None, None, costs).value ** (1 / p), rel=1e-9
    )


@pytest.mark.parametrize("points", [X, X[:, 0]])
def test_the_root_has_gradient_zero_where_the_laws_are_equal(points):
    x = torch.tensor(points, requires_grad=True)
    value = wasserstein(x, torch.tensor(points[::-1].copy()))
    value.backward()
    assert float(value.detach()) == pytest.approx(0.0, abs=1e-7)
    assert torch.isfinite(x.grad).all()
    assert float(x.grad.abs().max()) < 1e-6 or float(value.detach()) > 0.0


@pytest.mark.parametrize("p", [1.0, 2.0])
def test_the_root_s_gradient_is_the_finite_difference(p):
    x, way = torch.tensor(X, requires_grad=True), torch.tensor(RNG.standard_normal(X.shape))
    (slope,) = torch.autograd.grad(wasserstein(x, Y, p), x)
    ends = [float(wasserstein(X + sign * 1e-6 * way.numpy(), Y, p)) for sign in (1, -1)]
    assert float((slope * way).sum()) == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5)


def test_rooting_zero_gives_zero():
    value = torch.tensor(0.0, requires_grad=True)
    root = rooted(value, 2.0)
    root.backward()
    assert (float(root.detach()), float(value.grad)) == (0.0, 0.0)


def on_a_grid(scale):
    rng = np.random.default_rng(3)
    return scale * rng.integers(-4, 5, (6, 2)), scale * rng.integers(-4, 5, (6, 2))


@pytest.mark.parametrize("p", [1.5, 2.0, 3.0, STEEP, 9.0, 30.0, 200.0, 5000.0])
@pytest.mark.parametrize("d", [1, 2])
def test_large_powers_are_the_least_of_all_matchings(p, d):
    x, y = (one[:, :d] for one in on_a_grid(1.0))
    gaps = np.linalg.norm(x[:, None] - y, axis=-1)
    matched = np.array([gaps[np.arange(6), list(order)] for order in itertools.permutations(range(6))])
    top = matched.max(1)
    logs = p * np.log(np.where(matched > 0, matched, 1e-300) / top[:, None])
    truth = (top * np.exp(np.log(np.exp(logs).mean(1)) / p)).min()
    assert wasserstein(x, y, p) == pytest.approx(truth, rel=1e-9)


@pytest.mark.parametrize("scale", [1e-250, 1e-160, 1e-30, 1e30, 1e160, 1e250])
@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, 50.0, math.inf])
@pytest.mark.parametrize("d", [1, 2])
def test_points_of_any_scale_are_measured(scale, p, d):
    x, y = (one[:, :d] for one in on_a_grid(1.0))
    assert wasserstein(scale * x, scale * y, p) / scale == pytest.approx(wasserstein(x, y, p), rel=1e-9)


@pytest.mark.parametrize(("seed", "p"), [(14, 100.0), (15, 400.0), (16, 50.0), (51, 100.0)])
def test_a_steep_power_with_masses_of_every_size_lies_between_its_neighbours(seed, p):
    rng = np.random.default_rng(seed)  # draws whose potentials are known to 1e-9 of W_p^p only
    n, m = rng.integers(2, 40, 2)
    d = rng.integers(2, 5)
    x, y = rng.normal(size=(n, d)), rng.normal(size=(m, d)) + rng.normal()
    a, b = rng.random(n) ** rng.integers(1, 20), rng.random(m)
    a, b = a / a.sum(), None if seed % 3 == 0 else b / b.sum()
    values = [wasserstein(x, y, q, a, b) for q in (0.8 * p, p, math.inf)]
    assert values == sorted(values)


@pytest.mark.parametrize("p", [3.0, 20.0, math.inf])
def test_the_gradient_of_large_powers_is_the_finite_difference(p):
    x, way = torch.tensor(X, requires_grad=True), torch.tensor(np.random.default_rng(5).standard_normal(X.shape))
    (slope,) = torch.autograd.grad(wasserstein(x, Y, p), x)
    ends = [float(wasserstein(X + sign * 1e-6 * way.numpy(), Y, p)) for sign in (1, -1)]
    assert float((slope * way).sum()) == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-4, abs=1e-9)


def test_unequal_masses_are_carried_where_that_is_allowed():
    options = {"a": np.full(7, 2.0), "b": np.full(5, 1.0)}
    with pytest.raises(ValueError, match="unbalanced"):
        transport(X, Y, **options)
    assert transport(X, Y, epsilon=0.5, unbalanced=1.0, **options).coupling.sum() > 0


@pytest.mark.parametrize("solve", [transport, wasserstein, partial(wasserstein, p=math.inf)])
def test_a_lack_of_memory_says_what_to_do(solve, monkeypatch):
    def none_left(*args, **options):
        raise MemoryError("Unable to allocate 11.9 GiB for an array")

    for module in ("entry", "rooted"):
        monkeypatch.setattr(f"remblai.distances.{module}.Problem", SimpleNamespace(of_points=none_left))
    with pytest.raises(MemoryError, match=r"11.9 GiB were asked for.*costs of all pairs.*Use fewer points"):
        solve(torch.randn(5, 3), torch.randn(4, 3))


def test_an_exact_plan_that_takes_minutes_says_so(monkeypatch):
    monkeypatch.setattr("remblai.distances.entry.MANY", 20)
    with pytest.warns(UserWarning, match="an exact plan of 5 by 6 points takes minutes"):
        transport(np.random.default_rng(0).normal(size=(5, 2)), np.zeros((6, 2)))
