import numpy as np
import pytest
from scipy.optimize import linprog

from remblai.gallery.walkers.world import World

TINY = World(side=3, discount=0.8, steps=40)
RNG = np.random.default_rng(0)
REWARD = RNG.standard_normal(TINY.acts**2)
OF_PAIRS = REWARD[TINY.pairs]
"""r(s, a) of every state and pair of moves (81, 25)."""


def chances(world: World, policy: np.ndarray) -> np.ndarray:
    table = np.zeros((len(policy), len(policy)))
    for state, row in enumerate(policy):
        for move, chance in enumerate(row):
            table[state, world.successors[state, move]] += chance
    return table


def test_moves_are_by_one_cell_or_none_and_stop_at_walls() -> None:
    world = World(side=3)
    for state in range(81):
        places = [divmod(cell, 3) for cell in divmod(state, 9)]
        ends = []
        for i, j in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)):
            for k, m in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)):
                (a, b), (c, d) = ((min(max(p + x, 0), 2), min(max(q + y, 0), 2))
                                  for (p, q), (x, y) in zip(places, ((i, j), (k, m)), strict=True))  # fmt: skip
                ends.append((3 * a + b) * 9 + 3 * c + d)
        assert world.successors[state].tolist() == ends


def test_collisions_rewards_and_metrics_are_those_of_the_places_and_moves() -> None:
    world = World(side=3)
    reward, metric, of_states = world.reward(2.0, 5.0, 0.5), world.metric(3.0), world.metric_of_states(3.0)
    cells = [divmod(cell, 3) for cell in range(9)]

    def near(state: int) -> bool:
        (a, b), (c, d) = (cells[cell] for cell in divmod(state, 9))
        return abs(a - c) + abs(b - d) <= 1

    def steps(s: int, t: int) -> int:
        places = zip((cells[c] for c in divmod(s, 9)), (cells[c] for c in divmod(t, 9)), strict=True)
        return sum(abs(a - c) + abs(b - d) for (a, b), (c, d) in places)

    for state in range(81):
        first, second = divmod(state, 9)
        at_goals = 2.0 * (cells[first] == (1, 2)) + 2.0 * (cells[second] == (1, 0))
        for move in range(25):
            moving = sum(one > 0 for one in divmod(move, 5))
            assert reward[world.pairs[state, move]] == at_goals - 5.0 * near(state) - 0.5 * moving
    for s, t, a, b in RNG.integers(0, (81, 81, 25, 25), (200, 4)).tolist():
        differ = 3.0 * (near(s) != near(t))
        one_moves = sum((x > 0) != (y > 0) for x, y in zip(divmod(a, 5), divmod(b, 5), strict=True))
        assert of_states[s, t] == steps(s, t) + differ
        assert metric[world.pairs[s, a], world.pairs[t, b]] == steps(s, t) + differ + one_moves
    assert world.start[divmod(0, 9)[0]] == 0.0
    assert world.start[9 * 3 + 5] == 1.0


def test_soft_values_are_the_best_of_reward_and_entropy_and_no_policy_has_more() -> None:
    """The value of any policy, by a linear system: V = E r + H(pi) + discount P V; the answer has the largest."""

    def value(policy: np.ndarray) -> np.ndarray:
        gains = (policy * (OF_PAIRS - np.log(policy))).sum(1)
        return np.linalg.solve(np.eye(81) - TINY.discount * chances(TINY, policy), gains)

    found = TINY.answer(REWARD)
    assert np.abs(value(found.policy) - found.values).max() < 1e-9
    for _ in range(5):
        other = found.policy * np.exp(0.3 * RNG.standard_normal(found.policy.shape))
        assert (value(other / other.sum(1, keepdims=True)) < found.values + 1e-9).all()


def test_the_answer_does_not_depend_on_where_it_began() -> None:
    found = TINY.answer(REWARD)
    again = TINY.answer(REWARD, TINY.answer(-REWARD))
    assert np.abs(found.values - again.values).max() < 1e-9
    assert np.abs(found.occupancy - again.occupancy).max() < 1e-10


def test_values_of_small_temperature_are_those_of_a_linear_program_over_occupancies() -> None:
    """Largest <r, x> over x(s, a) >= 0 with sum_a x(s', a) = (1 - discount) start + discount * inflow."""
    n, k = TINY.successors.shape
    flow = np.kron(np.eye(n), np.ones(k))
    flow[TINY.successors.ravel(), np.arange(n * k)] -= TINY.discount
    best = linprog(
        -OF_PAIRS.ravel(), A_eq=flow, b_eq=(1 - TINY.discount) * TINY.start, bounds=(0, None), method="highs"
    )
    temperature = 1e-3
    found = TINY.answer(REWARD / temperature)
    soft = (1 - TINY.discount) * temperature * float(TINY.start @ found.values)
    assert -best.fun <= soft + 1e-9
    assert soft <= -best.fun + temperature * np.log(k) + 1e-9
    assert found.joint @ REWARD == pytest.approx(-best.fun, abs=0.005)


def test_occupancy_is_that_of_a_linear_system_of_mass_one_whose_flow_holds() -> None:
    policy = TINY.answer(REWARD).policy
    found = TINY.occupancy(policy)
    table = np.eye(81) - TINY.discount * chances(TINY, policy).T
    assert np.abs(found - np.linalg.solve(table, (1 - TINY.discount) * TINY.start)).max() < 1e-11
    assert found.sum() == pytest.approx(1.0, abs=1e-12)
    assert TINY.flow(found, policy) < 1e-11
    assert TINY.flow(np.full(81, 1 / 81), policy) > 1e-3


def test_occupancy_and_collisions_are_those_of_many_walks() -> None:
    """A walk of geometric length, step by step from the rule; and the walks that are sampled for the learners."""
    found = TINY.answer(TINY.reward(1.0, 2.0))
    rng, n = np.random.default_rng(1), 20_000
    states, moves = TINY.walks(found.policy, n, rng)
    assert (TINY.successors[states[:, :-1], moves[:, :-1]] == states[:, 1:]).all()
    counted = TINY.counted(states, moves)
    assert np.abs(counted - found.joint).max() < 0.01
    assert counted.sum() == pytest.approx(1.0)
    by_state = np.bincount(states.ravel(), TINY.masses(states).ravel(), 81)
    assert np.abs(by_state - found.occupancy).max() < 0.01
    moving = ((moves // 5 > 0).astype(int) + (moves % 5 > 0)) * TINY.masses(states)
    assert moving.sum() == pytest.approx(TINY.moving(counted), abs=1e-9)
    assert TINY.moving(found.joint) == pytest.approx(TINY.moving(counted), abs=0.02)
    lengths = rng.geometric(1 - TINY.discount, n)
    met = (TINY.colliding[states] & (np.arange(40) < lengths[:, None])).any(1).mean()
    risk = TINY.collisions(found.policy)
    assert met == pytest.approx(risk, abs=4 * np.sqrt(risk * (1 - risk) / n))
    taken = np.bincount(moves[:, 0], minlength=25) / n
    assert np.abs(taken - found.policy[TINY.start.argmax()]).max() < 0.015


def test_without_an_interaction_the_walkers_move_independently() -> None:
    alone = TINY.answer(TINY.reward(2.0, 0.0)).policy.reshape(-1, 5, 5)
    product = alone.sum(2)[:, :, None] * alone.sum(1)[:, None]
    assert np.abs(alone - product).max() < 1e-12
    together = TINY.answer(TINY.reward(2.0, 4.0)).policy.reshape(-1, 5, 5)
    assert np.abs(together - together.sum(2)[:, :, None] * together.sum(1)[:, None]).max() > 0.01
