import pytest
import torch

from remblai.distances.stochastic.semidual import response


def random_semidual(epsilon, seed=0):
    torch.manual_seed(seed)
    a, b = torch.rand(2, 6, dtype=torch.float64) + 0.1
    costs, g = torch.rand(6, 6, dtype=torch.float64), torch.randn(6, dtype=torch.float64)
    return costs, a / a.sum(), g, b / b.sum(), epsilon


def semidual(costs, a, g, b, epsilon):
    return float(b @ g + a @ response(costs, a, g, b, epsilon).f)


@pytest.mark.parametrize("epsilon", [0.0, 0.05, 1.0])
def test_the_gradient_is_b_less_what_is_received(epsilon):
    costs, a, g, b, _ = random_semidual(epsilon)
    gradient = b - response(costs, a, g, b, epsilon).received
    for j in range(6):
        nudge = torch.zeros_like(g)
        nudge[j] = 1e-6
        slope = (semidual(costs, a, g + nudge, b, epsilon) - semidual(costs, a, g - nudge, b, epsilon)) / 2e-6
        assert slope == pytest.approx(float(gradient[j]), abs=1e-7)


def test_all_mass_is_given_and_the_soft_minimum_tends_to_the_minimum():
    costs, a, g, b, _ = random_semidual(0.0)
    hard = response(costs, a, g, b, 0.0)
    assert float(hard.received.sum()) == pytest.approx(1.0)
    torch.testing.assert_close(response(costs, a, g, b, 1e-4).f, hard.f, atol=1e-3, rtol=0.0)
    torch.testing.assert_close(response(costs, a, g, b, 1e-4).received, hard.received)
