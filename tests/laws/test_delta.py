import pytest
import torch

from remblai.laws.delta import Delta, Pushforward


def test_shapes_and_samples_of_a_constant():
    point = torch.randn(5, 2, 3)
    law = Delta(point, event_dims=2)
    assert law.batch_shape == (5,)
    assert law.event_shape == (2, 3)
    assert law.sample().equal(point)
    assert law.sample((4, 7)).shape == (4, 7, 5, 2, 3)
    assert law.sample((4,))[2].equal(point)
    assert law.mean.equal(point)
    assert law.mode.equal(point)
    assert not law.variance.any()
    assert not law.stddev.any()


def test_expand_is_the_same_law():
    point = torch.randn(3)
    law = Delta(point).expand((4, 2))
    assert (law.batch_shape, law.event_shape) == ((4, 2), (3,))
    assert law.sample((6,)).equal(point.expand(6, 4, 2, 3))


def test_gradient_reaches_the_point_through_rsample_only():
    point = torch.zeros(2, 3, requires_grad=True)
    law = Delta(point)
    law.rsample((5,)).sum().backward()
    assert point.grad.equal(torch.full((2, 3), 5.0))
    assert not law.sample().requires_grad


def test_no_density_says_which_law_has_one():
    with pytest.raises(ValueError, match=r"deterministic law.*no density.*Use the encoder 'gaussian'"):
        Delta(torch.zeros(2, 3)).log_prob(torch.zeros(2, 3))
    law = Pushforward(torch.zeros(2, 3), torch.zeros(2, 3, 3), lambda z: z)
    with pytest.raises(ValueError, match=r"implicit law.*no density.*Use the encoder 'gaussian'"):
        law.log_prob(torch.zeros(2, 3))


def test_event_larger_than_the_point_is_refused():
    with pytest.raises(ValueError, match="between 0 and 1 event dimensions"):
        Delta(torch.zeros(3), event_dims=2)


def test_moments_of_a_pushforward():
    """Without a transform the law is N(m, A A^T)."""
    torch.manual_seed(0)
    location, mixing = torch.randn(2, 3), torch.randn(2, 3, 3)
    law = Pushforward(location, mixing, lambda z: z)
    draws = law.sample((100_000,))
    torch.testing.assert_close(draws.mean(0), location, atol=0.03, rtol=0)
    for i in range(2):
        torch.testing.assert_close(draws[:, i].T.cov(), mixing[i] @ mixing[i].T, atol=0.1, rtol=0.05)
    assert law.mean.equal(location)


def test_a_pushforward_expands_transforms_and_differentiates():
    location = torch.zeros(3, requires_grad=True)
    mixing = torch.eye(3).requires_grad_()
    law = Pushforward(location, mixing, torch.tanh).expand((4,))
    z = law.rsample((6,))
    assert z.shape == (6, 4, 3)
    assert z.abs().max() < 1
    z.sum().backward()
    assert location.grad.all()
    assert mixing.grad.all()
