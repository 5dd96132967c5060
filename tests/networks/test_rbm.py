import itertools
import math

import pytest
import torch

from remblai.networks.rbm import RBM, draw_bits, states


def machine(visible: int = 3, hidden: int = 2, scale: float = 1.0, seed: int = 0) -> RBM:
    torch.manual_seed(seed)
    rbm = RBM(visible, hidden).double()
    with torch.no_grad():
        for parameter in rbm.parameters():
            parameter.copy_(scale * torch.randn(parameter.shape, dtype=torch.float64))
    return rbm


def law(rbm: RBM) -> torch.Tensor:
    """p(x) over all states, by summing exp(b.x + c.h + x W h) over every pair of x and h."""
    joint = torch.zeros(2**rbm.visible, dtype=torch.float64)
    for i, x in enumerate(itertools.product((0.0, 1.0), repeat=rbm.visible)):
        for h in itertools.product((0.0, 1.0), repeat=len(rbm.hidden_bias)):
            v, u = (torch.tensor(one, dtype=torch.float64) for one in (x, h))
            joint[i] += torch.exp(rbm.visible_bias @ v + rbm.hidden_bias @ u + v @ rbm.weight @ u).item()
    return joint / joint.sum()


def counted(x: torch.Tensor) -> torch.Tensor:
    places = 2 ** torch.arange(x.shape[1] - 1, -1, -1)
    return torch.bincount((x.long() * places).sum(1), minlength=2 ** x.shape[1]) / len(x)


def test_states_are_counted_in_binary():
    assert states(3).tolist() == [list(map(float, one)) for one in itertools.product((0, 1), repeat=3)]


def test_the_free_energy_is_minus_the_log_of_the_sum_over_hidden_bits():
    rbm = machine()
    x = states(3).double()
    found = torch.exp(-rbm.free_energy(x) - rbm.exact_log_partition())
    assert torch.allclose(found, law(rbm), atol=1e-12)


@pytest.mark.parametrize(("visible", "hidden"), [(3, 2), (2, 5), (1, 1), (15, 3)])
def test_the_partition_sums_all_states_whichever_layer_is_enumerated(visible, hidden):
    rbm = machine(visible, hidden)
    by_states = torch.logsumexp(-rbm.free_energy(states(visible).double()), 0)
    assert rbm.exact_log_partition() == pytest.approx(by_states.item(), abs=1e-10)


def test_too_many_bits_to_enumerate_name_the_remedy():
    with pytest.raises(ValueError, match=r"at most 20 bits .* got 21: use annealed_log_partition"):
        RBM(22, 21).exact_log_partition()


def test_conditional_means_are_those_of_the_joint_law():
    rbm = machine(2, 2)
    x, h = torch.tensor([[1.0, 0.0]]).double(), torch.tensor([[0.0, 1.0]]).double()
    assert torch.allclose(rbm.hidden_mean(x)[0], torch.sigmoid(rbm.hidden_bias + rbm.weight[0]))
    assert torch.allclose(rbm.visible_mean(h)[0], torch.sigmoid(rbm.visible_bias + rbm.weight[:, 1]))
    assert torch.equal(rbm.reconstruct(x), rbm.visible_mean(rbm.hidden_mean(x)))


def test_gibbs_chains_end_in_the_machines_law():
    rbm = machine()
    torch.manual_seed(1)
    x = rbm.gibbs(torch.zeros(40_000, 3).double(), 30)
    assert 0.5 * (counted(x) - law(rbm)).abs().sum() < 0.01
    assert torch.equal(x, x.round())


def test_completion_draws_from_the_law_given_the_known_bits():
    rbm = machine()
    known = torch.tensor([True, False, False])
    torch.manual_seed(1)
    x = torch.tensor([1.0, 0.5, 0.5]).double().repeat(40_000, 1)
    found = counted(rbm.complete(x, known, 30))
    wanted = law(rbm) * (states(3)[:, 0] == 1)
    assert found[:4].sum() == 0
    assert 0.5 * (found - wanted / wanted.sum()).abs().sum() < 0.01


def test_known_bits_are_held_row_by_row():
    rbm = machine(6, 4, scale=3.0)
    torch.manual_seed(0)
    x, known = torch.rand(50, 6).round().double(), torch.rand(50, 6) < 0.5
    assert torch.equal(rbm.complete(x, known, 5)[known], x[known])


def test_denoising_draws_from_the_posterior_of_the_clean_bits():
    rbm = machine()
    noisy, flip = torch.tensor([1.0, 0.0, 1.0]).double(), 0.2
    torch.manual_seed(1)
    found = counted(rbm.denoise(noisy.repeat(40_000, 1), flip, 30))
    turned = (states(3) != noisy).sum(1)
    wanted = law(rbm) * flip**turned * (1 - flip) ** (3 - turned)
    assert 0.5 * (found - wanted / wanted.sum()).abs().sum() < 0.01


@pytest.mark.parametrize("flip", [0.0, 1.0, -0.1, math.nan])
def test_a_flip_is_a_probability(flip):
    with pytest.raises(ValueError, match="flip: expected a probability"):
        machine().denoise(torch.zeros(1, 3).double(), flip)


@pytest.mark.parametrize("start", ["even", "means"])
def test_annealing_finds_the_partition_within_its_error(start):
    rbm = machine(10, 8, scale=0.7)
    torch.manual_seed(0)
    x = None if start == "even" else rbm.gibbs(torch.zeros(500, 10).double(), 50)
    found = rbm.annealed_log_partition(x, chains=200, temperatures=300)
    assert 0 < found.error < 0.1
    assert abs(found.value - rbm.exact_log_partition()) < 4 * found.error


def test_annealing_is_exact_where_the_machine_is_its_own_start():
    rbm = RBM(5, 3)
    with torch.no_grad():
        rbm.weight.zero_()
    found = rbm.annealed_log_partition(chains=2, temperatures=1)
    assert found.value == pytest.approx(8 * math.log(2), abs=1e-12)
    assert found.error == 0


def test_annealing_wants_a_spread():
    with pytest.raises(ValueError, match="chains: expected at least 2, got 1"):
        RBM(2, 2).annealed_log_partition(chains=1)


def test_bits_are_drawn_with_their_means():
    torch.manual_seed(0)
    x = draw_bits(torch.tensor([0.0, 0.3, 1.0]).expand(20_000, 3))
    assert set(x.unique().tolist()) == {0.0, 1.0}
    assert x.mean(0).tolist() == pytest.approx([0.0, 0.3, 1.0], abs=0.015)


@pytest.mark.parametrize("sizes", [(0, 3), (3, 0)])
def test_a_layer_has_a_bit(sizes):
    with pytest.raises(ValueError, match=r"expected (visible|hidden) >= 1, got 0"):
        RBM(*sizes)


def test_what_is_no_bit_is_not_completed_or_cleaned():
    machine, known = RBM(4, 2), torch.tensor([True, True, False, False])
    for bad in (torch.full((3, 4), 0.5), torch.zeros(3, 5), torch.full((3, 4), float("nan"))):
        with pytest.raises(ValueError, match="complete: expected"):
            machine.complete(bad, known, 2)
        with pytest.raises(ValueError, match="denoise: expected bits"):
            machine.denoise(bad, 0.1, 2)
    with pytest.raises(ValueError, match="mask of booleans"):
        machine.complete(torch.zeros(3, 4), known.float(), 2)


def test_whole_numbers_are_bits_and_what_is_unknown_is_not_read():
    x = torch.tensor([[1, 0, 1, 0]])
    known = torch.tensor([True, True, False, False])
    assert RBM(4, 2).complete(x, known, 5)[0, :2].tolist() == [1.0, 0.0]
    grey = x.float().masked_fill(~known, float("nan"))
    assert torch.isfinite(RBM(4, 2).complete(grey, known, 5)).all()


@pytest.mark.parametrize("x", [torch.full((4, 3), torch.nan), torch.full((4, 3), 255.0), torch.ones(4, 2)])
def test_the_start_of_annealing_is_of_bits(x):
    with pytest.raises(ValueError, match=r"log partition: expected bits \(n, 3\)"):
        RBM(3, 2).annealed_log_partition(x)
