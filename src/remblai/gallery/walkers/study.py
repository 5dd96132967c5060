"""What learners make of sets of an expert's walks: their rewards, and W1 to the expert on the way and at the end."""

from dataclasses import dataclass

import numpy as np

from remblai.distances import emd
from remblai.gallery.walkers.adversarial import adversarial
from remblai.gallery.walkers.kantorovich import Learner, apart, kantorovich, of_states, together
from remblai.gallery.walkers.world import Answer, Floats, World

GOAL, COLLISION, EFFORT = 2.0, 4.0, 0.5
"""The expert's reward at a goal, what a collision and what a move cost it, for each nat of entropy of its moves."""

TEMPERATURE = 0.3
FAR = 3.0
"""Steps of the metric that it is from a collision to a state that is none."""

DRAWS = 4
"""Of walks, for the mean W1 of fresh ones."""

WITH, WITHOUT = ("AIRL", "Wasserstein"), ("AIRL, alone", "Wasserstein, alone")
STATES = "Wasserstein, states only"
STEPS = "Wasserstein, steps only"
"""The learners: with an interaction in the reward, with none, with no action in it, and with a metric of steps."""


@dataclass(frozen=True)
class Study:
    """What was learnt from `seeds` sets of the expert's walks.

    Attributes:
        world: where.
        true: the expert's reward (J,).
        expert: the exact answer to it.
        metric: between states and actions (J, J).
        sets: the occupancies of the sets of walks (seeds, J).
        floor: W1 of two independent sets, of many pairs: what W1 between sets of walks can come down to.
        own: W1 from such sets to the expert's own occupancy: the floor of W1 from a set to an occupancy.
        learners: by name, one of each set.
        curves: by name, W1 from its set to the occupancies on the way (seeds, rounds).
        fresh: by name, W1 from fresh sets of the expert to as many walks of the learner, a mean (seeds,).
    """

    world: World
    true: Floats
    expert: Answer
    metric: Floats
    sets: Floats
    floor: Floats
    own: Floats
    learners: dict[str, list[Learner]]
    curves: dict[str, Floats]
    fresh: dict[str, Floats]

    @property
    def band(self) -> tuple[float, float, float]:
        """The floor of the curves: 5 % of sets are below the first, half below the second, 95 % below the third."""
        low, middle, high = np.quantile(self.own, (0.05, 0.5, 0.95)).tolist()
        return low, middle, high

    def risk(self, name: str) -> Floats:
        """The share of walks that collide, of each learner of the name."""
        return np.array([self.world.collisions(one.answer.policy) for one in self.learners[name]])

    def moving(self, name: str) -> Floats:
        """How many of the two walkers move, on average over the occupancy, of each learner of the name."""
        return np.array([self.world.moving(one.answer.joint) for one in self.learners[name]])


def study(
    side: int = 5,
    seeds: int = 3,
    walks: int = 200,
    rounds: int = 20,
    answers: int = 200,
    pairs: int = 40,
    seed: int = 0,
) -> Study:
    """Learns from sets of the expert's walks.

    Args:
        side: of the grid.
        seeds: sets of walks.
        walks: in each.
        rounds: of Frank and Wolfe's ascent.
        answers: rounds of the adversarial game.
        pairs: of sets, for the floor.
        seed: of all walks.
    """
    world, rng = World(side), np.random.default_rng(seed)
    true = world.reward(GOAL, COLLISION, EFFORT)
    expert, metric = world.answer(true), world.metric(FAR)

    def walked(answer: Answer) -> Floats:
        return world.counted(*world.walks(answer.policy, walks, rng))

    def w1(a: Floats, b: Floats) -> float:
        return float(emd(a, b, metric).value)

    given = [world.walks(expert.policy, walks, rng) for _ in range(seeds)]
    sets = np.stack([world.counted(*one) for one in given])
    classes = {
        WITH[1]: together(metric),
        STATES: of_states(world, world.metric_of_states(FAR)),
        STEPS: together(world.metric()),
        WITHOUT[1]: apart(world.steps_apart),
    }
    learners = {
        name: [kantorovich(world, one, best, rounds=rounds, temperature=TEMPERATURE) for one in sets]
        for name, best in classes.items()
    } | {
        name: [adversarial(world, one, name in WITH, rounds=answers, seed=seed + k) for k, one in enumerate(given)]
        for name in (WITH[0], WITHOUT[0])
    }
    return Study(
        world, true, expert, metric, sets,
        floor=np.array([w1(walked(expert), walked(expert)) for _ in range(pairs)]),
        learners=learners,
        curves={
            name: np.array([[w1(one, d) for d in learner.occupancies] for one, learner in zip(sets, each, strict=True)])
            for name, each in learners.items()
        },
        fresh={name: np.array([np.mean([w1(walked(expert), walked(one.answer)) for _ in range(DRAWS)]) for one in each])
               for name, each in learners.items()},
        own=np.array([w1(walked(expert), expert.joint) for _ in range(pairs)]),
    )  # fmt: skip
