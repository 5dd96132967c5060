import numpy as np
import pytest
import torch
from scipy.stats import rankdata

from remblai.critics import Kantorovich, Logistic
from remblai.gallery.wgan import watched
from remblai.gallery.wgan.images import digits
from remblai.gallery.wgan.watched import (
    CONVOLUTIONAL,
    GENERATORS,
    RATES,
    SHAPE,
    SIDE,
    Run,
    loop,
    objective,
    rank_correlation,
    smooth,
    steps_of_critic,
    trained,
    watch,
)


@pytest.fixture
def short_rounds(monkeypatch):
    monkeypatch.setattr(watched, "LONG", 2)


def run(estimates, places, distances):
    return Run(np.array(estimates, float), np.array(places), np.array(distances, float), torch.zeros(1, *SHAPE))


def test_the_running_median_is_the_median_of_the_values_around():
    curve = np.random.default_rng(0).normal(size=101)
    reach = 5
    padded = np.concatenate([np.full(reach, curve[0]), curve, np.full(reach, curve[-1])])
    np.testing.assert_array_equal(smooth(curve), [np.median(padded[i : i + 11]) for i in range(101)])


def test_a_short_curve_is_left_as_it_is():
    np.testing.assert_array_equal(smooth(np.array([3.0, 1.0, 2.0])), [3.0, 1.0, 2.0])


def test_only_the_last_half_counts_in_the_rank_correlation():
    places = np.arange(1, 11)
    one = run([0, 1, 2, 3, 4, 9, 7, 6, 5, 2], places, [9, 8, 7, 6, 5, 5, 4, 3, 2, 1])
    assert rank_correlation(one) == pytest.approx(1.0)
    np.testing.assert_array_equal(one.late[0], [9, 7, 6, 5, 2])
    other = run(one.estimates, places, one.distances[::-1].copy())
    assert rank_correlation(other) == pytest.approx(-1.0)


def test_runs_are_pooled_by_the_ranks_of_all_their_points():
    rng = np.random.default_rng(1)
    pair = [run(rng.normal(size=12), np.arange(1, 13), rng.normal(size=12)) for _ in range(2)]
    e, d = (np.concatenate([one.late[side] for one in pair]) for side in (0, 1))
    assert rank_correlation(*pair) == pytest.approx(np.corrcoef(rankdata(e), rankdata(d))[0, 1])


def test_an_estimate_is_read_at_the_round_of_its_evaluation():
    estimates, distances = run(np.arange(8), [2, 4, 6, 8], [4, 3, 2, 1]).late
    np.testing.assert_array_equal(estimates, [5, 7])
    np.testing.assert_array_equal(distances, [2, 1])


def test_the_generators_are_the_papers():
    sizes = {}
    for name, network in GENERATORS.items():
        model = objective(network, CONVOLUTIONAL, Kantorovich(), "gradient-penalty")
        layers = list(model.decoder.modules())
        sizes[name] = [layer for layer in layers if isinstance(layer, torch.nn.ConvTranspose2d)]
        assert any(isinstance(layer, torch.nn.BatchNorm2d) for layer in layers) == (name == "DCGAN")
        assert model.sample(3).shape == (3, *SHAPE)
    assert [layer.in_channels for layer in sizes["DCGAN"]] == [32, 16]
    assert [layer.in_channels for layer in sizes["no batch norm"]] == [16, 16]
    assert sizes["MLP 512 × 4"] == []
    assert set(RATES) == set(GENERATORS)
    assert [layer.out_features for layer in layers if isinstance(layer, torch.nn.Linear)] == [512] * 4 + [256]


def test_the_critic_is_one_network_in_both_games_and_for_all_generators():
    shapes = {
        tuple(tuple(p.shape) for p in objective(network, CONVOLUTIONAL, game, held).discrepancy.critic.parameters())
        for network in GENERATORS.values()
        for game, held in ((Kantorovich(), "gradient-penalty"), (Logistic(), "free"))
    }
    assert len(shapes) == 1


def test_the_critic_has_long_rounds_at_the_start_and_now_and_then():
    assert [steps_of_critic(step) for step in (1, 3, 4, 99, 100, 101)] == [30, 30, 5, 5, 30, 5]


def test_a_run_is_a_function_of_its_seed_and_leaves_the_global_generator(short_rounds):
    before = torch.get_rng_state()
    one, same, other = (trained("DCGAN", Logistic(), "free", 4, 2, seed) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(one.estimates, same.estimates)
    np.testing.assert_array_equal(one.distances, same.distances)
    assert not np.array_equal(one.distances, other.distances)
    np.testing.assert_array_equal(one.places, [2, 4])
    assert one.estimates.shape == (4,)
    assert one.images.shape[1:] == SHAPE


def test_a_run_is_the_same_however_often_it_is_looked_at(short_rounds):
    once, often = (trained("MLP 512 × 4", Kantorovich(), "clip", 3, evaluations) for evaluations in (1, 3))
    assert torch.equal(once.images, often.images)


def test_training_brings_samples_nearer_and_the_estimate_down(short_rounds):
    def build():
        return objective(GENERATORS["MLP 512 × 4"], {"name": "mlp", "width": 64}, Kantorovich(), "gradient-penalty")

    found = watch(build, loop(RATES["MLP 512 × 4"], 24), 4, 0, digits(SIDE))
    assert found.distances[-1] < 0.7 * found.distances[0]
    assert found.filtered[-1] < 0.9 * found.filtered.max()
