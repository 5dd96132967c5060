"""The law that held-out data choose: the distance, the copies, the tie, and the data that it may see."""

import json
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from remblai.laws.fitted import Auto, DecodedCodes
from remblai.laws.fitted.auto import CANDIDATES
from remblai.laws.fitted.held_out import Reference, Score, best_of_new, mean_distance, reference, score
from remblai.metrics import energy_distance


def normal(n: int, seed: int, shift: float = 0.0) -> Tensor:
    return torch.randn(n, 2, generator=torch.Generator().manual_seed(seed)) + shift


def groups(n: int) -> Tensor:
    """Two thin groups, far apart."""
    return normal(n, 0) * torch.tensor([0.1, 1.0]) + 6.0 * (torch.arange(n) % 2)[:, None] * torch.tensor([1.0, 0.0])


def seen(distance: float, nearer: float = 0.4) -> Score:
    return Score(distance, 0.001, nearer, 0.03)


def against(held_out: Tensor, fitted: Tensor) -> Reference:
    return reference(held_out, fitted, lambda x: x)


def fresh() -> Callable[[int], Tensor]:
    """Draws of the normal law, other ones at each call."""
    seeds = iter(range(10, 1000))
    return lambda n: normal(n, next(seeds))


def test_the_distance_is_that_of_the_metric() -> None:
    x, y = normal(40, 0), normal(60, 1, shift=0.7)
    own = 2 * mean_distance(x, y) - mean_distance(x) - mean_distance(y)
    assert own == pytest.approx(energy_distance(x, y), rel=1e-5)
    found = score(lambda n: y[:n], against(x, normal(50, 2)))
    assert found.distance == pytest.approx(energy_distance(x, y[:40]), rel=1e-5)


def test_the_distance_is_of_features_and_copies_are_of_rows() -> None:
    fitted, held = normal(300, 0), normal(120, 1)
    blind = score(lambda n: normal(n, 5, shift=9.0), reference(held, fitted, lambda x: x[:, :1] * 0.0))
    assert (blind.distance, blind.nearer) == (0.0, 0.0)


def test_new_draws_pass_and_copies_are_seen_although_they_pass_too() -> None:
    fitted, held = normal(300, 0), normal(120, 1)
    new = score(fresh(), against(held, fitted))
    copied = score(
        lambda n: fitted[torch.randperm(300, generator=torch.Generator().manual_seed(3))[:n]], against(held, fitted)
    )
    assert not new.copies
    assert new.nearer == pytest.approx(0.5, abs=0.1)
    assert new.distance == pytest.approx(0.0, abs=0.02)
    assert copied.distance == pytest.approx(0.0, abs=0.02), "the distance alone would praise them"
    assert copied.copies
    assert copied.nearer == 1.0
    assert not score(lambda n: normal(n, 5, shift=9.0), against(held, fitted)).copies


def test_the_best_law_that_is_no_copy_is_taken_and_the_simplest_of_equals() -> None:
    assert best_of_new([seen(0.7), seen(0.6), seen(0.61)]) == 1
    assert best_of_new([seen(0.7), seen(0.6), seen(0.6)]) == 1
    assert best_of_new([seen(0.7), seen(0.6), seen(0.5, nearer=0.9)]) == 1
    assert best_of_new([seen(0.7, nearer=0.9), seen(0.6, nearer=0.8)]) == 1, "all copy: the one that copies least"
    assert best_of_new([seen(0.6), seen(0.601, nearer=0.45), seen(0.61, nearer=0.5)]) == 1, "equal but for chance"
    assert best_of_new([seen(0.02), seen(-0.01)]) == 1, "an unbiased distance may be negative"
    assert best_of_new([seen(0.7), seen(0.6, nearer=0.58)]) == 1, "a law that leans a little to its data is no copy"


def test_codes_in_groups_get_the_mixture_and_normal_codes_are_described_by_both() -> None:
    law = Auto(candidates=("mixture-10", "gaussian")).fit(groups(400))
    assert law.facts["chosen"] == "mixture-10"
    assert law.facts["distances"]["gaussian"] > law.facts["distances"]["mixture-10"] + 0.05
    assert law.choice.startswith("mixture-10: the least squared energy distance of a law that is no copy, up to")
    assert "held-out codes, n 80" in law.choice
    equal = Auto(candidates=("mixture-10", "gaussian")).fit(normal(400, 0)).facts["distances"]
    assert equal["gaussian"] == pytest.approx(equal["mixture-10"], abs=0.02)


def test_where_every_candidate_copies_the_choice_says_so() -> None:
    law = Auto(candidates=("gaussian",)).fit(normal(100, 0))
    law.facts["copies"] = ["gaussian"]
    assert law.choice.startswith(
        "gaussian: the one that copies least, for all candidates give back the data of the fit"
    )


def test_decoded_draws_are_compared_not_codes() -> None:
    codes, seen = groups(400), []

    def flat(z: Tensor) -> Tensor:  # a decoder that answers the same to all codes: all laws are as good
        seen.append(len(z))
        return normal(len(z), 3)

    decoded = DecodedCodes(flat, normal(60, 1), normal(400, 2))
    law = Auto(candidates=("gaussian", "mixture-10")).fit(codes, decoded=decoded)
    assert (law.facts["chosen"], law.facts["held_out"]) == ("gaussian", 60)
    assert law.facts["by"] == "reconstructions of held-out data"
    assert set(seen) == {60}
    few = Auto(candidates=("gaussian",)).fit(codes, decoded=decoded._replace(held_out=decoded.held_out[:5]))
    assert few.facts["by"] == "held-out codes"


def test_the_density_is_that_of_the_law_chosen_and_a_file_keeps_it() -> None:
    law = Auto(candidates=("gaussian", "transport")).fit(normal(200, 0))
    assert law.facts["chosen"] == "gaussian"
    assert law.has_density
    facts, tensors = law.state()
    again = Auto(candidates=("gaussian", "transport")).restore(json.loads(json.dumps(facts)), tensors)
    assert again.has_density
    assert torch.equal(again.log_prob(normal(5, 2)), law.log_prob(normal(5, 2)))
    assert again.choice == law.choice


def test_every_candidate_is_a_law() -> None:
    for name, make in CANDIDATES.items():
        assert make().name == name.partition("-")[0] or make().name == name
