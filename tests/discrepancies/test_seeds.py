"""Seeds that are no whole numbers are refused where they are given."""

import pytest
import torch

import remblai
from remblai.discrepancies import Sliced
from remblai.distances import barycentre

X = torch.randn(6, 2)


@pytest.mark.parametrize("seed", [1.5, True, -1, 2**70, "a"])
def test_seeds(seed: object) -> None:
    with pytest.raises(ValueError, match="seed: expected a"):
        Sliced(seed=seed)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="seed: expected a"):
        remblai.distance(X, X, seed=seed)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="seed: expected a"):
        barycentre([X, X + 1.0], support=3, seed=seed)  # type: ignore[arg-type]


def test_masses_are_no_data_sets() -> None:
    with pytest.raises(ValueError, match=r"a and b are the two data sets.*transport\(x, y, a=\.\.\., b=\.\.\.\)"):
        remblai.distance(X, X, a=torch.ones(6))
