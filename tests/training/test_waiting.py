"""No step waits for the device: traced without one in a process of its own, and on a GPU where there is one."""

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.small import settled
from tests.traced_steps import CASES, OPTIONS, sized

from remblai.recipes import RECIPES
from remblai.training import State, steps

WAITING = {
    *("sinkhorn-ae", "sinkhorn-gan", "ot-gan", "wasserstein-rbm", "rbm", "flow-matching"),
    *(f"{kind} {name}" for kind in ("penalty", "discrepancy") for name in ("entropic", "exact", "frechet")),
}
"""Their solvers read their own error, or a success, on the host: a step by them is not recorded as a graph either.
(`rbm` has the smoothed transport too, with the weight 0.)"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    to = tmp_path_factory.mktemp("traced") / "found.json"
    subprocess.run([sys.executable, "-m", "tests.traced_steps", str(to)], check=True, cwd=Path(__file__).parents[2])
    return json.loads(to.read_text())  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", [name for name in CASES if name not in WAITING])
def test_no_step_waits_or_copies_or_builds_constants(found: dict[str, Any], name: str) -> None:
    assert found[name] == []


@pytest.mark.parametrize("name", sorted(WAITING))
def test_the_trace_sees_what_waits(found: dict[str, Any], name: str) -> None:
    """A test of the trace, and of the list: what no longer waits is taken off it."""
    assert any("reads" in line or "copies" in line for line in found[name])


@pytest.mark.cuda
@pytest.mark.parametrize("name", [name for name in RECIPES if name not in WAITING])
def test_no_step_waits_on_a_gpu(name: str) -> None:
    how, shape = sized(name, {})
    state = State(how.build(shape).to("cuda"), **how.loop)
    stream = steps(state, itertools.repeat(torch.rand(OPTIONS["batch_size"], *shape, device="cuda")))
    for _ in range(3):
        next(stream)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(3):
            next(stream)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_every_case_is_one_of_its_recipe() -> None:
    assert set(CASES) >= set(RECIPES)
    for recipe, options in CASES.values():
        settled(recipe, OPTIONS, **options)
