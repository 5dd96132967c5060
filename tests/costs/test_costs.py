import math
from itertools import product

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from torch.distributions import Bernoulli, Independent, Normal

from remblai.config.registry import make
from remblai.costs import (
    COSTS,
    Cosine,
    Custom,
    Huber,
    Laplacian,
    NegativeLogLikelihood,
    Square,
    central,
    distances,
    squared_distances,
)
from remblai.distances import transport

POINTS = [name for name in COSTS if not make(COSTS, name).reads_law]
TAPS = (1, 4, 6, 4, 1)


def brute_force_pyramid(image):
    """Burt and Adelson's sums for one difference of images (c, h, w), a pixel at a time."""
    total, weight = 0.0, 1
    while min(image.shape[1:]) > 1:
        c, h, w = image.shape
        small = np.zeros((c, -(-h // 2), -(-w // 2)))
        for i, j in product(*map(range, small.shape[1:])):
            for m, n in product(range(-2, 3), repeat=2):
                pixel = image[:, min(max(2 * i + m, 0), h - 1), min(max(2 * j + n, 0), w - 1)]
                small[:, i, j] += TAPS[m + 2] * TAPS[n + 2] / 256 * pixel
        lost = np.array(image)
        for i, j in product(range(h), range(w)):
            for m, n in product(range(-2, 3), repeat=2):
                if (i - m) % 2 == 0 and (j - n) % 2 == 0:
                    k, p = ((one - step) // 2 for one, step in ((i, m), (j, n)))
                    near = small[:, min(max(k, 0), small.shape[1] - 1), min(max(p, 0), small.shape[2] - 1)]
                    lost[:, i, j] -= 4 * TAPS[m + 2] * TAPS[n + 2] / 256 * near
        total += weight * abs(lost).sum()
        image, weight = small, 4 * weight
    return total + weight * abs(image).sum()


FORMULAS = {
    "square": lambda r: (r**2).sum(),
    "euclidean": lambda r: (r**2).sum() ** 0.5,
    "manhattan": lambda r: abs(r).sum(),
    "huber": lambda r: sum(v * v / 2 if abs(v) <= 1 else abs(v) - 0.5 for v in r),
    "hamming": lambda r: (r != 0).sum(),
    "power": lambda r: (r**2).sum(),
    "laplacian": brute_force_pyramid,
}


def shapes(name):
    """Of x, for a cost of any points or one of images."""
    return [(2, 3, 4)] if make(COSTS, name).images_only else [(5,), (2, 3, 4)]


def values(name, n, shape, seed, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    if not make(COSTS, name).differentiable:
        return torch.randint(0, 4, (n, *shape), generator=generator).to(dtype)
    return 2 * torch.randn(n, *shape, generator=generator, dtype=dtype)


@pytest.mark.parametrize(("name", "shape"), [(name, shape) for name in FORMULAS for shape in shapes(name)], ids=str)
def test_pairs_and_matrix_equal_the_formula_pair_by_pair(name, shape):
    cost, x, y = make(COSTS, name), values(name, 6, shape, 1), values(name, 4, shape, 2)
    expected = [
        [float(FORMULAS[name]((a - b).numpy() if name == "laplacian" else (a - b).flatten().numpy())) for b in y]
        for a in x
    ]
    torch.testing.assert_close(cost.matrix(x, y), torch.tensor(expected, dtype=torch.float64), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(cost(x[:4], y), cost.matrix(x, y).diagonal(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", POINTS)
def test_symmetric_never_negative_and_zero_on_equal_points(name):
    cost, x, y = make(COSTS, name), values(name, 6, shapes(name)[0], 1), values(name, 4, shapes(name)[0], 2)
    torch.testing.assert_close(cost.matrix(x, y), cost.matrix(y, x).T, rtol=1e-12, atol=1e-12)
    assert (cost.matrix(x, y) >= 0).all()
    assert (cost(x, x) == 0).all()
    assert cost.matrix(x, x).diagonal().abs().max() < 1e-13 * max(1.0, float(cost.matrix(x, x).max()))


@pytest.mark.parametrize("name", POINTS)
def test_embedded_points_have_the_same_costs(name):
    cost, x, y = make(COSTS, name), values(name, 6, shapes(name)[0], 1), values(name, 4, shapes(name)[0], 2)
    (first, quick), (second, _) = cost.embedded(x), cost.embedded(y)
    torch.testing.assert_close(quick.matrix(first, second), cost.matrix(x, y))


@pytest.mark.parametrize("name", [name for name in POINTS if make(COSTS, name).differentiable])
def test_gradients_match_finite_differences_and_are_finite_at_equal_points(name):
    cost = make(COSTS, name)
    shape = (1, 3, 2) if cost.images_only else (3,)
    x, y = values(name, 4, shape, 1), values(name, 4, shape, 2)
    x.requires_grad_()
    assert torch.autograd.gradcheck(cost, (x, y))
    assert torch.autograd.gradcheck(cost.matrix, (x, y))
    for loss in (cost(x, x.detach()).sum(), cost.matrix(x, x.detach()).sum()):
        (slope,) = torch.autograd.grad(loss, x)
        assert torch.isfinite(slope).all()
    (slope,) = torch.autograd.grad(cost(x, x.detach()).sum(), x)
    assert (slope == 0).all()


@pytest.mark.parametrize("name", POINTS)
def test_the_stated_homogeneity_and_invariance(name):
    cost, x, y = make(COSTS, name), values(name, 4, shapes(name)[0], 1), values(name, 3, shapes(name)[0], 2)
    if cost.homogeneity is not None:
        torch.testing.assert_close(cost.matrix(3.0 * x, 3.0 * y), 3.0**cost.homogeneity * cost.matrix(x, y))
    if cost.translation_invariant:
        torch.testing.assert_close(cost.matrix(x + 7.0, y + 7.0), cost.matrix(x, y))


@pytest.mark.parametrize("name", POINTS)
def test_half_precision_is_summed_in_single(name):
    cost, x = make(COSTS, name), torch.ones(2, 3, 32, 32)
    narrow, expected = cost(x.bfloat16(), 0 * x.bfloat16()), cost(x, 0 * x)
    assert narrow.dtype == torch.float32
    torch.testing.assert_close(narrow, expected)  # bfloat16 itself cannot count beyond 256
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(cost.matrix(x, 0 * x), expected.expand(2, 2))


def test_the_cosine_is_scipys_and_a_point_at_0_stays_there():
    x, y = values("cosine", 6, (5,), 1), values("cosine", 4, (5,), 2)
    cost, truth = Cosine(), cdist(x, y, "cosine")
    for scale in (1.0, 1e-200, 1e200):
        assert cost.matrix(scale * x, y).numpy() == pytest.approx(truth, rel=1e-12)
    assert cost(x[:4], y).numpy() == pytest.approx(truth.diagonal(), rel=1e-12)
    zero = torch.zeros(4, 5, dtype=torch.float64, requires_grad=True)
    found = cost(zero, y)
    assert found.tolist() == pytest.approx([0.5] * 4)
    assert (torch.autograd.grad(found.sum(), zero)[0] == 0.0).all()


def test_squared_distances_stay_above_zero_and_exact_far_from_the_origin():
    x = 1000.0 + torch.rand(50, 3, generator=torch.Generator().manual_seed(0))
    exact = torch.cdist(x.double(), x.double()).square()
    found = squared_distances(x, x)
    assert (found >= 0).all()
    torch.testing.assert_close(found.double(), exact, rtol=1e-4, atol=1e-5)  # naively: errors of 0.1


def test_one_far_point_leaves_the_other_squared_distances_exact():
    x, y = torch.randn(2, 50, 20, generator=torch.Generator().manual_seed(0))
    y[7] = 1e6
    exact = torch.cdist(x.double(), y.double()).square()
    torch.testing.assert_close(squared_distances(x, y).double(), exact, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(squared_distances(y, x)[:7].double(), exact.T[:7], rtol=1e-4, atol=1e-3)
    clouds = squared_distances(torch.stack([x, y]), torch.stack([y, x]))
    torch.testing.assert_close(clouds[0], squared_distances(x, y))
    assert torch.equal(central(x), x.mean(0, keepdim=True))  # as no point is far


def test_whole_numbers_keep_their_digits():
    x, y = torch.tensor([[16777216]]), torch.tensor([[16777217]])
    for name in ("square", "euclidean", "manhattan", "huber"):
        assert float(make(COSTS, name)(x, y)) == (0.5 if name == "huber" else 1.0)


def test_no_point_has_no_cost():
    for cost in (Huber(), Custom(lambda x, y: (x - y).abs().sum(1)), Square()):
        assert cost.matrix(torch.zeros(2, 3), torch.zeros(0, 3)).shape == (2, 0)


def test_squared_distances_equal_cdist():
    """The report of facts 1.5 had squared distances of mean -4193 where the truth was 16."""
    x, y = torch.randn(256, 8), torch.randn(256, 8)
    found = squared_distances(x, y)
    torch.testing.assert_close(found, torch.cdist(x, y).square(), rtol=1e-4, atol=1e-4)
    assert 15 < found.mean() < 17
    assert not torch.allclose(found, found.T)  # y's norms are y's, not x's


def test_distances_of_equal_points_are_exactly_zero():
    x = 1000.0 + torch.rand(20, 3)
    assert (distances(x, x).diagonal() == 0).all()


def test_hamming_counts_bits_by_products_and_integers_one_by_one():
    cost = make(COSTS, "hamming")
    bits = torch.randint(0, 2, (7, 2, 40), generator=torch.Generator().manual_seed(0)).bool()
    expected = (bits[:, None] != bits[None]).flatten(2).sum(2).double()
    torch.testing.assert_close(cost.matrix(bits, bits), expected, rtol=0, atol=0)
    large = torch.tensor([[2**24, 1], [2**24 + 1, 1]])
    torch.testing.assert_close(cost.matrix(large, large), torch.tensor([[0.0, 1.0], [1.0, 0.0]], dtype=torch.float64))


def test_huber_lies_between_square_and_manhattan():
    x, y = values("huber", 5, (4,), 1), values("huber", 5, (4,), 2)
    torch.testing.assert_close(Huber(1e6)(x, y), Square()(x, y) / 2)
    torch.testing.assert_close(Huber(1e-9)(x, y) / 1e-9, (x - y).abs().sum(1), rtol=1e-6, atol=1e-6)


def test_huber_works_in_blocks_of_rows(monkeypatch):
    x, y = values("huber", 5, (4,), 1), values("huber", 3, (4,), 2)
    whole = Huber().matrix(x, y)
    monkeypatch.setattr("remblai.costs.points.ENTRIES_AT_ONCE", 1)
    torch.testing.assert_close(Huber().matrix(x, y), whole)


@pytest.mark.parametrize("shape", [(1, 2, 2), (1, 8, 8), (3, 5, 9), (4, 7, 3), (2, 2, 6), (1, 13, 13)], ids=str)
def test_laplacian_equals_the_sums_of_the_pyramid_at_any_size(shape):
    x, y = values("laplacian", 2, shape, 1), values("laplacian", 2, shape, 2)
    expected = [brute_force_pyramid((a - b).numpy()) for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(Laplacian()(x, y), expected, rtol=1e-12)


def test_laplacian_of_one_level_is_manhattan_and_each_further_one_splits_the_last():
    x, y = values("laplacian", 3, (2, 9, 6), 1), values("laplacian", 3, (2, 9, 6), 2)
    torch.testing.assert_close(Laplacian(levels=1)(x, y), make(COSTS, "manhattan")(x, y))
    sizes = [Laplacian(levels).pyramid(x).shape[1] for levels in (1, 2, 3, 4, 5, 99, None)]
    pixels = [2 * h * w for h, w in ((9, 6), (5, 3), (3, 2), (2, 1))]
    assert sizes == [sum(pixels[:k]) for k in (1, 2, 3, 4, 4, 4, 4)]


def test_laplacian_weighs_a_shift_of_brightness_as_manhattan_and_a_lost_edge_more_than_the_square_does():
    x = values("laplacian", 2, (1, 8, 16), 1)
    torch.testing.assert_close(Laplacian()(x, x + 0.3), torch.full((2,), 0.3 * 8 * 16, dtype=torch.float64))
    edge = (torch.arange(16) >= 8).double().expand(1, 1, 8, 16)
    blurred = torch.nn.functional.avg_pool2d(edge, (1, 5), 1, (0, 2), count_include_pad=False)
    darker = edge - (edge - blurred).square().mean().sqrt()  # as far by the square
    torch.testing.assert_close(Square()(edge, blurred), Square()(edge, darker))
    finest = [Laplacian(2).pyramid(edge - other)[:, : 8 * 16].abs().sum() for other in (blurred, darker)]
    assert finest[0] > 100 * finest[1]


def test_laplacian_reads_flattened_images_where_it_knows_their_shape():
    x, y = values("laplacian", 4, (3, 5, 4), 1), values("laplacian", 3, (3, 5, 4), 2)
    rows = Laplacian(shape=(3, 5, 4)).matrix(x.flatten(1), y.flatten(1))
    torch.testing.assert_close(rows, Laplacian().matrix(x, y))
    images = x[:3], y
    plan = transport(*images, cost=Laplacian(shape=(3, 5, 4)))  # which flattens points
    rows, columns = linear_sum_assignment(Laplacian().matrix(*images).numpy())
    assert float(plan.value) == pytest.approx(float(Laplacian().matrix(*images)[rows, columns].mean()), rel=1e-9)
    with pytest.raises(ValueError, match=r"got \(4, 60\): choose the cost manhattan or square for points"):
        Laplacian()(x.flatten(1), x.flatten(1))
    with pytest.raises(ValueError, match="2 x 2 pixels"):
        Laplacian()(x[:, :, :1], x[:, :, :1])
    for levels in (0, -1):
        with pytest.raises(ValueError, match="at least 1 level"):
            Laplacian(levels)
    for shape in ((5,), (1, 1, 8), (0, 4, 4)):
        with pytest.raises(ValueError, match=r"shape \(c, h, w\)"):
            Laplacian(shape=shape)


def test_negative_log_likelihood_equals_the_densities():
    x = torch.rand(3, 1, 2, 2)
    mean = torch.rand(3, 1, 2, 2)
    found = NegativeLogLikelihood()(x, Independent(Normal(mean, 0.5), 3))
    expected = (x - mean).square().flatten(1).sum(1) / (2 * 0.25) + 4 * math.log(0.5 * math.sqrt(2 * math.pi))
    torch.testing.assert_close(found, expected)
    bits, shares = (x > 0.5).float(), mean.clamp(0.1, 0.9)
    found = NegativeLogLikelihood()(bits, Independent(Bernoulli(probs=shares), 3))
    expected = -(bits * shares.log() + (1 - bits) * (1 - shares).log()).flatten(1).sum(1)
    torch.testing.assert_close(found, expected)
    assert NegativeLogLikelihood.reads_law
    assert not Square.reads_law


def test_bad_input_is_refused():
    for name in POINTS:
        cost = make(COSTS, name)
        with pytest.raises(ValueError, match=r"got \(3, 2\) and \(4, 2\)"):
            cost(torch.zeros(3, 2), torch.zeros(4, 2))
        with pytest.raises(ValueError, match="one shape but for the first"):
            cost.matrix(torch.zeros(3, 2), torch.zeros(4, 3))
        with pytest.raises(ValueError, match="one shape but for the first"):
            cost(torch.zeros(3), torch.zeros(3))
    for delta in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="positive, finite delta"):
            Huber(delta)
    with pytest.raises(ValueError, match="batch shape"):
        NegativeLogLikelihood()(torch.zeros(3, 2), Normal(torch.zeros(3, 2), 1.0))
    with pytest.raises(ValueError, match="no matrix"):
        NegativeLogLikelihood().matrix(torch.zeros(3, 2), Normal(0.0, 1.0))


@pytest.mark.parametrize("name", POINTS)
def test_costs_that_say_they_are_metrics_are(name):
    cost = make(COSTS, name)
    if cost.images_only or not cost.metric:
        pytest.skip("it does not say so")
    x = torch.randint(0, 3, (30, 4), generator=torch.Generator().manual_seed(0)).double()
    c = cost.matrix(x, x)
    assert (c.diagonal() == 0).all()
    torch.testing.assert_close(c, c.T)
    assert (c[:, None, :] <= c[:, :, None] + c[None] + 1e-9).all()
    assert ((c == 0) == (x[:, None] == x).all(-1)).all()
