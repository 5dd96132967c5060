import numpy as np
import ot
import pytest
from scipy.optimize import linprog

from remblai.distances import emd
from remblai.gallery.walkers.kantorovich import apart, kantorovich, together
from remblai.gallery.walkers.world import World

WORLD = World(side=3, discount=0.8)
METRIC = WORLD.metric(2.0)
EXPERT = WORLD.answer(WORLD.reward(2.0, 4.0))
TEMPERATURE = 0.2


def test_together_is_w1_and_its_reward_is_1_lipschitz_and_reaches_it() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.dirichlet(np.ones(81) / 4, 2)
    value, f = together(METRIC)(a, b)
    assert value == pytest.approx(ot.emd2(a, b, METRIC), abs=1e-9)
    assert f @ (a - b) == pytest.approx(value, abs=1e-9)
    assert (np.abs(f[:, None] - f) <= METRIC + 1e-9).all()


def test_apart_is_the_sum_over_marginals_and_at_most_w1_of_the_steps() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.dirichlet(np.ones(81) / 4, 2)
    value, f = apart(WORLD.distances)(a, b)
    each = [emd(*(one.reshape(9, 9).sum(axis) for one in (a, b)), WORLD.distances).value for axis in (0, 1)]
    assert value == pytest.approx(sum(each), abs=1e-12)
    assert f @ (a - b) == pytest.approx(value, abs=1e-9)
    table = f.reshape(9, 9)
    assert np.abs(table - table[:1] - table[:, :1] + table[0, 0]).max() < 1e-12
    assert value <= emd(a, b, WORLD.metric()).value + 1e-12


def dual(reward: np.ndarray, expert: np.ndarray) -> float:
    values = WORLD.answer(reward / TEMPERATURE).values
    return float(reward @ expert - TEMPERATURE * (1 - WORLD.discount) * (WORLD.start @ values))


def test_dual_has_the_gradient_expert_less_occupancy() -> None:
    rng = np.random.default_rng(0)
    reward, towards = rng.standard_normal((2, 81))
    slope = (dual(reward + 1e-4 * towards, EXPERT.occupancy) - dual(reward - 1e-4 * towards, EXPERT.occupancy)) / 2e-4
    found = towards @ (EXPERT.occupancy - WORLD.answer(reward / TEMPERATURE).occupancy)
    assert slope == pytest.approx(found, abs=1e-6)


def test_primal_less_dual_is_the_gap_and_it_falls() -> None:
    """W1 - temperature * entropy at the policy, less the dual at its reward."""
    found = kantorovich(WORLD, EXPERT.occupancy, together(METRIC), rounds=20, temperature=TEMPERATURE)
    occupancy, policy = found.answer.occupancy, found.answer.policy
    entropy = -float(occupancy @ (policy * np.log(policy)).sum(1))
    primal = emd(EXPERT.occupancy, occupancy, METRIC).value - TEMPERATURE * entropy
    assert primal - dual(TEMPERATURE * found.reward, EXPERT.occupancy) == pytest.approx(found.gaps[-1], abs=1e-4)
    assert min(found.gaps) >= -1e-4
    assert found.gaps[-1] < 0.05 * found.gaps[0]
    assert (np.abs(found.reward[:, None] - found.reward) * TEMPERATURE <= METRIC + 1e-9).all()


def test_w1_is_within_temperature_and_gap_of_the_linear_program_over_all_policies() -> None:
    """On the grid's graph W1 by steps is a flow f >= 0 along edges: least sum f, expert - d = its divergence."""
    expert = np.random.default_rng(0).dirichlet(np.ones(81) / 4)  # no policy has this occupancy
    oracle = together(WORLD.metric())
    found = kantorovich(WORLD, expert, oracle, rounds=20, temperature=TEMPERATURE)
    n, k = WORLD.successors.shape
    flow = np.kron(np.eye(n), np.ones(k))
    flow[WORLD.successors.ravel(), np.arange(n * k)] -= WORLD.discount
    ends = np.argwhere(WORLD.metric() == 1.0)
    divergence = np.eye(n)[:, ends[:, 0]] - np.eye(n)[:, ends[:, 1]]
    rows = np.block([[flow, np.zeros((n, len(ends)))], [np.kron(np.eye(n), np.ones(k)), divergence]])
    costs = np.concatenate([np.zeros(n * k), np.ones(len(ends))])
    sides = np.concatenate([(1 - WORLD.discount) * WORLD.start, expert])
    least = linprog(costs, A_eq=rows, b_eq=sides, bounds=(0, None), method="highs").fun
    value = oracle(expert, found.answer.occupancy)[0]
    assert least > 0.1
    assert least - 1e-9 <= value <= least + TEMPERATURE * np.log(k) + found.gaps[-1] + 1e-4


def test_without_an_interaction_in_the_reward_walkers_move_independently() -> None:
    found = kantorovich(WORLD, EXPERT.occupancy, apart(WORLD.distances), rounds=5, temperature=TEMPERATURE)
    moves = found.answer.policy.reshape(-1, 5, 5)
    assert np.abs(moves - moves.sum(2)[:, :, None] * moves.sum(1)[:, None]).max() < 1e-9


def test_kept_policies_begin_at_the_first_and_end_at_the_last() -> None:
    found = kantorovich(WORLD, EXPERT.occupancy, together(METRIC), rounds=3, temperature=TEMPERATURE)
    assert found.rounds == (0, 1, 2, 3)
    assert np.abs(found.occupancies[0] - WORLD.answer(np.zeros(81)).occupancy).max() < 1e-6
    assert np.abs(found.occupancies[-1] - found.answer.occupancy).max() < 1e-5
