import torch
from torch.distributions import Distribution, Normal

from remblai.laws.means import DRAWS, mean_of


class Drawn(Distribution):
    """A normal law of mean 3 that is known through its draws alone."""

    def __init__(self):
        super().__init__(validate_args=False)

    def sample(self, sample_shape=torch.Size()):  # noqa: B008
        return 3.0 + torch.randn(*sample_shape, 2, generator=torch.Generator().manual_seed(0))


def test_a_law_that_knows_its_mean_is_asked_for_it():
    assert float(mean_of(Normal(torch.tensor(2.0), 1.0))) == 2.0


def test_another_is_drawn_from():
    assert torch.allclose(mean_of(Drawn()), torch.full((2,), 3.0), atol=4 / DRAWS**0.5)
