"""Games on features: against brute force, other solvers and the distances that they estimate."""

import math

import pytest
import torch
from torch import nn

from remblai.config.registry import make
from remblai.critics import FEATURE_GAMES, Adversarial, GradientPenalty, KernelGame, Margin, MinibatchEnergy
from remblai.discrepancies import MMD
from remblai.distances import sinkhorn
from remblai.kernels import Energy, Gaussian
from remblai.networks import Energy as EnergyCritic
from remblai.networks.mlp import mlp, perceptron

P, Q = torch.tensor([1, 4, 5]), torch.tensor([5, 3, 2])


def energies(values, counts):
    return torch.tensor(values, dtype=torch.float64).repeat_interleave(counts)[:, None]


def test_the_margin_games_losses_by_hand():
    a, b = torch.tensor([[1.0], [3.0]]), torch.tensor([[0.5], [4.0]])
    game = Margin(margin=2.0, pulling_away=0.0)
    assert float(game.critic(a, b)) == pytest.approx(2.0 + 0.75)
    assert float(game.model(None, b)) == pytest.approx(2.25)


def test_the_best_energy_gives_the_total_variation_and_any_other_less():
    game = Margin(margin=3.0, pulling_away=0.0)
    best = [3.0, 0.0, 0.0]  # the margin where Q has more mass
    assert float(game.estimate(energies(best, P), energies(best, Q))) == pytest.approx(0.4)
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        other = (3.0 * torch.rand(3, generator=generator)).tolist()
        assert float(game.estimate(energies(other, P), energies(other, Q))) <= 0.4 + 1e-12


def test_pulling_away_is_the_mean_squared_cosine_of_different_points():
    b = torch.randn(5, 4, dtype=torch.float64)
    found = Margin(1.0, 0.5).model(None, b) - b[:, 0].mean()
    pairs = [(i, j) for i in range(5) for j in range(5) if i != j]
    cosines = [nn.functional.cosine_similarity(b[i, 1:], b[j, 1:], dim=0) ** 2 for i, j in pairs]
    torch.testing.assert_close(found, 0.5 * torch.stack(cosines).mean())


def test_pulling_away_needs_codes_and_two_points():
    for b in (torch.zeros(4, 1), torch.zeros(1, 4)):
        with pytest.raises(ValueError, match="pulling_away=0"):
            Margin().model(None, b)


@pytest.mark.parametrize("options", [{"margin": 0.0}, {"margin": math.nan}, {"pulling_away": -1.0}])
def test_a_margin_or_weight_out_of_range_is_refused(options):
    with pytest.raises(ValueError, match="margin"):
        Margin(**options)


def test_the_kernel_game_is_the_mmd_and_its_witness_tells_the_samples_apart():
    kernel, a, b = Gaussian(1.3), torch.randn(9, 3, dtype=torch.float64), torch.randn(7, 3, dtype=torch.float64) + 1
    game = KernelGame(kernel)
    torch.testing.assert_close(game.model(a, b), MMD(kernel)(a, b))
    torch.testing.assert_close(game.critic(a, b), -MMD(kernel)(a, b))
    across = game.witness(a, a, b).mean() - game.witness(b, a, b).mean()
    torch.testing.assert_close(across, MMD(kernel, biased=True)(a, b))


def by_brute_force(a, b, epsilon):
    def cost(u, v):
        return 1.0 - nn.functional.cosine_similarity(u[:, None], v[None], dim=2)

    def w(u, v):
        mass = [torch.full((len(part),), 1.0 / len(part), dtype=torch.float64) for part in (u, v)]
        return float(sinkhorn(*mass, cost(u, v), epsilon, tolerance=1e-9).value)

    x, other_x, y, other_y = a[:3], a[3:6], b[:4], b[4:8]
    across = w(x, y) + w(x, other_y) + w(other_x, y) + w(other_x, other_y)
    return across - 2 * w(x, other_x) - 2 * w(y, other_y)


def test_the_minibatch_energy_is_its_formula_over_cosine_costs():
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(n, 5, generator=generator, dtype=torch.float64) for n in (7, 8))
    found = float(MinibatchEnergy(0.2).estimate(a, b))
    assert found == pytest.approx(by_brute_force(a, b, 0.2), abs=2e-3)


def test_the_minibatch_energys_gradient_is_its_finite_difference():
    generator = torch.Generator().manual_seed(1)
    a, b = (torch.randn(6, 3, generator=generator, dtype=torch.float64) for _ in range(2))
    game = MinibatchEnergy(0.3)
    game.transport.tolerance = 1e-10
    b.requires_grad_()
    (slope,) = torch.autograd.grad(game.model(a, b), b)
    with torch.no_grad():
        for i, k in ((0, 0), (3, 2), (5, 1)):
            move = torch.zeros_like(b)
            move[i, k] = 1e-5
            difference = (game.model(a, b + move) - game.model(a, b - move)) / 2e-5
            assert float(difference) == pytest.approx(float(slope[i, k]), abs=1e-6)


def test_the_minibatch_energy_is_zero_on_average_for_equal_laws():
    generator = torch.Generator().manual_seed(2)
    draws = [
        float(MinibatchEnergy().estimate(*(torch.randn(20, 3, generator=generator) for _ in range(2))))
        for _ in range(60)
    ]
    mean, error = sum(draws) / 60, torch.tensor(draws).std().item() / math.sqrt(60)
    assert abs(mean) < 3 * error
    assert min(draws) < 0


def test_the_minibatch_energy_needs_four_points_and_has_no_slope_to_hold():
    with pytest.raises(ValueError, match="larger batch"):
        MinibatchEnergy().estimate(torch.randn(3, 2), torch.randn(8, 2))
    with pytest.raises(ValueError, match="clip"):
        Adversarial(mlp(2, 3, 8, 1), MinibatchEnergy(), GradientPenalty())


def test_the_energy_critic_answers_with_its_error_and_its_code():
    network = perceptron((2, 3), width=8, depth=1)
    torch.manual_seed(0)
    critic, x = EnergyCritic(network, 4), torch.randn(5, 2, 3)
    answers = critic(x)
    code = critic.encoder(x)
    assert answers.shape == (5, 5)
    torch.testing.assert_close(answers[:, 1:], code)
    torch.testing.assert_close(answers[:, 0], (x - critic.decoder(code)).square().sum((1, 2)))


@pytest.mark.parametrize("name", list(FEATURE_GAMES))
def test_a_critic_of_every_feature_game_learns_to_tell_laws_apart(name):
    torch.manual_seed(0)
    game = make(FEATURE_GAMES, name)
    critic = EnergyCritic(perceptron((2,), width=32, depth=1), 1) if isinstance(game, Margin) else mlp(2, 4, 32, 1)
    part = Adversarial(critic, game)
    assert part.needs_all_samples
    optimiser = torch.optim.Adam(critic.parameters(), 5e-3)
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(64, 2, generator=generator), torch.randn(64, 2, generator=generator) * 0.3 + 0.5
    before = float(part.estimate(x, y))
    for _ in range(100):
        optimiser.zero_grad()
        part.adversary_loss(x, y).backward()
        optimiser.step()
    assert float(part.estimate(x, y)) > before + 0.05
    y.requires_grad_()
    (slope,) = torch.autograd.grad(part(x, y), y)
    assert slope.abs().sum() > 0


def test_a_witness_of_features_is_held_by_a_gradient_penalty():
    torch.manual_seed(0)
    part = Adversarial(mlp(2, 4, 16, 1), KernelGame(Energy()), GradientPenalty(7.0))
    x, y = torch.randn(6, 2), torch.randn(6, 2)
    torch.manual_seed(1)
    loss = part.adversary_loss(x, y)
    torch.manual_seed(1)
    place = torch.rand(6, 1)
    between = (y + place * (x - y)).requires_grad_()
    a, b = part.critic(x), part.critic(y)
    f = part.critic(between)
    witness = -torch.cdist(f, a).mean(1) + torch.cdist(f, b).mean(1)
    (slope,) = torch.autograd.grad(witness.sum(), between, create_graph=True)
    expected = -MMD(Energy())(a, b) + 7.0 * (slope.norm(dim=1) - 1).square().mean()
    torch.testing.assert_close(loss, expected)


def test_features_of_a_wrong_shape_are_refused():
    part = Adversarial(nn.Sequential(nn.Linear(2, 1), nn.Flatten(0)), KernelGame(Energy()))
    with pytest.raises(ValueError, match=r"features \(5, k\)"):
        part(torch.randn(5, 2), torch.randn(5, 2))


def test_codes_of_zero_pull_nothing_away():
    scores = torch.cat([torch.ones(4, 1), torch.zeros(4, 3)], 1)
    assert float(Margin(pulling_away=0.5).model(None, scores)) == 1.0
