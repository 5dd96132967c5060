import copy
import math
import pickle
from decimal import Decimal, localcontext

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import trapezoid
from torch.distributions import Independent, Laplace, MultivariateNormal, Normal

from remblai.distances.divergence_table import DIVERGENCES, Divergence
from remblai.distances.divergences import (
    chi_square,
    f_divergence,
    hellinger,
    jensen_shannon,
    kullback_leibler,
    total_variation,
)

R = np.array([0.1, 0.2, 0.1, 0.2, 0.1, 0.2, 0.1])
T = np.array([0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.4])
NAMES = sorted(DIVERGENCES)
SYMMETRIC = ("total-variation", "jensen-shannon", "hellinger", "gan")
few = settings(max_examples=25, deadline=None, derandomize=True)
name = pytest.mark.parametrize("name", NAMES)


@st.composite
def two_laws(draw: st.DrawFn, zeros: bool = True) -> tuple[np.ndarray, np.ndarray]:
    n = draw(st.integers(2, 7))
    weights = st.lists(st.integers(0 if zeros else 1, 20), min_size=n, max_size=n).filter(any)
    p, q = (np.array(draw(weights), float) for _ in range(2))
    return p / p.sum(), q / q.sum()


def inside(divergence: Divergence) -> torch.Tensor:
    """Points of the conjugate's domain that its table reaches by a moderate critic."""
    return divergence.activation(torch.linspace(-3, 3, 21, dtype=torch.float64))


@name
def test_f_star_is_the_conjugate_of_f(name: str) -> None:
    divergence = DIVERGENCES[name]
    u = torch.logspace(-12, 12, 100_001, dtype=torch.float64)
    t = inside(divergence)
    brute = torch.stack([(one * u - divergence.f(u)).max() for one in t])
    brute = torch.maximum(brute, torch.tensor(-divergence.f_at_zero, dtype=torch.float64))
    torch.testing.assert_close(divergence.f_star(t), brute, rtol=1e-6, atol=1e-6)


@name
def test_the_conjugate_is_infinite_beyond_the_slope_at_infinity(name: str) -> None:
    divergence = DIVERGENCES[name]
    if math.isinf(divergence.f_slope_at_infinity):
        assert divergence.f_star(torch.tensor([50.0])).isfinite().all()
        return
    beyond = torch.tensor([divergence.f_slope_at_infinity + 0.1], requires_grad=True)
    value = divergence.f_star(beyond)
    assert value.item() == math.inf
    assert not torch.autograd.grad(value.sum(), beyond)[0].isnan().any()


@name
def test_the_composition_is_finite_and_its_gradient_too(name: str) -> None:
    v = torch.linspace(-50, 50, 1001, dtype=torch.float64, requires_grad=True)
    value = DIVERGENCES[name].f_star_of_activation(v)
    assert value.isfinite().all()
    assert torch.autograd.grad(value.sum(), v)[0].isfinite().all()
    assert (DIVERGENCES[name].activation(v).diff() >= 0).all()


@name
def test_the_stable_composition_is_the_composition(name: str) -> None:
    divergence = DIVERGENCES[name]
    v = torch.linspace(-3, 3, 41, dtype=torch.float64)
    torch.testing.assert_close(divergence.f_star_of_activation(v), divergence.f_star(divergence.activation(v)))


@name
def test_the_activation_stays_in_the_domain(name: str) -> None:
    divergence = DIVERGENCES[name]
    reached = divergence.activation(torch.linspace(-50, 50, 1001, dtype=torch.float64))
    assert (reached <= divergence.f_slope_at_infinity).all()
    assert divergence.f_star(inside(divergence)).isfinite().all()


@name
def test_the_slope_is_the_derivative_of_f(name: str) -> None:
    u = torch.tensor([0.01, 0.3, 0.9, 1.1, 4.0, 90.0], dtype=torch.float64, requires_grad=True)
    (found,) = torch.autograd.grad(DIVERGENCES[name].f(u).sum(), u)
    torch.testing.assert_close(DIVERGENCES[name].slope(u.detach()), found)


@name
def test_the_prices_are_the_limits_of_f(name: str) -> None:
    divergence = DIVERGENCES[name]
    small, large = torch.tensor(1e-13, dtype=torch.float64), torch.tensor(1e13, dtype=torch.float64)
    at_zero, at_infinity = float(divergence.f(small)), float(divergence.f(large) / large)
    for found, price in ((at_zero, divergence.f_at_zero), (at_infinity, divergence.f_slope_at_infinity)):
        assert found > 25 if math.isinf(price) else found == pytest.approx(price, abs=1e-5)


@name
@given(laws=two_laws(zeros=False))
@few
def test_the_variational_bound_is_tight_at_the_slope_and_below_elsewhere(name: str, laws: tuple) -> None:
    divergence = DIVERGENCES[name]
    p, q = (torch.from_numpy(one) for one in laws)
    value = float(f_divergence(name, p, q))
    best = divergence.slope(p / q)
    assert float(p @ best - q @ divergence.f_star(best.clamp(max=divergence.f_slope_at_infinity))) == pytest.approx(
        value
    )
    v = torch.linspace(-1, 1, len(p), dtype=torch.float64)
    other = float(p @ divergence.activation(v) - q @ divergence.f_star_of_activation(v))
    assert other <= value + 1e-12


def test_the_seven_point_laws_have_their_published_values() -> None:
    assert kullback_leibler(R, T) == pytest.approx(0.277259, abs=1e-6)
    assert kullback_leibler(T, R) == pytest.approx(0.346574, abs=1e-6)
    assert jensen_shannon(R, T) == pytest.approx(0.073671, abs=1e-6)
    assert total_variation(R, T) == pytest.approx(0.3)
    assert hellinger(R, T) == pytest.approx(1 - np.sqrt(R * T).sum())
    assert chi_square(R, T) == pytest.approx(((R - T) ** 2 / T).sum())
    assert chi_square(R, T, "neyman") == pytest.approx(((R - T) ** 2 / R).sum())


@given(laws=two_laws())
@few
def test_the_gan_game_is_twice_jensen_shannon_less_twice_log_two(laws: tuple) -> None:
    assert f_divergence("gan", *laws) == pytest.approx(2 * jensen_shannon(*laws) - 2 * math.log(2), abs=1e-12)


@name
@given(laws=two_laws())
@few
def test_values_lie_between_f_at_one_and_the_maximum(name: str, laws: tuple) -> None:
    divergence = DIVERGENCES[name]
    least = float(divergence.f(torch.ones(1, dtype=torch.float64)))
    assert least <= f_divergence(name, *laws) <= divergence.maximum + 1e-12
    assert f_divergence(name, laws[0], laws[0]) == pytest.approx(least, abs=1e-12)


@name
@given(laws=two_laws())
@few
def test_merging_cells_raises_no_divergence(name: str, laws: tuple) -> None:
    merged = [np.append(one[2:], one[:2].sum()) for one in laws]
    assert f_divergence(name, *merged) <= f_divergence(name, *laws) * (1 + 1e-12) + 1e-12 + (
        1e-11 if name == "gan" else 0.0
    )


@given(laws=two_laws())
@few
def test_symmetry_where_due(laws: tuple) -> None:
    p, q = laws
    for one in SYMMETRIC:
        assert f_divergence(one, p, q) == pytest.approx(f_divergence(one, q, p), abs=1e-12)
    for one, other in (("kullback-leibler", "reverse-kullback-leibler"), ("pearson", "neyman")):
        assert f_divergence(one, p, q) == pytest.approx(f_divergence(other, q, p))


@name
def test_disjoint_laws_are_at_the_maximum_and_never_nan(name: str) -> None:
    assert f_divergence(name, [0.0, 0.5, 0.5], [1.0, 0.0, 0.0]) == pytest.approx(DIVERGENCES[name].maximum)


def test_an_infinite_price_is_paid_only_for_mass() -> None:
    assert kullback_leibler([0.5, 0.5, 0.0], [0.25, 0.25, 0.5]) == pytest.approx(math.log(2))
    assert kullback_leibler([0.25, 0.25, 0.5], [0.5, 0.5, 0.0]) == math.inf


@name
def test_tiny_weights_give_no_nan(name: str) -> None:
    tiny = [1.0 - 1e-300, 1e-300]
    for laws in (([0.5, 0.5], tiny), (tiny, [0.5, 0.5]), ([1e-320, 1.0], [1.0, 1e-320])):
        assert not math.isnan(f_divergence(name, *laws))


@name
def test_the_gradient_is_that_of_finite_differences(name: str) -> None:
    p = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64, requires_grad=True)
    q = torch.tensor([0.5, 0.1, 0.4], dtype=torch.float64, requires_grad=True)
    move = torch.tensor([1e-6, -3e-6, 2e-6], dtype=torch.float64)
    in_p, in_q = torch.autograd.grad(f_divergence(name, p, q), (p, q))
    with torch.no_grad():
        slope_p = (f_divergence(name, p + move, q) - f_divergence(name, p - move, q)) / 2
        slope_q = (f_divergence(name, p, q + move) - f_divergence(name, p, q - move)) / 2
    assert float(in_p @ move) == pytest.approx(float(slope_p), rel=1e-5)
    assert float(in_q @ move) == pytest.approx(float(slope_q), rel=1e-5)


def test_answers_speak_as_the_caller() -> None:
    assert isinstance(total_variation(R, list(T)), float)
    found = total_variation(torch.from_numpy(R).float(), T)
    assert isinstance(found, torch.Tensor) and found.dtype == torch.float64 and found.shape == ()
    assert total_variation([1, 0], [0, 1]) == 1.0


def test_a_divergence_of_ones_own() -> None:
    vajda = Divergence(f=lambda u: (u - 1).abs().pow(3), f_at_zero=1.0, f_slope_at_infinity=math.inf)
    assert f_divergence(vajda, R, T) == pytest.approx((np.abs(R / T - 1) ** 3 * T).sum())
    assert f_divergence(vajda, [0.5, 0.5], [1.0, 0.0]) == math.inf
    with pytest.raises(ValueError, match="slope, f_star and activation"):
        vajda.f_star(torch.ones(1))
    with pytest.raises(ValueError, match="got NaN"):
        Divergence(f=lambda u: u, f_at_zero=math.nan, f_slope_at_infinity=0.0)


PAIRS = [((0.0, 1.0), (0.5, 1.0)), ((0.0, 1.0), (1.0, 1.3)), ((3.0, 0.3), (1.0, 0.9)), ((0.0, 1.0), (0.0, 0.8))]


@name
@pytest.mark.parametrize(("p", "q"), PAIRS)
def test_gaussians_on_the_line_agree_with_an_integral(name: str, p: tuple, q: tuple) -> None:
    laws = [Normal(torch.tensor(m, dtype=torch.float64), torch.tensor(s, dtype=torch.float64)) for m, s in (p, q)]
    found = float(f_divergence(name, *laws))
    if math.isinf(found):
        wide, narrow = (p, q) if name == "pearson" else (q, p)
        assert name in ("pearson", "neyman") and wide[1] ** 2 >= 2 * narrow[1] ** 2
        return
    x = torch.linspace(-30, 30, 600_001, dtype=torch.float64)
    logs = [law.log_prob(x) for law in laws]
    values = logs[1].exp() * DIVERGENCES[name].f((logs[0] - logs[1]).clamp(-690, 690).exp())
    assert found == pytest.approx(trapezoid(values.numpy(), x.numpy()), abs=1e-8)


def plane(seed: int, d: int = 3) -> MultivariateNormal:
    draw = torch.Generator().manual_seed(seed)
    root = 0.3 * torch.randn(d, d, generator=draw, dtype=torch.float64) + torch.eye(d, dtype=torch.float64)
    return MultivariateNormal(torch.randn(d, generator=draw, dtype=torch.float64), root @ root.T)


@pytest.mark.parametrize("name", ["kullback-leibler", "reverse-kullback-leibler", "hellinger", "pearson", "neyman"])
def test_gaussians_of_the_plane_agree_with_a_sum_over_a_grid(name: str) -> None:
    p = MultivariateNormal(torch.zeros(2).double(), torch.tensor([[1.0, 0.3], [0.3, 0.8]]).double())
    q = MultivariateNormal(torch.tensor([0.4, -0.2]).double(), torch.tensor([[1.1, 0.2], [0.2, 0.9]]).double())
    axis = torch.linspace(-30, 30, 601, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    ratio = (p.log_prob(grid) - q.log_prob(grid)).clamp(-300, 300).exp()
    truth = (q.log_prob(grid).exp() * DIVERGENCES[name].f(ratio)).sum() * (axis[1] - axis[0]) ** 2
    torch.testing.assert_close(f_divergence(name, p, q), truth, rtol=1e-8, atol=1e-10)


def test_kullback_leibler_of_gaussians_is_that_of_torch() -> None:
    p, q = plane(0), plane(1)
    torch.testing.assert_close(kullback_leibler(p, q), torch.distributions.kl_divergence(p, q))


def test_a_chi_square_that_diverges_is_infinite() -> None:
    narrow, wide = Normal(0.0, 1.0), Normal(0.0, 2.0**0.5)
    assert float(chi_square(Normal(0.0, 1.5), narrow)) == math.inf
    assert float(chi_square(narrow, wide)) == pytest.approx(2 / 3**0.5 - 1, rel=1e-6)
    assert float(chi_square(narrow, Normal(0.0, 1.5), "neyman")) == math.inf


def test_total_variation_of_equal_covariances_is_an_error_function() -> None:
    p = plane(0)
    q = MultivariateNormal(p.mean + 0.3, p.covariance_matrix)
    root = torch.linalg.cholesky(p.covariance_matrix)
    length = torch.linalg.solve_triangular(root, (q.mean - p.mean)[:, None], upper=False).norm()
    assert float(total_variation(p, q)) == pytest.approx(math.erf(float(length) / 8**0.5))
    assert float(total_variation(p, p)) == 0.0
    close = Normal(torch.tensor(0.0).double(), torch.tensor(1.0 + 1e-12).double())
    same = Normal(torch.tensor(1.0).double(), torch.tensor(1.0).double())
    assert float(total_variation(close, same)) == pytest.approx(math.erf(1 / 8**0.5), abs=1e-11)


@pytest.mark.parametrize("name", ["kullback-leibler", "hellinger", "total-variation", "jensen-shannon", "pearson"])
def test_gradients_of_gaussians_are_those_of_finite_differences(name: str) -> None:
    q = Normal(torch.tensor(0.3).double(), torch.tensor(1.4).double())

    def value(theta: torch.Tensor) -> torch.Tensor:
        return f_divergence(name, Normal(theta[0], theta[1]), q)

    theta = torch.tensor([0.8, 0.7], dtype=torch.float64, requires_grad=True)
    (found,) = torch.autograd.grad(value(theta), theta)
    step = 1e-5 * torch.eye(2, dtype=torch.float64)
    with torch.no_grad():
        truth = torch.stack([(value(theta + one) - value(theta - one)) / 2e-5 for one in step])
    torch.testing.assert_close(found, truth, rtol=1e-6, atol=1e-8)


def test_far_laws_on_the_line_reach_log_two() -> None:
    assert float(jensen_shannon(Normal(0.0, 1e-3), Normal(90.0, 9.0))) == pytest.approx(math.log(2), abs=1e-9)
    same = Normal(1.0, 2.0)
    assert float(jensen_shannon(same, same)) == pytest.approx(0.0, abs=1e-12)


def test_independent_and_multivariate_normals_are_one_law() -> None:
    p = Independent(Normal(torch.zeros(3), torch.tensor([1.0, 2.0, 0.5])), 1)
    same = MultivariateNormal(torch.zeros(3), torch.tensor([1.0, 4.0, 0.25]).diag())
    assert float(hellinger(p, plane(2))) == pytest.approx(float(hellinger(same, plane(2))), rel=1e-6)


@pytest.mark.parametrize(
    ("p", "q", "says"),
    [
        ([0.5, 0.6], [0.5, 0.5], "masses p: expected a sum of 1, got 1.1: pass normalise=True"),
        ([0.5, 0.5], [0.2, 0.2], "masses q: expected a sum of 1"),
        ([0.5, math.nan], [0.5, 0.5], "finite"),
        ([math.nan, math.nan], [0.5, 0.5], "finite"),
        ([0.5, 0.5], [1.5, -0.5], "below 0"),
        ([0.5, 0.5], [0.2, 0.3, 0.5], r"\(2,\), as p has"),
        ([], [], "n >= 1"),
        ([[0.5, 0.5]], [0.5, 0.5], "expected weights of shape"),
        (["a"], [1.0], "real numbers"),
        ([0.0, 0.0], [0.5, 0.5], "positive total"),
        (Normal(0.0, 1.0), [0.5, 0.5], "expected weights"),
        (Laplace(0.0, 1.0), Normal(0.0, 1.0), "Laplace"),
        (Normal(torch.zeros(3), 1.0), Normal(0.0, 1.0), "batch"),
        (plane(0, 2), plane(1, 3), "one dimension"),
    ],
)
def test_what_is_no_law_is_refused(p: object, q: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        jensen_shannon(p, q)


def test_what_has_no_closed_form_is_refused() -> None:
    with pytest.raises(ValueError, match="samples"):
        jensen_shannon(plane(0), plane(1))
    with pytest.raises(ValueError, match="bounds"):
        total_variation(plane(0), plane(1))
    own = Divergence(f=lambda u: u.square() - 1, f_at_zero=-1.0, f_slope_at_infinity=math.inf)
    with pytest.raises(ValueError, match="finite"):
        f_divergence(own, Normal(0.0, 1.0), Normal(1.0, 1.0))
    with pytest.raises(ValueError, match="Did you mean 'hellinger'"):
        f_divergence("helinger", R, T)
    with pytest.raises(ValueError, match="kind of chi-square"):
        chi_square(R, T, "person")  # type: ignore[arg-type]


def exact(name: str, p: list[str], q: list[str]) -> float:
    """The value in 60 decimal digits, where p and q are above 0."""
    with localcontext() as context:
        context.prec, context.Emin, context.Emax = 60, -10_000, 10_000
        pairs = [(Decimal(one), Decimal(other)) for one, other in zip(p, q, strict=True)]
        total = [sum(side, Decimal(0)) for side in zip(*pairs, strict=True)]
        pairs = [(one / total[0], other / total[1]) for one, other in pairs]
        values = {
            "kullback-leibler": lambda u, v: u * (u / v).ln(),
            "reverse-kullback-leibler": lambda u, v: v * (v / u).ln(),
            "pearson": lambda u, v: (u - v) ** 2 / v,
            "neyman": lambda u, v: (u - v) ** 2 / u,
            "hellinger": lambda u, v: (u.sqrt() - v.sqrt()) ** 2 / 2,
            "total-variation": lambda u, v: abs(u - v) / 2,
            "jensen-shannon": lambda u, v: (u * (2 * u / (u + v)).ln() + v * (2 * v / (u + v)).ln()) / 2,
            "gan": lambda u, v: u * (u / (u + v)).ln() + v * (v / (u + v)).ln(),
        }
        return float(sum((values[name](*pair) for pair in pairs), Decimal(0)))


@name
@pytest.mark.parametrize("tiny", ["1e-9", "1e-100", "1e-156", "1e-200", "1e-290", "1e-305", "1e-307"])
def test_small_weights_have_their_exact_values(name: str, tiny: str) -> None:
    even, skewed = ["0.5", "0.5"], [tiny, "1"]
    for p, q in ((even, skewed), (skewed, even), ([tiny, "1"], ["3", tiny])):
        laws = [np.array([float(one) for one in law]) for law in (p, q)]
        truth = exact(name, p, q)
        assert f_divergence(name, *laws, normalise=True) == pytest.approx(truth, rel=1e-13)


def test_the_values_that_once_saturated() -> None:
    truth = 0.5 * 305 * math.log(10.0) + math.log(0.5)  # 350.45
    assert kullback_leibler([0.5, 0.5], [1e-305, 1.0]) == pytest.approx(truth, rel=1e-14)
    assert f_divergence("reverse-kullback-leibler", [1e-305, 1.0], [0.5, 0.5]) == pytest.approx(truth, rel=1e-14)
    assert total_variation([1e-305, 1.0], [0.5, 0.5]) == 0.5


@name
def test_rows_of_the_table_pickle_by_name(name: str) -> None:
    row = DIVERGENCES[name]
    assert pickle.loads(pickle.dumps(row)) is row
    assert copy.deepcopy(row) is row


def test_a_divergence_without_a_perspective_refuses_ratios_that_its_f_cannot_take() -> None:
    entropy = Divergence(f=lambda u: u * u.log(), f_at_zero=0.0, f_slope_at_infinity=math.inf)
    assert f_divergence(entropy, R, T) == pytest.approx(kullback_leibler(R, T))
    with pytest.raises(ValueError, match="perspective"):
        f_divergence(entropy, [0.5, 0.5], [1e-320, 1.0])


def test_counts_are_normalised_where_asked() -> None:
    assert total_variation([3, 1], [1, 3], normalise=True) == pytest.approx(0.5)
    assert total_variation([3e307, 1e307], [1e307, 3e307], normalise=True) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="normalise=True"):
        total_variation([3, 1], [1, 3])
    with pytest.raises(ValueError, match="It is called 'kullback-leibler' here"):
        f_divergence("kl", R, T)
