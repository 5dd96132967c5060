import math

import pytest
import torch
from torch import nn
from torch.distributions import Normal

from remblai.config.registry import make
from remblai.critics import GAMES, FDivergence, Hinge, Kantorovich, LeastSquares, Logistic, LogRatio
from remblai.critics.games import LARGEST
from remblai.distances import DIVERGENCES, f_divergence

P, Q = torch.tensor([1, 4, 5]), torch.tensor([5, 3, 2])  # tenths, on three atoms
p, q = P.double() / 10, Q.double() / 10
LAWS_001 = torch.tensor([[1, 2, 1, 2, 1, 2, 1], [1, 1, 1, 1, 1, 1, 4]])  # the example of facts 1.2, in tenths


def scores(f, counts):
    """A critic's scores of a sample that holds each atom as often as the law says."""
    return f.repeat_interleave(counts)


BEST = {
    "logistic": ((p / q).log(), 0.5 * ((p * (2 * p / (p + q)).log()).sum() + (q * (2 * q / (p + q)).log()).sum())),
    "hinge": ((p - q).sign(), 0.5 * (p - q).abs().sum()),
    "least-squares": (p / (p + q), 0.5 * ((p - q).square() / (p + q)).sum()),
}


@pytest.mark.parametrize("name", BEST)
def test_the_best_critic_gives_the_distance_and_any_other_less(name):
    game, (best, distance) = make(GAMES, name), BEST[name]
    assert float(game.estimate(scores(best, P), scores(best, Q))) == pytest.approx(float(distance), abs=1e-12)
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        other = best + 0.3 * torch.randn(3, generator=generator, dtype=torch.float64)
        assert game.estimate(scores(other, P), scores(other, Q)) <= distance + 1e-12
        assert game.critic(scores(other, P), scores(other, Q)) >= game.critic(scores(best, P), scores(best, Q)) - 1e-12


@pytest.mark.parametrize(("name", "largest"), [("logistic", math.log(2)), ("hinge", 1.0), ("least-squares", 1.0)])
def test_laws_apart_reach_the_largest_distance_and_equal_ones_zero(name, largest):
    game = make(GAMES, name)
    sure = torch.tensor([1.0]) if name == "least-squares" else torch.tensor([60.0])
    unsure = torch.tensor([0.5]) if name == "least-squares" else torch.zeros(1)
    assert float(game.estimate(sure, 0 * sure if name == "least-squares" else -sure)) == pytest.approx(largest)
    assert float(game.estimate(unsure, unsure)) == pytest.approx(0.0, abs=1e-7)


def test_kantorovich_potential_of_the_linear_programme():
    """The pair of facts 1.2 has W1 = 0.9, reached by the potential f_i = -i."""
    real, fake = LAWS_001.flip(0)[1], LAWS_001.flip(0)[0]
    f = -torch.arange(7.0)
    assert float(Kantorovich().estimate(scores(f, real), scores(f, fake))) == pytest.approx(0.9)


def test_jensen_shannon_of_the_linear_programmes_pair():
    real, fake = LAWS_001.double()
    f = (real / fake).log()
    found = Logistic().estimate(scores(f, LAWS_001[0]), scores(f, LAWS_001[1]))
    assert float(found) == pytest.approx(0.073671, abs=1e-6)


def test_logistic_losses_are_the_papers():
    a, b = torch.randn(20, dtype=torch.float64), torch.randn(20, dtype=torch.float64)
    real, fake = torch.sigmoid(a), torch.sigmoid(b)
    torch.testing.assert_close(Logistic().critic(a, b), -(real.log().mean() + (1 - fake).log().mean()))
    torch.testing.assert_close(Logistic().model(None, b), -fake.log().mean())
    torch.testing.assert_close(Logistic(saturating=True).model(None, b), (1 - fake).log().mean())


@pytest.mark.parametrize("saturating", [False, True])
def test_logistic_neither_overflows_nor_loses_its_gradient(saturating):
    a, b = torch.tensor([-1e4, 1e4]), torch.tensor([-1e4, 1e4], requires_grad=True)
    game = Logistic(saturating)
    assert torch.isfinite(game.critic(a, b))
    (slope,) = torch.autograd.grad(game.model(None, b), b)
    assert torch.isfinite(slope).all()
    # A fake that the critic sees through: the saturating loss says nothing, the other all it can.
    assert float(slope[0]) == pytest.approx(0.0 if saturating else -0.5, abs=1e-6)


@pytest.mark.parametrize("name", list(GAMES))
def test_the_model_wants_higher_scores_and_the_critic_lower_ones_for_it(name):
    a, b = torch.zeros(5), torch.full((5,), 0.3, requires_grad=True)
    game = make(GAMES, name)
    assert (torch.autograd.grad(game.model(a, b), b)[0] < 0).all()
    assert (torch.autograd.grad(game.critic(a, b), b)[0] > 0).all()


@pytest.mark.parametrize("name", list(GAMES))
def test_samples_of_unequal_sizes_are_means_each(name):
    game, a, b = make(GAMES, name), torch.randn(4), torch.randn(3)
    torch.testing.assert_close(game.critic(a.repeat(2), b), game.critic(a, b))
    torch.testing.assert_close(game.model(a, b.repeat(3)), game.model(a, b))


def test_hinge_and_least_squares_by_hand():
    a, b = torch.tensor([2.0, 0.0]), torch.tensor([-2.0, 1.0])
    assert float(Hinge().critic(a, b)) == pytest.approx(0.5 + 1.0)
    assert float(LeastSquares().critic(a, b)) == pytest.approx((1.0 + 2.5) / 2)
    assert float(LeastSquares().model(a, b)) == pytest.approx(2.25)
    assert float(Hinge().model(a, b)) == pytest.approx(0.5)


def logits(divergence, ratio):
    """The critic's free output at which its activation is the best critic f'(p / q), by bisection."""
    low, high = torch.full_like(ratio, -60.0), torch.full_like(ratio, 60.0)
    for _ in range(100):
        middle = (low + high) / 2
        below = divergence.activation(middle) < divergence.slope(ratio)
        low, high = torch.where(below, middle, low), torch.where(below, high, middle)
    return (low + high) / 2


def raised(name, v):
    """The scores of which the game makes the outputs v: where they come under an exponential it limits them."""
    return LARGEST * torch.atanh(v / LARGEST) if DIVERGENCES[name].exponential else v


@pytest.mark.parametrize("name", list(DIVERGENCES))
def test_the_best_critic_of_an_f_divergence_gives_it_and_any_other_less(name):
    game, exact = FDivergence(name), float(f_divergence(name, p, q))
    best = raised(name, logits(DIVERGENCES[name], p / q))
    assert float(game.estimate(scores(best, P), scores(best, Q))) == pytest.approx(exact, abs=1e-9)
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        other = best + 0.3 * torch.randn(3, generator=generator, dtype=torch.float64)
        assert game.estimate(scores(other, P), scores(other, Q)) <= exact + 1e-9


@pytest.mark.parametrize("name", list(DIVERGENCES))
def test_the_bound_on_fresh_gaussian_points_is_tight_within_three_standard_errors(name):
    n, shift = 100_000, 0.6
    generator = torch.Generator().manual_seed(1)
    x, y = (torch.randn(n, generator=generator, dtype=torch.float64) + at for at in (0.0, shift))
    known, game = DIVERGENCES[name], FDivergence(name)
    exact = float(f_divergence(name, Normal(0.0, 1.0), Normal(shift, 1.0)))

    def best(t):
        return logits(known, ((t - shift).square() / 2 - t.square() / 2).exp())

    a, b = best(x), best(y)
    error = math.sqrt(float(known.activation(a).var() + known.f_star_of_activation(b).var()) / n)
    assert abs(float(game.estimate(raised(name, a), raised(name, b))) - exact) < 3 * error
    worse = game.estimate(0.7 * a, 0.7 * b) if name != "total-variation" else game.estimate(a / 60, b / 60)
    assert float(worse) < exact + 3 * error


@pytest.mark.parametrize("name", list(DIVERGENCES))
def test_the_bound_of_a_trained_critic_is_tight_and_below_the_closed_form_on_fresh_points(name):
    torch.manual_seed(0)
    shift, n, game, known = 0.6, 100_000, FDivergence(name), DIVERGENCES[name]
    exact = float(f_divergence(name, Normal(0.0, 1.0), Normal(shift, 1.0)))
    critic = nn.Sequential(nn.Linear(1, 24), nn.Softplus(), nn.Linear(24, 1), nn.Flatten(0))
    optimiser = torch.optim.Adam(critic.parameters(), 2e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 400)
    for _ in range(400):
        x = torch.randn(2000, 1)
        optimiser.zero_grad()
        game.critic(critic(x), critic(shift + x.flip(0))).backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        a, b = critic(torch.randn(n, 1)), critic(shift + torch.randn(n, 1))
    u, v = (LARGEST * torch.tanh(t / LARGEST) if known.exponential else t for t in (a, b))
    error = math.sqrt(float(known.activation(u).var() + known.f_star_of_activation(v).var()) / n)
    found = float(game.estimate(a, b))
    assert found < exact + 3 * error
    assert found > exact - 0.02 - 3 * error


@pytest.mark.parametrize("name", list(DIVERGENCES))
def test_the_saddle_is_the_games_own_value_and_the_trick_keeps_its_gradient(name):
    b = torch.full((3,), -2.0)
    saddle, trick = FDivergence(name), FDivergence(name, trick=True)
    known = DIVERGENCES[name]
    torch.testing.assert_close(saddle.model(None, raised(name, b)), -known.f_star(known.activation(b)).mean())
    torch.testing.assert_close(trick.model(None, raised(name, b)), -known.activation(b).mean())


@pytest.mark.parametrize("name", list(DIVERGENCES))
def test_no_score_however_large_makes_a_game_infinite(name):
    a, b = torch.tensor([500.0, -500.0]), torch.tensor([-500.0, 500.0])
    game = FDivergence(name, trick=True)
    assert all(torch.isfinite(value) for value in (game.critic(a, b), game.model(None, b), game.estimate(a, b)))


def test_an_unknown_divergence_is_refused():
    with pytest.raises(ValueError, match="Did you mean 'pearson'"):
        FDivergence("pearsn")


def test_the_log_ratio_game_is_the_gans_critic_and_the_reverse_divergence():
    a, b = torch.randn(20), torch.randn(10)
    torch.testing.assert_close(LogRatio().critic(a, b), Logistic().critic(a, b))
    best = (p / q).log()
    expected = float((q * (q / p).log()).sum())
    assert float(LogRatio().model(None, scores(best, Q))) == pytest.approx(expected, abs=1e-12)
    assert float(LogRatio().estimate(scores(best, P), scores(best, Q))) == pytest.approx(expected, abs=1e-12)
