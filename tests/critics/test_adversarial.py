import copy
import itertools
import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from remblai.config.registry import make
from remblai.critics import ALL_DISCREPANCIES, Adversarial, Clip, Game, GradientPenalty, Kantorovich, Logistic, Spectral
from remblai.discrepancies import Exact
from remblai.laws import PRIORS
from remblai.networks.mlp import mlp


class Known(nn.Module):
    """A critic given by a formula."""

    def __init__(self, formula):
        super().__init__()
        self.formula = formula

    def forward(self, z):
        return self.formula(z)


def adversarial(critic=None, game=None, **options):
    torch.manual_seed(0)
    return Adversarial(mlp(3, 1, 16, 2) if critic is None else critic, game or Logistic(), **options)


def moving():
    """Critics with buffers that move in a forward pass."""
    return {
        "batch norm": nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1)),
        "power iteration": nn.Sequential(spectral_norm(nn.Linear(3, 8)), nn.ReLU(), nn.Linear(8, 1)),
    }


def buffers(module):
    return {name: buffer.clone() for name, buffer in module.named_buffers()}


def same(module, before):
    return all(torch.equal(before[name], buffer) for name, buffer in module.named_buffers())


def train(part, draw, steps, lr=2e-3):
    """The loop in small: turns of the critic."""
    optimiser = torch.optim.Adam(part.critic.parameters(), lr)
    for _ in range(steps):
        optimiser.zero_grad()
        part.adversary_loss(*draw()).backward()
        optimiser.step()
        part.project()
    return part


def jensen_shannon(shift):
    """Of N(0, 1) and N(shift, 1), with halves, by quadrature."""
    p, q = norm(0, 1), norm(shift, 1)

    def integrand(t):
        return sum(f.pdf(t) * math.log(2 * f.pdf(t) / (p.pdf(t) + q.pdf(t))) for f in (p, q)) / 2

    return quad(integrand, -9, 9 + shift)[0]


@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.parametrize("flat", [True, False])
def test_scores_are_one_number_a_point(n, flat):
    part = adversarial(nn.Sequential(mlp(3, 1, 8, 1), nn.Flatten(0)) if flat else mlp(3, 1, 8, 1))
    assert part.score(torch.randn(n, 3)).shape == (n,)


@pytest.mark.parametrize("outputs", [2, 5])
def test_other_shapes_of_scores_are_refused(outputs):
    with pytest.raises(ValueError, match=rf"expected scores \(5,\) or \(5, 1\).*got \(5, {outputs}\)"):
        adversarial(mlp(3, outputs, 8, 1)).adversary_loss(torch.zeros(5, 3), torch.zeros(5, 3))


@pytest.mark.parametrize("n", [1, 6])
def test_offset_is_the_log_density_of_the_point_itself(n):
    """Point by point: the authors' code adds (n, 1) and (n,) and gets all pairs (n, n)."""
    prior, critic, z = PRIORS["normal"](3, scale=2.0), mlp(3, 1, 8, 1), torch.randn(n, 3)
    part = adversarial(critic, offset=prior)
    density = -z.square().sum(1) / 8 - 3 * math.log(2 * math.sqrt(2 * math.pi))
    torch.testing.assert_close(part.score(z), critic(z)[:, 0] + density)
    x, y = torch.randn(n, 3), torch.randn(n, 3)
    expected = nn.functional.softplus(-part.score(x)).mean() + nn.functional.softplus(part.score(y)).mean()
    torch.testing.assert_close(part.adversary_loss(x, y), expected)
    torch.testing.assert_close(part(x, y), nn.functional.softplus(-part.score(y)).mean())


def test_with_an_offset_the_best_critic_is_minus_log_q():
    """Then the estimate is the Jensen-Shannon divergence, here against quadrature on the line."""
    torch.manual_seed(0)
    best = Known(lambda z: (z[:, 0] - 1).square() / 2 + 0.5 * math.log(2 * math.pi))
    part = adversarial(best, offset=PRIORS["normal"](1))
    found = part.estimate(torch.randn(200_000, 1), torch.randn(200_000, 1) + 1)
    assert float(found) == pytest.approx(jensen_shannon(1.0), abs=0.004)


@pytest.mark.parametrize("prior", ["uniform", "sphere"])
def test_an_offset_of_constant_density_is_refused(prior):
    with pytest.raises(ValueError, match="leave the offset out"):
        adversarial(offset=PRIORS[prior](3))


@pytest.mark.parametrize("name", moving())
def test_nothing_of_the_critic_moves_in_the_models_turn(name):
    part = adversarial(moving()[name])
    part.train()
    x, y = torch.randn(6, 3), torch.randn(6, 3, requires_grad=True)
    for parameter in part.critic.parameters():
        parameter.requires_grad_(False)
    before = buffers(part.critic)
    part(x, y).backward()
    part.estimate(x, y)
    assert same(part.critic, before)
    assert y.grad.abs().sum() > 0
    for parameter in part.critic.parameters():
        parameter.requires_grad_()
    part.adversary_loss(x, y).backward()
    assert not same(part.critic, before)


def test_batch_statistics_are_still_the_batchs_in_the_models_turn():
    part = adversarial(moving()["batch norm"])
    y = torch.randn(6, 3)
    expected = nn.functional.softplus(-copy.deepcopy(part.critic)(y)[:, 0]).mean()
    torch.testing.assert_close(part(y, y), expected)


def test_a_game_that_reads_the_target_gets_its_scores():
    class Relativistic(Game):
        def model(self, a, b):
            return nn.functional.softplus(a.mean() - b.mean())

    part, x, y = adversarial(game=Relativistic()), torch.randn(5, 3), torch.randn(5, 3)
    torch.testing.assert_close(part(x, y), nn.functional.softplus(part.score(x).mean() - part.score(y).mean()))


def test_the_critics_turn_reaches_the_critic_and_not_the_model():
    part = adversarial(lipschitz=GradientPenalty())
    maker, x = nn.Linear(2, 3), torch.randn(5, 3, requires_grad=True)
    part.adversary_loss(x, maker(torch.randn(5, 2))).backward()
    assert maker.weight.grad is None
    assert x.grad is None
    assert all(p.grad is not None for p in list(part.critic.parameters())[:-1])


def test_penalty_is_added_to_the_critics_loss_only():
    critic = mlp(3, 1, 8, 1)
    free, held = adversarial(critic), adversarial(critic, lipschitz=GradientPenalty(10.0))
    x, y = torch.randn(5, 3), torch.randn(5, 3)
    torch.manual_seed(1)
    penalty = GradientPenalty(10.0).penalty(held.score, x, y)
    torch.manual_seed(1)
    torch.testing.assert_close(held.adversary_loss(x, y), free.adversary_loss(x, y) + penalty)
    torch.testing.assert_close(held(x, y), free(x, y))
    torch.testing.assert_close(held.estimate(x, y), free.estimate(x, y))


def test_projected_at_construction_and_never_in_a_forward_pass():
    part = adversarial(lipschitz=Clip(0.02))
    assert max(float(p.detach().abs().max()) for p in part.critic.parameters()) <= 0.02
    with torch.no_grad():
        part.critic[0].weight.fill_(1.0)
    x = torch.randn(4, 3)
    part(x, x), part.adversary_loss(x, x), part.estimate(x, x)
    assert float(part.critic[0].weight.detach().max()) == 1.0
    part.project()
    assert float(part.critic[0].weight.detach().max()) == pytest.approx(0.02)


def test_a_critic_that_cannot_be_held_is_refused():
    with pytest.raises(ValueError, match="batch normalisation"):
        adversarial(moving()["batch norm"], lipschitz=GradientPenalty())


def test_arrays_in_float64_are_judged_by_a_critic_in_float32():
    x, y = np.random.default_rng(0).standard_normal((2, 12, 2))
    d = Adversarial(nn.Linear(2, 1), Kantorovich(), GradientPenalty())
    narrow = torch.tensor(x).float(), torch.tensor(y).float()
    assert d.estimate(x, y) == d.estimate(*narrow)
    assert d(x, y) == d(*narrow)
    torch.manual_seed(0)
    wide = d.adversary_loss(torch.tensor(x), torch.tensor(y))
    torch.manual_seed(0)
    assert wide == d.adversary_loss(*narrow)


def test_a_trained_logistic_critic_estimates_jensen_shannon():
    """A bound in expectation; the sampling error at 50,000 points is 0.002, the rest a short training's."""
    torch.manual_seed(0)
    part = Adversarial(mlp(1, 1, 32, 2), Logistic())
    train(part, lambda: (torch.randn(500, 1), torch.randn(500, 1) + 2), 300)
    found = float(part.estimate(torch.randn(50_000, 1), torch.randn(50_000, 1) + 2))
    assert jensen_shannon(2.0) - 0.02 < found < jensen_shannon(2.0) + 0.006


@pytest.mark.parametrize("lipschitz", [Spectral(), GradientPenalty()], ids=["spectral", "penalty"])
def test_a_trained_kantorovich_critic_estimates_w1(lipschitz):
    """A shift by (2, 0) has W1 = 2; a critic of slope at most 1 stays below."""
    torch.manual_seed(0)
    part, shift = Adversarial(mlp(2, 1, 32, 1), Kantorovich(), lipschitz), torch.tensor([2.0, 0.0])
    train(part, lambda: (torch.randn(200, 2), torch.randn(200, 2) + shift), 300)
    found = float(part.estimate(torch.randn(50_000, 2), torch.randn(50_000, 2) + shift))
    # rectifiers under the spectral norm lose some slope
    assert found == pytest.approx(2.0, abs=0.4 if isinstance(lipschitz, Spectral) else 0.25)
    if isinstance(lipschitz, Spectral):
        assert found < 2.05


def test_images_and_their_critics():
    critic = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 9, 1))
    part = adversarial(critic, game=Kantorovich(), lipschitz=GradientPenalty())
    x, y = torch.rand(4, 1, 5, 5), torch.rand(3, 1, 5, 5)
    assert part(x, y).shape == part.adversary_loss(x, y).shape == part.estimate(x, y).shape == ()


def test_a_resting_critic_compiles():
    part = adversarial(moving()["batch norm"])
    x, y = torch.randn(6, 3), torch.randn(6, 3)
    before = buffers(part.critic)
    compiled = torch.compile(part.forward, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(x, y), part(x, y))
    assert same(part.critic, before)


def test_from_the_table():
    prior = PRIORS["normal"](3)
    plain = make(ALL_DISCREPANCIES, "adversarial", prior=prior, latent=3)
    assert [layer.out_features for layer in plain.critic if isinstance(layer, nn.Linear)] == [512] * 4 + [1]
    assert plain.offset is None
    choice = {
        "name": "adversarial",
        "width": 8,
        "depth": 1,
        "offset": True,
        "game": {"name": "logistic", "saturating": True},
        "lipschitz": {"name": "gradient-penalty", "weight": 3.0},
    }
    made = make(ALL_DISCREPANCIES, choice, prior=prior, latent=3)
    assert made.offset is prior
    assert made.game.saturating
    assert made.lipschitz.weight == 3.0
    assert not made.needs_all_samples


def test_a_packed_critic_sees_points_together_and_leaves_a_tail_out():
    torch.manual_seed(0)
    critic = mlp(6, 1, 8, 1)
    packed, plain = Adversarial(critic, Logistic(), packing=2), Adversarial(critic, Logistic())
    x, y = torch.randn(7, 3), torch.randn(4, 3)
    pairs_x, pairs_y = x[:6].reshape(3, 6), y.reshape(2, 6)
    torch.testing.assert_close(packed(x, y), plain(pairs_x, pairs_y))
    torch.testing.assert_close(packed.adversary_loss(x, y), plain.adversary_loss(pairs_x, pairs_y))
    torch.testing.assert_close(packed.estimate(x, y), plain.estimate(pairs_x, pairs_y))
    assert packed.score(x).shape == (3,)


def test_packed_images_are_stacked_along_their_channels():
    seen = []
    part = adversarial(Known(lambda z: seen.append(z) or z.flatten(1).sum(1)), packing=3)
    x = torch.rand(6, 2, 4, 5)
    part(x, x)
    torch.testing.assert_close(seen[0], torch.stack([torch.cat(list(x[:3])), torch.cat(list(x[3:]))]))


def test_a_packed_critic_sees_modes_that_a_plain_one_cannot():
    """Q repeats one point of P twice in each pack: marginally the laws are equal."""
    torch.manual_seed(0)

    def draw():
        twice = (torch.randint(2, (100, 1)).float() * 2 - 1).repeat_interleave(2, 0)
        return (torch.randint(2, (200, 1)).float() * 2 - 1), twice

    packed, plain = (train(Adversarial(mlp(m, 1, 16, 1), Logistic(), packing=m), draw, 150, 1e-2) for m in (2, 1))
    assert float(packed.estimate(*draw())) > 0.1
    assert float(plain.estimate(*draw())) < 0.02


def test_w1_of_packs_lies_between_the_root_of_packing_and_packing_times_that_of_points():
    """Q is P but for points that have moved by 1: half of them, in all ways in which a pack can have them, or all."""
    for m in (2, 3):
        packs = torch.tensor(list(itertools.product((0.0, 1.0), repeat=m)))
        for y, least in ((packs.reshape(-1, 1), False), (torch.ones(m * 2**m, 1), True)):
            x = torch.zeros_like(y)
            part = adversarial(mlp(m, 1, 8, 1), packing=m)
            of_packs = float(Exact("euclidean")(part._packed(x), part._packed(y)))
            of_points = float(Exact("euclidean")(x, y))
            assert math.sqrt(m) * of_points - 1e-6 <= of_packs <= m * of_points + 1e-6
            assert (of_packs == pytest.approx(math.sqrt(m) * of_points)) == least


def test_packing_out_of_range_is_refused():
    with pytest.raises(ValueError, match="at least 1 point"):
        adversarial(packing=0)
    with pytest.raises(ValueError, match="at least 4 points for one pack, got 3: use larger batches"):
        adversarial(mlp(12, 1, 8, 1), packing=4)(torch.randn(3, 3), torch.randn(3, 3))
    with pytest.raises(ValueError, match="score of one point"):
        adversarial(mlp(6, 1, 8, 1), packing=2, offset=PRIORS["normal"](3))


@pytest.mark.parametrize("packing", [1, 2])
def test_a_critic_of_points_of_another_shape_is_found_by_its_check(packing):
    part = adversarial(mlp(3 * packing, 1, 8, 1), packing=packing)
    part.check(torch.zeros(3))
    with pytest.raises(ValueError, match=r"does not accept points \(5,\).*of this shape"):
        part.check(torch.zeros(5))
