"""The perceptual cost against its formula and finite differences, on features of the table and of one's own."""

import copy

import pytest
import torch

from remblai.costs import Laplacian, Perceptual
from remblai.discrepancies import Entropic, Exact
from remblai.features import FEATURES, Features, need_data
from remblai.features.trained import shipped

GENERATOR = torch.Generator().manual_seed(0)
X, Y = (torch.rand(3, 1, 8, 8, generator=GENERATOR, dtype=torch.float64) for _ in range(2))


@pytest.mark.parametrize("pixels", [0.0, 0.5])
@pytest.mark.parametrize("name", ["digits", "random-convolutions", "pixels"])
def test_it_is_the_sum_of_both_squares(name, pixels):
    cost = Perceptual(name, weight=0.25, pixels=pixels)
    network = shipped("digits") if name == "digits" else FEATURES[name](*([(1, 8, 8)] if "random" in name else []))
    found = network.double()
    truth = [
        [float(0.25 * (found(a[None]) - found(b[None])).square().sum() + pixels * (a - b).square().sum()) for b in Y]
        for a in X
    ]
    expected = torch.tensor(truth, dtype=torch.float64)
    torch.testing.assert_close(cost.matrix(X, Y), expected)
    torch.testing.assert_close(cost(X, Y), expected.diagonal())


@pytest.mark.parametrize("name", ["digits", "random-convolutions"])
def test_its_gradient_is_that_of_finite_differences_along_random_directions(name):
    cost, y = Perceptual(name, pixels=0.0), Y.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(cost(X, y).sum(), y)
    assert gradient.abs().amax() > 0.1
    for _ in range(5):
        way = torch.randn(Y.shape, generator=GENERATOR, dtype=torch.float64)
        slope = (cost(X, Y + 1e-6 * way).sum() - cost(X, Y - 1e-6 * way).sum()) / 2e-6
        assert float((gradient * way).sum()) == pytest.approx(float(slope), rel=1e-5)


def test_points_between_samples_come_as_rows():
    cost = Perceptual("digits")
    values = torch.tensor([[float(cost(a[None], b[None])) for b in Y] for a in X])
    least = min(
        values[[0, 1, 2], list(order)].sum()
        for order in torch.tensor([[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]])
    )
    assert float(Exact(cost)(X, Y)) == pytest.approx(float(least) / 3, rel=1e-6)


@pytest.mark.parametrize("discrepancy", [Exact, Entropic])
def test_a_value_takes_the_features_of_each_point_once_and_is_that_of_the_plan(discrepancy):
    seen = []

    def features(x):
        seen.append(len(x))
        return x.flatten(1)[:, :9].square()

    d = discrepancy(Perceptual(features, weight=2.0))
    y = Y.clone().requires_grad_()
    d.check(X[0])
    seen.clear()
    value = d(X, y)
    assert seen == [len(X), len(Y)]
    by_plan = d.solved(X, y).value if discrepancy is Entropic else d.plan(X, y).value
    torch.testing.assert_close(value, by_plan, rtol=1e-6, atol=0)
    found, expected = (torch.autograd.grad(one, y)[0] for one in (value, by_plan))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("discrepancy", [Exact, Entropic])
@pytest.mark.parametrize("cost", [Perceptual("random-convolutions"), Laplacian()])
def test_generators_and_penalties_check_it_on_images_alone(discrepancy, cost):
    discrepancy(cost).check(X[0])
    with pytest.raises(ValueError, match="expected images"):
        discrepancy(cost).check(torch.zeros(8))


def test_its_features_are_shared_by_copies_and_stay_what_they_are():
    part = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.BatchNorm1d(64), torch.nn.Linear(64, 2))
    cost = Perceptual(part)
    before = {name: value.clone() for name, value in part.state_dict().items()}
    y = Y.float().requires_grad_()
    cost(X.float(), y).sum().backward()
    assert copy.deepcopy(cost) is cost
    assert all(torch.equal(value, before[name]) for name, value in part.state_dict().items())
    assert all(parameter.grad is None and parameter.requires_grad for parameter in part.parameters())


def test_what_cannot_be_a_cost_is_refused():
    rounded = Features("bytes", lambda x: (255 * x).to(torch.uint8).flatten(1).float(), "")
    with pytest.raises(ValueError, match=r"features bytes: expected features with a gradient.*random-convolutions"):
        Perceptual(rounded)(X, Y)
    for name in (name for name in FEATURES if need_data(name)):
        with pytest.raises(ValueError, match=f"features {name}: they are fitted to data"):
            Perceptual(name)(X, Y)
    with pytest.raises(ValueError, match=r"images of shape \(1, 28, 28\), got \(1, 8, 8\)"):
        Perceptual("mnist")(X, Y)
    with pytest.raises(ValueError, match="unknown features 'digit'"):
        Perceptual("digit")(X, Y)
    with pytest.raises(ValueError, match="finite weight above 0, got 0"):
        Perceptual(weight=0.0)
    with pytest.raises(ValueError, match="finite pixels of at least 0, got -1"):
        Perceptual(pixels=-1.0)
