import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from remblai.distances.pairwise.points import point_set, rounded_to_tf32, tile
from remblai.distances.pairwise.profiles import GAUSSIAN, Profile


def test_products_of_rounded_numbers_are_exact():
    x, y = torch.randn(2, 1000, generator=torch.Generator().manual_seed(0))
    a, b = rounded_to_tf32(x), rounded_to_tf32(y)
    assert torch.equal((a * b).double(), a.double() * b.double())
    assert not torch.equal((x * y).double(), x.double() * y.double())
    assert float(((a - x) / x).abs().max()) <= 2.0**-11


def test_numbers_are_rounded_to_the_nearest():
    step = 2.0**-10
    values = torch.tensor([1.0, 1.0 + 0.4 * step, 1.0 + 0.6 * step, -1.0 - 0.6 * step, 0.0])
    assert rounded_to_tf32(values).tolist() == [1.0, 1.0, 1.0 + step, -1.0 - step, 0.0]


@pytest.mark.parametrize("n", [1, 100, 5_000, 20_000, 10**6])
@pytest.mark.parametrize("d", [1, 2, 16, 17, 64, 65, 784, 5_000])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("gradient", [False, True])
def test_tiles_are_such_as_triton_takes(n, d, dtype, gradient):
    shape = tile(n, d, dtype, gradient)
    for size in (shape.rows, shape.columns, shape.chunk):
        assert size >= 16
        assert size & (size - 1) == 0
    # two stages of both operands, three parts of each, in the memory that a multiprocessor of an H100 or A100 has
    assert 2 * (shape.rows + shape.columns) * shape.chunk * 4 <= 160 * 1024


class Launches:
    """A kernel that runs nowhere: what it is launched with."""

    def __init__(self):
        self.found = []

    def __getitem__(self, grid):
        return lambda *_, **given: self.found.append(given)


def test_every_launch_is_told_what_triton_would_choose(monkeypatch):
    transforms, weighted = (
        pytest.importorskip(f"remblai.distances.pairwise.{name}") for name in ("transforms", "weighted")
    )
    kernel = Launches()
    monkeypatch.setattr(transforms, "_soft", kernel)
    monkeypatch.setattr(weighted, "_sums", kernel)
    shape = tile(5, 20, torch.float32)
    points, one = point_set(torch.randn(5, 20), direct=False), torch.zeros(5)
    weighted.weighted_sums(points, points, Profile(GAUSSIAN, (1.0,)), same=True, gradient=True, shape=shape)
    transforms.soft_transform(
        points, points, one, one, one, one, direct=False, length=False, precision="tf32", shape=shape
    )
    assert len(kernel.found) == 2
    for given in kernel.found:
        assert given.items() >= {"num_warps": 4, "num_stages": 2, "enable_fp_fusion": True}.items()


@pytest.mark.skipif(find_spec("triton") is None, reason="no Triton here")
@pytest.mark.parametrize("capability", [86, 90])
def test_no_thread_of_a_tile_takes_more_registers_than_there_are(capability, tmp_path):
    """By NVIDIA's compiler, for GPUs that are not here; a warning of Triton would be an error."""
    command = ["-W", "error::UserWarning", "-m", "tests.distances.pairwise.compiled", str(capability), "64", "784"]
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
        env=os.environ | {"TRITON_CACHE_DIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert {d: stack for d, (_, stack) in json.loads(done.stdout).items()} == {"64": 0, "784": 0}


@pytest.mark.parametrize("direct", [False, True])
def test_a_point_set_keeps_its_values(direct):
    x = torch.randn(6, 3)[::2]
    found = point_set(x, direct)
    assert torch.equal(found.values, x)
    assert found.arguments == ((1, 3) if direct else (3, 1))
    if not direct:
        torch.testing.assert_close(found.norms, x.square().sum(1))
