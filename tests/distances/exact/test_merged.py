import numpy as np
import pytest
import torch

from remblai.distances import transport
from remblai.distances.exact import METHODS, kantorovich
from remblai.distances.exact.simplex import network_simplex
from remblai.distances.problem import Problem


def copies(seed: int, places: int, count: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.permutation(np.repeat(rng.standard_normal((places, 3)), count, 0))


@pytest.mark.parametrize("method", ["auto", *[name for name in METHODS if name != "assignment"]])
@pytest.mark.parametrize("even", [True, False])
def test_copies_are_merged_and_the_plan_is_split_among_them(method: str, even: bool) -> None:
    x, y = copies(0, 6, 5), copies(1, 4, 7)
    rng = np.random.default_rng(2)
    a, b = (None, None) if even else (rng.random(30) * (rng.random(30) > 0.3), rng.random(28))
    a, b = (one if one is None else one / one.sum() for one in (a, b))
    plan, whole = transport(x, y, a=a, b=b, method=method), network_simplex(Problem.of_points(x, y, "square", a, b))
    assert plan.value == pytest.approx(whole.value, rel=1e-12)
    assert plan.marginal_error < 1e-14
    assert np.abs(plan.coupling.sum(1) - (1 / 30 if a is None else a)).max() < 1e-15
    assert np.abs(plan.coupling.sum(0) - (1 / 28 if b is None else b)).max() < 1e-15
    assert len(plan.entries[0]) <= 6 + 4 - 1 + 30 + 28
    lower, upper = plan.certificate()
    assert lower <= plan.value <= upper <= lower + 1e-12
    costs = np.square(x[:, None] - y).sum(2)
    assert (plan.f[:, None] + plan.g <= costs + 1e-12).all()


def test_the_solver_sees_each_place_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def spy(problem: Problem):
        seen.append(problem.shape)
        return network_simplex(problem)

    monkeypatch.setattr(kantorovich, "METHODS", {**METHODS, "network-simplex": spy})
    transport(copies(0, 16, 5), copies(1, 14, 7))
    transport(copies(0, 30, 1), copies(1, 28, 1))
    assert seen == [(16, 14), (30, 28)]


def test_the_gradient_in_the_points_is_that_without_merging() -> None:
    x, y = (torch.from_numpy(copies(seed, 5, 4)).requires_grad_() for seed in (0, 1))
    merged = torch.autograd.grad(transport(x, y).value, (x, y))
    rng = np.random.default_rng(0)
    way = torch.from_numpy(rng.standard_normal(5))[torch.unique(x.detach(), dim=0, return_inverse=True)[1], None]
    ends = [float(transport(x.detach() + step * way, y.detach()).value) for step in (1e-6, -1e-6)]
    assert float((merged[0] * way).sum()) == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5)
