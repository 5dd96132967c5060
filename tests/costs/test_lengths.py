"""Distances of all pairs, differentiated twice."""

import torch

from remblai.costs import distances


def points(n: int, d: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, generator=generator, dtype=torch.float64).requires_grad_()


def test_both_derivatives_are_those_of_finite_differences() -> None:
    x, y = points(5, 3, 0), points(4, 3, 1)
    assert torch.autograd.gradcheck(distances, (x, y))
    assert torch.autograd.gradgradcheck(distances, (x, y))


def test_a_gradient_that_is_kept_for_a_second_one_is_the_same() -> None:
    x, y = points(6, 2, 0), points(3, 2, 1)
    weights = torch.randn(6, 3, dtype=torch.float64)
    once, again = (
        torch.autograd.grad((weights * distances(x, y)).sum(), (x, y), create_graph=kept) for kept in (False, True)
    )
    for one, other in zip(once, again, strict=True):
        torch.testing.assert_close(one, other)


def test_equal_points_have_distance_and_gradient_zero_either_way() -> None:
    x = points(4, 2, 0)
    found = distances(x, x)
    assert (found.diagonal() == 0).all()
    for kept in (False, True):
        (slope,) = torch.autograd.grad(distances(x, x.detach()).diagonal().sum(), x, create_graph=kept)
        assert (slope == 0).all()
