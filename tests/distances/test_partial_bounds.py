"""The proven interval of partial transport, against linear programs of scipy and rational arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from tests.distances.exact.rational import INFINITY, fractions, least_cost
from tests.distances.test_partial_transport import linear_program

from remblai.distances import partial

OPTIONS = [{"mass": share} for share in (0.05, 0.4, 0.8, 1.0)] + [{"threshold": t} for t in (0.3, 1.0, 3.0, 30.0)]


def exact(a, b, costs, mass=None, threshold=None):
    """The truth in rational arithmetic: one more place on either side takes what stays."""
    first, second = fractions(a), fractions(b)
    rows, columns = sum(first), sum(second)
    carried = Fraction(0) if mass is None else min(Fraction(mass), rows, columns)
    stay = Fraction(0) if threshold is None else Fraction(threshold) / 2
    inner = [[*fractions(row), stay] for row in costs]
    outer = [*([stay] * len(second)), INFINITY if threshold is None else Fraction(0)]
    return least_cost([*first, columns - carried], [*second, rows - carried], [*inner, outer])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("options", OPTIONS)
def test_the_interval_holds_the_linear_program_and_is_narrow(options, seed):
    rng = np.random.default_rng(seed)
    a, b, costs = rng.uniform(0.1, 1.0, 6), rng.uniform(0.1, 1.0, 5), rng.uniform(0.0, 4.0, (6, 5))
    options = {name: value * (min(a.sum(), b.sum()) if name == "mass" else 1.0) for name, value in options.items()}
    plan = partial(a, b, costs, **options)
    lower, upper = plan.certificate()
    assert lower <= plan.value <= upper
    assert upper - lower == plan.gap <= 1e-12 * upper + 1e-14
    assert lower - 1e-9 <= linear_program(a, b, costs, **options) <= upper + 1e-9  # as accurate as HiGHS is
    assert Fraction(lower) <= exact(a, b, costs, **options) <= Fraction(upper)


@pytest.mark.parametrize("seed", range(12))
def test_the_interval_holds_the_truth_at_every_scale(seed):
    rng = np.random.default_rng(seed)
    n, m = rng.integers(1, 6, 2)
    a, b = 10.0 ** rng.uniform(-9, 0, n), 10.0 ** rng.uniform(-9, 0, m)
    costs = 10.0 ** rng.uniform(-9, 9, (n, m))
    for options in ({"mass": rng.random() * min(a.sum(), b.sum())}, {"threshold": 10.0 ** rng.uniform(-6, 9)}):
        plan = partial(a, b, costs, **options)
        lower, upper = plan.certificate()
        assert lower <= plan.value <= upper
        assert Fraction(lower) <= exact(a, b, costs, **options) <= Fraction(upper)
        assert upper - lower <= 1e-6 * upper


@pytest.mark.parametrize("options", [{"mass": 0.5}, {"threshold": 1.0}])
def test_bounds_hold_for_any_plan_and_any_prices(options):
    rng = np.random.default_rng(1)
    a, b, costs = rng.uniform(0.1, 1.0, 4), rng.uniform(0.1, 1.0, 4), rng.uniform(0.0, 4.0, (4, 4))
    plan = partial(a, b, costs, **options)
    geometry, masses, found, setting = plan.parts.certificate.args
    worse = found._replace(g=found.g - 0.3, coupling=type(found.coupling)(found.coupling.dense().flip(0)))
    lower, upper = plan.parts.certificate.func(geometry, masses, worse, setting, 0.0)
    assert Fraction(lower) <= exact(a, b, costs, **options) <= Fraction(upper)
    assert upper - lower > 1e-3  # no plan that is wrong is proven


def test_masses_and_costs_in_float32_count_as_rounded():
    a, b = torch.tensor([0.1, 0.3]), torch.tensor([0.2, 0.7])
    costs = torch.tensor([[0.1, 0.9], [0.7, 0.3]])
    for options in ({"mass": 0.35}, {"threshold": 0.5}):
        lower, upper = partial(a, b, costs, **options).certificate()
        true = exact([0.1, 0.3], [0.2, 0.7], [[0.1, 0.9], [0.7, 0.3]], **options)
        assert Fraction(lower) <= true <= Fraction(upper)
        assert upper - lower < 2e-6


def test_forbidden_pairs_and_the_whole_mass():
    costs = np.array([[1.0, np.inf], [np.inf, 2.0]])
    lower, upper = partial([0.1, 0.2], [0.1, 0.2], costs, mass=0.1 + 0.2).certificate()
    assert lower <= 0.5 <= upper <= lower + 1e-12
    lower, upper = partial([0.1, 0.2], [0.2, 0.1], costs, threshold=4.0).certificate()
    assert lower <= 0.3 + 2.0 * 0.2 <= upper <= lower + 1e-12
