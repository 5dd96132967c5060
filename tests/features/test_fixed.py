"""Random convolutions and principal components against sums and scikit-learn."""

import pytest
import torch
from sklearn.decomposition import PCA

from remblai.data import load
from remblai.features import Features, make_features
from remblai.features.fixed import FITTED_ON, RandomConvolutions, pca, random_convolutions

RANDOM = "0cccefb53b1cf5376ae8d44bcca32b57ecd0a7797babccca4efaa49b5773ff2b"
"""Of the filters for one channel and seed 0: they are the same on every machine."""


def test_components_are_those_of_scikit_learn_up_to_sign():
    digits = load("digits")
    found = make_features({"name": "pca", "components": 5}, digits)
    truth = PCA(5).fit(digits.train[:].flatten(1).double().numpy()).transform(digits.test[:].flatten(1).numpy())
    mine = found.of(digits.test[:])
    signs = torch.sign((mine * torch.tensor(truth)).sum(0))
    assert found.name == "pca-5"
    assert (mine * signs).numpy() == pytest.approx(truth, abs=1e-4)


def test_components_are_fitted_to_rows_from_all_of_the_data():
    rows = torch.zeros(2 * FITTED_ON, 4)
    rows[:FITTED_ON, :2] = torch.randn(FITTED_ON, 2)
    rows[FITTED_ON:, 2:] = torch.randn(FITTED_ON, 2)  # another class, of other coordinates
    features = pca(load(rows), components=4).of(rows[FITTED_ON:])
    assert float(features.var(0).sum()) > 1.5


def test_images_of_other_channels_are_refused_and_others_of_any_type_taken():
    features = random_convolutions((1, 8, 8))
    with pytest.raises(ValueError, match="expected images"):
        features(torch.rand(2, 3, 8, 8))
    images = torch.rand(2, 1, 8, 8)
    torch.testing.assert_close(features(images.double()), features(images))
    dropping = Features("own", torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Dropout()), "").train()
    assert torch.equal(dropping(images), dropping(images))


def test_random_filters_are_the_same_everywhere_and_see_no_brightness():
    digits = load("digits")
    assert make_features("random-convolutions", digits).sha256 == RANDOM
    flat = RandomConvolutions(3)(torch.rand(2, 3, 1, 1).expand(2, 3, 16, 16))
    assert flat.shape == (2, 144)
    assert flat.abs().max() < 1e-4


def test_the_first_features_are_the_mean_and_deviation_of_a_filter():
    network, x = RandomConvolutions(1), torch.rand(1, 1, 6, 5)
    padded = torch.nn.functional.pad(x, (1, 1, 1, 1), mode="replicate")[0, 0]
    weights = network.filters0[0, 0]
    values = torch.tensor([[(padded[i : i + 3, j : j + 3] * weights).sum() for j in range(5)] for i in range(6)]).relu()
    found = network(x)[0]
    assert float(found[0]) == pytest.approx(16 * float(values.mean()), rel=1e-4)
    assert float(found[16]) == pytest.approx(16 * float(values.std(correction=0)), rel=1e-4)


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 64), (3, 5, 2), (4, 33, 31)])
def test_images_of_any_size_are_taken(shape):
    assert torch.isfinite(RandomConvolutions(shape[0])(torch.rand(3, *shape))).all()
