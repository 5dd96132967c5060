"""Two walkers learn from an expert what it wants: adversarially, and by Kantorovich's potential as the reward."""

import numpy as np

from remblai.distances import rubinstein
from remblai.gallery.entry import Check, Entry, Finding, between, equal
from remblai.gallery.walkers.drawn import draw, draw_rewards
from remblai.gallery.walkers.study import FAR, STATES, STEPS, TEMPERATURE, WITH, WITHOUT, Study, study
from remblai.report import Picture


def inverse_reinforcement() -> Entry:
    """How far learners come down to the expert's W1, and which rewards keep the walkers apart."""
    found = study()
    fresh = [float(np.median(found.fresh[name]) / np.median(found.floor)) for name in WITH]
    pictures = (
        Picture.chart(
            "inverse-reinforcement",
            "How near, and whether they collide",
            "Left: W1 from the expert's walks to each policy's occupancy of states and actions, the median over sets "
            "of walks; the band is W1 from such sets to the expert's own occupancy, 5 to 95 % of sets. Alone: a sum of "
            "one term for each walker. Middle: the probability that a walk meets a collision, a dot for each set. "
            "Right: how many of the two walkers move, on average over the steps of a walk.",
            "Curves of W1 by round with a band; beside them dots of collisions and of moves, a row for each learner",
            draw,
            found=found,
        ),
        Picture.chart(
            "inverse-reinforcement-reward",
            "What they want",
            "The reward of walker 1's place, where both stay, in the units of the expert's, while walker 2 is at the "
            "dot; the star is walker 1's goal. Each is known up to a constant, taken so that the median of the map is "
            "0; means over the sets of walks. What was hardly ever seen, AIRL leaves near 0.",
            "Three maps of the grid: the true reward, the potential's and that of AIRL",
            draw_rewards,
            found=found,
        ),
    )
    return Entry(
        title="Inverse reinforcement learning by transport",
        words="Two walkers on a grid must change places without being on the same or on adjacent cells; from sets of "
        "an expert's walks, learners look for a reward whose soft optimal policy has the expert's occupancy, by the "
        "logistic game of adversarial inverse reinforcement learning (AIRL) or by Kantorovich's potential between the "
        "occupancies of expert and policy. The reward is one of states and actions, r(s, a): it sees the places of "
        "both walkers and which of them move, and the expert pays for each move. It has a term of both walkers, or is "
        f"a sum of one term for each. The potential's metric adds {FAR:g} steps between a collision and any other "
        "state, so that it is given what a collision is, which AIRL is not. Two more learners see less: one's reward "
        "sees the states only, the other's metric measures in steps alone, where a collision is one step from safety.",
        checks=checks(found),
        pictures=pictures,
        source="An experiment of this library, on several agents by W1; its baseline: Fu, Luo, Levine, "
        "“Learning robust rewards with adversarial inverse reinforcement learning”, arXiv 1710.11248",
        findings=(
            Finding(
                "With a term of both walkers both bring W1 from the walks that they learn from at least as low as the "
                "expert's own policy has it in 95 % of sets, and at most twice as many of their walks collide as of "
                "the expert's.",
                tuple(f"{name}: {what}" for name in WITH for what in ("last W1", "share of walks that collide")),
            ),
            Finding(
                f"Fresh walks of theirs are {fresh[1]:.2f} and {fresh[0]:.2f} times as far from the expert's (by "
                "potential, by AIRL) as two sets of its own are from each other: the floor itself is not reached.",
                tuple(f"{name}: W1 of fresh walks" for name in WITH),
            ),
            Finding(
                "Where the reward is a sum, the walkers move independently, and a large share of the walks collide.",
                tuple(f"{name}: share of walks that collide" for name in WITHOUT),
            ),
            Finding(
                "A potential sees what its metric sees: measured in steps alone, its policy still collides far more "
                "often than the expert.",
                (f"{STEPS}: share of walks that collide",),
            ),
            Finding(
                "A reward that sees the states only cannot say that a move costs something: its walkers move more "
                "often than the expert's, those whose reward sees actions about as often.",
                (f"{STATES}: moves", *(f"{name}: moves" for name in WITH)),
            ),
        ),
    )


def checks(found: Study) -> tuple[Check, ...]:
    """What exact dynamic programming, the floor, the interaction and duality have to give."""
    world, (*_, limit) = found.world, found.band
    ends = [found.expert, *(one.answer for each in found.learners.values() for one in each)]
    flow = max(world.flow(one.occupancy, one.policy) for one in ends)
    potential = rubinstein.of_matrix(found.sets[0], found.learners[WITH[1]][0].answer.joint, found.metric)
    dual = float(potential.f @ (found.sets[0] - found.learners[WITH[1]][0].answer.joint))
    expert = world.collisions(found.expert.policy)
    risk = {name: float(np.median(found.risk(name))) for name in found.learners}
    moves = {name: float(np.median(found.moving(name))) / world.moving(found.expert.joint) for name in found.learners}
    last = {name: float(np.median(curve[:, -1])) for name, curve in found.curves.items()}
    fresh = {name: float(np.median(each) / np.median(found.floor)) for name, each in found.fresh.items()}
    return (
        equal("mass of the expert's occupancy", float(found.expert.joint.sum()), 1.0, 1e-10),
        between("Bellman's flow: most by which any occupancy fails it", flow, high=1e-10),
        *(
            between(f"{name}: last W1, at most that of 95 % of the expert's sets", last[name], high=limit)
            for name in WITH
        ),
        *(between(f"{name}: W1 of fresh walks, over that of two sets", fresh[name], 1.05, 1.65) for name in WITH),
        *(between(f"{name}: W1 of fresh walks, over that of two sets", fresh[name], low=1.9) for name in WITHOUT),
        *(
            between(f"{name}: last W1, above that of 95 % of the expert's sets", last[name], low=limit)
            for name in WITHOUT
        ),
        between("share of the expert's walks that collide", expert, high=0.05),
        *(between(f"{name}: share of walks that collide", risk[name], high=2 * expert) for name in WITH),
        *(between(f"{name}: share of walks that collide", risk[name], low=10 * expert) for name in WITHOUT),
        between(f"{STEPS}: share of walks that collide", risk[STEPS], low=3 * expert),
        *(between(f"{name}: moves, over the expert's", moves[name], 0.95, 1.05) for name in WITH),
        between(f"{STATES}: moves, over the expert's", moves[STATES], low=1.07),
        between(f"{WITH[1]}: correlation of its reward with the expert's", float(np.median(alike(found))), low=0.8),
        between("slope of the last potential", potential.lipschitz, high=1 + 1e-9),
        between("slope of the learnt reward, times temperature", max(slopes(found)), high=1 + 1e-9),
        equal("the potential's value less W1", dual - potential.value, 0.0, 1e-9),
    )


def alike(found: Study) -> list[float]:
    """The correlations over all states and actions of the expert's reward with those that are means of potentials."""
    return [float(np.corrcoef(found.true, one.reward)[0, 1]) for one in found.learners[WITH[1]]]


def slopes(found: Study) -> list[float]:
    """The largest |r(s, a) - r(s', a')| * temperature / distance of the rewards that are means of potentials."""
    off = found.metric > 0.0
    rewards = [TEMPERATURE * one.reward for one in found.learners[WITH[1]]]
    return [float((np.abs(r[:, None] - r)[off] / found.metric[off]).max()) for r in rewards]
