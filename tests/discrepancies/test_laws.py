"""Laws that discrepancies obey, over the table: each new one is tested by being listed."""

import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

from remblai.config.registry import make
from remblai.discrepancies import DISCREPANCIES
from remblai.laws import PRIORS
from remblai.statistics import two_sample_test
from remblai.statistics.subsampling import floor

NAMES = list(DISCREPANCIES)
often = settings(max_examples=8, deadline=None, derandomize=True)


def build(name, **options):
    """The discrepancy of this name, with the options under which equal calls give equal values."""
    known = {"prior": PRIORS["normal"](2), "latent": 2}
    exact_options = make(DISCREPANCIES, name, **known).exact_options
    return make(DISCREPANCIES, {"name": name, **exact_options, **options}, **known)


@some.composite
def samples(draw):
    generator = torch.Generator().manual_seed(draw(some.integers(0, 10**6)))
    n, m = draw(some.integers(4, 9)), draw(some.integers(4, 9))
    return torch.randn(n, 2, generator=generator).double(), torch.randn(m, 2, generator=generator).double() + 0.5


@often
@given(pair=samples())
@pytest.mark.parametrize("name", NAMES)
def test_symmetric_and_blind_to_order_and_place(name, pair):
    (x, y), discrepancy = pair, build(name)
    value, close = float(discrepancy(x, y)), {"rel": 1e-5, "abs": 1e-6}
    assert float(discrepancy(x.flip(0), y.flip(0))) == pytest.approx(value, **close)
    if discrepancy.symmetric:
        assert float(discrepancy(y, x)) == pytest.approx(value, **close)
    if discrepancy.translation_invariant:
        assert float(discrepancy(x + 7.0, y + 7.0)) == pytest.approx(value, **close)


@often
@given(pair=samples())
@pytest.mark.parametrize("name", NAMES)
def test_nothing_between_equal_samples_and_more_where_one_moves_away(name, pair):
    (x, y), discrepancy = pair, build(name)
    nothing = float(discrepancy(x, x.flip(0)))
    if discrepancy.nonnegative:
        assert nothing == pytest.approx(0.0, abs=1e-6)
        assert float(discrepancy(x, y)) >= -1e-6
    far, farther = (float(discrepancy(x, y + shift)) for shift in (5.0, 50.0))
    assert nothing < far < farther


@pytest.mark.parametrize("name", NAMES)
def test_unbiased_estimates_are_0_on_average_where_the_laws_are_equal_and_others_above(name):
    discrepancy = build(name)
    generator = torch.Generator().manual_seed(0)
    samples = torch.randn(100, 2, 2 * discrepancy.least_points + 4, 2, generator=generator).double()
    values = torch.stack([discrepancy(x, y) for x, y in samples])
    error = float(values.std()) / len(values) ** 0.5
    assert (abs(float(values.mean())) < 4 * error) == discrepancy.unbiased
    assert discrepancy.nonnegative == bool((values >= -1e-9).all())


@often
@given(pair=samples())
@pytest.mark.parametrize("name", NAMES)
def test_grows_with_the_unit(name, pair):
    (x, y), discrepancy = pair, build(name)
    if discrepancy.homogeneity is not None:
        expected = 3.0**discrepancy.homogeneity * float(discrepancy(x, y))
        assert float(discrepancy(3.0 * x, 3.0 * y)) == pytest.approx(expected, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_needs_as_many_points_as_it_says(name):
    discrepancy = build(name)
    least = discrepancy.least_points
    x, y = torch.rand(2, least, 2, generator=torch.Generator().manual_seed(0)).double()
    assert torch.isfinite(discrepancy(x, y))
    if least > 1:
        with pytest.raises(ValueError, match=f"at least {least} points"):
            discrepancy(x, y[:-1])


@pytest.mark.parametrize("name", NAMES)
def test_many_parts_at_once_are_the_estimates_one_by_one(name):
    generator = torch.Generator().manual_seed(0)
    points, discrepancy = torch.randn(16, 2, generator=generator).double(), build(name)
    first = torch.rand(5, 16, generator=generator).argsort(1) < 7
    found = discrepancy.of_parts(points, first, ~first)
    if found is not None:
        direct = torch.stack([discrepancy(points[part], points[~part]) for part in first])
        torch.testing.assert_close(found.values, direct, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_pickles_and_deep_copies(name):
    discrepancy = build(name)
    x, y = torch.rand(2, 6, 2, generator=torch.Generator().manual_seed(0))
    for other in (copy.deepcopy(discrepancy), pickle.loads(pickle.dumps(discrepancy))):
        assert float(other(x, y)) == pytest.approx(float(discrepancy(x, y)), rel=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_finite_differences(name):
    generator = torch.Generator().manual_seed(1)
    x, y = (torch.randn(n, 2, generator=generator).double() for n in (6, 5))
    discrepancy = build(name)
    y.requires_grad_()
    (slope,) = torch.autograd.grad(discrepancy(x, y), y)
    way, step = torch.randn(y.shape, generator=generator).double(), 1e-5
    with torch.no_grad():
        ends = [float(discrepancy(x, y + sign * step * way)) for sign in (1, -1)]
    assert float((slope * way).sum()) == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_each_has_a_floor_and_a_test_that_sees_a_shift(name):
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(60, 2, generator=generator), torch.randn(30, 2, generator=generator) + 2.0
    discrepancy = build(name)
    low = floor(discrepancy, x, repeats=5)
    assert np.isfinite([low.value, low.spread]).all()
    assert float(discrepancy.estimate(x[:30], y)) > low.value + 3 * low.spread
    assert two_sample_test(discrepancy, x[:30], y, permutations=30).p_value == pytest.approx(1 / 31)
    same = two_sample_test(discrepancy, x[:30], x[30:], permutations=30)
    assert same.p_value > 1 / 31
