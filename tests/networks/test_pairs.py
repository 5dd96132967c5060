"""Critics of pairs."""

import pytest
import torch

from remblai.networks import NETWORKS
from remblai.networks.pairs import PairCritic, paired

SHAPES = [(2,), (1, 2, 2), (1, 9, 7), (3, 17, 19), (4, 64, 64)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("latent", [1, 3])
def test_it_scores_pairs_and_every_weight_counts(shape: tuple[int, ...], latent: int) -> None:
    torch.manual_seed(0)
    critic = PairCritic(NETWORKS["auto"](shape=shape, width=8), latent, width=16)
    x, z = torch.rand(5, *shape), torch.randn(5, latent).requires_grad_()
    scores = critic(paired(x, z))
    assert scores.shape == (5,)
    scores.square().sum().backward()
    assert z.grad is not None
    assert z.grad.abs().sum(1).all()
    assert all(parameter.grad is not None for parameter in critic.parameters())


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_x_comes_to_its_body_in_its_own_shape(shape: tuple[int, ...]) -> None:
    critic, x = PairCritic(NETWORKS["auto"](shape=shape, width=8), 3, width=16), torch.rand(2, *shape)
    seen: list[torch.Tensor] = []
    critic.body.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    critic(paired(x, torch.randn(2, 3)))
    assert torch.equal(seen[0], x)


def test_images_of_16_pixels_have_a_network_of_their_own_and_smaller_ones_none() -> None:
    small, large = (PairCritic(NETWORKS["auto"](shape=(1, side, side), width=8), 2, width=16) for side in (15, 16))
    assert not list(small.body.parameters())
    assert any(isinstance(layer, torch.nn.Conv2d) for layer in large.body.modules())


def test_the_same_pair_scores_the_same_whatever_else_is_in_the_batch() -> None:
    critic = PairCritic(NETWORKS["mlp"](shape=(2,)), 3, width=16)
    pairs = torch.randn(6, 5)
    torch.testing.assert_close(critic(pairs)[:2], critic(pairs[:2]))


def test_pairs_lie_side_by_side_in_the_precision_of_the_codes() -> None:
    x, z = torch.arange(8.0).reshape(2, 1, 2, 2), torch.tensor([[-1.0], [-2.0]], dtype=torch.float64)
    expected = torch.tensor([[0.0, 1, 2, 3, -1], [4, 5, 6, 7, -2]], dtype=torch.float64)
    assert torch.equal(paired(x, z), expected)
    assert paired(x, z).dtype == torch.float64


@pytest.mark.parametrize(
    ("given", "words"),
    [({"latent": 0}, "latent >= 1"), ({"width": 0}, "width >= 1"), ({"depth": -1}, "depth >= 0")],
)
def test_sizes_that_make_no_network_are_refused(given: dict[str, int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        PairCritic(NETWORKS["mlp"](shape=(2,)), **{"latent": 2} | given)
