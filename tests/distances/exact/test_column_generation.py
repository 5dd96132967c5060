import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from remblai.distances import transport
from remblai.distances.exact import column_generation as module
from remblai.distances.exact.column_generation import column_generation
from remblai.distances.exact.simplex import network_simplex
from remblai.distances.problem import Problem


def masses(rng: np.random.Generator, n: int, empty: float = 0.0) -> np.ndarray:
    found = (rng.random(n) + 0.01) * (rng.random(n) >= empty)
    found[0] += 0.1
    return found / found.sum()


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(1, 60), st.integers(1, 60), st.sampled_from([1, 2, 20]), st.booleans())
def test_it_agrees_with_the_simplex_on_all_pairs(seed: int, n: int, m: int, d: int, uniform: bool) -> None:
    rng = np.random.default_rng(seed)
    a, b = (None, None) if uniform else (masses(rng, n, 0.2), masses(rng, m, 0.2))
    x, y = rng.standard_normal((n, d)), rng.standard_normal((m, d)) + 0.5
    problem = Problem.of_points(x, y, "square", a, b)
    plan = column_generation(problem)
    assert plan.method == "column-generation"
    assert plan.value == pytest.approx(network_simplex(problem).value, rel=1e-9)
    assert (plan.f[:, None] + plan.g <= problem.geometry.matrix().numpy() + 1e-9).all()
    assert np.abs(plan.coupling.sum(1) - problem.a.numpy()).max() < 1e-12
    assert np.abs(plan.coupling.sum(0) - problem.b.numpy()).max() < 1e-12


@pytest.mark.parametrize("kind", ["ties", "clusters", "negative", "huge", "tiny", "far", "outlier"])
def test_hard_costs_do_not_mislead_it(kind: str) -> None:
    rng = np.random.default_rng(7)
    x, y = rng.standard_normal((150, 2)), rng.standard_normal((130, 2))
    a, b = masses(rng, 150), masses(rng, 130)
    if kind == "clusters":
        x, y = x * 1e-3 + rng.integers(0, 3, (150, 1)), y * 1e-3 + rng.integers(0, 3, (130, 1))
    if kind == "far":
        x, y = x + 1e6, y + 1e6
    if kind == "outlier":
        x[3] *= 1e4
    costs = np.square(x[:, None] - y).sum(2)
    costs = {"ties": rng.integers(0, 5, (150, 130)), "negative": -costs, "huge": 1e8 * costs, "tiny": 1e-8 * costs}.get(
        kind, costs
    )
    problem = Problem.of_matrix(a, b, costs)
    plan = column_generation(problem)
    scale = float(np.abs(costs).mean())
    assert plan.method == "column-generation"
    assert plan.value == pytest.approx(network_simplex(problem).value, rel=1e-8, abs=1e-10 * scale)


def test_the_pairs_that_the_start_misses_are_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("remblai.distances.exact.column_generation.NEAREST", 1)
    monkeypatch.setattr("remblai.distances.exact.column_generation.SHARPEST", 1.0)
    rng = np.random.default_rng(2)
    problem = Problem.of_points(rng.standard_normal((80, 3)), rng.standard_normal((90, 3)))
    plan = column_generation(problem)
    assert plan.iterations > 1
    assert plan.value == pytest.approx(network_simplex(problem).value, rel=1e-10)


def test_it_leaves_the_costs_that_it_was_given_alone() -> None:
    costs = np.random.default_rng(2).random((40, 50))
    before = costs.copy()
    column_generation(Problem.of_matrix(None, None, costs))
    assert (costs == before).all()


def test_infinite_costs_go_to_the_simplex_on_all_pairs() -> None:
    costs = np.random.default_rng(2).random((9, 9))
    costs[4, :8] = np.inf
    plan = column_generation(Problem.of_matrix(None, None, costs))
    assert plan.method == "network-simplex"
    assert plan.coupling[4, 8] == pytest.approx(1 / 9)


def test_without_pot_another_method_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ot", None)
    assert column_generation(Problem.of_matrix(None, None, np.eye(4))).method == "assignment"


def test_sizes_of_blocks_change_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a CPU and of a GPU differ: from many blocks to all pairs in one."""
    rng = np.random.default_rng(3)
    problem = Problem.of_points(rng.standard_normal((40, 5)), rng.standard_normal((30, 5)), "square")
    expected = network_simplex(problem).value
    for entries in (70, 10**9):
        monkeypatch.setitem(module.SMOOTHED, "cpu", entries)
        monkeypatch.setitem(module.PRICED, "cpu", entries)
        plan = column_generation(problem)
        assert plan.method == "column-generation"
        assert plan.value == pytest.approx(expected, rel=1e-12)


@pytest.mark.cuda
@pytest.mark.parametrize("method", ["auto", "column-generation", "network-simplex"])
def test_tensors_on_a_gpu_get_their_answer_there(cuda: torch.device, method: str) -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(1100, 8, generator=generator) for _ in range(2))
    here = transport(x, y, method=method)
    first, second = x.to(cuda), y.to(cuda).requires_grad_()
    there = transport(first, second, method=method)
    assert there.value.item() == pytest.approx(here.value.item(), rel=1e-9)
    assert {one.device.type for one in (there.value, there.f, there.g, *there.entries)} == {"cuda"}
    (gradient,) = torch.autograd.grad(there.value, second)
    assert gradient.device.type == "cuda"
    assert gradient.dtype == second.dtype
    lower, upper = there.certificate()
    assert lower <= there.value.item() <= upper
