"""A fitted law for each class."""

import pytest
import torch

from remblai.laws import ByClass
from remblai.laws.fitted import Auto, Gaussian


def codes() -> tuple[torch.Tensor, torch.Tensor]:
    draws = torch.Generator().manual_seed(0)
    labels = torch.tensor([0] * 300 + [1] * 100 + [2] * 3)
    return torch.randn(403, 2, generator=draws) + 10.0 * labels[:, None], labels


def test_each_class_has_its_own_law_and_a_small_one_that_of_all() -> None:
    z, labels = codes()
    law = ByClass(Gaussian(), 3).fit(z, labels)
    torch.manual_seed(0)
    wanted = torch.tensor([1, 0] * 500)
    drawn = law.sample_of(wanted)
    for number in (0, 1):
        own, data = drawn[wanted == number], z[labels == number]
        assert torch.allclose(own.mean(0), data.mean(0).to(own), atol=0.2)
    assert law.sample_of(torch.full((500,), 2)).mean() == pytest.approx(float(z.mean()), abs=0.6)
    share = float((law.sample(4000)[:, 0] > 5).double().mean())
    assert share == pytest.approx(100 / 403, abs=0.03)
    with pytest.raises(ValueError, match="labels: expected those of the codes"):
        ByClass(Gaussian(), 3).fit(z)


def test_a_class_too_small_for_auto_has_the_law_of_all() -> None:
    z, labels = codes()
    few = torch.cat([z[:200], z[300:315]])
    law = ByClass(Auto(("gaussian",)), 2).fit(few, torch.cat([labels[:200], labels[300:315]]))
    assert law.sample_of(torch.ones(500, dtype=torch.int64)).mean() == pytest.approx(float(few.mean()), abs=0.6)


def test_its_density_is_that_of_the_mixture_and_its_state_restores_it() -> None:
    z, labels = codes()
    law = ByClass(Gaussian(), 3).fit(z, labels)
    shares = torch.tensor([300, 100, 3]) / 403
    parts = [Gaussian().fit(z[labels == 0]), Gaussian().fit(z[labels == 1]), Gaussian().fit(z)]
    expected = sum(share * part.log_prob(z).exp() for share, part in zip(shares, parts, strict=True)).log()
    assert torch.allclose(law.log_prob(z), expected.to(law.log_prob(z)), atol=1e-4)
    each = torch.stack([part.log_prob(z) for part in parts], 1)
    own = each[torch.arange(len(z)), labels]
    assert torch.allclose(law.log_prob(z, labels), own.to(law.log_prob(z)), atol=1e-4)
    halves = torch.tensor([[0.5, 0.5, 0.0]]).expand(len(z), 3)
    between = each[:, :2].logsumexp(1) - torch.tensor(2.0).log()
    assert torch.allclose(law.log_prob(z, halves), between.to(law.log_prob(z)), atol=1e-4)
    again = ByClass(Gaussian(), 3).restore(*law.state())
    assert torch.allclose(again.log_prob(z), law.log_prob(z))
    with pytest.raises(ValueError, match="expected the laws of 4 classes"):
        ByClass(Gaussian(), 4).restore(*law.state())
