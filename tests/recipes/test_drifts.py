"""The recipes drifting and flow-matching build the parts that are named."""

import pytest
import torch

from remblai import recipes
from remblai.discrepancies import MMD, Entropic
from remblai.networks.unet import UNet
from remblai.networks.velocity import Perceptron
from remblai.objectives import COUPLINGS, Descent, Drifting, Flow, MeanShift
from remblai.runs.resolve import resolve


def drifting(**options: object) -> Drifting:
    made = resolve("drifting", options).build((2,))
    assert isinstance(made, Drifting)
    return made


def test_the_default_is_the_papers_drift_of_normalised_points() -> None:
    made = drifting()
    assert isinstance(made.drift, MeanShift)
    assert made.drift.temperatures == (0.02, 0.05, 0.2)
    assert made.normalise


@pytest.mark.parametrize(("normalise", "square_distance"), [(True, 1.0), (False, 4.0)])
def test_a_kernels_scale_is_that_of_the_points_it_sees(normalise: bool, square_distance: float) -> None:
    """Normalised points have a mean distance of 1; others are taken as standardised, E|X - X'|^2 = 2 d."""
    drift = drifting(drift={"name": "mmd", "kernel": "gaussian"}, normalise=normalise).drift
    assert isinstance(drift, Descent)
    assert isinstance(drift.discrepancy, MMD)
    assert drift.normalise == normalise
    wanted = resolve("gmmn", {}).build((2,)).discrepancy.kernel  # type: ignore[union-attr]  # for 4
    x, y = torch.zeros(1, 2), torch.full((1, 2), 0.7)
    factor = (square_distance / 4.0) ** 0.5
    torch.testing.assert_close(drift.discrepancy.kernel(factor * x, factor * y), wanted(x, y))


def test_discrepancies_and_live_parts_are_drifts() -> None:
    made = drifting(drift="entropic", scales=(1.0, 2.0))
    assert isinstance(made.drift, Descent)
    assert isinstance(made.drift.discrepancy, Entropic)
    assert made.drift.scales == (1.0, 2.0)
    live = Descent(Entropic("square"))
    built = recipes.drifting(shape=(2,), drift=live, features=lambda x: x[:, :1])
    assert built.drift is live  # type: ignore[attr-defined]
    assert set(built(torch.randn(8, 2))) == {"drift"}
    with pytest.raises(ValueError, match="unknown drift 'mean-shif'"):
        recipes.drifting(shape=(2,), drift="mean-shif")


def test_a_flow_takes_the_network_and_the_coupling_that_suit() -> None:
    for shape, kind in (((2,), Perceptron), ((1, 8, 8), Perceptron), ((1, 16, 16), UNet)):
        made = recipes.flow_matching(shape=shape)
        assert isinstance(made, Flow)
        assert isinstance(made.velocity, kind)
        assert isinstance(made.coupling, COUPLINGS["batch"])  # type: ignore[arg-type]
        assert made.range == (None if len(shape) == 1 else (0.0, 1.0))
    solved = resolve("flow-matching", {"coupling": "semi-discrete", "coupling.atoms": 30, "method": "euler"}).build(
        (2,)
    )
    assert solved.coupling.solved.atoms.shape == (30, 2)  # type: ignore[union-attr]
    assert solved.method == "euler"
