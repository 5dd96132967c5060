"""What no discrepancy answers: values that are no numbers, where none has to wait for a device, and sparse arrays."""

import numpy as np
import pandas as pd
import pytest
import torch

import remblai
from remblai.discrepancies import MMD, CramerWold, Entropic, Exact, Frechet, Sliced, energy_distance
from remblai.kernels import Gaussian

EVERY = [MMD(Gaussian(1.0)), energy_distance(), Sliced(5), CramerWold(), Exact(), Entropic(epsilon=0.1), Frechet()]
X = np.random.default_rng(0).normal(size=(6, 2))


@pytest.mark.parametrize("discrepancy", EVERY, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_arrays_and_frames_with_values_that_are_not_finite_are_refused(discrepancy, bad) -> None:
    holed = X.copy()
    holed[1, 1] = bad
    for x, y in ((holed, X), (X, holed), (pd.DataFrame(holed), X), (torch.as_tensor(X), holed), (holed.tolist(), X)):
        with pytest.raises(ValueError, match="finite"):
            discrepancy(x, y)


def test_the_covariance_of_arrays_refuses_them_too() -> None:
    holed = np.where(np.arange(12).reshape(6, 2) == 3, np.nan, X)
    with pytest.raises(ValueError, match="x: expected finite numbers, got 1 of 12"):
        remblai.discrepancies.DISCREPANCIES["covariance"]()(holed, X)
