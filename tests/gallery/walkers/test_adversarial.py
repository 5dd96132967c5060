import numpy as np
import pytest
import torch

from remblai.critics.games import Logistic
from remblai.gallery.walkers.adversarial import Discriminator, adversarial
from remblai.gallery.walkers.world import World

WORLD = World(side=3, discount=0.8, steps=30)
TRUE = WORLD.reward(2.0, 4.0, 0.5)
EXPERT = WORLD.answer(TRUE)
WALKS = WORLD.walks(EXPERT.policy, 100, np.random.default_rng(0))


def scores(critic: Discriminator) -> torch.Tensor:
    pairs = torch.cartesian_prod(torch.arange(81.0), torch.arange(25.0))
    return critic(pairs)


def discriminator(interaction: bool) -> Discriminator:
    """The critic with the true reward, and the expert's soft values as its h, which faces the expert."""
    critic = Discriminator(WORLD, interaction)
    with torch.no_grad():
        for table, function, places in ((critic.reward, TRUE, 18), (critic.shaping, EXPERT.values, 9)):
            if table.both is not None:
                table.both.copy_(torch.from_numpy(function).view(places, places))
    critic.face(EXPERT)
    return critic


def test_logits_are_f_less_log_policy_written_out() -> None:
    critic, rng = Discriminator(WORLD, True), np.random.default_rng(0)
    f1, f2, f12, h1, h2, h12 = (rng.standard_normal(shape) for n in (18, 9) for shape in ((n, 1), (1, n), (n, n)))
    with torch.no_grad():
        for table, parts in ((critic.reward, (f1, f2, f12)), (critic.shaping, (h1, h2, h12))):
            for parameter, part in zip((table.first, table.second, table.both), parts, strict=True):
                parameter.copy_(torch.from_numpy(part))
    critic.face(EXPERT)
    found = scores(critic).detach().numpy().reshape(81, 25)
    for state, move in rng.integers(0, (81, 25), (40, 2)).tolist():
        (s, t), (u, v) = divmod(state, 9), divmod(int(WORLD.successors[state, move]), 9)
        here, ahead = (h1[i, 0] + h2[0, j] + h12[i, j] for i, j in ((s, t), (u, v)))
        first, second = (2 * cell + (one > 0) for cell, one in zip((s, t), divmod(move, 5), strict=True))
        f = f1[first, 0] + f2[0, second] + f12[first, second] + 0.8 * ahead - here
        assert found[state, move] == pytest.approx(f - np.log(EXPERT.policy[state, move]), abs=1e-12)


def test_at_the_true_reward_and_the_experts_values_it_cannot_tell_the_expert_from_itself() -> None:
    logits = scores(discriminator(True)).detach()
    assert float(logits.abs().max()) < 1e-8
    assert float(Logistic().estimate(logits, logits)) == pytest.approx(0.0, abs=1e-12)


def test_without_an_interaction_reward_and_shaping_are_sums() -> None:
    found = adversarial(WORLD, WALKS, False, rounds=10, seed=0).reward.reshape(18, 18)
    assert np.abs(found).max() > 0.1
    assert np.abs(found - found[:1] - found[:, :1] + found[0, 0]).max() < 1e-12


def test_it_comes_nearer_to_the_expert_and_with_an_interaction_collides_less() -> None:
    found = {kind: adversarial(WORLD, WALKS, kind, rounds=80, seed=0) for kind in (True, False)}
    away = np.abs(found[True].occupancies - EXPERT.joint).sum(1)
    assert away[-1] < 0.4 * away[0]
    risks = {kind: WORLD.collisions(one.answer.policy) for kind, one in found.items()}
    assert risks[True] < 0.6 * risks[False]
    assert np.array_equal(adversarial(WORLD, WALKS, True, rounds=80, seed=0).reward, found[True].reward)
