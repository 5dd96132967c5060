import numpy as np
import pytest
import torch

from remblai.distances.exact import emd
from remblai.distances.exact.rubinstein import of_matrix, of_points

P_R = np.array([0.1, 0.2, 0.1, 0.2, 0.1, 0.2, 0.1])
P_T = np.array([0.1] * 6 + [0.4])
D = np.abs(np.subtract.outer(np.arange(7.0), np.arange(7.0)))
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((15, 2)), RNG.standard_normal((11, 2)) + 1.0


def test_the_seven_points_have_one_potential() -> None:
    found = of_matrix(P_R, P_T, D)
    assert found.value == pytest.approx(0.9, abs=1e-12)
    assert found.f @ P_R - found.f @ P_T == pytest.approx(0.9, abs=1e-12)
    assert np.abs(np.diff(found.f)).max() <= 1.0 + 1e-12
    assert found.lipschitz == pytest.approx(1.0)


@pytest.mark.parametrize("cost", ["euclidean", "manhattan"])
def test_the_potential_is_lipschitz_on_all_points_and_reaches_the_distance(cost: str) -> None:
    found = of_points(X, Y, cost)
    z, f = np.concatenate([X, Y]), np.concatenate([found.f, found.at_b])
    distances = np.linalg.norm(z[:, None] - z, ord=1 if cost == "manhattan" else 2, axis=2)
    assert (np.abs(f[:, None] - f) <= distances + 1e-9).all()
    assert found.f.mean() - found.at_b.mean() == pytest.approx(found.value, rel=1e-9)
    assert found.value == pytest.approx(emd(None, None, distances[:15, 15:]).value, rel=1e-9)


def test_empty_places_are_lipschitz_too() -> None:
    a, b = np.full(15, 1 / 14), np.full(11, 0.1)
    a[3], b[5] = 0.0, 0.0
    found = of_points(X, Y, "euclidean", a, b)
    assert found.lipschitz <= 1.0 + 1e-9
    assert found.f @ a - found.at_b @ b == pytest.approx(found.value, rel=1e-9)


@pytest.mark.parametrize("side", ["upper", "lower"])
def test_the_extension_agrees_on_the_points_and_is_lipschitz_between(side: str) -> None:
    found = of_points(X, Y)
    assert found.extend(X, side) == pytest.approx(found.f, abs=1e-9)
    assert found.extend(Y, side) == pytest.approx(found.at_b, abs=1e-9)
    new = RNG.standard_normal((30, 2)) * 3
    f = found.extend(new, side)
    assert (np.abs(f[:, None] - f) <= np.linalg.norm(new[:, None] - new, axis=2) + 1e-9).all()
    assert (found.extend(new, "lower") <= found.extend(new, "upper") + 1e-9).all()


def test_tensors_give_tensors_and_a_gradient() -> None:
    x = torch.from_numpy(X).requires_grad_()
    found = of_points(x, torch.from_numpy(Y))
    found.value.backward()
    assert isinstance(found.f, torch.Tensor)
    # each of the n points pulls with a force of at most its mass
    assert float(x.grad.norm(dim=1).max()) <= 1 / 15 + 1e-9
    assert float(x.grad.norm()) > 0


@pytest.mark.parametrize(
    ("matrix", "match"),
    [
        (D**2, "detour"),
        (D + 1.0, "to itself"),
        (np.triu(D), "as back"),
        (-D, "below 0"),
        (D[:, :6], "of_points"),
        (np.where(D > 5, np.inf, D), "infinity"),
    ],
)
def test_what_is_no_metric_is_refused(matrix: np.ndarray, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        of_matrix(None, None, matrix)


def test_the_squared_cost_of_points_is_refused_with_the_remedy() -> None:
    with pytest.raises(ValueError, match="euclidean"):
        of_points(X, Y, "square")


def test_what_cannot_be_extended_is_told() -> None:
    with pytest.raises(ValueError, match="of_points"):
        of_matrix(P_R, P_T, D).extend(np.zeros((1, 1)))
    with pytest.raises(ValueError, match="'upper' or 'lower'"):
        of_points(X, Y).extend(X, "middle")  # type: ignore[arg-type]
