import itertools

import pytest
import torch

from remblai import data
from remblai.networks.rbm import RBM
from remblai.objectives.boltzmann import Boltzmann
from remblai.recipes.machines import rbm, wasserstein_rbm
from remblai.training import State, steps


def bits(n: int = 32) -> torch.Tensor:
    return (torch.rand(n, 1, 4, 3, generator=torch.Generator().manual_seed(0)) < 0.4).float()


def trained(recipe, count: int = 12, **options) -> tuple[Boltzmann, list[set[str]]]:
    torch.manual_seed(0)
    machine = recipe((1, 4, 3), hidden=5, chains=16, **options)
    state = State(machine, **dict(recipe.loop) | {"steps": count, "batch_size": 32, "average": 0.9})
    named = [set(step.terms) for step in steps(state, itertools.repeat(bits()))]
    return machine, named


def test_the_plain_machine_descends_likelihood_alone():
    machine, named = trained(rbm)
    assert named == [{"likelihood_surrogate", "decay"}] * 12
    assert machine.warm_start(bits()) is None


def test_the_wasserstein_machine_starts_as_the_plain_one_and_then_takes_transport_in():
    machine, named = trained(wasserstein_rbm)
    assert named == [{"likelihood", "decay"}] * 6 + [{"transport_surrogate", "likelihood_surrogate", "decay"}] * 6
    assert machine.sample(3).shape == (3, 1, 4, 3)


def test_no_term_is_named_for_a_distance():
    machine, _ = trained(wasserstein_rbm)
    assert set(machine.weights()) == {"transport_surrogate", "likelihood_surrogate", "decay"}


def test_epsilon_is_a_share_of_the_bits_and_absolute():
    transport = wasserstein_rbm((1, 4, 3), epsilon=0.25).transport
    assert (transport.epsilon, transport.relative, transport.debiased) == (3.0, False, False)


def test_on_bits_the_cost_is_the_hamming_distance():
    x = bits().flatten(1)
    cost = wasserstein_rbm((1, 4, 3)).transport.cost
    assert torch.equal(cost.matrix(x, x).round(), torch.cdist(x, x, p=0.0))


@pytest.mark.parametrize("recipe", [rbm, wasserstein_rbm])
def test_grey_digits_need_a_word_on_how_they_become_bits(recipe):
    x = data.load("digits").train[:8]
    with pytest.raises(ValueError, match='use binarise="threshold"'):
        recipe((1, 8, 8))(x)
    for binarise in ("threshold", "sample"):
        assert all(term.isfinite() for term in recipe((1, 8, 8), binarise=binarise)(x).values())


def test_a_run_goes_on_bit_for_bit():
    whole, _ = trained(wasserstein_rbm, 8)
    torch.manual_seed(0)
    machine = wasserstein_rbm((1, 4, 3), hidden=5, chains=16)
    options = dict(wasserstein_rbm.loop) | {"steps": 8, "batch_size": 32, "average": 0.9}
    state = State(machine, **options)
    for _ in itertools.islice(steps(state, itertools.repeat(bits())), 5):
        pass
    kept, told = {k: v.clone() for k, v in machine.state_dict().items()}, state.state_dict()
    torch.rand(7)
    again = wasserstein_rbm((1, 4, 3), hidden=5, chains=16)
    later = State(again, **options)
    again.load_state_dict(kept)
    later.load_state_dict(told, {k: v.clone() for k, v in state.average.values.items()})
    for _ in steps(later, itertools.repeat(bits())):
        pass
    assert all(torch.equal(value, again.state_dict()[key]) for key, value in whole.state_dict().items())


def test_both_machines_have_the_bits_of_the_shape():
    for recipe in (rbm, wasserstein_rbm):
        assert isinstance(recipe((3, 5, 2)).rbm, RBM)
        assert recipe((3, 5, 2)).rbm.visible == 30
