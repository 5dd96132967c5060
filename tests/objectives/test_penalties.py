"""Penalties: on the codes of all, and on each code's law."""

import math

import pytest
import torch
from torch.distributions import Independent, Normal

from remblai import recipes
from remblai.critics import Adversarial, Logistic
from remblai.discrepancies import MMD, Sliced
from remblai.discrepancies.moments import Covariance
from remblai.kernels import KERNELS
from remblai.laws import PRIORS, Prior
from remblai.networks import NETWORKS
from remblai.objectives import Code, Conditional, Marginal, Penalty
from remblai.objectives.penalties import CodeNorm, Sum
from remblai.objectives.table import PENALTIES, make_penalty


def code(n: int = 200, latent: int = 2) -> Code:
    generator = torch.Generator().manual_seed(0)
    mean, deviation = (torch.randn(n, latent, generator=generator) for _ in range(2))
    law = Independent(Normal(mean, deviation.exp()), 1)
    return Code(torch.zeros(n, 1), law, mean)


def test_marginal_sees_the_codes_and_the_law_of_the_prior() -> None:
    prior = PRIORS["normal"](latent=2)
    discrepancy = MMD(KERNELS["imq"](prior=prior))
    one = code()
    assert torch.equal(Marginal(discrepancy)(one, prior()), discrepancy.to_law(one.z, prior()))
    assert Marginal(discrepancy).adversary_loss(one, prior()) is None


def test_marginal_hands_its_critic_the_same_codes() -> None:
    prior = PRIORS["normal"](latent=2)
    discrepancy = Adversarial(torch.nn.Linear(2, 1), Logistic())
    torch.manual_seed(0)
    found = Marginal(discrepancy).adversary_loss(code(), prior())
    torch.manual_seed(0)
    assert torch.equal(found, discrepancy.adversary_loss(prior().sample((200,)), code().z))  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "drawn"), [("normal", 1), ("mixture", 2000)])
def test_conditional_is_the_mean_divergence_by_sampling(name: str, drawn: int) -> None:
    prior = PRIORS[name](latent=2)
    one = code(20)
    torch.manual_seed(0)
    found = [Conditional()(Code(one.x, one.law, one.law.rsample()), prior()) for _ in range(drawn)]
    z = one.law.sample((40_000,))
    sampled = (one.law.log_prob(z) - prior().log_prob(z)).mean()
    assert torch.stack(found).mean().item() == pytest.approx(sampled.item(), rel=0.02)


def test_conditional_is_zero_on_the_prior_itself() -> None:
    prior = PRIORS["normal"](latent=3)
    law = Independent(Normal(torch.zeros(5, 3), torch.ones(5, 3)), 1)
    assert Conditional()(Code(torch.zeros(5, 1), law, law.mean), prior()).item() == 0.0


def test_the_interface_has_no_adversary() -> None:
    prior = PRIORS["normal"](latent=2)
    assert Conditional().adversary_loss(code(), prior()) is None
    with pytest.raises(NotImplementedError):
        Penalty()(code(), prior())


def test_a_sum_weighs_its_parts() -> None:
    prior, one = PRIORS["normal"](latent=2), code()
    parts = [Conditional(), Marginal(Covariance()), CodeNorm()]
    values = [part(one, prior()).item() for part in parts]
    found = Sum(*zip((0.5, 2.0, 3.0), parts, strict=True))(one, prior())
    assert found.item() == pytest.approx(0.5 * values[0] + 2.0 * values[1] + 3.0 * values[2], rel=1e-6)


@pytest.mark.parametrize("weight", [-0.1, math.nan, math.inf])
def test_weights_of_a_sum_that_make_no_sense_are_refused(weight: float) -> None:
    with pytest.raises(ValueError, match=r"finite weights of at least 0, got .* for CodeNorm"):
        Sum((weight, CodeNorm()))


def critic() -> Marginal:
    return Marginal(Adversarial(torch.nn.Linear(2, 1), Logistic()))


def test_the_critics_of_a_sum_descend_their_own_losses() -> None:
    prior, one, first, second = PRIORS["normal"](latent=2), code(), critic(), critic()
    total = Sum((0.5, first), (1.0, CodeNorm()), (7.0, second))
    torch.manual_seed(0)
    found = total.adversary_loss(one, prior())
    torch.manual_seed(0)
    losses = [part.adversary_loss(one, prior()) for part in (first, second)]
    assert found is not None
    assert found.item() == pytest.approx(sum(loss.item() for loss in losses if loss is not None))
    assert Sum((1.0, CodeNorm())).adversary_loss(one, prior()) is None


def test_a_part_of_weight_0_is_left_out_with_what_it_needs() -> None:
    prior, one = PRIORS["normal"](latent=2), code()
    total = Sum((0.0, Conditional()), (0, critic()), (2.0, CodeNorm()))
    assert not total.needs_density
    assert list(total.parameters()) == []
    assert total(one, prior()).item() == pytest.approx(one.z.square().sum(1).mean().item())
    assert Sum((1.0, Conditional())).needs_density
    nothing = Sum((0.0, CodeNorm()))
    assert nothing(one, prior()).item() == 0.0


def test_the_code_norm_is_half_the_mean_square() -> None:
    z = torch.tensor([[3.0, 4.0], [0.0, 1.0]])
    one = Code(z, Independent(Normal(z, torch.ones(2, 2)), 1), z)
    assert CodeNorm()(one, PRIORS["normal"](latent=2)()).item() == (25 + 1) / 4


@pytest.mark.parametrize("prior", PRIORS)
def test_a_critic_of_codes_of_another_width_is_refused_and_a_fitting_one_left_as_it_was(prior: str) -> None:
    fitting = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 1))
    before = {key: value.clone() for key, value in fitting.state_dict().items()}
    torch.manual_seed(0)
    total = Sum((1.0, Marginal(Adversarial(fitting, Logistic()))))
    total.check(PRIORS[prior](latent=2), torch.zeros(2))
    assert all(torch.equal(value, before[key]) for key, value in fitting.state_dict().items())
    with pytest.raises(ValueError, match=r"points \(3,\).*build it for points of this shape"):
        total.check(PRIORS[prior](latent=3), torch.zeros(2))


@pytest.mark.parametrize("name", PENALTIES)
def test_every_penalty_of_the_table_is_made_by_name(name: str) -> None:
    prior, one = PRIORS["normal"](latent=2), code(20)
    penalty = make_penalty(name, prior=prior, latent=2, network=NETWORKS["mlp"](shape=(1,), width=4))
    assert isinstance(penalty, Penalty)
    penalty.check(prior, torch.zeros(1))
    assert torch.isfinite(penalty(one, prior()))
    assert make_penalty(penalty) is penalty


def test_a_live_discrepancy_compares_the_codes_with_the_prior() -> None:
    discrepancy = Covariance()
    penalty = make_penalty(discrepancy, prior=PRIORS["normal"](latent=2), latent=2)
    assert isinstance(penalty, Marginal)
    assert penalty.discrepancy is discrepancy


def test_the_sum_by_name_is_the_axes_and_the_covariance() -> None:
    prior, one = PRIORS["normal"](latent=2), code()
    penalty = make_penalty({"name": "sum", "second_weight": 0.5}, prior=prior, latent=2)
    expected = Sliced(kind="axes").to_law(one.z, prior()) + 0.5 * Covariance().to_law(one.z, prior())
    assert penalty(one, prior()).item() == pytest.approx(expected.item(), rel=1e-6)


class Learned(Prior):
    """A normal law whose mean is learned."""

    square_distance, bounded = 4.0, False

    def __init__(self) -> None:
        super().__init__()
        self.latent, self.mean = 2, torch.nn.Parameter(torch.zeros(2))

    def forward(self) -> Independent:
        return Independent(Normal(self.mean, 1.0), 1)

    def constrain(self, z: torch.Tensor) -> torch.Tensor:
        return z


@pytest.mark.parametrize("penalty", ["sliced", {"name": "mmd", "closed_form": False}, "exact", "adversarial"])
def test_a_prior_that_would_learn_nothing_through_its_draws_is_refused(penalty: object) -> None:
    with pytest.raises(ValueError, match=r"Learned has parameters, and .* learn nothing"):
        recipes.wae_mmd((2,), latent=2, prior=Learned(), penalty=penalty)
    recipes.wae_mmd((2,), latent=2, prior=Learned().requires_grad_(False), penalty=penalty)


def test_a_prior_learns_through_exact_terms() -> None:
    for made in (recipes.wae_mmd((2,), latent=2, prior=Learned()), recipes.vae((2,), latent=2, prior=Learned())):
        sum(made(torch.randn(20, 2)).values()).backward()
        assert made.prior.mean.grad is not None
        assert made.prior.device == torch.device("cpu")
