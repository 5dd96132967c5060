"""Pairs of columns whose dependence changed are named, and no others."""

import numpy as np
import pandas
import pytest

from remblai.populations.entry import drift


def table(rng: np.random.Generator, correlation: float, shift: float = 0.0, n: int = 300) -> pandas.DataFrame:
    z = rng.normal(size=(n, 4))
    z[:, 1] = correlation * z[:, 0] + (1 - correlation**2) ** 0.5 * z[:, 1]
    frame = pandas.DataFrame(z + shift, columns=list("abcd"))
    frame["kind"] = np.where(rng.random(n) < 0.5, "u", "v")
    return frame


def test_the_pair_is_named_with_its_correlations() -> None:
    rng = np.random.default_rng(0)
    found = drift(table(rng, 0.7), table(rng, 0.0), permutations=99)
    (pair,) = found.dependences
    assert (pair.first, pair.second) == ("a", "b")
    assert pair.before == pytest.approx(0.68, abs=0.1)
    assert pair.after == pytest.approx(0.0, abs=0.12)
    assert f"the correlation changed of a and b {pair.before:.3g} to" in repr(found)
    assert found.to_json()["dependences"][0]["first"] == "a"


def test_a_level_that_goes_with_a_number_is_named() -> None:
    rng = np.random.default_rng(0)
    before, after = table(rng, 0.0), table(rng, 0.0)
    after["kind"] = np.where(after["c"] > 0, "u", "v")
    (pair,) = drift(before, after, permutations=99).dependences
    assert {pair.first, pair.second} <= {"c", "kind u", "kind v"}
    assert abs(pair.after) > 0.6
    assert abs(pair.before) < 0.3


def test_columns_that_moved_by_themselves_are_no_pair() -> None:
    rng = np.random.default_rng(0)
    named = [
        bool(drift(table(rng, 0.5, n=200), table(rng, 0.5, 0.6, 200), permutations=99, seed=seed).dependences)
        for seed in range(20)
    ]
    assert sum(named) <= 4
