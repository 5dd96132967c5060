"""A grid with two walkers as one Markov decision process, solved exactly."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

MOVES = np.array([(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)])
JOINT = len(MOVES) ** 2
TOLERANCE = 1e-12
SWEEPS = 5000


class Answer(NamedTuple):
    """What a reward makes the walkers do.

    Attributes:
        values: the soft values V (S,).
        policy: pi(a | s), of all pairs of moves (S, 25).
        occupancy: d(s) = (1 - discount) sum_t discount^t P(s_t = s), which sums to 1 (S,).
        joint: d(s) pi(a | s), summed over the a that rewards do not tell apart (J,).
    """

    values: Floats
    policy: Floats
    occupancy: Floats
    joint: Floats


@dataclass(frozen=True)
class World:
    """Two walkers on side x side cells who start at each other's goal, the middles of the left and the right edge.

    A state is both places, s = s_1 side^2 + s_2, S = side^4 in all; each walker stays or moves by one cell, and
    stays where a wall is in its way. They collide where they are on the same or on adjacent cells.

    Rewards are functions of states and actions, r(s, a); of an action they see which walkers move, not where to. So
    each walker has 2 side^2 acts, w = 2 cell + (1 if it moves), and r is a table of both walkers' acts, in the order
    w_1 2 side^2 + w_2: J = 4 S numbers.

    Args:
        side: cells along an edge, odd.
        discount: the probability that a walk goes on after each step.
        steps: after so many a sampled walk is cut.
    """

    side: int = 5
    discount: float = 0.9
    steps: int = 60

    @cached_property
    def cells(self) -> Indices:
        """Row and column of each cell (side^2, 2)."""
        return np.indices((self.side, self.side)).reshape(2, -1).T

    @cached_property
    def distances(self) -> Floats:
        """Manhattan distances of the cells (side^2, side^2)."""
        return np.asarray(np.abs(self.cells[:, None] - self.cells).sum(2), dtype=np.float64)

    @cached_property
    def moved(self) -> Indices:
        """The cell that each move leads to (side^2, 5)."""
        row, column = np.clip(self.cells[:, None] + MOVES, 0, self.side - 1).transpose(2, 0, 1)
        return np.asarray(row * self.side + column)

    @cached_property
    def successors(self) -> Indices:
        """The state that each pair of moves leads to (S, 25)."""
        first, second = self.moved[:, None, :, None], self.moved[None, :, None, :]
        return np.asarray(first * self.side**2 + second).reshape(-1, JOINT)

    @property
    def acts(self) -> int:
        """Acts of one walker: its cell, and whether it moves."""
        return 2 * self.side**2

    @cached_property
    def pairs(self) -> Indices:
        """Where a reward has the number of each state and pair of moves (S, 25)."""
        moving = np.arange(len(MOVES)) > 0
        act = 2 * np.arange(self.side**2)[:, None] + moving
        return np.asarray(act[:, None, :, None] * self.acts + act[None, :, None, :]).reshape(-1, JOINT)

    @cached_property
    def colliding(self) -> NDArray[np.bool_]:
        """Which states are collisions (S,)."""
        return np.asarray(self.distances <= 1.0).ravel()

    @property
    def goals(self) -> tuple[int, int]:
        """The cells that the walkers want to reach: the first the right edge's middle, the second the left's."""
        left = self.side * (self.side // 2)
        return left + self.side - 1, left

    @cached_property
    def start(self) -> Floats:
        """The law of the first state (S,): each walker is at the other's goal."""
        law = np.zeros(self.side**4)
        law[self.goals[1] * self.side**2 + self.goals[0]] = 1.0
        return law

    def reward(self, goal: float, collision: float, effort: float = 0.0) -> Floats:
        """goal for each walker that is at its goal, less `collision` where they collide and `effort` a move (J,)."""
        table = np.zeros((self.side**2, self.side**2))
        table[self.goals[0]] += goal
        table[:, self.goals[1]] += goal
        table -= collision * self.colliding.reshape(table.shape)
        moving = np.arange(2.0)
        return np.asarray(table[:, None, :, None] - effort * (moving[:, None, None] + moving)).ravel()

    @cached_property
    def steps_apart(self) -> Floats:
        """How far one walker's acts are apart: the steps between the cells, and one if it moves in just one of them."""
        moving = np.arange(2.0)
        apart = self.distances[:, None, :, None] + np.abs(moving[:, None, None] - moving)
        return np.asarray(apart).reshape(self.acts, self.acts)

    def metric(self, collision: float = 0.0) -> Floats:
        """How far states and actions are apart (J, J): both walkers' acts, and `collision` if just one collides."""
        return self._both(self.steps_apart, np.repeat(np.repeat(self._meeting, 2, 0), 2, 1), collision)

    def metric_of_states(self, collision: float = 0.0) -> Floats:
        """How far states are apart (S, S): the steps of both walkers, and `collision` if just one is a collision."""
        return self._both(self.distances, self._meeting, collision)

    @property
    def _meeting(self) -> NDArray[np.bool_]:
        return self.colliding.reshape(self.side**2, self.side**2)

    @staticmethod
    def _both(single: Floats, meeting: NDArray[np.bool_], collision: float) -> Floats:
        steps = single[:, None, :, None] + single[None, :, None, :]
        differ = meeting.ravel()[:, None] != meeting.ravel()
        return np.asarray(steps.reshape(differ.shape) + collision * differ)

    def answer(self, reward: Floats, near: Answer | None = None, tolerance: float = TOLERANCE) -> Answer:
        """The policy that is best in sum_t discount^t (r(s_t, a_t) + entropy of the moves at s_t), and where it leads.

        V(s) = log sum_a exp q(s, a), pi(a | s) = exp(q(s, a) - V(s)), q(s, a) = r(s, a) + discount V(s'), s' = s after
        a.

        Args:
            reward: r (J,).
            near: the answer to a reward that is not far, to begin from.
            tolerance: how uneven the change by the last sweep over V may be, relative to V, and the total change by
                the last sweep over d.

        Raises:
            RuntimeError: the sweeps do not converge.

        Source: Ziebart (2010), "Modeling purposeful adaptive behavior with the principle of maximum causal entropy",
        chapter 9; MacQueen (1966), doi 10.1016/0022-247X(66)90060-6, for the bounds that end the sweeps.
        """
        places = self.side**2
        r = reward.reshape(places, 2, places, 2).transpose(0, 2, 1, 3)
        values = np.zeros((places, places)) if near is None else near.values.reshape(places, places)
        for _ in range(SWEEPS):
            renewed = _log_sum_exp(r + self._ahead(self.discount * values), (2, 3))
            low, high = float((renewed - values).min()), float((renewed - values).max())
            values = renewed
            if high - low <= tolerance * max(1.0, float(np.abs(values).max())):
                break
        else:
            raise RuntimeError(f"soft values: not converged in {SWEEPS} sweeps, the last was uneven by {high - low:g}.")
        # what all further sweeps would add is between the least and the largest change, times discount / (1 - discount)
        values = values + self.discount / (1.0 - self.discount) * (low + high) / 2.0
        scores = reward[self.pairs] + self.discount * values.ravel()[self.successors]
        chances = np.exp(scores - scores.max(1, keepdims=True))
        policy = chances / chances.sum(1, keepdims=True)
        occupancy = self.occupancy(policy, None if near is None else near.occupancy, tolerance)
        joint = np.bincount(self.pairs.ravel(), (occupancy[:, None] * policy).ravel(), self.acts**2)
        return Answer(values.ravel(), policy, occupancy, joint.astype(np.float64))

    def _ahead(self, values: Floats) -> Floats:
        """log sum exp of the next values over each walker's moves, staying apart from moving: (cells, cells, 2, 2)."""
        moved = self.moved[:, 1:]
        first = np.stack([values, _log_sum_exp(values[moved], 1)], -1)
        return np.stack([first, _log_sum_exp(first[:, moved], 2)], -1)

    def occupancy(self, policy: Floats, near: Floats | None = None, tolerance: float = TOLERANCE) -> Floats:
        """d = (1 - discount) start + discount P' d, by sweeps (S,): P are the policy's chances from state to state.

        Args:
            policy: pi(a | s) (S, 25).
            near: an occupancy to begin from.
            tolerance: the total change of the last sweep.
        """
        back = self._chances(policy).T.tocsr()
        first = (1.0 - self.discount) * self.start
        found = self.start if near is None else near  # of mass 1, which a sweep keeps
        for _ in range(SWEEPS):
            renewed = first + self.discount * (back @ found)
            change = float(np.abs(renewed - found).sum())
            found = renewed
            if change <= tolerance:
                break
        return found

    def flow(self, occupancy: Floats, policy: Floats) -> float:
        """By how much an occupancy fails Bellman's flow d = (1 - discount) start + discount P' d, at worst."""
        back = self._chances(policy).T
        return float(np.abs((1 - self.discount) * self.start + self.discount * (back @ occupancy) - occupancy).max())

    def collisions(self, policy: Floats) -> float:
        """The probability that a walk meets a collision before it ends, as it may after each step."""
        forth, risk = self._chances(policy), self.colliding.astype(float)
        for _ in range(SWEEPS):
            renewed = np.where(self.colliding, 1.0, self.discount * (forth @ risk))
            if float(np.abs(renewed - risk).max()) <= TOLERANCE:
                break
            risk = renewed
        return float(self.start @ risk)

    def walks(self, policy: Floats, n: int, rng: np.random.Generator) -> tuple[Indices, Indices]:
        """States and pairs of moves of n walks, cut after `steps`: (n, steps) each."""
        state = rng.choice(len(self.start), n, p=self.start)
        ladder = policy.cumsum(1)
        states, moves = [], []
        for _ in range(self.steps):
            move = np.minimum((rng.random((n, 1)) > ladder[state]).sum(1), JOINT - 1)
            states.append(state)
            moves.append(move)
            state = self.successors[state, move]
        return np.stack(states, 1), np.stack(moves, 1)

    def masses(self, states: Indices) -> Floats:
        """The mass of each step of n walks in their occupancy: discount^t, normalised (n, steps)."""
        falling = self.discount ** np.arange(states.shape[1])
        return np.asarray(np.broadcast_to(falling / (falling.sum() * len(states)), states.shape))

    def counted(self, states: Indices, moves: Indices) -> Floats:
        """The occupancy of walks, d(s) pi(a | s) as in `Answer.joint` (J,), from their states and moves (n, steps)."""
        found = np.bincount(self.pairs[states, moves].ravel(), self.masses(states).ravel(), self.acts**2)
        return found.astype(np.float64)

    def moving(self, joint: Floats) -> float:
        """How many of the two walkers move, on average over an occupancy (J,)."""
        moves = np.arange(self.acts) % 2
        return float((joint.reshape(self.acts, -1) * (moves[:, None] + moves)).sum())

    def _chances(self, policy: Floats) -> Any:
        ends = np.arange(0, policy.size + 1, JOINT)
        return csr_matrix((policy.ravel(), self.successors.ravel(), ends), shape=(len(policy), len(policy)))


def _log_sum_exp(scores: Floats, axis: int | tuple[int, int]) -> Floats:
    top = scores.max(axis, keepdims=True)
    return np.asarray(np.log(np.exp(scores - top).sum(axis)) + top.squeeze(axis))
