import math

import pytest
import torch
from torch import nn

from remblai.networks import CRITICS, NETWORKS, Energy
from remblai.networks.critics import auto, connected, convolutional

POINTS = [(1,), (2,), (7,)]
IMAGES = [(1, 2, 2), (3, 5, 9), (4, 17, 16), (2, 3, 40)]


@pytest.mark.parametrize("outputs", [1, 5])
@pytest.mark.parametrize("shape", IMAGES)
@pytest.mark.parametrize("name", CRITICS)
def test_every_critic_answers_images_of_any_size_and_channels(name, shape, outputs):
    assert CRITICS[name](shape, outputs)(torch.rand(3, *shape)).shape == (3, outputs)


@pytest.mark.parametrize("shape", POINTS)
@pytest.mark.parametrize("name", ["auto", "mlp"])
def test_critics_of_points_answer_points(name, shape):
    assert CRITICS[name](shape, 2)(torch.rand(4, *shape)).shape == (4, 2)


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
@pytest.mark.parametrize("shape", IMAGES)
def test_every_norm_takes_every_size(shape, norm):
    assert convolutional(shape, 3, width=4, norm=norm)(torch.rand(5, *shape)).shape == (5, 3)


@pytest.mark.parametrize("name", CRITICS)
def test_no_score_depends_on_the_other_points_by_default(name):
    torch.manual_seed(0)
    critic, x = CRITICS[name]((1, 16, 16), 2), torch.rand(6, 1, 16, 16)
    assert not list(critic.buffers())
    torch.testing.assert_close(critic(x)[:2], critic(x[:2]))


def test_layer_norm_keeps_points_apart_and_batch_norm_does_not():
    torch.manual_seed(0)
    x = torch.rand(6, 1, 16, 16)
    own, tied = (convolutional((1, 16, 16), 2, width=8, norm=norm) for norm in ("layer", "batch"))
    torch.testing.assert_close(own(x)[:2], own(x[:2]))
    assert not torch.allclose(tied(x)[:2], tied(x[:2]), atol=1e-3)


def test_norms_stand_after_every_hidden_stage_but_the_first():
    for norm, kind in (("none", nn.Identity), ("batch", nn.BatchNorm2d), ("layer", nn.GroupNorm)):
        layers = list(convolutional((1, 28, 28), 1, width=4, norm=norm))
        convolutions = [place for place, layer in enumerate(layers) if isinstance(layer, nn.Conv2d)]
        assert len(convolutions) == 3
        assert [isinstance(layers[place + 1], kind) for place in convolutions] == [False, *[norm != "none"] * 2]
        assert [layers[place].bias is not None for place in convolutions] == [True, *[norm == "none"] * 2]


def test_channels_double_up_to_the_widest():
    critic = convolutional((3, 64, 64), 1, width=8, widest=20)
    assert [layer.out_channels for layer in critic if isinstance(layer, nn.Conv2d)] == [8, 16, 20, 20]


@pytest.mark.parametrize("depth", [0, 2])
def test_weights_of_the_connected_critic_counted_by_hand(depth):
    count = sum(p.numel() for p in connected((1, 2, 3), 4, width=5, depth=depth).parameters())
    assert count == (6 * 4 + 4 if depth == 0 else 6 * 5 + 5 + 5 * 5 + 5 + 5 * 4 + 4)


def test_auto_takes_convolutions_from_16_pixels_a_side_and_hands_its_width_on():
    def widths(shape, **given):
        layers = [m for m in auto(shape, 1, **given).modules() if isinstance(m, nn.Conv2d | nn.Linear)]
        return [type(layers[0]), getattr(layers[0], "out_channels", getattr(layers[0], "out_features", None))]

    assert widths((1, 16, 16)) == [nn.Conv2d, 32]
    assert widths((1, 15, 40)) == [nn.Linear, 256]
    assert widths((2,), width=7) == [nn.Linear, 7]
    assert widths((3, 20, 20), width=6) == [nn.Conv2d, 6]


def test_first_weights_keep_the_signal():
    torch.manual_seed(0)
    deep = connected((256,), 64, width=256, depth=12)
    with torch.no_grad():
        assert 0.4 < deep(torch.randn(500, 256)).square().mean() < 2.5
    # 4 x 4 taps at stride 2 lose those that reach over the border: a few per cent on an image of 32 pixels
    wide = convolutional((8, 32, 32), 64, width=64)
    with torch.no_grad():
        assert 0.4 < wide(torch.randn(50, 8, 32, 32)).square().mean() < 1.5


def test_first_weights_beside_a_norm_are_those_of_dcgan():
    torch.manual_seed(0)
    layers = convolutional((3, 32, 32), 1, width=32, norm="batch")
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            assert abs(layer.weight.std().item() / 0.02 - 1.0) < 0.1


@pytest.mark.parametrize("name", CRITICS)
def test_the_slope_of_the_score_moves_every_weight_matrix(name):
    torch.manual_seed(0)
    critic, x = CRITICS[name]((1, 16, 16), 1), torch.rand(8, 1, 16, 16).requires_grad_()
    (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    assert (slope.flatten(1).abs().sum(1) > 0).all()
    slope.square().sum().backward()
    assert all((p.grad != 0).any() for name, p in critic.named_parameters() if name.endswith("weight"))


def test_leaky_rectifiers_pass_a_fifth_of_what_is_below_zero():
    critic = connected((1,), 1, width=1, depth=1)
    with torch.no_grad():
        for parameter in critic.parameters():
            parameter.fill_(1.0) if parameter.dim() == 2 else parameter.zero_()
    torch.testing.assert_close(critic(torch.tensor([[3.0], [-3.0]])), torch.tensor([[3.0], [-0.6]]))


@pytest.mark.parametrize("make", [auto, connected])
@pytest.mark.parametrize("bad", [(), (0,), (1, 0, 3)])
def test_empty_shapes_are_refused(make, bad):
    with pytest.raises(ValueError, match="every size >= 1"):
        make(bad, 1)


@pytest.mark.parametrize("make", [auto, connected, convolutional])
def test_counts_below_one_are_refused(make):
    with pytest.raises(ValueError, match="outputs >= 1"):
        make((1, 16, 16), 0)
    with pytest.raises(ValueError, match="width >= 1"):
        make((1, 16, 16), 1, width=0)


def test_options_that_a_critic_does_not_have_are_refused():
    with pytest.raises(ValueError, match="depth >= 0"):
        connected((2,), 1, depth=-1)
    with pytest.raises(ValueError, match="one of none, batch, layer; got 'group'"):
        convolutional((1, 8, 8), 1, norm="group")
    with pytest.raises(ValueError, match="use the critic 'mlp'"):
        convolutional((2,), 1)
    with pytest.raises(ValueError, match="at least 2 x 2 pixels"):
        convolutional((1, 1, 8), 1)


@pytest.mark.parametrize("shape", [(3,), (2, 5, 4)])
def test_energy_is_the_squared_error_summed_over_a_point_beside_its_code(shape):
    torch.manual_seed(0)
    critic, x = Energy(NETWORKS["mlp"](shape, width=9), 4), torch.randn(6, *shape)
    answer = critic(x)
    assert answer.shape == (6, 5)
    torch.testing.assert_close(answer[:, 1:], critic.encoder(x))
    for point, given in zip(x, answer, strict=True):
        back = critic.decoder(critic.encoder(point[None]))[0]
        assert math.isclose(given[0].item(), math.fsum((point - back).square().flatten().tolist()), rel_tol=1e-5)


def test_energy_of_a_decoder_that_answers_zero_is_the_squared_norm():
    critic, x = Energy(NETWORKS["mlp"]((3,), width=4), 2), torch.randn(5, 3)
    for parameter in critic.decoder.parameters():
        nn.init.zeros_(parameter)
    torch.testing.assert_close(critic(x)[:, 0], x.square().sum(1))


def test_energy_needs_a_code():
    with pytest.raises(ValueError, match="latent >= 1"):
        Energy(NETWORKS["mlp"]((3,)), 0)


def test_a_critic_sees_from_the_start_how_far_out_a_point_lies():
    torch.manual_seed(0)
    x = torch.randn(50, 2)
    with torch.no_grad():
        critic = connected((2,), 1)
        near, far = critic(x) - critic(0.0 * x), critic(2.0 * x) - critic(0.0 * x)
    assert (far / 2.0 - near).square().mean() > 0.01 * near.square().mean()
