import numpy as np
import pytest
import torch

from remblai.distances import Plan, Plans, transport
from remblai.distances.entropic import clouds as clouds_module


@pytest.fixture
def clouds():
    generator = torch.Generator().manual_seed(2)
    x, y = (torch.randn(3, n, 2, generator=generator).double() for n in (6, 4))
    a = torch.rand(3, 6, generator=generator).double()
    return x, y + torch.arange(3.0)[:, None, None], a / a.sum(1, keepdim=True)


OPTIONS = [{}, {"epsilon": 0.5, "tolerance": 1e-11}, {"epsilon": 0.1, "relative": True, "tolerance": 1e-11}]


@pytest.mark.parametrize("options", [*OPTIONS, {"epsilon": 0.5, "form": "log"}, {"epsilon": 0.5, "unbalanced": 1.0}])
def test_plans_of_clouds_equal_those_of_each(options, clouds):
    found = []
    for looped in (False, True):
        x, y, a = (one.clone().requires_grad_() for one in clouds)
        plans = transport(x, y, "euclidean", a, **options)
        assert isinstance(plans, Plans)
        if looped:
            plans = [transport(*one[:2], "euclidean", one[2], **options) for one in zip(x, y, a, strict=True)]
        values = torch.stack([plan.value for plan in plans]) if looped else plans.value
        gradients = torch.autograd.grad(values @ torch.tensor([1.0, 2.0, 3.0]).double(), (x, y, a))
        couplings = torch.stack([plan.coupling for plan in plans])
        found.append((values, couplings, *gradients[:2], gradients[2] - gradients[2].mean(1, keepdim=True)))
    for once, loop in zip(*found, strict=True):
        torch.testing.assert_close(once, loop, rtol=1e-7, atol=1e-9)


def test_attributes_are_those_of_the_plans(clouds):
    x, y, a = clouds
    plans = transport(x, y, a=a, epsilon=0.5)
    assert len(plans) == 3
    assert isinstance(plans[1], Plan)
    assert [type(part) for part in (plans[:2], list(plans))] == [Plans, list]
    assert plans[0].method == "sinkhorn (batch)"
    assert plans.coupling.shape == (3, 6, 4)
    torch.testing.assert_close(plans.coupling.sum(2), a, rtol=0.0, atol=1e-6)
    assert plans.f.shape == (3, 6)
    assert plans.potentials[1].shape == (3, 4)
    assert plans.converged.tolist() == [True] * 3
    for k, plan in enumerate(plans):
        lower, upper = plan.certificate()
        assert lower <= plan.value <= upper
        assert plans.cost[k] == plan.cost
        torch.testing.assert_close(plans.map(y)[k], plan.map(y[k]))
    assert (plans.gap < 1e-4).all()
    assert (plans.marginal_error < 1e-6).all()
    assert (plans.iterations > 0).all()
    assert (plans.epsilon == 0.5).all()
    assert "3 plans by 'sinkhorn (batch)', converged" in repr(plans)


@pytest.mark.parametrize("options", [{}, {"epsilon": 0.5}])
def test_arrays_come_back_as_arrays(options, clouds):
    x, y, a = (one.numpy() for one in clouds)
    plans = transport(x, y, a=a, **options)
    for value in (plans.value, plans.coupling, plans.f, plans.converged, plans.map(x), plans[0].coupling):
        assert isinstance(value, np.ndarray)
    assert isinstance(plans[0].value, float)
    np.testing.assert_allclose(plans.value, transport(*clouds[:2], a=clouds[2], **options).value.numpy())


def test_a_problem_that_needs_many_passes_leaves_the_batch(clouds, monkeypatch):
    x, y, _ = clouds
    monkeypatch.setattr(clouds_module, "PASSES", 3)
    monkeypatch.setattr(clouds_module, "ENTRIES", 30)
    plans = transport(x, y, epsilon=0.05)
    assert all(plan.method != "sinkhorn (batch)" for plan in plans)
    assert plans.converged.all()


@pytest.mark.parametrize(
    ("x", "y", "a", "message"),
    [
        (np.zeros((3, 4, 2)), np.zeros((2, 4, 2)), None, r"as many clouds on both sides.*\(3, 4, 2\) and \(2, 4, 2\)"),
        (np.zeros((3, 4, 2)), np.zeros((4, 2)), None, "as many clouds"),
        (np.zeros((4, 2)), np.zeros((3, 4, 2)), None, "as many clouds"),
        (np.zeros((0, 4, 2)), np.zeros((0, 4, 2)), None, "B >= 1"),
        (np.zeros((2, 4, 2)), np.zeros((2, 3, 2)), [0.25] * 4, r"masses a: expected shape \(2, 4\), a row for each"),
        (np.zeros((2, 4, 2)), np.zeros((2, 3, 1)), None, "of one dimension d"),
        (np.full((2, 4, 2), np.nan), np.zeros((2, 3, 2)), None, "finite"),
    ],
)
def test_bad_input_is_refused(x, y, a, message):
    for epsilon in (None, 0.1):
        with pytest.raises(ValueError, match=message):
            transport(x, y, a=a, epsilon=epsilon)


def test_new_points_are_a_cloud_for_each_plan(clouds):
    plans = transport(*clouds[:2])
    with pytest.raises(ValueError, match=r"a cloud of new points for each plan, \(3, k, d\), got \(6, 2\)"):
        plans.map(clouds[0][0])
