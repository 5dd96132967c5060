"""The laws that are learned or chosen: density, gaps, distillation, choices, each against a truth."""

import numpy as np
import pytest
import torch
from sklearn.mixture import GaussianMixture
from torch import Tensor
from torch.distributions import MultivariateNormal

from remblai.laws.fitted import Auto, Flow, Mixture, Transport, TwoStage


def correlated(n: int = 1500) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, 2, generator=generator) @ torch.tensor([[2.0, 0.9], [0.0, 0.5]]) + torch.tensor([3.0, -1.0])


def islands(n: int = 600) -> Tensor:
    """Two discs of radius 1 at a distance of 8."""
    generator = torch.Generator().manual_seed(0)
    angle, radius = 2 * torch.pi * torch.rand(n, generator=generator), torch.rand(n, generator=generator).sqrt()
    disc = radius[:, None] * torch.stack([angle.cos(), angle.sin()], 1)
    return disc + torch.where(torch.arange(n)[:, None] % 3 == 0, -4.0, 4.0) * torch.tensor([1.0, 0.0])


QUICK = {"atoms": 300, "iterations": 400, "width": 32, "depth": 2, "lr": 1e-2}


def test_a_flow_of_gaussian_codes_has_a_gaussians_density_and_integrates_to_one() -> None:
    z = correlated()
    law = Flow(**QUICK).fit(z)
    truth = MultivariateNormal(z.mean(0), torch.cov(z.T))
    assert float((law.log_prob(z) - truth.log_prob(z)).abs().mean()) < 0.15
    axis = torch.linspace(-1.0, 1.0, 81)
    grid = torch.stack([part.flatten() for part in torch.meshgrid(axis, axis, indexing="ij")], 1)
    half = 7.0 * z.std(0)
    total = law.log_prob(z.mean(0) + grid * half).exp().sum() * (half / 40.0).prod()
    assert float(total) == pytest.approx(1.0, abs=0.02)


def test_a_flows_weights_are_those_of_its_best_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Tensor] = []

    def best_at_the_third(velocity: torch.nn.Module, z: Tensor, *_: object) -> Tensor:
        seen.append(next(velocity.parameters()).detach().clone())
        return torch.full((len(z),), -abs(len(seen) - 3.0))

    monkeypatch.setattr("remblai.laws.fitted.flow.log_density", best_at_the_third)
    law = Flow(**QUICK | {"iterations": 16, "atoms": 20}).fit(correlated(200))
    assert law.facts["held_out"] == [-2.0, -1.0, 0.0, -1.0, -2.0, -3.0, -4.0, -5.0]
    assert law.parts is not None
    assert torch.equal(next(law.parts["velocity"].parameters()), seen[2])
    assert not torch.equal(seen[2], seen[-1])


def test_a_distilled_flow_ends_where_the_flow_does_and_has_no_density() -> None:
    z = correlated()
    law = Flow(**QUICK, distilled=True).fit(z)
    torch.manual_seed(0)
    drawn = law.sample(5000)
    torch.testing.assert_close(drawn.mean(0), z.mean(0), atol=0.15, rtol=0)
    torch.testing.assert_close(torch.cov(drawn.T), torch.cov(z.T), atol=0.5, rtol=0)
    assert not law.has_density
    with pytest.raises(ValueError, match="fit it without distilled for a density"):
        law.log_prob(z)


def test_no_sample_of_a_transport_falls_into_a_gap_but_between_neighbours_there_are_some() -> None:
    z = islands()
    law = Transport(atoms=300).fit(z)
    torch.manual_seed(0)
    drawn = law.sample(5000)
    nearest = torch.minimum(*((drawn - centre).norm(dim=1) for centre in torch.tensor([[-4.0, 0.0], [4.0, 0.0]])))
    assert float(nearest.max()) < 1.01
    assert float((drawn[:, 0] < 0).float().mean()) == pytest.approx(1 / 3, abs=0.03)
    across = Transport(atoms=300, reach=1e6).fit(z)
    torch.manual_seed(0)
    assert bool((across.sample(5000)[:, 0].abs() < 2.0).any()), "without the reject there are samples in the gap"
    far = torch.cdist(drawn, z).amin(1) > 1e-3
    assert float(far.float().mean()) > 0.5, "most samples are no copies of codes"


def test_a_transport_without_smoothing_gives_the_codes_themselves() -> None:
    z = islands(60)
    law = Transport(smoothing=0.0).fit(z)
    torch.manual_seed(0)
    cells = torch.cdist(law.sample(6000), z, compute_mode="donot_use_mm_for_euclid_dist")
    assert float(cells.amin(1).max()) < 1e-4
    shares = torch.bincount(cells.argmin(1), minlength=60) / 6000
    assert 0.5 * float((shares - 1 / 60).abs().sum()) < 0.08  # of draws alone: 0.04


def test_a_second_auto_encoder_finds_codes_of_two_groups() -> None:
    z = islands()
    law = TwoStage(width=64, depth=2, iterations=1200, lr=5e-3).fit(z)
    torch.manual_seed(0)
    drawn = law.sample(3000)
    assert float((drawn[:, 0] < 0).float().mean()) == pytest.approx(1 / 3, abs=0.1)
    assert float((drawn[:, 0].abs() - 4.0).abs().median()) < 1.0


def test_the_number_of_components_is_that_of_the_best_held_out_likelihood() -> None:
    z = islands().double()
    law = Mixture().fit(z)
    order = np.random.default_rng(0).permutation(len(z))
    held, rest = z[order[:120]].numpy(), z[order[120:]].numpy()
    scores = {int(count): score for count, score in law.facts["held_out"].items()}
    ridged = 1e-6 * float(z[order[120:]].var(0).min())
    for count in (1, 4):
        theirs = GaussianMixture(count, reg_covar=ridged, max_iter=500, random_state=0).fit(rest).score(held)
        assert scores[count] == pytest.approx(theirs, abs=1e-6)
    assert law.weights is not None
    assert len(law.weights) == max(scores, key=lambda count: scores[count]) > 1
    assert law.choice.startswith(f"{len(law.weights)} components have the highest held-out log-likelihood (1: ")


def test_what_no_law_can_be_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected candidates of gaussian, .*, got gausian"):
        Auto(candidates=("gausian",))
    with pytest.raises(ValueError, match="got none"):
        Auto(candidates=())
    with pytest.raises(ValueError, match="unknown method of sampler 'flow': 'rk4'"):
        Flow(method="rk4")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="steps of at least 1, got 0"):
        Flow(steps=0)
    with pytest.raises(ValueError, match="finite reach of at least 0, got -1"):
        Transport(reach=-1.0)
    with pytest.raises(ValueError, match="lr above 0 and below 1, got 2"):
        TwoStage(lr=2.0)


def test_a_fit_that_diverged_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"sampler 'flow': the fit diverged at lr 1e\+12: take a smaller lr"):
        Flow(**QUICK | {"lr": 1e12}).fit(correlated(200))


def test_the_smallest_variance_is_below_the_one_that_the_decoder_starts_with() -> None:
    with pytest.raises(ValueError, match=r"sampler 'two-stage': expected smallest above 0 and below 0\.1, got 0\.5"):
        TwoStage(smallest=0.5)
