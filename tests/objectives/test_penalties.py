"""Penalties: on the codes of all, and on each code's law."""

import pytest
import torch
from torch.distributions import Independent, Normal

from remblai.discrepancies import MMD, Adversarial, Logistic
from remblai.kernels import KERNELS
from remblai.laws import PRIORS
from remblai.objectives import Code, Conditional, Marginal, Penalty


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
