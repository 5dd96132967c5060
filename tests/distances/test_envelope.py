"""A second derivative that is not known is an error, never 0."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from remblai.discrepancies import MMD, CramerWold, Entropic, Exact, Frechet, Sliced
from remblai.distances import circle, line, sinkhorn_divergence, transport
from remblai.kernels import Gaussian

X, Y = (torch.randn(n, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(n)) for n in (6, 7))

VALUES: dict[str, Callable[[Tensor], Tensor]] = {
    "exact": lambda x: transport(x, Y).value,
    "entropic": lambda x: transport(x, Y, epsilon=0.5).value,
    "divergence": lambda x: sinkhorn_divergence(x, Y, epsilon=0.5).value,
    "line": lambda x: line.transport_cost(x[:, 0], Y[:, 0]),
    "circle": lambda x: circle.transport_cost(x[:, 0], Y[:, 0]),
    "Exact": lambda x: Exact()(x, Y),
    "Entropic": lambda x: Entropic()(x, Y),
    "Sliced": lambda x: Sliced(20, seed=0)(x, Y),
    "Frechet": lambda x: Frechet()(x, Y),
    "CramerWold": lambda x: CramerWold(0.3)(x, Y),
    "MMD of many": lambda x: MMD(Gaussian(1.0))(x.repeat(60, 1), Y),
}


@pytest.mark.parametrize("name", list(VALUES))
def test_second_derivatives_are_refused(name: str) -> None:
    value = VALUES[name]
    with pytest.raises(RuntimeError, match="differentiable once"):
        torch.autograd.functional.hessian(value, X)
    x = X.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(value(x), x, create_graph=True)
    (plain,) = torch.autograd.grad(value(x), x)
    assert torch.equal(gradient.detach(), plain)
    with pytest.raises(RuntimeError, match="differentiable once"):
        (value(x) + gradient.square().sum()).backward()


def test_a_second_derivative_that_is_known_is_right() -> None:
    x = X.clone().requires_grad_()
    hessian = torch.autograd.functional.hessian(lambda x: MMD(Gaussian(1.0))(x, Y), x)
    (ahead,) = torch.autograd.grad(MMD(Gaussian(1.0))(x + 1e-5, Y), x)
    (behind,) = torch.autograd.grad(MMD(Gaussian(1.0))(x - 1e-5, Y), x)
    torch.testing.assert_close(hessian.sum((2, 3)), (ahead - behind) / 2e-5, rtol=1e-6, atol=1e-8)
