"""Adaptive augmentation: what steers it, and that data and samples are changed alike."""

import itertools

import pytest
import torch

from remblai.critics import GAMES, Adversarial, Kantorovich, LeastSquares, Logistic
from remblai.critics.augment import FULL, MOST, Adaptive
from remblai.recipes import RECIPES
from remblai.training import State, steps


def test_the_probability_follows_the_signs_of_the_scores_of_data() -> None:
    part = Adaptive(["flip"], Logistic())
    part.observe(torch.ones(1000))
    assert float(part.probability) == pytest.approx(1000 / FULL)
    part.observe(torch.tensor([1.0] * 790 + [-1.0] * 210))  # a mean sign of 0.58, below the aim of 0.6
    assert float(part.probability) == pytest.approx(0.0)
    part.observe(-torch.ones(1000))
    assert float(part.probability) == 0.0
    for _ in range(2 * FULL // 1000):
        part.observe(torch.ones(1000))
    assert float(part.probability) == pytest.approx(MOST)


def test_scores_have_the_threshold_of_their_game_or_none() -> None:
    assert Adaptive([], LeastSquares()).threshold == 0.5
    fixed = Adaptive([], Kantorovich())
    fixed.observe(torch.ones(50))
    assert float(fixed.probability) == 0.5
    assert {name for name, game in GAMES.items() if Adaptive([], game()).threshold is not None} == {
        *("logistic", "hinge", "least-squares", "log-ratio")
    }


def test_data_and_samples_are_changed_alike_in_both_steps_and_not_in_the_estimate() -> None:
    torch.manual_seed(0)
    gan = RECIPES["gan"](shape=(1, 4, 4), latent=2, network="mlp", critic="mlp")
    gan.augment(["flip", "colour"])
    assert isinstance(gan.discrepancy, Adversarial)
    seen: list[torch.Tensor] = []
    gan.augmentation.register_forward_hook(lambda part, given, found: seen.append(given[0]))
    x = torch.rand(8, 1, 4, 4)
    gan(x)
    gan.adversary_loss(x)
    assert len(seen) == 4  # data and samples in each
    assert torch.equal(seen[0], x)
    gan.estimate(x)
    assert len(seen) == 4
    with pytest.raises(ValueError, match="expected images"):
        RECIPES["gan"](shape=(2,)).augment(["flip"])


def test_the_probability_is_part_of_the_model_and_moves_in_the_critic_s_steps_alone() -> None:
    torch.manual_seed(0)
    gan = RECIPES["gan"](shape=(1, 4, 4), latent=2, network="mlp", critic="mlp")
    gan.augment(["shift"])
    state = State(gan, steps=3, critic_steps=2, lr=1e-2)
    moves = []
    gan.discrepancy._steered[0].observe = lambda scores, points: moves.append(points * len(scores))
    for _ in itertools.islice(steps(state, [torch.rand(8, 1, 4, 4)]), 3):
        pass
    assert moves == [8] * 6
    assert "augmentation.probability" in gan.state_dict()


def test_scores_of_packs_move_it_by_all_their_points() -> None:
    one, packs = Adaptive(["shift"], Logistic()), Adaptive(["shift"], Logistic())
    one.observe(torch.ones(1000))
    packs.observe(torch.ones(250), 4)
    assert float(packs.probability) == float(one.probability) > 0.0
