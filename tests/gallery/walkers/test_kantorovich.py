import numpy as np
import ot
import pytest
from scipy.optimize import linprog
from scipy.sparse import csr_matrix

from remblai.distances import emd
from remblai.gallery.walkers.kantorovich import apart, kantorovich, of_states, together
from remblai.gallery.walkers.world import World

WORLD = World(side=3, discount=0.8)
METRIC = WORLD.metric(2.0)
EXPERT = WORLD.answer(WORLD.reward(2.0, 4.0, 0.5))
JOINT = WORLD.acts**2
TEMPERATURE = 0.2


def test_together_is_w1_and_its_reward_is_1_lipschitz_and_reaches_it() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.dirichlet(np.ones(JOINT) / 16, 2)
    value, f = together(METRIC)(a, b)
    assert value == pytest.approx(ot.emd2(a, b, METRIC), abs=1e-9)
    assert f @ (a - b) == pytest.approx(value, abs=1e-9)
    assert (np.abs(f[:, None] - f) <= METRIC + 1e-9).all()


def test_apart_is_the_sum_over_marginals_and_at_most_w1_of_the_steps() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.dirichlet(np.ones(JOINT) / 16, 2)
    value, f = apart(WORLD.steps_apart)(a, b)
    each = [emd(*(one.reshape(18, 18).sum(axis) for one in (a, b)), WORLD.steps_apart).value for axis in (0, 1)]
    assert value == pytest.approx(sum(each), abs=1e-12)
    assert f @ (a - b) == pytest.approx(value, abs=1e-9)
    table = f.reshape(18, 18)
    assert np.abs(table - table[:1] - table[:, :1] + table[0, 0]).max() < 1e-12
    assert value <= emd(a, b, WORLD.metric()).value + 1e-12


def dual(reward: np.ndarray, expert: np.ndarray) -> float:
    values = WORLD.answer(reward / TEMPERATURE).values
    return float(reward @ expert - TEMPERATURE * (1 - WORLD.discount) * (WORLD.start @ values))


def test_dual_has_the_gradient_expert_less_occupancy() -> None:
    rng = np.random.default_rng(0)
    reward, towards = rng.standard_normal((2, JOINT))
    slope = (dual(reward + 1e-4 * towards, EXPERT.joint) - dual(reward - 1e-4 * towards, EXPERT.joint)) / 2e-4
    found = towards @ (EXPERT.joint - WORLD.answer(reward / TEMPERATURE).joint)
    assert slope == pytest.approx(found, abs=1e-6)


def test_primal_less_dual_is_the_gap_and_it_falls() -> None:
    """W1 - temperature * entropy at the policy, less the dual at its reward."""
    found = kantorovich(WORLD, EXPERT.joint, together(METRIC), rounds=20, temperature=TEMPERATURE)
    policy = found.answer.policy
    entropy = -float(found.answer.occupancy @ (policy * np.log(policy)).sum(1))
    primal = emd(EXPERT.joint, found.answer.joint, METRIC).value - TEMPERATURE * entropy
    assert primal - dual(TEMPERATURE * found.reward, EXPERT.joint) == pytest.approx(found.gaps[-1], abs=1e-4)
    assert min(found.gaps) >= -1e-4
    assert found.gaps[-1] < 0.05 * found.gaps[0]
    assert (np.abs(found.reward[:, None] - found.reward) * TEMPERATURE <= METRIC + 1e-9).all()


def test_w1_is_within_temperature_and_gap_of_the_linear_program_over_all_policies() -> None:
    """By steps and moves W1 is a flow f >= 0 along edges of length 1: least sum f, expert - d = its divergence."""
    expert = np.random.default_rng(0).dirichlet(np.ones(JOINT) / 4)  # no policy has this occupancy
    oracle = together(WORLD.metric())
    found = kantorovich(WORLD, expert, oracle, rounds=20, temperature=TEMPERATURE)
    n, k = WORLD.successors.shape
    flow = np.kron(np.eye(n), np.ones(k))
    flow[WORLD.successors.ravel(), np.arange(n * k)] -= WORLD.discount
    joint = np.zeros((JOINT, n * k))
    joint[WORLD.pairs.ravel(), np.arange(n * k)] = 1.0
    ends = np.argwhere(WORLD.metric() == 1.0)
    divergence = np.eye(JOINT)[:, ends[:, 0]] - np.eye(JOINT)[:, ends[:, 1]]
    rows = np.block([[flow, np.zeros((n, len(ends)))], [joint, divergence]])
    costs = np.concatenate([np.zeros(n * k), np.ones(len(ends))])
    sides = np.concatenate([(1 - WORLD.discount) * WORLD.start, expert])
    least = linprog(costs, A_eq=csr_matrix(rows), b_eq=sides, bounds=(0, None), method="highs").fun
    value = oracle(expert, found.answer.joint)[0]
    assert least > 0.1
    assert least - 1e-9 <= value <= least + TEMPERATURE * np.log(k) + found.gaps[-1] + 1e-4


def test_a_reward_of_states_is_w1_of_the_states_and_sees_no_action() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.dirichlet(np.ones(JOINT) / 16, 2)
    metric = WORLD.metric_of_states(2.0)
    value, f = of_states(WORLD, metric)(a, b)
    sums = [np.array([one[np.unique(WORLD.pairs[s])].sum() for s in range(81)]) for one in (a, b)]
    assert value == pytest.approx(ot.emd2(*sums, metric), abs=1e-9)
    assert f @ (a - b) == pytest.approx(value, abs=1e-9)
    assert np.ptp(f[WORLD.pairs], axis=1).max() == 0.0


def test_without_an_interaction_in_the_reward_walkers_move_independently() -> None:
    found = kantorovich(WORLD, EXPERT.joint, apart(WORLD.steps_apart), rounds=5, temperature=TEMPERATURE)
    moves = found.answer.policy.reshape(-1, 5, 5)
    assert np.abs(moves - moves.sum(2)[:, :, None] * moves.sum(1)[:, None]).max() < 1e-9


def test_kept_policies_begin_at_the_first_and_end_at_the_last() -> None:
    found = kantorovich(WORLD, EXPERT.joint, together(METRIC), rounds=3, temperature=TEMPERATURE)
    assert found.rounds == (0, 1, 2, 3)
    assert np.abs(found.occupancies[0] - WORLD.answer(np.zeros(JOINT)).joint).max() < 1e-6
    assert np.abs(found.occupancies[-1] - found.answer.joint).max() < 1e-5
