"""Wasserstein inverse reinforcement learning: the reward is the potential between two occupancies."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from remblai.distances import emd
from remblai.gallery.walkers.world import Answer, World

Floats = NDArray[np.float64]
Oracle = Callable[[Floats, Floats], tuple[float, Floats]]
"""Two occupancies a, b (J,) -> the largest <f, a - b> over a class of rewards, and the f (J,) that reaches it."""

LOOSE = 1e-7
"""Tolerance of the answers to rewards on the way; the last is exact."""
HALVINGS = 6
CORRECTIONS = 3
"""Answers of a line search, and pairwise steps among the potentials at hand before a new one is asked for."""
KEPT = 10
"""At most how many occupancies are kept on the way, the denser the earlier."""


class Learner(NamedTuple):
    """A learnt reward and what it makes the walkers do.

    Attributes:
        reward: r (J,), of states and actions, in the units that its answer is made with.
        answer: its soft optimal policy.
        rounds: numbers of the policies that were kept, the first and the last included.
        occupancies: theirs, of states and actions (kept, J).
        gaps: Frank and Wolfe's gap at every policy, where there is one.
    """

    reward: Floats
    answer: Answer
    rounds: tuple[int, ...]
    occupancies: Floats
    gaps: tuple[float, ...] = ()


def marks(rounds: int) -> tuple[int, ...]:
    """Numbers of the policies to keep: 0 and about evenly spread powers up to `rounds`."""
    return (0, *np.unique(np.geomspace(1, rounds, KEPT - 1).astype(int)).tolist())


def together(metric: Floats) -> Oracle:
    """The oracle of all rewards that are 1-Lipschitz in a metric of states and actions (J, J): <f, a - b> is W1."""

    def best(a: Floats, b: Floats) -> tuple[float, Floats]:
        plan = emd(a, b, metric)
        return plan.value, plan.f  # a minimum of distances less constants, which is 1-Lipschitz everywhere

    return best


def apart(distances: Floats) -> Oracle:
    """The oracle of the sums f_1(w_1) + f_2(w_2) of rewards that are 1-Lipschitz on the acts: no interaction.

    <f, a - b> is then the sum of the two W1 of the marginals, at most that of the joint laws.

    Args:
        distances: of one walker's acts (acts, acts).
    """
    single = together(distances)

    def best(a: Floats, b: Floats) -> tuple[float, Floats]:
        a, b = (one.reshape(distances.shape) for one in (a, b))
        (first, f), (second, g) = (single(a.sum(axis), b.sum(axis)) for axis in (1, 0))
        return first + second, (f[:, None] + g).ravel()

    return best


def of_states(world: World, metric: Floats) -> Oracle:
    """The oracle of rewards f(s) that see no action and are 1-Lipschitz in a metric of the states (S, S)."""
    single, places = together(metric), world.side**2

    def best(a: Floats, b: Floats) -> tuple[float, Floats]:
        value, f = single(*(one.reshape(places, 2, places, 2).sum((1, 3)).ravel() for one in (a, b)))
        table = np.broadcast_to(f.reshape(places, 1, places, 1), (places, 2, places, 2))
        return value, table.ravel()

    return best


def kantorovich(world: World, expert: Floats, oracle: Oracle, *, rounds: int, temperature: float) -> Learner:
    """The policy d that is least in max_f <f, expert - d> - temperature * entropy, through its reward r.

    Duality: max over r of <r, expert> - temperature (1 - discount) E V(r / temperature), V the soft values of the
    first state, which is concave in r, with gradient expert - d_r, d_r the occupancy of r's soft optimal policy.
    Frank and Wolfe's ascent: r moves, by line search, towards the potential f between expert and d_r, then some weight
    from the worst to the best of the potentials so far; so r is always a mean of potentials, thus 1-Lipschitz itself.
    The gap <f - r, expert - d_r> bounds what is left to gain, and W1(expert, d_r) is at most the least W1 of any
    policy + temperature log 25 + gap.

    Args:
        world: where they walk.
        expert: the occupancy to reach (J,).
        oracle: the class of rewards.
        rounds: steps of the ascent.
        temperature: what a nat of the moves' entropy is worth, in units of the metric.

    Returns:
        The learner; its reward is r / temperature.

    Source: Frank and Wolfe (1956), doi 10.1002/nav.3800030109; gap and pairwise steps: Lacoste-Julien and Jaggi, "On
    the global linear convergence of Frank-Wolfe optimization variants", arXiv 1511.05932; the duality: Ho and Ermon,
    "Generative adversarial imitation learning", proposition 3.1, arXiv 1606.03476.
    """
    answer = world.answer(np.zeros_like(expert), tolerance=LOOSE)
    potentials, weights = np.zeros((1, len(expert))), np.ones(1)
    kept, gaps = {0: answer.joint}, []
    for k in range(rounds + 1):
        _, f = oracle(expert, answer.joint)
        gaps.append(float((f - weights @ potentials) @ (expert - answer.joint)))
        if k == rounds:
            break
        potentials, weights = np.vstack([potentials, f - f.max()]), np.append(weights, 0.0)
        for correction in range(CORRECTIONS + 1):
            change, longest = _direction(potentials @ (expert - answer.joint), weights, bool(correction))
            step, answer = _line_search(
                world, expert, weights @ potentials, change @ potentials, answer, temperature, longest
            )
            weights = weights + step * change
        kept[k + 1] = answer.joint
    reward = weights @ potentials / temperature
    steps = marks(rounds)
    return Learner(reward, world.answer(reward, answer), steps, np.stack([kept[k] for k in steps]), tuple(gaps))


def _direction(scores: Floats, weights: Floats, pairwise: bool) -> tuple[Floats, float]:
    """How weights change, and how far they can: towards the last potential, or from the worst in use to the best."""
    change = np.zeros_like(weights)
    if not pairwise:
        change[-1] = 1.0
        return change - weights, 1.0
    worst = int(np.where(weights > 0.0, scores, np.inf).argmin())
    change[int(scores.argmax())] += 1.0
    change[worst] -= 1.0
    return change, float(weights[worst])


def _line_search(
    world: World, expert: Floats, reward: Floats, towards: Floats, near: Answer, temperature: float, longest: float
) -> tuple[float, Answer]:
    """The step up to which the dual still rises, by halvings, and the answer there."""
    low, high, step, best = 0.0, 2.0 * longest, longest, near
    for _ in range(HALVINGS):
        near = world.answer((reward + step * towards) / temperature, near, LOOSE)
        if float(towards @ (expert - near.joint)) > 0.0:
            low, best = step, near
        else:
            high = step
        if low == longest:
            break
        step = (low + high) / 2.0
    return (low, best) if low else (high, near)
