"""What a user's type checker learns of the public functions: arrays give floats and arrays, tensors give tensors."""

from pathlib import Path

import pytest
from mypy import api

import remblai

SNIPPET = """
from typing import assert_type

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.distributions import Normal

from remblai import distances
from remblai.distances import ArrayPlan, Plan, TensorPlan
from remblai.distances.integral_probability import ipm

Floats = NDArray[np.float64]
x, y = np.zeros((3, 2)), [[1.0, 2.0], [3.0, 4.0]]
u, v = torch.zeros(3, 2), torch.ones(2, 2)

plan = distances.transport(x, y, "euclidean", epsilon=0.1, tolerance=1e-3)
assert_type(plan, Plan[float, Floats])
assert_type(plan.value, float)
assert_type(plan.coupling, Floats)
assert_type(plan.potentials, tuple[Floats, Floats])
assert_type(plan.extend(x), Floats)
assert_type(plan.gap, float)
assert_type(distances.transport(u, v), Plan[Tensor, Tensor])
assert_type(torch.autograd.grad(distances.transport(u, v).value, u), tuple[Tensor, ...])
named: ArrayPlan = distances.emd(None, [0.5, 0.5], x)
tensors: TensorPlan = distances.emd(None, [0.5, 0.5], u)
either: Plan = distances.transport(u, y)
assert_type(distances.sinkhorn(None, None, x, 0.1, max_iterations=9).g, Floats)
assert_type(distances.sinkhorn(None, None, u).g, Tensor)
assert_type(distances.wasserstein(x, y, p=1), float)
assert_type(distances.wasserstein(u, v), Tensor)
assert_type(distances.line.transport_cost([1, 2], [3.0]), float)
assert_type(distances.line.plan(u, v).f, Tensor)
assert_type(distances.circle.transport_cost(u, v), Tensor)
assert_type(distances.total_variation([0.5, 0.5], x), float)
assert_type(distances.kullback_leibler(Normal(0.0, 1.0), Normal(1.0, 1.0)), Tensor)
assert_type(distances.f_divergence("pearson", u, v), Tensor)
assert_type(distances.chi_square(x, x, "neyman", normalise=True), float)
assert_type(distances.c_transform(x, [1.0, 2.0]), Floats)
assert_type(ipm("bounded", x, y).x, Floats)
assert_type(distances.sinkhorn_divergence(x, y, 0.1, relative=True).value, float)
assert_type(distances.sinkhorn_divergence(u, v).f, Tensor)
assert_type(distances.rubinstein.of_points(x, y).value, float)
assert_type(distances.rubinstein.of_matrix(None, None, u).extend(u), Tensor)
assert_type(distances.batch(None, None, u).values, Tensor)

distances.transport(x, y, tolerence=1e-3)  # type: ignore[call-overload]
distances.wasserstein(x, {"a": 1})  # type: ignore[call-overload]
distances.emd(None, None, "costs", normalize=True)  # type: ignore[call-overload]
distances.chi_square(x, x, "person")  # type: ignore[call-overload]
"""


def test_a_users_snippet_type_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under --strict, where an error that does not come fails too: its comment is unused."""
    root = Path(remblai.__file__).parents[2]
    snippet = tmp_path / "snippet.py"
    snippet.write_text(SNIPPET)
    monkeypatch.setenv("MYPYPATH", str(root / "src"))
    messages, problems, status = api.run(
        [str(snippet), "--config-file", str(root / "pyproject.toml"), "--cache-dir", str(root / ".mypy_cache")]
    )
    assert status == 0, messages + problems
