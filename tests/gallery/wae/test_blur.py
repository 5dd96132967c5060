import numpy as np
import pytest
import torch
from torch.distributions import Normal

from remblai.data import load
from remblai.gallery.wae.blur import DATA, Toy, along_the_line, blur, distance_to_average, posterior_average
from remblai.gallery.wae.latent_plane import trained
from remblai.objectives import AutoEncoder


def by_hand(places: np.ndarray, means: np.ndarray, deviations: np.ndarray) -> np.ndarray:
    """E[X | z] by Bayes' rule, a code at a time."""
    found = []
    for z in places:
        densities = np.exp(-0.5 * ((z - means) / deviations) ** 2) / deviations
        found.append((densities * np.array(DATA)).sum() / densities.sum())
    return np.array(found)


@pytest.fixture(scope="module")
def model() -> AutoEncoder:
    return trained(load("digits"), "vae", {"latent": 2, "network.width": 8}, steps=5)


def test_the_average_is_bayes_rule() -> None:
    places, means, deviations = np.linspace(-2, 2, 41), np.array([-1.0, -0.4, 0.0, 0.6, 1.2]), np.linspace(0.2, 0.5, 5)
    law = Normal(torch.tensor(means)[:, None], torch.tensor(deviations)[:, None])
    toy = Toy(places, law.log_prob(torch.tensor(places)).exp().numpy(), np.zeros(41))
    np.testing.assert_allclose(toy.average, by_hand(places, means, deviations), rtol=1e-10)
    np.testing.assert_allclose(toy.aggregate, law.log_prob(torch.tensor(places)).exp().mean(0))
    assert toy.gap(np.full(41, 0.3)) == pytest.approx(0.3)
    assert set(toy.nearest) == set(DATA)


def test_the_gap_is_weighed_by_where_codes_fall() -> None:
    toy = Toy(np.array([0.0, 1.0]), np.array([[3.0, 1.0]] * 5), np.array([0.0, 2.0]))
    assert toy.gap(np.zeros(2)) == pytest.approx(1.0)  # 2^2 at a quarter of the mass


def test_posteriors_weigh_images_as_bayes_rule_does(model: AutoEncoder) -> None:
    images, z = load("digits").train[:20], torch.randn(3, 2, generator=torch.Generator().manual_seed(0))
    law = model.encoder(images).base_dist  # type: ignore[attr-defined]
    mean, deviation = law.loc.detach().double().numpy(), law.scale.detach().double().numpy()
    for code, found in zip(z.double().numpy(), posterior_average(model, images, z).double().numpy(), strict=True):
        density = np.exp(-0.5 * (((code - mean) / deviation) ** 2).sum(1)) / deviation.prod(1)
        expected = (density[:, None] * images.flatten(1).double().numpy()).sum(0) / density.sum()
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


def test_a_decoder_that_is_the_average_lies_at_no_distance(model: AutoEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    images = load("digits").train[:50]
    assert distance_to_average(model, images) > 0.0
    model.decoder.forward = lambda z: Normal(posterior_average(model, images, z).reshape(-1, 1, 8, 8), 1.0)  # type: ignore[method-assign,assignment,return-value]
    assert distance_to_average(model, images) == pytest.approx(0.0, abs=1e-10)
    del model.decoder.forward


def test_the_toys_decoder_tends_to_the_average_as_it_trains() -> None:
    early, later = along_the_line(20), along_the_line(400)
    assert later.gap(later.average) < 0.5 * early.gap(early.average)


def test_a_short_run_measures_and_draws_and_leaves_the_generator() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    entry = blur(steps=20)
    assert torch.equal(before, torch.get_rng_state())
    assert [picture.name for picture in entry.pictures] == ["blur", "blur-digits"]
    assert all(np.isfinite(check.found) for check in entry.checks)
    assert entry.words.endswith(".")
    assert len(entry.findings) == 2
