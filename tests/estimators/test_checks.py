"""Tables as estimators take them: errors name the columns, and columns are never mixed up or rescaled to nothing."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.datasets import load_iris

from remblai.estimators import Generator, TransportMap, WassersteinAutoEncoder

NARROW = {"options": {"network": {"name": "mlp", "width": 8, "depth": 1}}, "steps": 2, "random_state": 0}
X = load_iris().data[::5]
FRAME = pd.DataFrame(X, columns=list("abcd"))


@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        (FRAME.assign(c="x", d=pd.Categorical(["y"] * 30)), ValueError, "X: .*others in c, d: encode"),
        (FRAME.assign(b=pd.date_range("2020-01-01", periods=30)), ValueError, "X: .*others in b"),
        (FRAME.assign(b=pd.array([1, None] * 15, dtype="Int64")), ValueError, r"X: .*gaps \(NaN\) in b: fill"),
        (FRAME.where(FRAME > 4.5), ValueError, r"gaps \(NaN\) in b, c, d"),
        (scipy.sparse.csr_array(X), TypeError, "toarray"),
        (np.where(X > 4, "long", "short"), ValueError, "could not convert string to float"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused(table, error, message):
    with pytest.raises(error, match=message):
        TransportMap().fit(table)


def test_numbers_of_any_type_are_read():
    expected = TransportMap().fit_transform(X)
    for same in (X.astype(object), X.astype(str), FRAME.astype("Float64"), FRAME.astype(object)):
        np.testing.assert_allclose(TransportMap().fit_transform(same), expected)


def test_a_target_has_the_columns_of_x():
    with pytest.raises(ValueError, match=r"target: .*\(a, b, c, d\), got d, c, b, a: pass target\[X.columns\]"):
        TransportMap(target=FRAME[list("dcba")]).fit(FRAME)
    with pytest.raises(ValueError, match="target: expected columns of numbers, got others in a"):
        TransportMap(target=FRAME.assign(a="x")).fit(FRAME)
    with pytest.raises(TypeError, match="Sparse data was passed for target"):
        TransportMap(target=scipy.sparse.csr_array(X)).fit(FRAME)
    np.testing.assert_allclose(TransportMap(target=FRAME + 1.0).fit(FRAME).transform(FRAME), X + 1.0)


@pytest.mark.parametrize("factor", [1e160, 1e-170])
def test_columns_without_a_variance_in_float64_are_refused(factor):
    with pytest.raises(ValueError, match=r"X: .*whose variance float64 holds, got values of .* column 0"):
        WassersteinAutoEncoder(**NARROW).fit(X * factor)
    model, plain = (WassersteinAutoEncoder(**NARROW).fit(X * power) for power in (2.0**500, 1.0))
    assert model.score(X * 2.0**500) == pytest.approx(plain.score(X))


def test_a_constant_column_stays_that_constant():
    model = Generator("gmmn", **NARROW).fit(np.column_stack([X, np.full(30, 0.1)]))
    np.testing.assert_array_equal(model.sample(9)[:, 4], 0.1)


def test_one_row_has_no_score():
    model = WassersteinAutoEncoder(**NARROW).fit(X)
    with pytest.raises(ValueError, match=r"X: expected at least 2 rows, .* got 1: pass more"):
        model.score(X[:1])
