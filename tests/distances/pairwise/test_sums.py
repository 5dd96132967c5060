import pytest
import torch

from remblai.distances.pairwise.profiles import GAUSSIAN, GIBBS_LENGTH, GIBBS_SQUARE, Profile
from remblai.distances.pairwise.sums import Configuration, row_sums

CHECK = Configuration.check


def samples(d, device, n=21, m=19):
    generator = torch.Generator().manual_seed(0)
    return (torch.randn(size, d, generator=generator).to(device) for size in (n, m))


def unused(x, y):
    raise AssertionError("the check is off")


@pytest.mark.parametrize("d", [2, 20])
@pytest.mark.parametrize("length", [False, True])
def test_sums_over_a_plan_and_its_gradient_in_the_points(kernels_on, d, length):
    """Masses of 0 on both sides, pairs of equal points among them; against float64 by autograd."""
    x, y = samples(d, kernels_on)
    y[3] = x[5]
    scale = d ** (0.5 if length else 1.0)
    first, second = (torch.randn(len(one), generator=torch.Generator().manual_seed(1)) for one in (x, y))
    first[2], second[[0, 18]] = -torch.inf, -torch.inf
    biases = first.to(kernels_on), second.to(kernels_on)
    profile = Profile(GIBBS_LENGTH if length else GIBBS_SQUARE, (1.0 / scale,))
    found = row_sums(x, y, profile, unused, biases=biases)

    def costs(points):
        squares = (points[:, None] - y.double()).square().sum(2)
        return squares.where(squares == 0, squares.clamp(min=1e-30).sqrt()) if length else squares

    leaf = x.double().requires_grad_()
    plan = (biases[0].double()[:, None] + biases[1].double() - costs(leaf) / scale).exp()
    torch.testing.assert_close(found.values.double(), plan.sum(1).detach(), rtol=1e-5, atol=1e-6)
    (expected,) = torch.autograd.grad((plan.detach() * costs(leaf)).sum(), leaf)
    torch.testing.assert_close(found.gradients.double(), expected, rtol=1e-4, atol=1e-4)
    assert found.values[2] == 0.0


def test_a_kernel_that_differs_from_torch_is_not_used(kernels_on, monkeypatch):
    monkeypatch.setattr(Configuration, "check", CHECK)
    x, y = samples(2, kernels_on)

    def other(one, two):
        squares = torch.cdist(one, two).square()
        return squares, torch.ones_like(squares)

    with pytest.warns(UserWarning, match="are off by"):
        assert row_sums(x, y, Profile(GAUSSIAN), other) is None

    def right(one, two):
        value = torch.exp(-0.5 * torch.cdist(one, two).square())
        return value, -0.5 * value

    assert row_sums(x, y, Profile(GAUSSIAN), right) is None  # refused for good
    assert row_sums(x, y, Profile(GAUSSIAN), right, gradient=False) is not None  # another kernel


def test_points_of_another_precision_are_for_torch(kernels_on):
    x, y = samples(2, kernels_on)
    assert row_sums(x.double(), y.double(), Profile(GAUSSIAN), unused) is None
