"""Plain functions and modules where a penalty or a discrepancy is wanted."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import remblai
from remblai.discrepancies import MMD, as_discrepancy
from remblai.kernels import Energy
from remblai.objectives import Marginal


def means_apart(x: Tensor, y: Tensor) -> Tensor:
    return (x.mean(0) - y.mean(0)).square().sum()


class MeansApart(nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return means_apart(x, y)


@pytest.mark.parametrize("plain", [means_apart, MeansApart()], ids=["function", "module"])
def test_a_plain_function_is_a_penalty_and_a_discrepancy(plain: Callable[[Tensor, Tensor], Tensor]) -> None:
    x = torch.randn(9, 3)
    model = remblai.recipes.wae_mmd(shape=(3,), latent=2, weight=2.0, penalty=plain, encoder="deterministic", noise=0.0)
    assert isinstance(model.penalty, Marginal)
    torch.manual_seed(1)
    penalty = model(x)["penalty"]
    torch.manual_seed(1)
    expected = 2.0 * means_apart(model.prior.sample(9), model.encode(x).z)
    assert penalty.item() == pytest.approx(expected.item(), rel=1e-5)
    generator = remblai.recipes.minimum_distance(shape=(3,), discrepancy=plain)
    torch.manual_seed(2)
    terms = generator(x)
    torch.manual_seed(2)
    assert terms["discrepancy"].item() == pytest.approx(means_apart(x, generator.generate(9)).item(), rel=1e-5)
    terms["discrepancy"].backward()
    assert all(p.grad is not None for p in generator.decoder.parameters())


def test_a_discrepancy_stays_as_it_is_and_no_generator_moves() -> None:
    mmd = MMD(Energy())
    assert as_discrepancy(mmd) is mmd
    before = torch.get_rng_state()
    as_discrepancy(means_apart).check(torch.zeros(2))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (nn.Linear(2, 1), r"Linear: expected a function or module of two samples .* it fails"),
        (lambda x, y: x - y, r"expected one number from <lambda>, got \(4, 2\): take the mean"),
        (lambda x, y: 3.0, "with a gradient in the second sample"),
        (lambda x, y: x.sum(), "expected .* with a gradient in the second sample"),
        (lambda x, y: torch.as_tensor(y.numpy()).sum(), "it fails"),
        (3, "penalty: expected a Discrepancy or a function of two samples, got 3 of type int"),
    ],
)
def test_what_is_no_function_of_two_samples_is_refused(part: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        remblai.recipes.wae_mmd(shape=(3,), latent=2, penalty=part)
