"""Whether the Wasserstein estimate tracks the quality of samples, with the critic constrained and free."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from remblai import recipes
from remblai.gallery.entry import Check, Entry, Finding, between
from remblai.gallery.wgan import drawn
from remblai.gallery.wgan.images import Images, full_size
from remblai.gallery.wgan.watched import DRAWN, HELD, Floats, Run, rank_correlation, watch
from remblai.objectives import Generator
from remblai.recipes.base import Recipe
from remblai.report import Picture

LATENT = 16
GENERATOR = MappingProxyType({"name": "mlp", "width": 128, "depth": 2})
CRITIC = MappingProxyType({"name": "mlp", "width": 256, "depth": 3})
LONG, FIRST, USUAL = 100, 2, 5
"""Critic steps of a long round, how many of the first rounds are long (the authors' code has 25), and of the others."""


@dataclass(frozen=True)
class Way:
    """One way to train the generator.

    Attributes:
        recipe: whose objective and loop it is.
        lipschitz: the critic's constraint.
        loop: options of `State` that differ from the recipe's.
    """

    recipe: Recipe
    lipschitz: Mapping[str, Any]
    loop: Mapping[str, Any]


CLIPPED, PENALISED, FREE = "clipped weights", "gradient penalty", "unconstrained"
WAYS: Mapping[str, Way] = MappingProxyType({
    CLIPPED: Way(recipes.wgan, {"name": "clip", "bound": 0.01}, {}),
    PENALISED: Way(recipes.wgan_gp, {"name": "gradient-penalty", "weight": 10.0}, {"lr": 1e-4, "schedule": "constant"}),
    FREE: Way(recipes.wgan, {"name": "free"}, {}),
})  # fmt: skip
"""Algorithm 1 of Arjovsky et al., that of Gulrajani et al., and the first once more, without the clip."""
TRACKING = (CLIPPED, PENALISED)
ENOUGH = 0.7
"""The least rank correlation of an estimate that tracks."""
IMPROVED, FALLEN = 0.8, 0.9
"""The largest shares of their first values that the energy distance and the estimate have left at the end."""
Runs = Mapping[str, Sequence[Run]]


def tracking(rounds: int = 80, evaluations: int = 20, seeds: int = 3) -> Entry:
    """Estimate and energy distance by round, in three ways and several seeds, and how well the one orders the other.

    The digits are MNIST where the environment's REMBLAI_DATA names the folder that has it in `mnist`, else those of the
    library, enlarged.

    Args:
        rounds: updates of each generator.
        evaluations: how often its samples are compared with held-out digits.
        seeds: runs of each way.
    """
    images = full_size()
    runs = {way: [trained(way, images, rounds, evaluations, seed) for seed in range(seeds)] for way in WAYS}
    first = {way: each[0] for way, each in runs.items()}
    return Entry(
        title="Does the Wasserstein estimate track the quality of samples?",
        words=f"One generator and one critic, fully connected, learn {images.name}, in three ways: by Algorithm 1 of "
        "the WGAN paper, with weights clipped to ± 0.01 and RMSprop at 5e-5; with a gradient penalty of weight 10 and "
        "Adam at 1e-4, as its authors have it; and once more by Algorithm 1 with the clip left out, at the same rates "
        "and steps. Each takes 5 critic steps a round, 100 in the first two. The estimate after each round, on "
        f"validation digits, is compared with a distance that no critic takes part in, the energy distance of {DRAWN} "
        f"samples to {min(HELD, len(images.source.test))} held-out digits. Curves that fall are easily correlated, so "
        "only the last half of each run is ranked, and the third way shows that an estimate need not track. The runs "
        "are short: what is tracked is the way from noise towards digits, which the samples do not reach. Figures are "
        f"medians over {seeds} seeds.",
        checks=checks(runs),
        pictures=(
            Picture.chart(
                "tracking",
                "Estimate and distance, round by round",
                "Above, the critic's estimate after each round, faint, and its running median over a tenth of the run; "
                "each way has its own scale, for each critic has its own largest slope. Below, what it should follow: "
                "the squared energy distance to held-out digits. First seeds.",
                "Three columns of two curves each, one a way to train",
                drawn.curves,
                runs=first,
            ),
            Picture.chart(
                "tracking-ranks",
                "What the estimate says of the samples",
                "Estimate against energy distance in the last half of each run, a colour for each seed: dots that rise "
                "to the right are those of an estimate that tracks.",
                "Three charts of dots, one a way to train",
                drawn.ranks,
                runs=runs,
            ),
            drawn.samples("tracking-samples", first),
        ),
        source="Arjovsky, Chintala, Bottou, “Wasserstein GAN”, Algorithm 1, section 4.2 and figure 3, arXiv "
        "1701.07875; Gulrajani et al., Algorithm 1, arXiv 1704.00028",
        findings=findings(runs),
    )


def trained(way: str, images: Images, rounds: int, evaluations: int, seed: int) -> Run:
    """A run of the generator against the critic in one of the ways."""
    chosen = WAYS[way]

    def build() -> Generator:
        options = {"latent": LATENT, "network": GENERATOR, "critic": CRITIC, "lipschitz": chosen.lipschitz}
        model = chosen.recipe(shape=images.shape, **options)
        assert isinstance(model, Generator)
        return model

    own = {"steps": rounds, "critic_steps": steps_of_critic, "average": None}
    return watch(build, {**chosen.recipe.loop, **chosen.loop, **own}, evaluations, seed, images)


def steps_of_critic(step: int) -> int:
    """Critic steps in this round, from 1."""
    return LONG if step <= FIRST else USUAL


def checks(runs: Runs) -> tuple[Check, ...]:
    """Rank correlations late in the runs and over all of them; that samples improve; where the estimate goes."""
    ranks = {way: float(np.median([rank_correlation(run) for run in each])) for way, each in runs.items()}
    return (
        *(between(f"{way}: rank correlation in the last half", ranks[way], ENOUGH) for way in TRACKING),
        *(between(f"{way}: the same of all seeds, pooled", rank_correlation(*runs[way]), ENOUGH) for way in TRACKING),
        *(between(f"{way}: estimate, end over start", moved(runs[way], "filtered"), high=FALLEN) for way in TRACKING),
        *(between(f"{way}: energy distance, end over start", moved(each), high=IMPROVED) for way, each in runs.items()),
        between(f"{FREE}: rank correlation in the last half", ranks[FREE], high=0.0),
        between(f"{FREE}: estimate, end over start", moved(runs[FREE], "filtered"), low=2.0),
    )


def moved(runs: Sequence[Run], curve: str = "distances") -> float:
    """A curve's last value over its value at the first evaluation, the median over the seeds."""
    return float(np.median([_ratio(run, getattr(run, curve)) for run in runs]))


def _ratio(run: Run, curve: Floats) -> float:
    start = 0 if len(curve) == len(run.places) else run.places[0] - 1
    return float(curve[-1] / curve[start])


def findings(runs: Runs) -> tuple[Finding, ...]:
    """What the checks back, with the figures."""
    ranks = {way: float(np.median([rank_correlation(run) for run in each])) for way, each in runs.items()}
    return (
        Finding(
            "Constrained, the estimate falls with the distance of the samples to the digits: their rank correlation in "
            f"the last half is {ranks[CLIPPED]:.2f} with clipped weights and {ranks[PENALISED]:.2f} with the gradient "
            "penalty, and a run can be compared with another of the same critic.",
            TRACKING,
        ),
        Finding(
            f"Unconstrained, the samples improve too, to {moved(runs[FREE]):.2g} of their first distance, but the "
            f"estimate grows to {moved(runs[FREE], 'filtered'):.2g} times its first value: it measures how steep the "
            "critic has become, not how far the samples are.",
            (FREE,),
        ),
    )
