"""Integration of differential equations against closed forms, and densities against those of Gaussians."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from remblai.laws.ode import METHODS, divergence, integrate, log_density

MATRIX = torch.tensor([[0.3, -0.8], [0.5, -0.2]], dtype=torch.float64)
ORDERS = {"euler": 1, "heun": 2, "dopri5": 5}


def linear(x: Tensor, t: Tensor) -> Tensor:
    """dx/dt = (1 + t) A x, whose solution at 1 is exp(1.5 A) x."""
    return (1.0 + t[:, None]) * (x @ MATRIX.T)


@pytest.mark.parametrize("method", METHODS)
def test_halving_the_steps_divides_the_error_as_the_order_says(method: str) -> None:
    x = torch.tensor([[1.0, -2.0], [0.5, 0.25]], dtype=torch.float64)
    truth = x @ torch.linalg.matrix_exp(1.5 * MATRIX).T
    few = 4 if method == "dopri5" else 64
    errors = [float((integrate(linear, x, steps, method) - truth).norm()) for steps in (few, 2 * few)]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(ORDERS[method], abs=0.25)


@pytest.mark.parametrize("method", METHODS)
def test_backwards_it_comes_back(method: str) -> None:
    x = torch.randn(5, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    there = integrate(linear, x, 400, method)
    back = integrate(linear, there, 400, method, start=1.0, end=0.0)
    torch.testing.assert_close(back, x, atol=5e-3, rtol=0)


def test_the_divergence_is_the_trace_of_the_jacobian() -> None:
    network = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3)).double()
    x = torch.randn(4, 3, dtype=torch.float64)
    value, trace = divergence(lambda y, t: network(y) * t[:, None], x, torch.full((4,), 0.5, dtype=torch.float64))
    torch.testing.assert_close(value, 0.5 * network(x))
    wanted = torch.stack([0.5 * torch.autograd.functional.jacobian(network, one).trace() for one in x])
    torch.testing.assert_close(trace, wanted)


@pytest.mark.parametrize("method", ["heun", "dopri5"])
def test_a_linear_flow_has_the_density_of_its_gaussian(method: str) -> None:
    final = torch.linalg.matrix_exp(1.5 * MATRIX)
    z = torch.randn(20, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    wanted = MultivariateNormal(torch.zeros(2, dtype=torch.float64), final @ final.T).log_prob(z)
    torch.testing.assert_close(log_density(linear, z, 25, method), wanted, atol=1e-3, rtol=0)
