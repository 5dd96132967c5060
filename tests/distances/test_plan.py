import copy
import pickle

import numpy as np
import pytest
import torch
from scipy.optimize import linprog

from remblai import distances
from remblai.distances.certificate import Interval, certificate, transformed
from remblai.distances.coupling import Dense, Lazy
from remblai.distances.envelope import with_gradients
from remblai.distances.plan import Parts, Plan
from remblai.distances.problem import Problem
from remblai.distances.solution import solved


def linear_program(a, b, costs):
    n, m = costs.shape
    marginals = np.vstack([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    found = linprog(costs.ravel(), A_eq=marginals, b_eq=np.r_[a, b])
    return found.fun, found.x.reshape(n, m), found.eqlin.marginals[:n], found.eqlin.marginals[n:]


def random_problem(n=5, m=6, seed=0):
    rng = np.random.default_rng(seed)
    a, b = rng.random(n), rng.random(m)
    return a / a.sum(), b / b.sum(), rng.random((n, m))


def plan_of(a, b, costs):
    value, coupling, f, g = linear_program(a, b, costs)
    solution = [torch.as_tensor(one) for one in (coupling, f, g)]
    problem = Problem.of_matrix(a, b, costs)
    return solved(problem, value, Dense(solution[0]), (solution[1], solution[2]), method="program")


def test_an_exact_plan_has_value_cost_and_an_empty_gap():
    a, b, costs = random_problem()
    plan = plan_of(a, b, costs)
    assert plan.value == pytest.approx(plan.cost, rel=1e-12)
    assert plan.gap == pytest.approx(0.0, abs=1e-10)
    assert plan.marginal_error < 1e-12
    lower, upper = plan.certificate()
    assert lower - 1e-12 <= plan.value <= upper + 1e-12


def test_answers_come_as_the_question_was_put():
    a, b, costs = random_problem()
    plan = plan_of(a, b, costs)
    assert isinstance(plan.value, float)
    assert isinstance(plan.coupling, np.ndarray)
    assert isinstance(plan.potentials[1], np.ndarray)
    as_tensor = plan_of(torch.as_tensor(a), b, costs)
    assert as_tensor.value.dtype == torch.float64
    assert isinstance(as_tensor.g, torch.Tensor)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("epsilon", [0.0, 0.1])
def test_a_certificate_from_anything_encloses_the_truth(seed, epsilon):
    a, b, costs = random_problem(seed=seed)
    a[2] = 0.0
    a /= a.sum()
    rng = np.random.default_rng(seed)
    problem = Problem.of_matrix(a, b, costs)
    wrong = Dense(torch.as_tensor(rng.random(costs.shape) * rng.random() / 10))
    lower, upper = certificate(problem, wrong, torch.as_tensor(rng.standard_normal(6)), epsilon)
    truth = linear_program(a, b, costs)[0]
    assert lower <= upper
    assert upper >= truth - 1e-12
    assert epsilon or lower <= truth + 1e-12


def test_transforms_make_feasible_duals():
    a, b, costs = random_problem()
    problem, g = Problem.of_matrix(a, b, costs), torch.randn(6, generator=torch.Generator().manual_seed(0)).double()
    slack = torch.as_tensor(costs) - transformed(problem, g)[:, None] - g
    assert slack.min() >= -1e-15
    assert torch.allclose(slack.amin(1), torch.zeros(5).double(), atol=1e-15)
    soft = transformed(problem, g, 0.2)
    plan = problem.a[:, None] * problem.b * torch.exp((soft[:, None] + g - torch.as_tensor(costs)) / 0.2)
    torch.testing.assert_close(plan.sum(1), problem.a)


def test_extend_gives_the_potential_at_the_points_and_elsewhere():
    x, y = np.random.default_rng(0).standard_normal((2, 6, 2))
    problem = Problem.of_points(x, y)
    value, coupling, f, g = linear_program(*(np.full(6, 1 / 6),) * 2, problem.geometry.matrix().numpy())
    plan = solved(
        problem, value, Dense(torch.as_tensor(coupling)), (torch.as_tensor(f), torch.as_tensor(g)), method="p"
    )
    np.testing.assert_allclose(plan.extend(x), f, atol=1e-9)
    assert plan.extend([[100.0, 0.0]])[0] == pytest.approx(
        min(((100 - u) ** 2 + v**2) - w for (u, v), w in zip(y, g, strict=True))
    )


def test_barycentres_are_the_plan_s_average():
    a, b, costs = random_problem()
    plan, values = plan_of(a, b, costs), np.arange(12.0).reshape(6, 2)
    np.testing.assert_allclose(plan.barycentres(values), plan.coupling @ values / a[:, None], rtol=1e-9)
    np.testing.assert_allclose(plan.barycentres(values[:, 1]), plan.barycentres(values)[:, 1], rtol=1e-12)


@pytest.mark.parametrize("values", [1.0, [], np.ones((2, 3)), [float("nan")] * 6, np.ones((6, 0))])
def test_barycentres_need_a_finite_value_for_each_place(values):
    with pytest.raises(ValueError, match="values: expected"):
        plan_of(*random_problem()).barycentres(values)


def test_an_attribute_that_a_method_does_not_give_is_an_error_that_names_the_methods_that_do():
    plan = Plan(value=1.0, method="guess", parts=Parts())
    for name in ("coupling", "entries", "f", "g", "potentials", "cost", "gap"):
        with pytest.raises(AttributeError, match=r"plan by guess has no .*emd"):
            getattr(plan, name)
    with pytest.raises(AttributeError, match="has no extend"):
        plan.extend([[0.0]])
    assert not hasattr(plan, "coupling")


def test_the_value_has_the_derivatives_of_its_problem_and_only_the_first():
    a, b, costs = random_problem()
    a, b, costs = (torch.as_tensor(one).requires_grad_() for one in (a, b, costs))
    value, coupling, f, g = linear_program(*(one.detach().numpy() for one in (a, b, costs)))
    solution = [torch.as_tensor(one) for one in (coupling, f, g)]
    plan = solved(
        Problem.of_matrix(a, b, costs), value, Dense(solution[0]), (solution[1], solution[2]), method="program"
    )
    slopes = torch.autograd.grad(2.0 * plan.value, (a, b, costs), retain_graph=True)
    for slope, expected in zip(slopes, (solution[1], solution[2], solution[0]), strict=True):
        torch.testing.assert_close(slope, 2.0 * expected)
    (slope,) = torch.autograd.grad(plan.value * plan.value, a, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiable once"):
        slope.sum().backward()


def test_without_gradients_the_value_is_returned_as_it_is():
    value = torch.tensor(1.0)
    assert with_gradients(value, []) is value
    with torch.no_grad():
        assert not with_gradients(value, [(torch.ones(1, requires_grad=True), torch.ones(1))]).requires_grad


def test_repr_says_how_far_to_trust_it():
    plan = Plan(value=0.5, method="sinkhorn", epsilon=0.1, converged=False, iterations=7, parts=Parts())
    assert "value=0.5, epsilon=0.1, method='sinkhorn', NOT converged in 7 iterations" in repr(plan)
    assert "method='network-simplex', converged, marginal" in repr(
        Plan(value=0.5, method="network-simplex", epsilon=None, converged=True, iterations=0, parts=Parts())
    )


def test_a_plan_by_a_rule_makes_its_rows_when_they_are_asked_for():
    a, b, costs = random_problem()
    asked = []

    def rule(start, stop):
        asked.append((start, stop))
        return torch.as_tensor(np.outer(a, b))[start:stop]

    plan = solved(
        Problem.of_matrix(a, b, costs),
        1.0,
        Lazy(rule, costs.shape),
        (torch.zeros(5), torch.zeros(6)),
        method="rule",
        marginal_error=0.0,
    )
    assert asked == []
    assert plan.cost == pytest.approx(a @ costs @ b)
    assert isinstance(plan.certificate(), Interval)


LIVE = {
    "emd": lambda x: distances.emd(None, None, torch.cdist(x, x[:3]) ** 2),
    "transport": lambda x: distances.transport(x, x[:3]),
    "line": lambda x: distances.line.plan(x[:, 0], x[:3, 0]),
    "entropic": lambda x: distances.transport(x, x[:3], epsilon=0.3),
    "sinkhorn": lambda x: distances.sinkhorn(None, None, torch.cdist(x, x[:3]), 0.3),
    "unbalanced": lambda x: distances.transport(x, x[:3], epsilon=0.3, unbalanced=1.0),
    "discrete": lambda x: distances.stochastic.discrete(None, None, torch.cdist(x, x[:3]), 0.3),
    "semi-discrete": lambda x: distances.stochastic.semi_discrete(
        lambda n: torch.randn(n, 2).double(), x.detach(), samples=256, evaluation=64
    ),
}


@pytest.mark.parametrize("copied", [lambda one: pickle.loads(pickle.dumps(one)), copy.deepcopy])
@pytest.mark.parametrize("method", list(LIVE))
def test_plans_pickle_and_copy(method, copied):
    leaf = torch.randn(4, 2, generator=torch.Generator().manual_seed(0)).double().requires_grad_()
    plan = LIVE[method](2.0 * leaf)
    again = copied(plan)
    assert float(again.value) == float(plan.value.detach())
    assert repr(again) == repr(plan)
    assert not (isinstance(again.value, torch.Tensor) and again.value.requires_grad)
    np.testing.assert_array_equal(np.asarray(again.g), np.asarray(plan.g))
    if method != "semi-discrete":
        np.testing.assert_array_equal(np.asarray(again.coupling), np.asarray(plan.coupling))
        assert again.cost == plan.cost
    if method not in ("semi-discrete", "unbalanced"):
        assert again.certificate() == plan.certificate()
    if method in ("transport", "entropic"):
        np.testing.assert_array_equal(np.asarray(again.extend([[1.0, 2.0]])), np.asarray(plan.extend([[1.0, 2.0]])))


@pytest.mark.parametrize("copied", [lambda one: pickle.loads(pickle.dumps(one)), copy.deepcopy])
def test_sinkhorn_divergences_pickle_and_copy(copied):
    x = 2.0 * torch.randn(4, 2, generator=torch.Generator().manual_seed(0)).double().requires_grad_()
    found = distances.sinkhorn_divergence(x, x[:3] + 1.0, 0.5)
    again = copied(found)
    assert float(again.value) == float(found.value.detach())
    torch.testing.assert_close(again.f, found.f)


@pytest.mark.parametrize("copied", [lambda one: pickle.loads(pickle.dumps(one)), copy.deepcopy])
def test_batches_pickle_and_copy(copied):
    found = distances.batch(None, None, torch.ones(2, 3, 3).requires_grad_() * 2.0, 0.5)
    again = copied(found)
    assert type(again) is type(found)
    torch.testing.assert_close(again.values, found.values.detach())


def test_an_unbalanced_plan_maps_its_places_to_their_barycentres() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 2)), rng.normal(size=(15, 2)) + 1.0
    plan = distances.transport(x, y, epsilon=0.5, unbalanced=1.0)
    np.testing.assert_allclose(plan.map(x), plan.barycentres(y), rtol=1e-9)


@pytest.mark.parametrize("options", [{}, {"epsilon": 0.1}, {"method": "network-simplex"}])
def test_blocks_and_maps_do_not_depend_on_how_a_plan_is_kept(options: dict) -> None:
    rng = np.random.default_rng(0)
    x, y = torch.tensor(rng.normal(size=(4, 2)), requires_grad=True), torch.tensor(rng.normal(size=(5, 2)))
    plan = distances.transport(x, y, **options)
    assert plan.block(1, 3).shape == (2, 5)
    assert plan.map(np.zeros((2, 2))).numpy().shape == (2, 2)  # without a graph, though x has a gradient
    for rows in ((3, 20), (3, 1), (-1, 2)):
        with pytest.raises(ValueError, match=r"block: expected rows 0 <= start <= stop <= 4"):
            plan.block(*rows)
