import numpy as np
import ot
import pytest
import torch
from scipy.spatial.distance import cdist

from remblai.metrics import pairs
from remblai.metrics.samples import energy_distance, memorisation_ratio, nearest_neighbour_accuracy, told_apart, w2
from remblai.statistics import two_sample_test


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(params=[2048, 7])
def block(request, monkeypatch):
    """The answers must not depend on the blocks: 7 divides none of the sizes below."""
    monkeypatch.setattr(pairs, "BLOCK", request.param)


def brute_accuracy(x, y):
    pooled, label = np.concatenate([x, y]), np.repeat([0, 1], [len(x), len(y)])
    distances = cdist(pooled, pooled)
    np.fill_diagonal(distances, np.inf)
    return (label[distances.argmin(1)] == label).mean()


def brute_energy(x, y):
    n, m = len(x), len(y)
    return 2 * cdist(x, y).mean() - cdist(x, x).sum() / (n * (n - 1)) - cdist(y, y).sum() / (m * (m - 1))


@pytest.mark.parametrize("shift", [0.0, 0.5, 100.0])
def test_nearest_neighbour_accuracy_is_the_classifiers_score(rng, block, shift):
    x, y = rng.normal(size=(40, 5)), rng.normal(size=(33, 5)) + shift
    assert nearest_neighbour_accuracy(x, y) == pytest.approx(brute_accuracy(x, y))


def test_nearest_neighbour_accuracy_is_half_between_equal_laws(rng):
    assert nearest_neighbour_accuracy(rng.normal(size=(1000, 4)), rng.normal(size=(1000, 4))) == pytest.approx(
        0.5, abs=0.04
    )


def test_nearest_neighbour_accuracy_counts_a_tie_as_half():
    grid = np.array([[0.0], [0.0], [1.0], [1.0]])  # two of each: the nearest is at distance 0 on both sides
    assert nearest_neighbour_accuracy(grid, grid) == 0.5
    far = grid + 1000.3  # far from 0 rounding alone would break the ties
    assert nearest_neighbour_accuracy(far, far) == 0.5


def test_nearest_neighbour_accuracy_is_zero_for_copies(rng):
    x = rng.normal(size=(50, 3))
    assert nearest_neighbour_accuracy(x, x) == 0


def test_neighbours_are_exact_in_narrow_clusters_and_beside_a_far_row(rng):
    centres = 2.0 * rng.integers(0, 5, (2, 300, 2))
    x, y = centres + 0.05 * np.array([1.0, 0.1])[:, None, None] * rng.normal(size=(2, 300, 2))
    assert nearest_neighbour_accuracy(x.astype(np.float32), y.astype(np.float32)) == brute_accuracy(x, y) > 0.7
    x, y = rng.normal(size=(100, 20)), rng.normal(size=(100, 20)) + 1
    y[0] = 1e5
    found = nearest_neighbour_accuracy(x.astype(np.float32), y.astype(np.float32))
    assert found == pytest.approx(
        brute_accuracy(x, y), abs=1 / 200
    )  # the far row itself is as far from all, in float32


def test_samples_that_shrink_towards_the_mean_are_told_apart(rng):
    x, y = rng.normal(size=(200, 50)), 0.4 * rng.normal(size=(200, 50))
    assert nearest_neighbour_accuracy(x, y) == pytest.approx(0.5, abs=0.05)  # the mean of 0 and 1
    assert told_apart(x, y) > 0.95
    assert told_apart(x, x) == pytest.approx(2 * 199 / 399)  # copies: both sides are 0 where chance has 199 of 399
    y = rng.normal(size=(200, 50)) + 1
    assert told_apart(x, y) == pytest.approx(nearest_neighbour_accuracy(x, y))


@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_the_type_keeps_what_was_given(rng, scale):
    x, y = rng.normal(size=(50, 3)), rng.normal(size=(50, 3)) + 1
    expected = w2(x, y), energy_distance(x, y), nearest_neighbour_accuracy(x, y)
    for moved in (lambda z: z + 1e7, lambda z: z * scale, lambda z: torch.from_numpy(z * scale).float()):
        unit = 1.0 if moved(x).max() > 1e6 and moved(x).max() < 1e8 else scale
        found = w2(moved(x), moved(y)) / unit, energy_distance(moved(x), moved(y)) / unit
        assert found == pytest.approx(expected[:2], rel=1e-5)
        assert nearest_neighbour_accuracy(moved(x), moved(y)) == expected[2]
    whole = rng.integers(0, 5, (20, 2))
    assert w2(whole + 2**30, whole + 2**30 + 1) == pytest.approx(2**0.5)
    assert w2(x[::-1], y) == pytest.approx(expected[0])
    assert w2(x.astype(">f8"), y) == pytest.approx(expected[0])


@pytest.mark.parametrize(
    ("sample", "words"),
    [
        (np.ma.masked_greater(np.eye(3), 0.5), "places masked"),
        (np.full((3, 3), 1e300), "divide all samples"),
        (torch.eye(3).to_sparse(), "sparse"),
        ("abc", "array of real numbers"),
    ],
)
def test_what_is_no_sample_is_refused(sample, words):
    with pytest.raises(ValueError, match=words):
        w2(sample, np.eye(3))


def test_energy_distance_is_the_brute_sum(rng, block):
    x, y = rng.random((40, 3, 4, 4)), rng.random((33, 3, 4, 4)) * 1.1
    truth = brute_energy(x.reshape(40, -1), y.reshape(33, -1))
    assert energy_distance(x, y) == pytest.approx(truth, abs=1e-6)


def test_energy_distance_has_no_bias(rng):
    values = [energy_distance(rng.normal(size=(20, 3)), rng.normal(size=(30, 3))) for _ in range(300)]
    assert abs(np.mean(values)) < 3 * np.std(values) / len(values) ** 0.5
    assert min(values) < 0


def test_energy_distance_on_the_line(rng):
    """Between N(0, 1) and N(t, 1) it is 2 E|N(t, 2)| - 2 E|N(0, 2)|."""
    truth = 2 * np.abs(rng.normal(1, 2**0.5, 10**6)).mean() - 4 / np.pi**0.5
    values = [energy_distance(rng.normal(0, 1, (400, 1)), rng.normal(1, 1, (400, 1))) for _ in range(20)]
    assert abs(np.mean(values) - truth) < 3 * np.std(values) / 20**0.5 + 0.005


def test_memorisation_ratio(rng, block):
    train, held_out = rng.random((60, 1, 5, 5)), rng.random((40, 1, 5, 5))
    samples = rng.random((30, 1, 5, 5))
    near = [np.median(cdist(part.reshape(len(part), -1), train.reshape(60, -1)).min(1)) for part in (samples, held_out)]
    assert memorisation_ratio(samples, train, held_out) == pytest.approx(near[0] / near[1], rel=1e-5)
    assert memorisation_ratio(train[:30], train, held_out) == 0  # exactly: copies are not at rounding's distance
    assert memorisation_ratio(held_out, train, held_out) == 1


def test_memorisation_ratio_reads_the_training_data_by_slices(rng):
    class Slices:
        def __init__(self, rows):
            self.rows = torch.as_tensor(rows)

        def __len__(self):
            return len(self.rows)

        def __getitem__(self, index):
            assert isinstance(index, slice)
            return self.rows[index]

    train, held_out = rng.random((60, 4)), rng.random((40, 4))
    assert memorisation_ratio(held_out[:20], Slices(train), held_out) == memorisation_ratio(
        held_out[:20], train, held_out
    )


def test_memorisation_ratio_refuses_held_out_data_that_were_trained_on(rng):
    train = rng.random((60, 4))
    with pytest.raises(ValueError, match="also training data"):
        memorisation_ratio(train[:5], train, train[:20])


def test_w2_is_the_optimal_plans(rng):
    x, y = rng.normal(size=(50, 3)), rng.normal(size=(50, 3)) * 2 + 1
    assert w2(x, y) ** 2 == pytest.approx(ot.emd2([], [], ot.dist(x, y)), rel=1e-5)


def test_w2_closed_forms(rng):
    x, step = rng.normal(size=(100, 4)), np.array([3.0, 0, 4.0, 0])
    assert w2(x, rng.permutation(x) + step) == pytest.approx(5, rel=1e-5)  # a translation
    a, b = rng.normal(size=(200, 1)), rng.normal(size=(200, 1)) * 3
    assert w2(a, b) == pytest.approx(
        ((np.sort(a, 0) - np.sort(b, 0)) ** 2).mean() ** 0.5, rel=1e-5
    )  # on the line: sorting


@pytest.mark.parametrize("metric", [nearest_neighbour_accuracy, energy_distance, w2])
def test_bad_samples_are_refused(rng, metric):
    x = rng.random((10, 4))
    with pytest.raises(ValueError, match="NaN or infinity"):
        metric(x, np.where(x > 0.5, np.nan, x))
    with pytest.raises(ValueError, match="3 numbers a row where 4"):
        metric(x, x[:, :3])
    with pytest.raises(ValueError, match="n >= 1"):
        metric(x[:0], x)


def test_other_bad_input(rng):
    with pytest.raises(ValueError, match="at least 2 rows"):
        energy_distance(rng.random((1, 4)), rng.random((5, 4)))
    with pytest.raises(ValueError, match="one size, at most 2000"):
        w2(rng.random((5, 4)), rng.random((4, 4)))
    with pytest.raises(ValueError, match="training data are empty"):
        memorisation_ratio(rng.random((5, 4)), np.zeros((0, 4)), rng.random((5, 4)))


def test_sides_of_unequal_samples_count_from_their_own_chance(rng):
    """Both sides rise where the laws differ, the small one from 1/11 towards 1/2: counted from 1/2 they cancelled."""
    x, y = rng.normal(size=(1000, 2)), rng.normal(size=(100, 2))
    assert told_apart(x, y) == pytest.approx(0.5, abs=0.03)
    away = np.array([1.5, 0.0])
    assert told_apart(x, y + away) > 0.54
    assert two_sample_test(lambda a, b: torch.tensor(told_apart(a, b)), x, y + away, 99).p_value <= 0.02
