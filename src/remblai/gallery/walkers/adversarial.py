"""Adversarial inverse reinforcement learning, with and without an interaction term in the reward."""

import numpy as np
import torch
from torch import Tensor, nn

from remblai.critics import Adversarial
from remblai.critics.games import Logistic
from remblai.gallery.walkers.kantorovich import LOOSE, Learner, marks
from remblai.gallery.walkers.world import Answer, Floats, Indices, World

BATCH, TURNS = 512, 2
"""Steps of walks from each side in a step of the critic, and critic steps before the policy is updated."""
RATE, BETAS = 0.05, (0.5, 0.9)


class Table(nn.Module):
    """A function of both walkers: f_1(w_1) + f_2(w_2), and + f_12(w_1, w_2) with an interaction; all 0 at first.

    Args:
        places: values that one walker's w takes: its cells, or its acts.
        interaction: whether there is an f_12.
    """

    def __init__(self, places: int, interaction: bool) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.zeros(places, 1, dtype=torch.float64))
        self.second = nn.Parameter(torch.zeros(1, places, dtype=torch.float64))
        self.both = nn.Parameter(torch.zeros(places, places, dtype=torch.float64)) if interaction else None

    def forward(self) -> Tensor:
        """The function at every (w_1, w_2): (places^2,)."""
        alone = self.first + self.second
        return (alone if self.both is None else alone + self.both).flatten()


class Discriminator(nn.Module):
    """The logits of exp(f) / (exp(f) + pi): f(s, a) - log pi(a | s), with f(s, a) = r(s, a) + discount h(s') - h(s).

    h takes up how good the next state is, so that r is left with the reward; without an interaction it has none either.
    r sees which walkers move, not where to, so that it cannot take up h itself.

    Args:
        world: where they walk.
        interaction: whether r and h have a term of both walkers.

    Source: Fu, Luo and Levine, "Learning robust rewards with adversarial inverse reinforcement learning", equations 1
    and 4, arXiv 1710.11248.
    """

    log_policy: Tensor
    successors: Tensor
    pairs: Tensor

    def __init__(self, world: World, interaction: bool) -> None:
        super().__init__()
        self.discount = world.discount
        self.reward, self.shaping = Table(world.acts, interaction), Table(world.side**2, interaction)
        self.register_buffer("pairs", torch.from_numpy(world.pairs))
        self.register_buffer("successors", torch.from_numpy(world.successors))
        self.register_buffer("log_policy", torch.zeros(world.successors.shape, dtype=torch.float64))

    def forward(self, pairs: Tensor) -> Tensor:
        """Numbers of states and of pairs of moves (n, 2) -> logits (n,)."""
        state, move = pairs.long().T
        h = self.shaping()
        ahead = self.discount * h[self.successors[state, move]]
        logits: Tensor = self.reward()[self.pairs[state, move]] + ahead - h[state] - self.log_policy[state, move]
        return logits

    @torch.no_grad()
    def face(self, answer: Answer) -> None:
        """Sets the policy that it has to separate from the expert."""
        self.log_policy.copy_(torch.from_numpy(np.log(np.maximum(answer.policy, np.finfo(float).tiny))))


def adversarial(world: World, walks: tuple[Indices, Indices], interaction: bool, *, rounds: int, seed: int) -> Learner:
    """The logistic game between a discriminator and a policy that answers its reward exactly, round by round.

    The critic sees steps of the expert's walks and of the policy's, drawn by their discounted occupancies.

    Args:
        world: where they walk.
        walks: the expert's states and pairs of moves (n, steps).
        interaction: whether the reward has a term of both walkers.
        rounds: answers of the policy.
        seed: of the drawn steps.
    """
    rng = np.random.default_rng(seed)
    critic = Discriminator(world, interaction)
    game = Adversarial(critic, Logistic())
    adam = torch.optim.Adam(critic.parameters(), lr=RATE, betas=BETAS)
    seen = np.stack([one.ravel() for one in walks], 1).astype(float)
    masses = world.masses(walks[0]).ravel()
    answer = world.answer(np.zeros(world.acts**2), tolerance=LOOSE)
    kept = {0: answer.joint}
    for k in range(1, rounds + 1):
        critic.face(answer)
        for _ in range(TURNS):
            expert = torch.from_numpy(seen[rng.choice(len(seen), BATCH, p=masses)])
            adam.zero_grad()
            game.adversary_loss(expert, torch.from_numpy(_drawn(answer, rng))).backward()  # type: ignore[no-untyped-call]
            adam.step()
        answer = world.answer(critic.reward().detach().numpy(), answer, LOOSE)
        kept[k] = answer.joint
    reward = critic.reward().detach().numpy().copy()
    steps = marks(rounds)
    return Learner(reward, world.answer(reward, answer), steps, np.stack([kept[k] for k in steps]))


def _drawn(answer: Answer, rng: np.random.Generator) -> Floats:
    """States from the policy's occupancy and its moves there (BATCH, 2)."""
    state = rng.choice(len(answer.occupancy), BATCH, p=answer.occupancy)
    ladder = answer.policy[state].cumsum(1)
    move = np.minimum((rng.random((BATCH, 1)) > ladder).sum(1), ladder.shape[1] - 1)
    return np.stack([state, move], 1).astype(float)
