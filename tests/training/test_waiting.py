"""No step waits for the device: traced without one in a process of its own, and on a GPU where there is one."""

import itertools
import json
import subprocess
import sys
from pathlib import Path

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


def test_steps_wait_copy_or_build_constants_only_where_the_list_says_so(tmp_path: Path) -> None:
    """One test of all cases, so that they are traced once; what no longer waits is taken off the list."""
    to = tmp_path / "found.json"
    subprocess.run([sys.executable, "-m", "tests.traced_steps", str(to)], check=True, cwd=Path(__file__).parents[2])
    found = json.loads(to.read_text())
    assert {name: found[name] for name in CASES if name not in WAITING and found[name]} == {}
    silent = [name for name in WAITING if not any("reads" in line or "copies" in line for line in found[name])]
    assert silent == []


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
