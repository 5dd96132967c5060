import numpy as np
import ot
import pytest
import torch
from torch import nn

from remblai import recipes
from remblai.gallery.wgan import both_sides
from remblai.gallery.wgan.both_sides import CLIP, ORTHOGONAL, Case, below, checks, draw, shuffled, steepest, w1
from remblai.report.style import DARK, LIGHT
from remblai.runtime.rng import seeded


@pytest.fixture(scope="module")
def case() -> Case:
    with seeded(0), pytest.MonkeyPatch.context() as patch:
        patch.setattr(both_sides, "DRAWS", 60)
        model = recipes.pot(shape=(1, 8, 8), latent=2, cost="euclidean")
        return Case.of(model, torch.rand(20, 1, 8, 8), 1)


def test_w1_is_that_of_another_library(case: Case) -> None:
    x, y = (one.flatten(1).double().numpy() for one in (case.x, case.y))
    value = ot.emd2(np.full(20, 1 / 20), np.full(60, 1 / 60), ot.dist(x, y, metric="euclidean"))
    assert w1(case.x, case.y) == pytest.approx(value, abs=1e-9)
    assert case.value == pytest.approx(value, abs=1e-9)


def test_the_upper_bound_is_the_mean_distance_and_what_the_codes_miss(case: Case) -> None:
    repeated = case.x.repeat(both_sides.CODES, 1, 1, 1)
    assert case.cost == pytest.approx(float((repeated - case.reached).flatten(1).norm(dim=1).mean()), rel=1e-5)
    assert case.gap == pytest.approx(w1(case.reached, case.y))
    assert case.upper >= case.value


@pytest.mark.parametrize("lipschitz", [ORTHOGONAL, CLIP])
def test_every_estimate_is_a_lower_bound(case: Case, lipschitz: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(both_sides, "ASCENT", 60)
    curve = below(case, lipschitz, 0)
    assert len(curve) == 4
    assert max(curve) <= case.value * (1 + 1e-6)
    assert curve[-1] > curve[0]


def test_the_steepest_slope_is_that_of_a_linear_critic_along_its_weight() -> None:
    x, weight = torch.zeros(3, 1, 2, 2), torch.tensor([[3.0, 0.0, 0.0, 4.0]])
    x[1, 0, 0, 0], x[2, 0, 0, 0], x[2, 0, 1, 1] = 1.0, 0.6, 0.8
    critic = nn.Sequential(nn.Flatten(), nn.Linear(4, 1, bias=False))
    critic[1].weight.data.copy_(weight)
    assert steepest(critic, Case(x[:1], x[1:], x, 0.0, 0.0, 1.0)) == pytest.approx(5.0, rel=1e-5)


def test_batches_are_of_the_digits_without_repetitions() -> None:
    x = torch.arange(6.0)[:, None]
    batch = next(shuffled(x, 0, 6))
    assert sorted(batch.flatten().tolist()) == x.flatten().tolist()


def test_checks_tell_bounds_that_are_far_or_none(case: Case) -> None:
    def missed(upper: float, lower: float) -> list[str]:
        found = Case(case.x, case.y, case.reached, upper - 0.01, 0.01, 1.0)
        curves = {ORTHOGONAL: [0.1, lower], CLIP: [0.1, 0.5]}
        return [check.what for check in checks(found, curves) if not check.holds and "mean distance" not in check.what]

    assert missed(1.03, 0.97) == []
    assert missed(1.08, 0.97) == missed(0.99, 0.97) == ["pot: cost + gap, over W1"]
    assert missed(1.03, 0.9) == ["wgan, orthogonal: last estimate over W1"]
    assert len(missed(1.03, 1.01)) == 2


def test_the_picture_differs_by_paper(case: Case) -> None:
    curves = {ORTHOGONAL: [0.1, 0.9 * case.value], CLIP: [0.1, 0.5 * case.value]}
    assert draw(case=case, lower=curves, theme=LIGHT) != draw(case=case, lower=curves, theme=DARK)
