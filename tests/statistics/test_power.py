import math

import pytest
import torch
from scipy import stats

from remblai.discrepancies import MMD
from remblai.kernels import KERNELS
from remblai.laws.priors import Mixture, Normal, Sphere, Uniform
from remblai.statistics.power import FAULTS, power_of, seen_faults


def mean_of_the_first_axis(z):
    return z[:, 0].mean().abs()


def test_the_smallest_shift_is_that_of_a_z_test():
    """|mean| of n normal draws is above its 95 % quantile 8 times out of 10 from a shift of (1.96 + .84) / sqrt(n)."""
    n = 50
    found = {sees.fault: sees for sees in seen_faults(mean_of_the_first_axis, Normal(2), n, repeats=400, most=n)}
    truth = (stats.norm.isf(0.025) + stats.norm.ppf(0.8)) / math.sqrt(n)
    assert found["shift"].smallest == pytest.approx(truth, rel=0.1)
    assert found["shift"].power == 1.0 and found["shift"].n_needed == n
    assert found["dead axis"].smallest is None and found["dead axis"].n_needed is None


def test_the_power_at_no_fault_is_the_level():
    batches = [
        power_of(mean_of_the_first_axis, Normal(2), 20, "tied pair", repeats=200, seed=seed) for seed in range(4)
    ]
    assert sum(batches) / 4 == pytest.approx(0.05, abs=0.03)


def test_the_n_that_is_needed_sees_the_fault():
    """The mean product of two axes is 1 where they are tied, and has mean 0 where one is a square of the other."""
    found = {
        sees.fault: sees
        for sees in seen_faults(lambda z: (z[:, 0] * z[:, 1]).mean().abs(), Normal(2), 8, repeats=40, most=64)
    }
    assert found["tied pair"].n_needed in (8, 16, 32)
    assert found["curve"].n_needed is None and found["curve"].most == 64


def test_an_mmd_sees_a_dead_axis_among_2_and_not_among_64():
    """facts: at n = 100 a dead axis among 64 moves the unbiased MMD by a tenth of its standard deviation."""
    for latent, sees in ((2, True), (64, False)):
        prior = Normal(latent)
        mmd = MMD(KERNELS["imq"](prior=prior))
        power = power_of(lambda z, mmd=mmd, prior=prior: mmd.to_law(z, prior()), prior, 100, "dead axis", repeats=30)
        assert (power > 0.8) == sees
        assert sees or power < 0.3


@pytest.mark.parametrize("name", list(FAULTS))
def test_faults_keep_what_they_do_not_change(name):
    fault = FAULTS[name]
    codes = torch.randn(4000, 3, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(fault.put(codes, 0.0), codes, atol=1e-5)
    faulty = fault.put(codes, fault.largest)
    assert not torch.allclose(faulty, codes, atol=0.1)
    if name in ("tied pair", "curve"):
        assert faulty[:, 1].std() == pytest.approx(1.0, abs=0.05)
        other = codes[:, 0] if name == "tied pair" else codes[:, 0] ** 2
        assert torch.corrcoef(torch.stack([faulty[:, 1], other]))[0, 1] == pytest.approx(1.0, abs=0.01)
    if name == "dead axis":
        assert float(faulty[:, 0].abs().max()) == 0.0


@pytest.mark.parametrize("prior", [Normal(3), Uniform(3), Sphere(3), Mixture(3)], ids=lambda one: type(one).__name__)
def test_sizes_of_ties_and_curves_are_correlations_for_every_prior(prior):
    torch.manual_seed(0)
    z = prior.sample(20_000)
    own = float(torch.corrcoef(z[:, :2].T)[0, 1])
    for name, column in (("tied pair", z[:, 0]), ("curve", z[:, 0] ** 2)):
        faulty = FAULTS[name].put(z, 0.8)
        assert float(torch.corrcoef(torch.stack([column, faulty[:, 1]]))[0, 1]) == pytest.approx(0.8, abs=0.05), name
        assert float(faulty[:, 1].var() / z[:, 1].var()) == pytest.approx(1.0, abs=0.05 + abs(own)), name


def test_faults_are_named():
    with pytest.raises(ValueError, match="expected one of shift, scale, dead axis for codes of 1 coordinates"):
        power_of(mean_of_the_first_axis, Normal(1), 8, "tied pair")


def test_too_few_codes_or_repeats_are_refused():
    with pytest.raises(ValueError, match="codes a batch: expected at least 2"):
        seen_faults(mean_of_the_first_axis, Normal(2), 1)
    with pytest.raises(ValueError, match="repeats: expected at least 20"):
        seen_faults(mean_of_the_first_axis, Normal(2), 10, repeats=5)
