import re

import pytest

from remblai.objectives.power import blindness, penalty_power
from remblai.objectives.table import PENALTIES
from remblai.recipes import rae, wae_gan, wae_mmd


def test_quantiles_along_the_axes_see_what_an_mmd_does_not():
    """facts 5.2 at d = 64, n = 100: z-scores of a dead axis .1 for the MMD, 6.9 for quantiles along the axes."""
    by_penalty = {
        name: {sees.fault: sees for sees in penalty_power(choice, 64, 100, repeats=20, most=100)}["dead axis"]
        for name, choice in (("mmd", "mmd"), ("axes", {"name": "sliced", "kind": "axes"}))
    }
    assert by_penalty["mmd"].power < 0.5 and by_penalty["mmd"].smallest is None
    assert by_penalty["axes"].power == 1.0 and by_penalty["axes"].smallest < 1.0


@pytest.mark.parametrize("penalty", ["adversarial", "conditional", "code-norm"])
def test_penalties_that_are_no_function_of_codes_alone_are_refused(penalty):
    with pytest.raises(ValueError, match="such as mmd"):
        penalty_power(penalty, 2, 20)


def test_a_training_says_where_its_penalty_is_blind():
    assert "dead axis among 64" in str(blindness(wae_mmd(shape=(2,), latent=64), 50))
    assert blindness(wae_mmd(shape=(2,), latent=2), 100) is None
    assert blindness(rae(shape=(2,), latent=64), 50) is None
    assert blindness(wae_gan(shape=(2,), latent=64), 50) is None
    assert blindness(wae_mmd(shape=(2,), latent=64), 5000) is None


@pytest.mark.parametrize("name", PENALTIES)
def test_every_penalty_has_a_power_or_a_refusal(name: str) -> None:
    try:
        found = penalty_power(name, 2, 20, repeats=20, most=100)
    except ValueError as problem:
        assert re.search("without a critic|compares codes with the prior|needs network", str(problem)), problem
    else:
        assert found
