"""The fixed numbers: known answers, and that they look random."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from remblai.data.mixing import mix, permutation, uniform


def splitmix(state: int, n: int) -> list[int]:
    """The generator as its authors print it, with Python's own integers."""
    mask, out = (1 << 64) - 1, []
    for _ in range(n):
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        out.append(z ^ (z >> 31))
    return out


def test_mix_is_splitmix64() -> None:
    assert mix(np.arange(5)).tolist() == splitmix(0, 5)
    assert splitmix(0, 1) == [0xE220A8397B1DCDAF]  # the published first number of seed 0


@given(st.integers(1, 500))
def test_permutation_holds_each_once(n: int) -> None:
    assert np.array_equal(np.sort(permutation(n)), np.arange(n))


def test_permutation_never_changes() -> None:
    """Another order, in a later version, would mix test and training samples of the runs that exist."""
    assert permutation(10).tolist() == [7, 5, 3, 6, 9, 2, 0, 8, 4, 1]


def test_uniform_looks_uniform_and_keys_independent() -> None:
    first, second = uniform(np.arange(20_000)), uniform(np.arange(20_000), 1)
    assert stats.kstest(first, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.03
    assert abs(np.corrcoef(first[1:], first[:-1])[0, 1]) < 0.03
    assert first.min() >= 0
    assert first.max() < 1


def test_order_is_independent_of_every_small_key() -> None:
    order = permutation(20_000)
    for key in range(32):
        assert abs(stats.spearmanr(uniform(order, key), np.arange(20_000)).statistic) < 0.04
