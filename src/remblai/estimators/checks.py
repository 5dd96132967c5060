"""Rows, codes and seeds as the estimators take them: checked as scikit-learn does, with what was wrong named."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor
from torch.distributions import Distribution

from remblai.data.frames import column, column_names, is_frame
from remblai.distances.validation import finite, refuse_masked, tensor
from remblai.estimators.parameters import check_random_state_kind

Array = NDArray[np.float64]

F = TypeVar("F", bound=Callable[..., Any])


def all_or_nothing(fit: F) -> F:
    """A `fit` that, where it fails, leaves the estimator as it was before: never made of two fits."""

    @wraps(fit)
    def guarded(estimator: BaseEstimator, *args: Any, **kwargs: Any) -> Any:
        before = vars(estimator).copy()
        try:
            return fit(estimator, *args, **kwargs)
        except BaseException:
            vars(estimator).clear()
            vars(estimator).update(before)
            raise

    return cast(F, guarded)


def checked(estimator: BaseEstimator, X: Any, *, fitting: bool = False) -> Array:
    """X (n, d) as finite float64; at `fit` at least 2 rows, afterwards of as many columns as then.

    Raises:
        ValueError: another shape, or values that are no numbers, missing, masked or not finite.
        TypeError: a sparse matrix.
        NotFittedError: before `fit`.
    """
    if not fitting:
        check_is_fitted(estimator)
    least = 2 if fitting else 1
    with _columns_named("X", X):
        found: Array = validate_data(
            estimator, _readable("X", X), reset=fitting, dtype=np.float64, order="C", ensure_min_samples=least
        )
    return found


def checked_target(target: Any, X: Any, width: int) -> Tensor:
    """Rows (m, width) of a target as finite float64, of the columns of X in their order.

    Raises:
        ValueError: another shape, columns of other names, or values that are no numbers, missing, masked or not finite.
        TypeError: a sparse matrix.
    """
    if isinstance(target, Distribution | str):
        came = f"the law {type(target).__name__}" if isinstance(target, Distribution) else repr(target)
        raise ValueError(
            f"target: expected rows (m, {width}), or None for the standard normal law, got {came}: pass draws, as "
            "law.sample((m,)).numpy()."
        )
    with _columns_named("target", target):
        rows = check_array(_readable("target", target), dtype=np.float64, order="C", input_name="target")
    if rows.shape[1] != width:
        raise ValueError(f"target: expected the {width} columns of X, got {rows.shape[1]}: pass those columns.")
    if is_frame(target) and is_frame(X) and (names := column_names(X)) != (found := column_names(target)):
        raise ValueError(
            f"target: expected the columns of X in their order ({', '.join(names)}), got {', '.join(found)}: pass "
            "target[X.columns]."
        )
    return torch.tensor(rows)


def _readable(name: str, rows: Any) -> Any:
    """The rows for scikit-learn, which reads no tensor with a gradient and ignores masks: those are refused."""
    refuse_masked(name, rows)
    return rows.detach().cpu() if isinstance(rows, Tensor) else rows


@contextmanager
def _columns_named(name: str, rows: Any) -> Iterator[None]:
    """Within it an error on the values of a data frame says which columns hold them."""
    try:
        yield
    except (TypeError, ValueError) as problem:
        columns = {one: _numbers(column(rows, one)) for one in column_names(rows)} if is_frame(rows) else {}
        other = [one for one, values in columns.items() if values is None]
        gaps = [one for one, values in columns.items() if values is not None and np.isnan(values).any()]
        if other:
            raise ValueError(
                f"{name}: expected columns of numbers, got others in {', '.join(other)}: encode them, as "
                "sklearn.preprocessing.OneHotEncoder does, or leave them out."
            ) from problem
        if gaps:
            raise ValueError(
                f"{name}: expected a number at every place, got gaps (NaN) in {', '.join(gaps)}: fill them, as "
                "sklearn.impute.SimpleImputer does, or leave their rows out."
            ) from problem
        raise


def _numbers(values: Any) -> Array | None:
    """The values of a column as float64; None where one is no number: numpy would count the days of dates."""
    try:
        return None if np.asarray(values).dtype.kind in "mM" else np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        return None


def standardised(X: Array) -> tuple[StandardScaler, Array, Array]:
    """The scaler of the columns of X (n, d), X in its units, and the values (d,) of constant columns, NaN of others.

    Raises:
        ValueError: a column whose variance is beyond what float64 holds, which has no such units.
    """
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        scaler = StandardScaler().fit(X)
        ranges = X.max(0) - X.min(0)
    bad = np.flatnonzero(~np.isfinite(scaler.var_) | ((scaler.var_ == 0) & (ranges > 0)))
    if len(bad):
        raise ValueError(
            f"X: expected columns whose variance float64 holds, got values of {X[:, bad[0]].min():.3g} to "
            f"{X[:, bad[0]].max():.3g} in column {bad[0]}: take other units, or a logarithm."
        )
    return scaler, scaler.transform(X), np.where(ranges == 0, X[0], np.nan)


def checked_codes(estimator: BaseEstimator, Z: Any, width: int) -> Tensor:
    """Codes (n, width) as a float64 tensor.

    Raises:
        ValueError: another shape, or codes that are missing, masked or not finite.
    """
    check_is_fitted(estimator)
    codes = tensor("codes", Z).detach().cpu().double()
    if codes.ndim != 2 or codes.shape[1] != width or not len(codes):
        raise ValueError(
            f"codes: expected (n, {width}) with n >= 1, got {tuple(codes.shape)}: pass what `transform` returns."
        )
    finite("codes", codes)
    return codes


def seed_of(random_state: Any) -> int:
    """A seed from scikit-learn's random_state: a number, a RandomState, or None for one that is drawn."""
    return int(check_random_state(random_state).randint(2**31 - 1))


def draw_seed(estimator: Any, random_state: Any) -> int:
    """The seed of a draw: that of `fit` where random_state is None, so that the same call draws the same rows.

    Raises:
        NotFittedError: before `fit`.
        ValueError: what is no random_state.
    """
    check_is_fitted(estimator)
    check_random_state_kind(random_state, f"{type(estimator).__name__}.sample")
    return int(estimator.seed_) if random_state is None else seed_of(random_state)
