import json

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from remblai.laws.priors import Normal
from remblai.metrics import fidelity_card, nearest_neighbour_accuracy, sharpness, w2
from remblai.statistics import halves

N = 360


@pytest.fixture(scope="module")
def digits():
    images = torch.tensor(load_digits().images / 16, dtype=torch.float32)[:, None]
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    return images[order[:-N]], images[order[-N:]]


def test_names_values_and_floors(digits):
    train, test = digits
    samples = train[:N] * 0.9
    card = fidelity_card(
        train, test, samples, reconstructions=test[:100] + 0.1, codes=torch.randn(200, 3), prior=Normal(3)
    )
    assert set(card) == {
        "nearest_neighbour_accuracy",
        "energy_distance_squared",
        "memorisation_ratio",
        "next_to_training_share",
        "w2",
        "sliced_w2_squared",
        "patch_sliced_w1",
        "sharpness",
        "sharpness_data",
        "reconstruction_mse",
        "latent_mmd_squared",
        "axis_w1",
        "reconstruction_psnr",
        "reconstruction_ssim",
    }
    assert json.loads(json.dumps(card, allow_nan=False)) == card
    assert card["w2"]["value"] == pytest.approx(w2(test, samples), rel=1e-5)
    assert card["nearest_neighbour_accuracy"]["value"] == pytest.approx(nearest_neighbour_accuracy(test, samples))
    assert card["nearest_neighbour_accuracy"]["floor"] == pytest.approx(0.5, abs=0.06)
    assert card["memorisation_ratio"]["floor"] == pytest.approx(1, abs=0.05)
    assert card["sharpness"]["floor"] == card["sharpness_data"]["value"] == pytest.approx(sharpness(test), rel=1e-5)
    assert card["reconstruction_mse"]["value"] == pytest.approx(0.01, rel=1e-4)
    assert card["reconstruction_mse"]["n"] == 100
    assert card["latent_mmd_squared"]["n"] == 200
    assert {name for name, figure in card.items() if "sees" not in figure} == {
        "sharpness_data",
        "reconstruction_mse",
        "reconstruction_psnr",
        "reconstruction_ssim",
    }


def test_what_fools_one_figure_is_caught_by_another(digits):
    """Pixel W2 is won by blur and by memory: 30 centres, copies and a Gaussian all come near its floor."""
    train, test = digits
    rng = np.random.default_rng(0)
    centres = KMeans(30, n_init=1, random_state=0).fit(train.flatten(1)).cluster_centers_[rng.integers(0, 30, N)]
    fitted = PCA(8).fit(train.flatten(1))
    gaussian = fitted.inverse_transform(rng.normal(size=(N, 8)) * fitted.explained_variance_**0.5)
    blur, bell, copies = (
        fidelity_card(train, test, torch.as_tensor(fake, dtype=torch.float32).reshape(-1, 1, 8, 8))
        for fake in (centres, gaussian, train[:N])
    )
    for card in (blur, copies):
        assert card["w2"]["value"] < 1.1 * card["w2"]["floor"]
    assert blur["nearest_neighbour_accuracy"]["value"] > 0.7
    assert bell["nearest_neighbour_accuracy"]["value"] > 0.9
    assert min(card["energy_distance_squared"]["value"] for card in (blur, bell)) > 0.02
    assert abs(copies["energy_distance_squared"]["value"]) < 0.01
    assert copies["memorisation_ratio"]["value"] == 0
    assert blur["memorisation_ratio"]["value"] < 0.9
    assert blur["sharpness"]["value"] < 0.7 * blur["sharpness_data"]["value"]


def test_real_data_reach_their_own_floor(digits):
    train, test = digits
    card = fidelity_card(train[: -N // 2], test[: N // 2], train[-N // 2 :])
    for name in ("nearest_neighbour_accuracy", "energy_distance_squared", "memorisation_ratio"):
        assert abs(card[name]["value"] - card[name]["floor"]) < 4 * card[name]["spread"]


def test_the_spread_is_the_figures_own_deviation():
    """The deviation over halves of one sample against the deviation over fresh samples of the same law."""
    generator = torch.Generator().manual_seed(0)

    def card(repeats):
        train, test, samples = (torch.randn(m, 3, generator=generator) for m in (300, 200, 200))
        return fidelity_card(train, test, samples + 0.7, image=False, repeats=repeats, power=False)

    fresh = [card(repeats=2) for _ in range(40)]
    told = [card(repeats=20) for _ in range(5)]
    for name in ("nearest_neighbour_accuracy", "energy_distance_squared", "memorisation_ratio", "w2"):
        truth = np.std([c[name]["value"] for c in fresh])
        assert np.mean([c[name]["spread"] for c in told]) == pytest.approx(truth, rel=0.5)


def test_halves_are_halves_without_repetition():
    masks = halves(11, 20, torch.Generator().manual_seed(0))
    assert masks.shape == (21, 11)
    assert masks[0].all()
    assert (masks[1:].sum(1) == 5).all()


def test_more_samples_than_data_are_cut_and_points_have_no_sharpness():
    generator = torch.Generator().manual_seed(0)
    card = fidelity_card(*(torch.randn(m, 2, generator=generator) for m in (90, 50, 70)), image=False)
    assert {figure["n"] for figure in card.values()} == {50}
    assert "sharpness" not in card


def test_w2_is_cut_to_what_the_assignment_can_take(monkeypatch):
    monkeypatch.setattr("remblai.metrics.samples.W2_ROWS", 20)
    card = fidelity_card(torch.rand(90, 2), torch.rand(50, 2), torch.rand(50, 2), image=False)
    assert card["w2"]["n"] == 20
    assert card["energy_distance_squared"]["n"] == 50


def test_the_same_seed_gives_the_same_card_and_leaves_the_generator_alone(digits):
    train, test = digits
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    cards = [
        fidelity_card(train, test[:50], test[50:150], codes=test[:50, 0, 0, :2], prior=Normal(2)) for _ in range(2)
    ]
    assert cards[0] == cards[1]
    assert torch.equal(torch.rand(2), expected)


def test_held_out_data_that_were_trained_on_have_no_memorisation_ratio(digits):
    train, _ = digits
    assert "memorisation_ratio" not in fidelity_card(train[:200], train[:100], train[200:300])


def test_tiny_images_and_tiny_samples():
    card = fidelity_card(torch.rand(9, 1, 2, 2), torch.rand(4, 1, 2, 2), torch.rand(4, 1, 2, 2))
    assert "sharpness" not in card
    with pytest.raises(ValueError, match="at least 4 rows"):
        fidelity_card(torch.rand(9, 3), torch.rand(3, 3), torch.rand(9, 3), image=False)
