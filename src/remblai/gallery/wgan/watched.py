"""Generators of small digits, and a run of one that is watched: the critic's estimate and the true quality by round."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter
from scipy.stats import spearmanr
from torch import Tensor

from remblai.config.registry import Choice
from remblai.critics import Game
from remblai.gallery.wgan.images import Images, digits
from remblai.metrics import energy_distance
from remblai.objectives import Generator
from remblai.recipes.dual import game_critic, generator
from remblai.runtime.rng import seeded
from remblai.training import State, steps

SIDE = 16
SHAPE = (1, SIDE, SIDE)
LATENT = 16
FILTERS = 16
CONVOLUTIONAL = MappingProxyType({"name": "dcgan", "width": FILTERS})
CONNECTED = MappingProxyType({"name": "mlp", "width": 512, "depth": 4})
GENERATORS: Mapping[str, Mapping[str, Any]] = MappingProxyType({
    "DCGAN": CONVOLUTIONAL,
    "no batch norm": CONVOLUTIONAL | {"norm": "none", "widest": FILTERS},
    "MLP 512 × 4": CONNECTED,
})  # fmt: skip
"""The paper's three: its DCGAN; the same without batch normalisation and with as many filters in each layer; a MLP."""
RATES: Mapping[str, float] = MappingProxyType({"DCGAN": 5e-4, "no batch norm": 5e-4, "MLP 512 × 4": 5e-5})
"""Of the generators: slow enough that a run still improves in its last half."""
CRITIC_RATE = 1e-3
BETAS = (0.0, 0.9)
USUAL = 5
"""Of the critic, in a round."""
LONG, FIRST, AGAIN = 30, 3, 100
"""Critic steps of a long round; the first rounds are long, and one in every so many after."""
BATCH = 32
DRAWN, HELD = 720, 720
"""Samples of one evaluation, and held-out images, at most, that they are compared with: of the small digits 360."""
WATCHED = 64
"""Points a side of one round's estimate, fresh draws and validation digits: the paper's batch."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Run:
    """What was seen of a run.

    Attributes:
        estimates: (rounds,) the game's estimate after each round, on digits that neither player trains on.
        places: (k,) the rounds, from 1, after which samples were compared with held-out data.
        distances: (k,) their squared energy distance to the held-out digits, without bias.
        images: (DRAWN, 1, side, side) the last samples.
    """

    estimates: Floats
    places: NDArray[np.int64]
    distances: Floats
    images: Tensor

    @property
    def filtered(self) -> Floats:
        """The estimates' running median over a tenth of the run."""
        return smooth(self.estimates)

    @property
    def late(self) -> tuple[Floats, Floats]:
        """Filtered estimates and distances at the places in the last half of the run."""
        later = self.places > len(self.estimates) // 2
        return self.filtered[self.places[later] - 1], self.distances[later]


def smooth(curve: Floats) -> Floats:
    """The running median (n,) over a tenth of a curve (n,), an odd number of values; the ends are repeated outside."""
    return np.asarray(median_filter(curve, 2 * (len(curve) // 20) + 1, mode="nearest"))


def rank_correlation(*runs: Run) -> float:
    """Spearman's rank correlation of filtered estimates and distances in the last half of each run, pooled."""
    estimates, distances = (np.concatenate(part) for part in zip(*(run.late for run in runs), strict=True))
    return float(spearmanr(estimates, distances).statistic)


def steps_of_critic(step: int) -> int:
    """Steps of the critic in this round, from 1: many in the first, where it has the longest way to its optimum."""
    return LONG if step <= FIRST or step % AGAIN == 0 else USUAL


def trained(name: str, game: Game, lipschitz: str, rounds: int, evaluations: int, seed: int = 0) -> Run:
    """A run of one of the paper's generators against the one critic, at the same rates in every game."""
    build = partial(objective, GENERATORS[name], CONVOLUTIONAL, game, lipschitz)
    return watch(build, loop(RATES[name], rounds), evaluations, seed, digits(SIDE))


def loop(rate: float, rounds: int, optimiser: Literal["adam", "rmsprop"] = "adam") -> dict[str, Any]:
    """The options of `State` for a generator at this rate against the one critic; RMSprop smooths as the paper's."""
    betas = BETAS if optimiser == "adam" else (0.0, 0.99)
    return {
        "lr": rate, "critic_lr": CRITIC_RATE, "optimiser": optimiser, "betas": betas, "batch_size": BATCH,
        "critic_steps": steps_of_critic, "own_batches": True, "steps": rounds,
    }  # fmt: skip


def objective(network: Mapping[str, Any], critic: Mapping[str, Any], game: Game, lipschitz: Choice) -> Generator:
    """The generator's objective: normal codes through this network, a critic of images, its game and constraint."""
    return generator(SHAPE, LATENT, network, "normal", game_critic(SHAPE, critic, game, lipschitz, 1))


def watch(
    build: Callable[[], Generator], options: Mapping[str, Any], evaluations: int, seed: int, images: Images
) -> Run:
    """Trains a generator against its critic, and evaluates it at so many evenly spaced rounds, the last among them.

    Samples are drawn as in training: where the generator normalises over the batch, over the samples drawn.

    Args:
        build: makes the objective, within the seeded block.
        options: of `State`; `steps` are the rounds, updates of the generator.
        evaluations: how often samples are compared with held-out data, at most once a round.
        seed: of the weights, the codes and the batches.
        images: what is learnt.
    """
    rounds = options["steps"]
    places = np.unique(np.linspace(rounds / evaluations, rounds, evaluations).round().astype(np.int64))
    estimates, distances, held = [], [], images.split("test", HELD)
    with seeded(seed):
        model = build()
        state = State(model, **options)
        fresh = images.batches(WATCHED, seed + 1, "validation")
        for step in steps(state, images.batches(state.batch_size, seed)):
            with seeded(step.number):  # being watched changes nothing in the run
                estimates.append(float(model.estimate(next(fresh))))
                if step.number in places:
                    samples = model.sample(DRAWN)
                    distances.append(energy_distance(held, samples))
    return Run(np.array(estimates), places, np.array(distances), samples)
