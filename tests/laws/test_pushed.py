"""The law of noise pushed through a map."""

import pytest
import torch
from torch import Tensor

from remblai.laws.pushed import Pushed, places


def bent(noise: Tensor) -> Tensor:
    return torch.tensor([[1.0, -2.0]] * 3) + 0.5 * noise + 0.2 * noise.flip(-1).square()


def identity(z: Tensor) -> Tensor:
    return z


def test_moments_are_those_of_its_samples_up_to_the_places() -> None:
    torch.manual_seed(0)
    law = Pushed(bent, places(2, 512), (3,), identity)
    draws = law.sample((100_000,))
    assert draws.shape == (100_000, 3, 2)
    torch.testing.assert_close(law.mean, draws.mean(0), atol=0.02, rtol=0)
    torch.testing.assert_close(law.stddev, draws.std(0), atol=0.05, rtol=0)


def test_moments_of_an_affine_map_of_each_coordinate_are_exact() -> None:
    location, scale = torch.randn(2, 4, 3)
    law = Pushed(lambda noise: location + scale * noise, places(3), (4,), identity)
    torch.testing.assert_close(law.mean, location)
    torch.testing.assert_close(law.stddev, scale.abs())


def test_moments_have_no_randomness_and_carry_gradients() -> None:
    scale = torch.ones(3, 2, requires_grad=True)
    laws = [Pushed(lambda noise: bent(noise) * scale, places(2), (3,), identity) for _ in range(2)]
    assert torch.equal(laws[0].variance, laws[1].variance)
    (laws[0].variance.sum() + laws[0].mean.sum()).backward()
    assert scale.grad is not None
    assert scale.grad.all()
    assert laws[0].rsample().requires_grad


def test_the_mean_is_on_the_support() -> None:
    law = Pushed(bent, places(2), (3,), torch.nn.functional.normalize)
    assert law.mean.norm(dim=1).tolist() == pytest.approx([1.0] * 3)
    assert law.sample().norm(dim=1).tolist() == pytest.approx([1.0] * 3)


def test_it_has_no_density() -> None:
    with pytest.raises(ValueError, match=r"implicit law.*no density.*Use the encoder 'gaussian'"):
        Pushed(bent, places(2), (3,), identity).log_prob(torch.zeros(3, 2))


@pytest.mark.parametrize(("k", "count"), [(1, 2), (2, 32), (8, 33), (64, 32)])
def test_places_are_centred_of_mean_square_1_and_symmetric(k: int, count: int) -> None:
    found = places(k, count)
    assert found.shape == (count + count % 2, k)
    torch.testing.assert_close(found.sum(0), torch.zeros(k))
    torch.testing.assert_close(found.square().mean(0), torch.ones(k))
    assert torch.equal(found[: len(found) // 2], -found[len(found) // 2 :])
    assert torch.equal(found, places(k, count))


def test_places_below_2_are_refused() -> None:
    with pytest.raises(ValueError, match="places of the noise: expected at least 2, got 1"):
        places(2, 1)
