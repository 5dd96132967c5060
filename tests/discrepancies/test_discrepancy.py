import copy
import itertools
import math
import pickle
from functools import partial

import numpy as np
import pytest
import torch
from torch.distributions import Independent, Normal, Uniform

from remblai.config.registry import make, options
from remblai.costs import Laplacian
from remblai.critics import ALL_DISCREPANCIES, GAMES, LIPSCHITZ
from remblai.discrepancies import MMD, Custom, Discrepancy, Entropic, Exact, Sliced, as_discrepancy
from remblai.discrepancies.inputs import check_finite, check_samples
from remblai.kernels import Energy
from remblai.laws import PRIORS


@pytest.fixture(params=list(ALL_DISCREPANCIES))
def discrepancy(request):
    torch.manual_seed(0)
    prior = PRIORS["normal"](4)
    return make(ALL_DISCREPANCIES, request.param, prior=prior, latent=4)


def test_gives_a_scalar_with_a_gradient_in_the_model(discrepancy):
    x, y = torch.randn(6, 4), torch.randn(5, 4, requires_grad=True)
    for loss in (discrepancy(x, y), discrepancy.to_law(y, PRIORS["normal"](4)())):
        assert loss.shape == ()
        (slope,) = torch.autograd.grad(loss, y)
        assert slope.shape == y.shape
        assert slope.abs().sum() > 0
    assert discrepancy.estimate(x, y).shape == ()


@pytest.mark.parametrize("solver", [Exact, partial(Entropic, epsilon=1e-3, debiased=False)])
def test_transport_of_images_takes_the_cost_of_images(solver):
    torch.manual_seed(0)
    x, y = torch.rand(2, 3, 2, 5, 4, dtype=torch.float64)
    costs = Laplacian().matrix(x, y)
    least = min(costs[range(3), order].mean() for order in itertools.permutations(range(3)))
    torch.testing.assert_close(solver("laplacian")(x, y), least, rtol=1e-2, atol=0.0)
    rows = Laplacian(shape=(2, 5, 4))
    torch.testing.assert_close(solver(rows)(x.flatten(1), y.flatten(1)), solver("laplacian")(x, y))
    with pytest.raises(ValueError, match="manhattan or square for points"):
        solver("laplacian")(x.flatten(1), y.flatten(1))


def test_adversary_never_reaches_the_model(discrepancy):
    x, y = torch.randn(6, 4), torch.randn(5, 4, requires_grad=True)
    for loss in (discrepancy.adversary_loss(x, y), discrepancy.adversary_loss_to_law(y, PRIORS["normal"](4)())):
        if loss is not None:
            loss.backward()
    assert y.grad is None


def test_computes_in_single_precision_under_autocast(discrepancy):
    x, y = torch.randn(6, 4), torch.randn(6, 4)
    with torch.autocast("cpu", torch.bfloat16):
        assert discrepancy(x.bfloat16(), y.bfloat16()).dtype == torch.float32


def test_in_double_precision(discrepancy):
    discrepancy = discrepancy.double()
    assert discrepancy(torch.randn(6, 4).double(), torch.randn(6, 4).double()).dtype == torch.float64


def test_compiled_equals_eager(discrepancy):
    x, y = torch.randn(6, 4), torch.randn(6, 4, requires_grad=True)
    found = []
    for call in (torch.compile(discrepancy.forward, backend="aot_eager", fullgraph=discrepancy.compiles), discrepancy):
        torch.manual_seed(0)
        loss = call(x, y)
        found.append((loss, torch.autograd.grad(loss, y)[0]))
    torch.testing.assert_close(*(loss for loss, _ in found))
    torch.testing.assert_close(*(slope for _, slope in found), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (torch.zeros(5, 4), torch.zeros(5, 3), r"\(4,\) against \(3,\)"),
        (torch.zeros(0, 4), torch.zeros(5, 4), r"n, d >= 1, got \(0, 4\)"),
        (torch.zeros(5, 4), torch.zeros(5, 0), "n, d >= 1"),
        (torch.zeros(5), torch.zeros(5), r"n, d >= 1, got \(5,\)"),
        (torch.zeros(5, 4).int(), torch.zeros(5, 4), "floating point"),
    ],
)
def test_samples_that_do_not_fit_are_refused(discrepancy, x, y, message):
    for call in (discrepancy, discrepancy.estimate, check_samples):
        with pytest.raises(ValueError, match=message):
            call(x, y)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_estimate_refuses_values_that_are_not_finite(discrepancy, value):
    x, y = torch.zeros(5, 4), torch.zeros(5, 4)
    y[3, 1] = value
    for call in (discrepancy.estimate, check_finite):
        with pytest.raises(ValueError, match="1 of 5 points of y"):
            call(x, y)


def test_a_law_of_another_dimension_is_refused(discrepancy):
    for law in (PRIORS["normal"](3)(), PRIORS["uniform"](3)()):
        with pytest.raises(ValueError, match="points of one shape"):
            discrepancy.to_law(torch.zeros(5, 4), law)


class Means(Discrepancy):
    def forward(self, x, y):
        return (x.mean() - y.mean()).square()


def test_arrays_are_taken_as_tensors(discrepancy):
    x, y = np.random.default_rng(0).normal(size=(2, 8, 4)).astype(np.float32)
    values = []
    for pair in ((x, y), (torch.from_numpy(x), y), (torch.from_numpy(x), torch.from_numpy(y))):
        for measure in (discrepancy, discrepancy.estimate):
            torch.manual_seed(0)
            values.append(float(measure(*pair).detach()))
    assert values[:2] == values[2:4] == values[4:]


def test_a_kernel_is_not_given_by_its_name():
    with pytest.raises(ValueError, match=r"such as kernels.Gaussian\(scale=1.0\).* got 'gaussian'"):
        MMD("gaussian")


def test_the_interface_samples_as_many_points_and_has_no_critic():
    class Counted(Normal):
        drawn: tuple[int, ...] = ()

        def sample(self, sample_shape=()):
            self.drawn = tuple(sample_shape)
            return super().sample(sample_shape)

    law, y = Counted(torch.zeros(2), torch.ones(2)), torch.randn(7, 2)
    assert Means().to_law(y, law).shape == ()
    assert law.drawn == (7,)
    assert Means().adversary_loss(y, y) is None
    assert Means().adversary_loss_to_law(y, Independent(Uniform(-torch.ones(2), torch.ones(2)), 1)) is None
    assert Means.needs_all_samples


def test_a_function_or_module_is_a_discrepancy():
    x, y = torch.randn(6, 3), torch.randn(5, 3, requires_grad=True)
    wrapped = as_discrepancy(lambda one, other: (one.mean(0) - other.mean(0)).square().sum())
    assert isinstance(wrapped, Discrepancy)
    expected = (x.mean(0) - y.mean(0)).square().sum()
    torch.testing.assert_close(wrapped(x, y), expected)
    torch.testing.assert_close(wrapped.estimate(x, y), expected)
    law = PRIORS["normal"](3)()
    torch.autograd.grad(wrapped.to_law(y, law), y)
    assert as_discrepancy(wrapped) is wrapped
    assert float(as_discrepancy(lambda one, other: 2.0)(x, y)) == 2.0


def test_the_weights_of_a_module_are_no_parameters_of_its_discrepancy():
    features = torch.nn.Bilinear(3, 3, 1)
    wrapped = as_discrepancy(features)
    x = torch.randn(1, 3)
    torch.testing.assert_close(wrapped(x, x), features(x, x).reshape(()))
    assert not list(wrapped.parameters()) and not wrapped.state_dict()
    assert float(copy.deepcopy(wrapped)(x, x)) == float(features(x, x))
    assert float(pickle.loads(pickle.dumps(wrapped))(x, x)) == float(features(x, x))


def test_what_is_no_discrepancy_is_refused():
    with pytest.raises(ValueError, match="a Discrepancy or a function of two samples, got 3 of type int"):
        as_discrepancy(3)
    with pytest.raises(ValueError, match=r"expected one number from <lambda>, got \(5,\): take the mean"):
        Custom(lambda x, y: y[:, 0])(torch.zeros(4, 2), torch.zeros(5, 2))


@pytest.mark.parametrize("table", [ALL_DISCREPANCIES, GAMES, LIPSCHITZ])
def test_every_option_has_help(table):
    for factory in table.values():
        assert all(option.help for option in options(factory, {}))


def test_samples_on_two_devices_are_refused():
    with pytest.raises(ValueError, match="expected samples on one device, got x on meta and y on cpu"):
        Sliced(5)(torch.zeros(4, 2, device="meta"), torch.zeros(4, 2))


@pytest.mark.parametrize("size", [1e19, 1e30])
def test_an_estimate_that_overflows_is_refused_and_no_nan(size):
    x, y = size * torch.randn(20, 3), size * torch.randn(20, 3)
    with pytest.raises(ValueError, match="of such large values overflows: scale the samples"):
        MMD(Energy()).estimate(x, y)
    assert math.isfinite(float(MMD(Energy()).estimate(x.double(), y.double())))
