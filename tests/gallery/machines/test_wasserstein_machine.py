import pytest
import torch

from remblai.distances import sinkhorn
from remblai.gallery.machines import wasserstein_machine as entry
from remblai.networks.rbm import states


def test_a_short_run_has_its_checks_and_pictures():
    found = entry.wasserstein_machine(2)
    on_bits, on_digits = found.checks[:5], found.checks[5:]
    assert all(check.holds for check in on_bits)
    assert len(on_digits) == 10
    assert [picture.name for picture in found.pictures] == ["wasserstein-machine", "wasserstein-machine-samples"]


@pytest.mark.parametrize("form", entry.FORMS)
def test_the_gradient_is_that_of_differences(form):
    machine = entry.small_machine()
    _, slope = entry.transported(machine, form)
    assert torch.allclose(slope, entry.differences(machine, form), rtol=0, atol=1e-8)


def test_the_two_values_differ_by_the_entropies_of_the_two_laws():
    machine = entry.small_machine()
    p = torch.softmax(-machine.free_energy(entry.STATES).detach(), 0)
    inner = sum(float(torch.special.entr(law).sum()) for law in (entry.LAW, p))
    kl, entropy = (entry.transported(machine, form)[0] for form in entry.FORMS)
    assert entropy == pytest.approx(kl - entry.EPSILON * inner, abs=1e-10)


def test_no_law_has_less_transport_in_the_kl_form_than_the_narrowed_one():
    def value(p: torch.Tensor) -> float:
        return float(sinkhorn(entry.LAW, p, entry.COSTS, entry.EPSILON, tolerance=1e-10).value)

    best, drawn = entry.narrowed(), torch.Generator().manual_seed(0)
    least = value(best)
    for _ in range(20):
        other = torch.rand(8, generator=drawn, dtype=torch.float64)
        assert least <= value(0.9 * best + 0.1 * other / other.sum()) + 1e-9


def test_errors_are_those_of_a_machine_that_knows_nothing():
    machine = entry.RBM(8, 2)
    with torch.no_grad():
        machine.weight.zero_()
    torch.manual_seed(0)
    x = states(8).repeat(8, 1)
    half, below, light, heavy = entry.errors(machine, x)
    # hidden bits are drawn by even odds; a flipped one is turned back with the flip's own probability
    assert (half, below) == pytest.approx((0.5, 0.5), abs=0.02)
    assert (light, heavy) == pytest.approx((2 * 0.1 * 0.9, 2 * 0.2 * 0.8), abs=0.02)


def test_noise_is_the_way_to_the_nearest_digit_and_variety_that_between_draws():
    x = torch.tensor([[0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]])
    found = entry.figures(x, torch.tensor([[0.0, 0.0, 0.0, 1.0], [0.0, 1.0, 1.0, 1.0]]), x, None)
    assert (found["noise"], found["variety"], found["W1"]) == (1.0, 4.0, 1.0)
