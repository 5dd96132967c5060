"""Points of any scale: the distances scale with them, as far as float64 goes, and beyond it they are refused."""

import numpy as np
import pytest
import torch

from remblai.distances import barycentre, rubinstein, transport

X = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
Y = X * [1.0, 0.5] + [0.25, 0.5]
SCALES = [2.0**-1000, 2.0**-660, 2.0**-530, 2.0**515, 2.0**660, 2.0**1000]


@pytest.mark.parametrize("scale", SCALES)
def test_euclidean_values_scale_with_the_points(scale: float) -> None:
    x, y, unit = scale * X, scale * Y, transport(X, Y, "euclidean")
    plan = transport(x, y, "euclidean")
    assert plan.value / scale == pytest.approx(unit.value, rel=1e-12)
    lower, upper = plan.certificate()
    assert lower <= float(unit.value) * scale * (1 + 1e-12) and upper >= float(unit.value) * scale * (1 - 1e-12)
    assert 0.0 < lower <= upper < lower * (1.0 + 1e-9)
    smooth, other = (transport(s * X, s * Y, "euclidean", epsilon=0.1 * s).cost for s in (1.0, scale))
    assert other / scale == pytest.approx(smooth, rel=1e-9)
    assert rubinstein.of_points(x, y).value / scale == pytest.approx(unit.value, rel=1e-12)
    middle = barycentre([x, y], support=x, cost="euclidean").value
    assert middle / scale == pytest.approx(barycentre([X, Y], support=X, cost="euclidean").value, rel=1e-9)


@pytest.mark.parametrize("scale", SCALES)
def test_gradients_of_euclidean_values_do_not_change_with_the_scale(scale: float) -> None:
    found = []
    for s in (1.0, scale):
        x = torch.from_numpy(s * X).requires_grad_()
        transport(x, torch.from_numpy(s * Y), "euclidean").value.backward()
        found.append(x.grad)
    assert torch.allclose(found[0], found[1], rtol=1e-12, atol=0.0)


def test_float32_points_have_float32_ranges() -> None:
    unit = transport(X, Y, "euclidean").value
    for scale in (2.0**-90, 2.0**90):
        x, y = (torch.from_numpy(scale * one).float() for one in (X, Y))
        assert float(transport(x, y, "euclidean").value) / scale == pytest.approx(unit, rel=1e-6)
        assert transport(x, y, "euclidean", epsilon=0.1 * scale).cost / scale == pytest.approx(
            transport(X, Y, "euclidean", epsilon=0.1).cost, rel=1e-3
        )


@pytest.mark.parametrize(("cost", "scale"), [("square", 1e160), ({"name": "power", "p": 3.0}, 1e110)])
@pytest.mark.parametrize("epsilon", [None, 1.0])
def test_costs_beyond_float64_are_refused_by_their_cause(cost: object, scale: float, epsilon: float | None) -> None:
    with pytest.raises(ValueError, match="points: expected costs within float64, got a distance"):
        transport(scale * X, scale * Y, cost, epsilon=epsilon)
