"""Figures of single columns against SciPy and counts, and how often perfect samples are outside their band."""

import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance

from remblai import evaluate_samples
from remblai.metrics import fidelity_card
from remblai.metrics.columns import BLOCK, figure_of_columns, figure_of_range
from remblai.metrics.reading import BAND, read
from remblai.metrics.sets import Sets

NAMES = ("age", "income", "city = Paris")


def table(n: int, seed: int) -> torch.Tensor:
    """Numbers, heavy tails and a word, each of mean 0 and standard deviation 1 or so."""
    draws = np.random.default_rng(seed)
    word = (draws.random(n) < 0.2) / 0.4
    return torch.from_numpy(np.stack([draws.normal(size=n), draws.lognormal(size=n) / 2, word], 1)).float()


def sets(samples: torch.Tensor, seed: int = 0, n: int = 200) -> Sets:
    return Sets(table(4 * n, 3 * seed), table(n, 3 * seed + 1), samples, columns=NAMES, image=False, seed=seed)


def test_the_furthest_column_is_that_of_scipy() -> None:
    given = sets(table(200, 2) + torch.tensor([0.0, 1.0, 0.0]))
    found = figure_of_columns(given)
    truth = [wasserstein_distance(given.held_out[:, k], given.samples[:, k]) for k in range(3)]
    real = [wasserstein_distance(given.held_out[:, k], given.train[:, k]) for k in range(3)]
    assert list(found["by_column"]) == list(NAMES)
    assert list(found["by_column"].values()) == pytest.approx(truth, rel=1e-3)
    assert (found["value"], found["floor"]) == pytest.approx((max(truth), max(real)), rel=1e-5)
    assert found["value"] > found["floor"] + 5 * found["spread"]
    (row,) = read({"furthest_column": found})
    assert "Furthest above the floor in income " in row.says


def test_rows_beyond_the_range_are_counted_over_all_blocks_of_training_data() -> None:
    train, test, samples = table(BLOCK + 500, 0), table(400, 1), 1.5 * table(400, 2)
    train[-1, 0] = 3.5  # the largest is in the last block
    found = figure_of_range(Sets(train, test, samples, columns=NAMES, image=False))
    low, high = train.amin(0), train.amax(0)
    shares = [float(((rows < low) | (rows > high)).any(1).float().mean()) for rows in (samples, test)]
    assert (found["value"], found["floor"]) == pytest.approx(shares)
    assert found["value"] > found["floor"] + 2 * found["spread"]
    beyond = ((samples < low) | (samples > high)).float().mean(0)
    assert list(found["by_column"].values()) == pytest.approx(beyond.tolist(), abs=1e-3)
    assert beyond[0] > 0


@pytest.mark.parametrize("compute", [figure_of_columns, figure_of_range])
def test_perfect_samples_are_within_the_band(compute) -> None:
    outside = 0
    for seed in range(100):
        figure = compute(sets(table(200, 1000 + seed), seed))
        outside += abs(figure["value"] - figure["floor"]) > BAND * figure["spread"]
    assert outside <= 11


def test_a_mean_row_and_copies_move_what_they_should() -> None:
    given = sets(table(200, 0).mean(0).expand(200, 3))
    found = figure_of_columns(given)
    assert found["value"] > found["floor"] + 5 * found["spread"]
    assert figure_of_range(given)["value"] == 0.0


def test_tables_with_names_have_them_and_other_points_do_not() -> None:
    pandas = pytest.importorskip("pandas")
    columns = {"furthest_column", "beyond_the_range"}
    rows = [pandas.DataFrame(table(n, seed).numpy(), columns=NAMES) for n, seed in ((60, 0), (300, 1))]
    card = evaluate_samples(*rows)
    assert columns <= set(card)
    assert set(card["furthest_column"]["by_column"]) == set(NAMES)
    assert not columns & set(fidelity_card(table(90, 0), table(60, 1), table(60, 2), image=False, power=False))


def test_a_value_that_another_type_writes_differently_is_not_beyond_the_range() -> None:
    pandas = pytest.importorskip("pandas")
    draws = np.random.default_rng(0)
    real, samples = (draws.integers(1, 10, n) / 10 for n in (500, 100))
    card = evaluate_samples(
        pandas.DataFrame({"share": samples}), pandas.DataFrame({"share": real.astype(np.float32)}), seed=0
    )
    assert card["beyond_the_range"]["value"] == 0.0
