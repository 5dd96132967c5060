"""What holds for every row of the table of metrics: a new one is tested by being there."""

import json
import math

import pytest
import torch

from remblai.data import load
from remblai.data.toys import ring
from remblai.features import Features, own_features, shipped
from remblai.laws.priors import Normal
from remblai.metrics import METRICS
from remblai.metrics.faults import Faults
from remblai.metrics.reading import read
from remblai.metrics.sets import Labelled, Sets

NEEDS = {
    *("images", "reconstructions", "codes", "modes", "features", "classes", "inception", "code means"),
    *("labels", "augmentations", "columns"),
}
EXTRAS = {
    *("by_axis", "dead", "spectrum", "by_class", "by_level", "augmented", "full_rank", "sides", "by_column"),
    *("floor_by_column", "chance", "features"),
}
N = 60


def sets(metric, seed=0):
    """Real data in the place of the samples: of the known modes where the metric is about them, digits otherwise."""
    draws = torch.Generator().manual_seed(seed)
    if "modes" in metric.needs:
        toy = ring(8, 1.0, 0.05).modes
        centres = torch.as_tensor(toy.centres, dtype=torch.float32)
        rows = centres[torch.randint(8, (5 * N,), generator=draws)] + 0.05 * torch.randn(5 * N, 2, generator=draws)
        image, modes = False, (toy.centres, toy.deviation)
    else:
        rows, image, modes = load("digits").train[: 5 * N], True, None
        if "columns" in metric.needs:
            rows, image = rows.flatten(1), False
    test = rows[:N]
    features = Features("published", own_features(torch.nn.Flatten(), (1, 8, 8)).network, "0", standard=True)
    codes = torch.randn(N, 3, generator=draws)
    return Sets(
        rows[2 * N :], test, rows[N : 2 * N], reconstructions=test + 0.1, image=image, modes=modes, seed=seed,
        codes=codes, prior=Normal(3), code_means=codes,
        features=None if modes else features if "inception" in metric.needs else shipped("digits"),
        labelled=Labelled(rows[N : 2 * N], *read_labels(), [str(digit) for digit in range(10)]) if image else None,
        augmentations=("shift",) if image else (),
        columns=[f"pixel {place}" for place in range(64)] if "columns" in metric.needs else (),
    )  # fmt: skip


def read_labels():
    """The labels of the digits that play samples and held-out data."""
    labels = load("digits").train.labels
    return labels[N : 2 * N], labels[:N]


@pytest.fixture(scope="module", params=list(METRICS))
def name(request):
    return request.param


@pytest.fixture(scope="module")
def figure(name):
    return METRICS[name].compute(sets(METRICS[name]))


def test_a_figure_is_finite_and_plain_json(name, figure):
    assert set(figure) - EXTRAS == {"value", "floor", "spread", "n"}
    assert all(math.isfinite(part) for name, part in figure.items() if name not in EXTRAS)
    assert figure["n"] == N and figure["spread"] >= 0
    assert json.loads(json.dumps(figure)) == figure


def test_it_needs_what_it_says(name):
    assert set(METRICS[name].needs) <= NEEDS


def test_real_data_are_near_their_floor(name, figure):
    """But for reconstructions, whose floor is another thing."""
    if METRICS[name].power is not None:
        assert abs(figure["value"] - figure["floor"]) <= 5 * figure["spread"] + 1e-9


def test_it_is_a_function_of_the_seed_and_leaves_torch_s_generator_alone(name, figure):
    before = torch.get_rng_state()
    assert METRICS[name].compute(sets(METRICS[name])) == figure
    assert torch.equal(torch.get_rng_state(), before)


def test_its_words_take_the_numbers_and_people_can_read_them(name, figure):
    metric = METRICS[name]
    assert metric.label and metric.meaning.endswith(".") and metric.says.endswith(".")
    rows = read({name: figure})
    assert len(rows) == metric.listed
    assert all("{" not in row.says for row in rows)


def test_what_it_could_have_seen_is_finite(name):
    metric = METRICS[name]
    if metric.power is not None:
        given = sets(metric)
        sees = metric.power(metric.compute, Faults(given), 0.0)
        assert sees and all(math.isfinite(shift) for shift in sees.values())
        assert sees == metric.power(metric.compute, Faults(sets(metric)), 0.0)


@pytest.mark.parametrize("name", [name for name, row in METRICS.items() if row.statistic])
def test_a_statistic_is_larger_between_laws_that_differ(name):
    draws = torch.Generator().manual_seed(0)
    x, y = torch.randn(40, 3, generator=draws), torch.randn(30, 3, generator=draws)
    of_two = METRICS[name].statistic.compute
    assert of_two(x, y + 3.0) > of_two(x, y)
