"""Schedules of the critics' steps."""

import pytest

from remblai.training.schedules import CRITIC_STEPS, scheduled


def test_the_wgan_authors_rounds_are_long_at_the_start_and_500_rounds_on() -> None:
    counts = [CRITIC_STEPS["long-rounds"](step) for step in range(1, 1002)]
    assert counts[:25] == [100] * 25
    assert [step for step, count in enumerate(counts, 1) if count == 100 and step > 25] == [501, 1001]
    assert set(counts[25:500]) == {5}


def test_every_third_step_has_one_critic_step() -> None:
    assert [CRITIC_STEPS["every-third"](step) for step in range(1, 7)] == [0, 0, 1, 0, 0, 1]


def test_a_number_a_name_and_a_function_are_schedules() -> None:
    assert scheduled(4)(17) == 4
    assert scheduled("every-third")(3) == 1
    assert scheduled(lambda step: 2 * step)(5) == 10


def test_an_unknown_name_and_a_negative_number_are_refused() -> None:
    with pytest.raises(ValueError, match="Did you mean 'long-rounds'"):
        scheduled("long-round")
    with pytest.raises(ValueError, match="at least 0 steps"):
        scheduled(-1)
