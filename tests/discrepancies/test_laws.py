"""Laws that discrepancies obey, over the table: each new one is tested by being listed."""

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
UNBIASED = ("mmd", "energy-distance")
"""Those that are 0 between equal laws on average, and so below 0 between equal samples."""
DEGREE = {"energy-distance": 1, "sliced": 2, "exact": 2, "frechet": 2, "entropic": 2}
"""By which power of the unit they grow; the others have a scale of their own."""
often = settings(max_examples=8, deadline=None, derandomize=True)


def made(name):
    options = {"sliced": {"seed": 3}, "entropic": {"tolerance": 1e-7}, "covariance": {"biased": True}}
    return make(DISCREPANCIES, {"name": name, **options.get(name, {})}, prior=PRIORS["normal"](2), latent=2)


@some.composite
def samples(draw):
    generator = torch.Generator().manual_seed(draw(some.integers(0, 10**6)))
    n, m = draw(some.integers(3, 9)), draw(some.integers(3, 9))
    return torch.randn(n, 2, generator=generator).double(), torch.randn(m, 2, generator=generator).double() + 0.5


@often
@given(pair=samples())
@pytest.mark.parametrize("name", NAMES)
def test_symmetric_and_blind_to_order_and_place(name, pair):
    (x, y), discrepancy = pair, made(name)
    value, close = float(discrepancy(x, y)), {"rel": 1e-5, "abs": 1e-6}
    assert float(discrepancy(y, x)) == pytest.approx(value, **close)
    assert float(discrepancy(x.flip(0), y.flip(0))) == pytest.approx(value, **close)
    assert float(discrepancy(x + 7.0, y + 7.0)) == pytest.approx(value, **close)


@often
@given(pair=samples())
@pytest.mark.parametrize("name", NAMES)
def test_nothing_between_equal_samples_and_more_where_one_moves_away(name, pair):
    (x, y), discrepancy = pair, made(name)
    nothing = float(discrepancy(x, x.flip(0)))
    assert nothing == pytest.approx(0.0, abs=1e-6) if name not in UNBIASED else nothing <= 1e-9
    far, farther = (float(discrepancy(x, y + shift)) for shift in (5.0, 50.0))
    assert nothing < far < farther or name == "mmd"
    assert nothing < far
    if name not in UNBIASED:
        assert float(discrepancy(x, y)) >= -1e-6


@often
@given(pair=samples())
@pytest.mark.parametrize("name", DEGREE)
def test_grows_with_the_unit(name, pair):
    (x, y), discrepancy = pair, made(name)
    expected = 3.0 ** DEGREE[name] * float(discrepancy(x, y))
    assert float(discrepancy(3.0 * x, 3.0 * y)) == pytest.approx(expected, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_finite_differences(name):
    generator = torch.Generator().manual_seed(1)
    x, y = (torch.randn(n, 2, generator=generator).double() for n in (6, 5))
    discrepancy = made(name)
    if name == "entropic":
        discrepancy = make(DISCREPANCIES, {"name": name, "tolerance": 1e-11, "epsilon": 0.5, "relative": False})
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
    discrepancy = made(name)
    low = floor(discrepancy, x, repeats=5)
    assert np.isfinite([low.value, low.spread]).all()
    assert float(discrepancy.estimate(x[:30], y)) > low.value + 3 * low.spread
    assert two_sample_test(discrepancy, x[:30], y, permutations=30).p_value == pytest.approx(1 / 31)
    same = two_sample_test(discrepancy, x[:30], x[30:], permutations=30)
    assert same.p_value > 1 / 31
