import ot
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from remblai.discrepancies import slices
from remblai.discrepancies.slices import Lines, along_each, joined, mean, ordered


def lines(number=30, d=5, seed=7, dtype=torch.float64):
    drawn = torch.randn(number, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return Lines(torch.nn.functional.normalize(drawn, dim=1).to(dtype), number)


def samples(n=9, m=9, d=5, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    x, y = (torch.randn(size, d, generator=generator, dtype=torch.float64) for size in (n, m))
    return x.to(dtype).requires_grad_(), (1.4 * y + 0.3).to(dtype).requires_grad_()


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0])
@pytest.mark.parametrize(("n", "m"), [(50, 50), (50, 35), (35, 50), (7, 1), (1, 1), (6, 3)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_value_and_gradients_equal_pot(n, m, p, dtype):
    x, y = samples(n, m, dtype=dtype)
    chosen = lines(dtype=dtype)
    found = mean(x, y, chosen, p)
    expected = ot.sliced_wasserstein_distance(x, y, projections=chosen.directions.T, p=p) ** p
    tight = dtype == torch.float64
    close = {"rtol": 1e-11 if tight else 1e-5, "atol": 1e-12 if tight else 1e-6}
    torch.testing.assert_close(found, expected, **close)
    for slope, other in zip(torch.autograd.grad(found, (x, y)), torch.autograd.grad(expected, (x, y)), strict=True):
        torch.testing.assert_close(slope, other, **close)


@pytest.mark.parametrize("axes", [False, True])
@pytest.mark.parametrize(("n", "m"), [(8, 8), (8, 5)])
def test_gradients_match_finite_differences_and_plain_steps(n, m, axes):
    x, y = samples(n, m)
    chosen = Lines(None, 5) if axes else lines(6)
    for p in (2.0, 3.0):
        assert torch.autograd.gradcheck(lambda a, b, p=p: mean(a, b, chosen, p), (x, y))
        torch.testing.assert_close(mean(x, y, chosen, p), along_each(x, y, chosen, p).mean())


def test_axes_are_lines():
    x, y = samples(9, 6)
    torch.testing.assert_close(mean(x, y, Lines(None, 5), 2.0), mean(x, y, Lines(torch.eye(5).double(), 5), 2.0))


@pytest.mark.parametrize("axes", [False, True])
def test_blocks_of_lines_change_nothing(monkeypatch, axes):
    x, y = samples(9, 7)
    chosen = Lines(None, 5) if axes else lines(11)
    whole = mean(x, y, chosen, 2.0)
    slopes = torch.autograd.grad(whole, (x, y))
    monkeypatch.setitem(slices.ENTRIES_AT_ONCE, "cpu", 20)
    assert len(chosen.blocks(9, torch.device("cpu"))) > 2
    torch.testing.assert_close(mean(x, y, chosen, 2.0), whole)
    for found, expected in zip(torch.autograd.grad(mean(x, y, chosen, 2.0), (x, y)), slopes, strict=True):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("d", [1, 3])
def test_the_points_are_left_as_they_were(d):
    x, y = torch.randn(20, d), torch.randn(20, d)
    kept = x.clone(), y.clone()
    for wanted in (False, True):
        mean(x.requires_grad_(wanted), y, Lines(None, d), 2.0)
        mean(x, y, lines(4, d, dtype=torch.float32), 2.0)
        assert torch.equal(x, kept[0])
        assert torch.equal(y, kept[1])


def test_only_the_gradients_that_are_wanted():
    x, y = samples()
    (slope,) = torch.autograd.grad(mean(x.detach(), y, lines(), 2.0), y)
    torch.testing.assert_close(slope, torch.autograd.grad(mean(x, y, lines(), 2.0), y)[0])
    with torch.no_grad():
        assert not mean(x, y, lines(), 2.0).requires_grad


def test_a_second_derivative_is_refused():
    x, y = samples()
    (slope,) = torch.autograd.grad(mean(x, y, lines(), 2.0), x, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiable once"):
        slope.sum().backward()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_order_of_rows_with_ties_signs_zeros_and_tiny_values(dtype):
    tiny = torch.finfo(torch.float32).smallest_normal / 8
    row = torch.tensor([0.0, -0.0, tiny, -tiny, 1.0, 1.0, -1.0, -1.0, 3e38, -3e38, 1 + 2**-23, 1e-20], dtype=dtype)
    rows = torch.stack([row, row.flip(0)])
    ascending, order = ordered(rows.clone(), True)
    assert torch.equal(ascending, rows.sort(1).values)
    assert torch.equal(ascending, rows.gather(1, order))
    assert all(sorted(places) == list(range(12)) for places in order.tolist())
    assert torch.equal(ordered(rows.clone(), False)[0], ascending)


def test_points_that_coincide_share_out_the_other_sample():
    """All x are equal: each takes one y, and the gradients add up to that of the mean."""
    x, y = torch.zeros(40, 1, requires_grad=True), torch.randn(40, 1)
    (slope,) = torch.autograd.grad(mean(x, y, Lines(None, 1), 2.0), x)
    torch.testing.assert_close(slope.flatten().sort().values, (-2 * y.flatten() / 40).sort().values)


@given(st.integers(1, 30), st.integers(1, 30))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_the_plan_on_the_line_has_the_margins(n, m):
    plan = joined(n, m, torch.zeros(1).double())
    for ranks, size in ((plan.i, n), (plan.j, m)):
        mass = torch.zeros(size).double().index_add_(0, ranks, plan.weight)
        torch.testing.assert_close(mass, torch.full((size,), 1 / size).double())
    assert (plan.i.diff() >= 0).all()
    assert (plan.j.diff() >= 0).all()


def test_sums_in_double_precision():
    x, y = torch.randn(20000, 3), torch.randn(20000, 3) + 100
    exact = mean(x.double(), y.double(), lines(50, 3), 2.0)
    assert float(mean(x, y, lines(50, 3, dtype=torch.float32), 2.0)) == pytest.approx(float(exact), rel=1e-6)
