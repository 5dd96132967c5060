"""Priors and networks of one's own in the recipes: what fits is taken, what does not is said at once."""

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import AffineTransform, Cauchy, Distribution, Independent, Normal, TransformedDistribution

from remblai import recipes
from remblai.laws import Prior
from remblai.networks import NETWORKS, Network
from remblai.recipes import RECIPES
from remblai.training import State, check, steps

OF_CODES = ["wae-mmd", "wae-gan", "swae", "cwae", "sinkhorn-ae", "info-vae", "aae", "avb", "vae"]
GENERATORS = ["gan", "gmmn", "drifting"]


class Own(Prior):
    """Codes of any law of one coordinate, and whether it learns."""

    def __init__(self, latent: int, law: Distribution, learns: bool = False) -> None:
        super().__init__()
        self.latent, self.law = latent, law
        if learns:
            self.shift = nn.Parameter(torch.zeros(latent))

    def forward(self) -> Distribution:
        return Independent(self.law.expand((self.latent,)), 1)

    def constrain(self, z: Tensor) -> Tensor:
        return z


def stretched() -> Distribution:
    """A law whose mean torch does not know."""
    return TransformedDistribution(Normal(0.0, 1.0), [AffineTransform(0.0, 2.0)])


@pytest.mark.parametrize("name", OF_CODES)
@pytest.mark.parametrize("law", [stretched(), Cauchy(0.0, 1.0)], ids=["no mean known", "no mean"])
def test_a_prior_without_a_mean_is_taken_and_says_how_wide_codes_are(name: str, law: Distribution) -> None:
    torch.manual_seed(0)
    model = RECIPES[name]((4,), prior=Own(2, law))
    assert model.prior.latent == 2
    state = State(model, **{**RECIPES[name].loop, "steps": 2, "batch_size": 8, "warm_start": 0})
    list(steps(state, [torch.randn(8, 4)]))
    check(state)


def test_the_scale_of_heavy_tails_is_the_median_of_draws() -> None:
    found = Own(2, Cauchy(0.0, 1.0)).square_distance
    draws = Own(2, Cauchy(0.0, 1.0)).sample(200_000)
    assert found == pytest.approx(float((draws[::2] - draws[1::2]).square().sum(1).median()), rel=0.1)


@pytest.mark.parametrize("name", [*OF_CODES, *GENERATORS])
def test_a_prior_of_another_width_than_was_asked_for_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="latent: got 3, and the prior Own is a law of 4 coordinates"):
        RECIPES[name]((1, 8, 8), latent=3, prior=Own(4, Normal(0.0, 1.0)))
    assert RECIPES[name]((1, 8, 8), prior=Own(4, Normal(0.0, 1.0))).prior.latent == 4


def test_an_incomplete_prior_says_what_is_missing() -> None:
    class Bare(Own):
        def __init__(self) -> None:
            pass

    class Unsized(Own):
        def __init__(self) -> None:
            nn.Module.__init__(self)

    with pytest.raises(ValueError, match=r"Bare has not been initialised: call super\(\)"):
        recipes.wae_mmd((2,), prior=Bare())
    with pytest.raises(ValueError, match=r"got latent missing: set self.latent"):
        recipes.vae((2,), prior=Unsized())


@pytest.mark.parametrize("name", GENERATORS)
def test_a_prior_that_learns_nothing_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="Own has parameters, and a generator decodes draws of it"):
        RECIPES[name]((2,), prior=Own(2, Normal(0.0, 1.0), learns=True))
    RECIPES[name]((2,), prior=Own(2, Normal(0.0, 1.0), learns=True).requires_grad_(False))


def plain(shape: tuple[int, ...] = (4,), encoded: int | None = None, decoded: int | None = None) -> Network:
    """Linear layers, of which one may answer so many numbers whatever it is asked for."""
    size = shape[0]
    return Network(
        shape, lambda outputs: nn.Linear(size, encoded or outputs), lambda inputs: nn.Linear(inputs, decoded or size)
    )


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (plain((3,)), r"expected one for data of shape \(4,\), got one for \(3,\)"),
        (
            plain(encoded=2),
            r"expected from encoder\(\d+\) a module \(n, 4\) -> \(n, \d+\), got one that answers \(n, 2\)",
        ),
        (plain(decoded=5), r"expected from decoder\(3\) a module \(n, 3\) -> \(n, 4\), got one that answers \(n, 5\)"),
        (Network((4,), lambda outputs: nn.Linear(9, outputs), lambda inputs: nn.Linear(inputs, 4)), "fails on such"),
        (Network((4,), lambda outputs: None, lambda inputs: nn.Linear(inputs, 4)), "got NoneType"),  # type: ignore[arg-type,return-value]
    ],
)
@pytest.mark.parametrize("name", ["vae", "avb"])
def test_a_network_that_does_not_fit_is_refused_when_the_model_is_built(
    network: Network, message: str, name: str
) -> None:
    with pytest.raises(ValueError, match=message):
        RECIPES[name]((4,), latent=3, network=network)


def test_a_generator_of_another_shape_is_refused_and_one_that_fits_is_not() -> None:
    with pytest.raises(ValueError, match=r"decoder\(3\)"):
        recipes.gan((4,), latent=3, network=plain(decoded=5))
    assert recipes.gan((4,), latent=3, network=plain()).sample(2).shape == (2, 4)
    assert recipes.vae((4,), latent=3, network=NETWORKS["mlp"](shape=(4,)), classes=3).classes is not None
