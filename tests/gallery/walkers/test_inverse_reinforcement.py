import numpy as np
import pytest
import torch

from remblai.distances import emd
from remblai.gallery.walkers.drawn import draw, draw_rewards
from remblai.gallery.walkers.inverse_reinforcement import checks, slopes
from remblai.gallery.walkers.study import STATES, STEPS, WITH, WITHOUT, Study, study
from remblai.report.style import DARK, LIGHT


@pytest.fixture(scope="module")
def small() -> Study:
    return study(side=3, seeds=2, walks=100, rounds=6, answers=15, pairs=10)


def test_curves_are_w1_to_the_sets(small: Study) -> None:
    for name, each in small.learners.items():
        for k, learner in enumerate(each):
            first, last = (emd(small.sets[k], learner.occupancies[i], small.metric).value for i in (0, -1))
            assert small.curves[name][k][0] == pytest.approx(first)
            assert small.curves[name][k][-1] == pytest.approx(last)
            assert last < 0.9 * first
    assert set(small.learners) == {*WITH, *WITHOUT, STATES, STEPS}


def test_floor_is_of_independent_sets_and_shrinks_with_their_size(small: Study) -> None:
    assert small.floor.min() > 0.0
    assert len(np.unique(small.floor)) == 10
    larger = study(side=3, seeds=1, walks=1600, rounds=1, answers=1, pairs=10)
    assert np.median(larger.floor) < 0.5 * np.median(small.floor)


def test_checks_of_exact_facts_hold_at_any_scale(small: Study) -> None:
    exact = ("mass of", "Bellman's flow", "slope of", "the potential's")
    found = [check for check in checks(small) if check.what.startswith(exact)]
    assert len(found) == 5
    assert all(check.holds for check in found), [check for check in found if not check.holds]


def test_slopes_are_those_of_the_rewards_pair_by_pair(small: Study) -> None:
    reward = 0.3 * small.learners["Wasserstein"][1].reward
    largest = max(
        abs(reward[i] - reward[j]) / small.metric[i, j]
        for i in range(324)
        for j in range(324)
        if small.metric[i, j] > 0
    )
    assert slopes(small)[1] == pytest.approx(largest)


def test_pictures_differ_by_paper_and_nothing_draws_on_the_global_generators(small: Study) -> None:
    torch.manual_seed(3)
    np.random.seed(3)
    before, state = torch.get_rng_state(), np.random.get_state()[1].copy()
    again = study(side=3, seeds=1, walks=50, rounds=2, answers=2, pairs=5)
    same = study(side=3, seeds=1, walks=50, rounds=2, answers=2, pairs=5)
    assert all(np.array_equal(again.curves[name], same.curves[name]) for name in again.curves)
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], state)
    for figure in (draw, draw_rewards):
        assert figure(found=small, theme=LIGHT) != figure(found=small, theme=DARK)
