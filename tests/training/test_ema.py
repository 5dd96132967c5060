"""The moving average of the weights."""

import pytest
import torch
from torch import nn

from remblai.networks.spectral import add_spectral_norm, power_iterate
from remblai.training.ema import Average


def normed() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


def test_it_follows_the_recursion_with_a_decay_that_grows() -> None:
    module = normed()
    average = Average(module, module.state_dict(), 0.9)
    expected = {name: value.clone().double() for name, value in module.state_dict().items()}
    for number in range(1, 200):
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.add_(torch.randn_like(parameter))
        average.update()
        decay = min(0.9, number / (number + 10))
        for name, value in module.state_dict().items():
            expected[name] = decay * expected[name] + (1 - decay) * value.double()
    for name, value in module.state_dict().items():
        if value.is_floating_point():
            assert torch.allclose(average.values[name].double(), expected[name], atol=1e-5), name


def test_integer_buffers_are_copied_and_float_buffers_blended() -> None:
    module = normed()
    average = Average(module, module.state_dict(), 0.5)
    for _ in range(3):
        module(torch.randn(4, 2))
        average.update()
    assert average.values["1.num_batches_tracked"].item() == 3
    assert not torch.equal(average.values["1.running_mean"], module.state_dict()["1.running_mean"])


def test_it_shares_no_memory_with_the_model_and_only_follows_the_names_it_is_given() -> None:
    module = normed()
    average = Average(module, ["0.weight"], 0.5)
    before = average.values["0.weight"].clone()
    with torch.no_grad():
        module[0].weight.add_(1.0)  # type: ignore[index]
    assert set(average.values) == {"0.weight"}
    assert torch.equal(average.values["0.weight"], before)


def test_it_is_kept_in_float32_for_a_model_in_half_precision() -> None:
    module = nn.Linear(1, 1, bias=False).bfloat16()
    average = Average(module, module.state_dict(), 0.999)
    with torch.no_grad():
        module.weight.fill_(1.0)
    for _ in range(5):
        average.update()
    assert average.values["weight"].dtype is torch.float32


def test_a_loaded_average_goes_on_where_it_was() -> None:
    module = normed()
    whole = Average(module, module.state_dict(), 0.9)
    for _ in range(7):
        whole.update()
    again = Average(module, module.state_dict(), 0.9)
    again.load({name: value.clone() for name, value in whole.values.items()}, whole.updates)
    for one in (whole, again):
        one.update()
    assert again.updates == whole.updates == 8
    assert all(torch.equal(value, again.values[name]) for name, value in whole.values.items())


@pytest.mark.parametrize("decay", [-0.1, 1.0, float("nan")])
def test_a_decay_outside_its_range_is_refused(decay: float) -> None:
    with pytest.raises(ValueError, match=r"0\.999 is usual"):
        Average(nn.Linear(1, 1), ["weight"], decay)


def test_weights_of_another_model_are_refused() -> None:
    with pytest.raises(ValueError, match="do not have this model's names"):
        Average(nn.Linear(1, 1), ["weight"], 0.5).load({"bias": torch.zeros(1)}, 1)


def test_the_averaged_layers_of_a_spectral_norm_have_norm_1() -> None:
    """A mean of singular vectors that turn is shorter than they are, and a weight divided by too little."""
    torch.manual_seed(0)
    layer = nn.Linear(6, 5, bias=False)
    add_spectral_norm(layer)
    average = Average(layer, layer.state_dict(), 0.9)
    for _ in range(40):
        with torch.no_grad():
            layer.parametrizations.weight.original.copy_(torch.randn(5, 6))  # type: ignore[union-attr,operator]
        power_iterate(layer)
        average.update()
    vectors = [name for name in average.values if name.endswith((".u", ".v"))]
    assert len(vectors) == 2
    for name in vectors:
        assert torch.equal(average.values[name], layer.state_dict()[name])
