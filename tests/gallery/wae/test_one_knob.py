import math

import pytest
import torch

from remblai.data import load
from remblai.gallery.wae import one_knob as entry
from remblai.recipes import RECIPES


@pytest.mark.parametrize("penalty", entry.PENALTIES)
@pytest.mark.parametrize("s", [0.05, 1.0, 7.0])
def test_gradients_are_one_and_the_same_but_for_the_factor(s: float, penalty: str) -> None:
    found = entry.slope(s, load("ring").test[:20], penalty)
    assert found.difference < 1e-9
    assert found.constant == pytest.approx(math.log(2 * math.pi * s**2), abs=1e-9)


def test_another_weight_has_another_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(entry.OF, "POT", ("pot", lambda s: {"weight": s**2}))
    assert entry.slope(1.0, load("ring").test[:20], "mmd").difference > 1e-3


def test_the_measures_are_the_squared_error_and_w2_by_quantiles() -> None:
    torch.manual_seed(0)
    data = load("ring")
    model = RECIPES["pot"]((2,), latent=1, network={"name": "mlp", "width": 8}, encoder="deterministic")
    error, away = entry.measured(model, data)
    x = data.test[: entry.TESTED]
    with torch.no_grad():
        z = model.encoder(x).mean
        expected = sum(
            float((model.decoder(one[None]).mean[0] - point).square().sum()) for one, point in zip(z, x, strict=True)
        )
    assert error == pytest.approx(expected / len(x), rel=1e-4)
    normal = torch.special.ndtri((torch.arange(200_000, dtype=torch.float64) + 0.5) / 200_000)
    codes = z.flatten().double().sort().values.repeat_interleave(200_000 // len(x))
    assert away == pytest.approx(float((codes - normal).square().mean()), rel=1e-3)


def test_a_short_run_measures_and_draws_and_leaves_the_generator() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    found = entry.one_knob(steps=2)
    assert torch.equal(torch.get_rng_state(), before)
    assert found.checks[0].holds
    assert [picture.name for picture in found.pictures] == ["one-knob"]
