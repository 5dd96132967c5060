"""The joint penalty: with the best critic the divergence in closed form, with adaptive contrast or without."""

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Distribution, Independent, MixtureSameFamily, Normal
from torch.nn import Module

from remblai.critics import Adversarial, FDivergence, Game, Hinge, Kantorovich, LeastSquares, Logistic, LogRatio
from remblai.laws import ENCODERS, PRIORS, Delta, Prior
from remblai.laws.encoders import BlackBox
from remblai.networks import NETWORKS
from remblai.networks.pairs import PairCritic
from remblai.objectives import AutoEncoder, Code, CodeNorm, Conditional, Sum
from remblai.objectives.joint import Joint, joint
from remblai.recipes.variational import avb

NETS = NETWORKS["mlp"](shape=(2,), width=16)
FLAT = Normal(torch.zeros(2), torch.ones(2))


class Known(Module):
    """A critic of pairs from a function of x (n, 2) and z (n, 2)."""

    def __init__(self, score: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.score = score

    def forward(self, pairs: Tensor) -> Tensor:
        return self.score(pairs[:, :2], pairs[:, 2:])


def normal(x: Tensor) -> Independent:
    return Independent(Normal(0.8 * x.flip(1) - 0.3, (0.4 * x - 0.5).exp()), 1)


class Sinh(Distribution):
    """z = m(x) + s(x) sinh(e): heavy tails, a density in closed form, and what it gives out for its moments is free."""

    has_rsample = True

    def __init__(self, x: Tensor, mean: float = 0.1, variance: float = 3.0) -> None:
        self.base = normal(x).base_dist
        self.told = mean, variance
        super().__init__(x.shape[:1], x.shape[1:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        return self.base.mean + self.told[0] * self.base.stddev

    @property
    def variance(self) -> Tensor:
        return self.told[1] * self.base.variance

    def rsample(self, sample_shape: torch.Size = torch.Size()) -> Tensor:  # noqa: B008
        return self.base.mean + self.base.stddev * torch.sinh(torch.randn(*sample_shape, *self.base.mean.shape))

    def log_prob(self, value: Tensor) -> Tensor:
        sinh = (value - self.base.mean) / self.base.stddev
        slope = self.base.stddev.log() + 0.5 * torch.log1p(sinh.square())
        return (Normal(0.0, 1.0).log_prob(torch.asinh(sinh)) - slope).sum(1)


def split(x: Tensor) -> Independent:
    """Two bumps in each coordinate."""
    base = normal(x).base_dist
    apart = torch.stack([base.mean - base.stddev, base.mean + base.stddev], dim=-1)
    bumps = Normal(apart, 0.5 * base.stddev[..., None].expand_as(apart))
    return Independent(MixtureSameFamily(Categorical(logits=torch.zeros_like(apart)), bumps), 1)


def points(n: int) -> Tensor:
    return torch.randn(n, 2, generator=torch.Generator().manual_seed(1))


def penalty(critic: Module, contrast: bool = False, game: Game | None = None) -> Joint:
    return Joint(Adversarial(critic, game or LogRatio()), contrast)


def plain_truth(law: Callable[[Tensor], Distribution], prior: Prior) -> Known:
    return Known(lambda x, z: prior().log_prob(z) - law(x).log_prob(z))


def contrasted_truth(law: Callable[[Tensor], Distribution]) -> Known:
    def score(x: Tensor, u: Tensor) -> Tensor:
        one = law(x)
        return FLAT.log_prob(u).sum(1) - one.log_prob(one.mean + one.stddev * u) - one.stddev.log().sum(1)

    return Known(score)


def test_with_the_best_critic_the_log_ratio_is_the_divergence_of_two_gaussians() -> None:
    torch.manual_seed(0)
    p, q = Normal(0.0, 1.0), Normal(0.7, 0.4)
    game = Adversarial(Known(lambda x, _: (p.log_prob(x) - q.log_prob(x)).sum(1)), LogRatio())
    x, y = p.sample((200_000, 2)), q.sample((200_000, 2))
    expected = 2 * float(torch.distributions.kl_divergence(q, p))
    assert game(x, y).item() == game.estimate(x, y).item() == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("prior", ["normal", "mixture"])
def test_with_the_best_critic_it_is_the_conditional_divergence(prior: str) -> None:
    torch.manual_seed(0)
    law, x = PRIORS[prior](latent=2), points(100_000)
    code = Code(x, normal(x), normal(x).sample())
    found = penalty(plain_truth(normal, law))(code, law())
    errors = code.law.log_prob(code.z) - law().log_prob(code.z)
    expected = Conditional()(Code(x, code.law, code.law.sample()), law())
    assert abs(found - expected).item() < 6 * errors.std().item() / math.sqrt(len(x))
    assert penalty(plain_truth(normal, law)).estimate(code, law()) == pytest.approx(found.item())


@pytest.mark.parametrize("prior", ["normal", "mixture"])
@pytest.mark.parametrize("moments", [(0.0, 3.19), (0.7, 0.3)], ids=["true moments", "others"])
def test_contrast_changes_nothing_when_critics_are_best_draw_by_draw(prior: str, moments: tuple[float, float]) -> None:
    torch.manual_seed(0)
    law, x, noisy = PRIORS[prior](latent=2), points(50), partial(Sinh, mean=moments[0], variance=moments[1])
    code = Code(x, noisy(x), noisy(x).sample())
    plain = penalty(plain_truth(noisy, law))(code, law())
    contrasted = penalty(contrasted_truth(noisy), contrast=True)(code, law())
    assert contrasted.item() == pytest.approx(plain.item(), rel=1e-4)
    assert plain.item() == pytest.approx((code.law.log_prob(code.z) - law().log_prob(code.z)).mean().item(), rel=1e-4)


def test_with_a_gaussian_encoder_contrast_leaves_the_critic_nothing_and_the_gradient_is_the_closed_forms() -> None:
    torch.manual_seed(0)
    prior, x = PRIORS["normal"](latent=2), torch.randn(2, 2).repeat(40_000, 1)
    encoder = ENCODERS["gaussian"](network=NETS, prior=prior, start=-1.0)
    parameters = list(encoder.parameters())

    def slopes(one: Callable[[Code, Distribution], Tensor]) -> Tensor:
        law = encoder(x)
        found = torch.autograd.grad(one(Code(x, law, law.rsample()), prior()), parameters)
        return torch.cat([slope.flatten() for slope in found])

    zero = Known(lambda _, u: 0.0 * u.sum(1))
    found, expected = slopes(penalty(zero, contrast=True)), slopes(Conditional())
    assert (found - expected).norm() < 0.03 * expected.norm()


@pytest.mark.parametrize("contrast", [False, True])
def test_each_turn_moves_its_own_side_and_reaches_all_of_it(contrast: bool) -> None:
    torch.manual_seed(0)
    prior, x = PRIORS["normal"](latent=2), points(8)
    encoder, pairs = BlackBox(NETS, prior, width=4), joint(NETS, 2, contrast=contrast, width=8)
    law = encoder(x)
    code = Code(x, law, law.rsample())
    pairs.adversary_loss(code, prior()).backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in pairs.parameters())
    assert all(parameter.grad is None for parameter in encoder.parameters())
    pairs(code, prior()).backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in encoder.parameters())


def test_the_critics_loss_is_the_logistic_one_of_pairs() -> None:
    prior, x = PRIORS["normal"](latent=2), points(30)
    critic, code = PairCritic(NETS, 2, width=8), Code(x, normal(x), normal(x).sample())
    torch.manual_seed(3)
    found = penalty(critic).adversary_loss(code, prior())
    torch.manual_seed(3)
    against = prior().sample((30,))
    chance_p, chance_q = (torch.sigmoid(critic(torch.cat([x, z], 1))).double() for z in (against, code.z))
    expected = -chance_p.log().mean() - (1 - chance_q).log().mean()
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)


def trained(law: Callable[[Tensor], Distribution], contrast: bool) -> tuple[float, float]:
    """What a critic that has been trained for a while tells of a law that rests, and the truth, on fresh points."""
    torch.manual_seed(0)
    prior, pairs = PRIORS["normal"](latent=2), joint(NETS, 2, contrast=contrast, width=32)
    optimiser = torch.optim.Adam(pairs.parameters())
    for step in range(300):
        x = torch.randn(512, 2)
        optimiser.param_groups[0]["lr"] = 1e-2 * (1 - step / 300)
        optimiser.zero_grad()
        pairs.adversary_loss(Code(x, law(x), law(x).sample()), prior()).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    x = torch.randn(10_000, 2)
    code = Code(x, law(x), law(x).sample())
    return pairs.estimate(code, prior()), float((code.law.log_prob(code.z) - prior().log_prob(code.z)).mean())


@pytest.mark.parametrize("law", [normal, split], ids=["normal", "two bumps"])
def test_a_trained_critic_tells_the_divergence_of_a_law_without_reading_its_density(
    law: Callable[[Tensor], Distribution],
) -> None:
    plain, truth = trained(law, contrast=False)
    contrasted, _ = trained(law, contrast=True)
    assert contrasted == pytest.approx(truth, abs=0.1)
    assert plain == pytest.approx(truth, abs=0.4)
    assert abs(contrasted - truth) < abs(plain - truth)


@pytest.mark.parametrize("game", [Kantorovich(), Hinge(), LeastSquares()], ids=lambda game: type(game).__name__)
def test_games_that_are_no_divergence_of_each_code_are_refused(game: Game) -> None:
    with pytest.raises(ValueError, match=f"game of an f-divergence, got {type(game).__name__}.*Take LogRatio"):
        penalty(PairCritic(NETS, 2), game=game)


@pytest.mark.parametrize("game", [Logistic(), FDivergence("pearson")], ids=lambda game: type(game).__name__)
def test_other_divergences_are_played_without_contrast_only(game: Game) -> None:
    prior, x = PRIORS["normal"](latent=2), points(10)
    found = penalty(PairCritic(NETS, 2, width=8), game=game)(Code(x, normal(x), normal(x).sample()), prior())
    assert torch.isfinite(found)
    with pytest.raises(ValueError, match="take LogRatio"):
        penalty(PairCritic(NETS, 2), game=game, contrast=True)


def test_what_cannot_be_scored_is_refused_when_it_is_built() -> None:
    prior = PRIORS["normal"](latent=3)
    with pytest.raises(ValueError, match=r"codes \(n, 2\), the prior's are \(n, 3\): build it for 3"):
        joint(NETS, 2).check(prior, torch.zeros(2))
    with pytest.raises(ValueError, match=r"codes \(n, 2\), the prior's are \(n, 3\)"):
        avb((2,), latent=3, penalty=joint(NETS, 2))
    joint(NETS, 3).check(prior, torch.zeros(2))
    with pytest.raises(ValueError, match=r"'sphere'.*leave the contrast out"):
        joint(NETS, 3, contrast=True).check(PRIORS["sphere"](latent=3), torch.zeros(2))
    joint(NETS, 3, contrast=False).check(PRIORS["sphere"](latent=3), torch.zeros(2))
    for extra in ({"offset": prior}, {"packing": 2}):
        with pytest.raises(ValueError, match="leave them out"):
            Joint(Adversarial(nn.Linear(5, 1), LogRatio(), **extra))


def test_laws_without_noise_or_without_moments_are_refused() -> None:
    prior, x = PRIORS["normal"](latent=2), points(4)
    with pytest.raises(ValueError, match=r"deterministic encoder is infinitely far.*use one with noise"):
        joint(NETS, 2)(Code(x, Delta(x), x), prior())

    class Silent(Sinh):
        @property
        def variance(self) -> Tensor:
            raise NotImplementedError

    with pytest.raises(ValueError, match=r"which Silent does not know: use the encoder 'black-box'"):
        joint(NETS, 2, contrast=True)(Code(x, Silent(x), x), prior())
    assert torch.isfinite(joint(NETS, 2, contrast=False)(Code(x, Silent(x), x), prior()))


def test_a_law_whose_spread_has_vanished_gives_finite_numbers() -> None:
    prior, x = PRIORS["normal"](latent=2), points(4)
    law = Sinh(x, variance=0.0)
    assert torch.isfinite(joint(NETS, 2)(Code(x, law, law.sample()), prior()))


def test_it_can_be_a_part_of_a_sum() -> None:
    prior, x, pairs = PRIORS["normal"](latent=2), points(6), joint(NETS, 2, width=8)
    total, code = Sum((2.0, pairs), (1.0, CodeNorm())), Code(x, normal(x), normal(x).sample())
    torch.manual_seed(0)
    found = total.adversary_loss(code, prior())
    torch.manual_seed(0)
    assert found is not None
    assert found.item() == pytest.approx(pairs.adversary_loss(code, prior()).item())
    model = avb((2,), latent=2, penalty=total)
    assert isinstance(model, AutoEncoder)
    assert model.penalty is total
