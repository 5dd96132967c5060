import pytest
import torch

from remblai.distances.pairwise.points import point_set, rounded_to_tf32, tile


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


@pytest.mark.parametrize("direct", [False, True])
def test_a_point_set_keeps_its_values(direct):
    x = torch.randn(6, 3)[::2]
    found = point_set(x, direct)
    assert torch.equal(found.values, x)
    assert found.arguments == ((1, 3) if direct else (3, 1))
    if not direct:
        torch.testing.assert_close(found.norms, x.square().sum(1))
