"""Precision, recall, density and coverage against published code and on samples whose answer is known."""

import pytest
import torch
from tests.metrics.test_featured import published_pair

from remblai.metrics.neighbourhoods import neighbourhood_figures

PRDC = {"precision": 0.75, "recall": 59 / 60, "density": 0.78, "coverage": 1.0}
"""By prdc 0.2 on `published_pair()` in float64: precision and recall with k = 3, which torch-fidelity 0.4.0 has too,
density and coverage with k = 5."""


def test_they_are_those_of_published_code():
    assert neighbourhood_figures(*published_pair()) == pytest.approx(PRDC, abs=1e-6)
    other = neighbourhood_figures(*published_pair(), nearest=5, nearest_dense=3)
    truth = {"precision": 50 / 60, "recall": 1.0, "density": 0.75, "coverage": 0.9}  # by prdc 0.2
    assert other == pytest.approx(truth, abs=1e-6)


def test_what_equal_laws_and_known_faults_give():
    draws = torch.Generator().manual_seed(0)
    x, y = torch.randn(400, 4, generator=draws), torch.randn(400, 4, generator=draws)
    alike = neighbourhood_figures(x, y)
    assert alike["density"] == pytest.approx(1.0, abs=0.1)  # its mean for equal laws, by Naeem et al., section 3.3
    assert alike["coverage"] == pytest.approx(1 - 399 * 398 * 397 * 396 * 395 / (799 * 798 * 797 * 796 * 795), abs=0.02)
    half = neighbourhood_figures(x, y[y[:, 0] > 0])
    assert half["coverage"] < 0.7 < half["precision"] and half["recall"] < 0.75
    far = neighbourhood_figures(x, y + 50)
    assert set(far.values()) == {0.0}
    one_point = neighbourhood_figures(x, torch.zeros(400, 4))
    assert one_point["precision"] == 1 and one_point["recall"] == 0 and one_point["coverage"] < 0.1


def test_too_few_rows_are_refused():
    with pytest.raises(ValueError, match="at least 6 rows of each"):
        neighbourhood_figures(torch.rand(5, 2), torch.rand(9, 2))
