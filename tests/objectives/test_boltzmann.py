import itertools

import pytest
import torch
from scipy.optimize import linear_sum_assignment

from remblai.discrepancies.entropic import Entropic
from remblai.distances import sinkhorn
from remblai.networks.classes import Classes
from remblai.networks.rbm import RBM, states
from remblai.objectives.boltzmann import Boltzmann, surrogate
from remblai.training import State, steps

EPSILON = 0.7
STATES = states(3).double()
COSTS = torch.cdist(STATES, STATES, p=0.0)
TARGET = torch.tensor([0.25, 0.05, 0.0, 0.15, 0.1, 0.0, 0.05, 0.4], dtype=torch.float64)


def machine(seed: int = 0, scale: float = 1.0) -> RBM:
    torch.manual_seed(seed)
    rbm = RBM(3, 2).double()
    with torch.no_grad():
        for parameter in rbm.parameters():
            parameter.copy_(scale * torch.randn(parameter.shape, dtype=torch.float64))
    return rbm


def masses(rbm: RBM) -> torch.Tensor:
    return torch.softmax(-rbm.free_energy(STATES).detach(), 0)


def smoothed(p: torch.Tensor) -> sinkhorn:
    return sinkhorn(TARGET, p, COSTS, EPSILON, tolerance=1e-13)


def value(rbm: RBM, form: str) -> float:
    """The smoothed transport from TARGET to the machine's law, from its plan."""
    p = masses(rbm)
    plan = smoothed(p).coupling
    carried = float((plan * COSTS).sum())
    base = torch.ones_like(plan) if form == "entropy" else TARGET[:, None] * p
    held = plan > 0
    return carried + EPSILON * float((plan[held] * (plan[held] / base[held]).log()).sum())


def differences(rbm: RBM, form: str, h: float = 1e-4) -> list[torch.Tensor]:
    """Central differences of fourth order in every parameter."""
    found = []
    for parameter in rbm.parameters():
        slope = torch.zeros_like(parameter)
        for i in itertools.product(*map(range, parameter.shape)):
            with torch.no_grad():
                start, values = parameter[i].item(), {}
                for k in (-2, -1, 1, 2):
                    parameter[i] = start + k * h
                    values[k] = value(rbm, form)
                parameter[i] = start
            slope[i] = (8 * (values[1] - values[-1]) - (values[2] - values[-2])) / (12 * h)
        found.append(slope)
    return found


def exact(rbm: RBM, form: str, p: torch.Tensor | None = None) -> list[torch.Tensor]:
    """The surrogate's gradient where the machine's law, or p in its place, is enumerated."""
    p = masses(rbm) if p is None else p
    energy = rbm.free_energy(STATES)
    pull = smoothed(p).g - (EPSILON * energy.detach() if form == "entropy" else 0.0)
    return list(torch.autograd.grad(surrogate(pull, energy, p), list(rbm.parameters())))


def objective(rbm: RBM, **options) -> Boltzmann:
    transport = Entropic("hamming", EPSILON, relative=False, debiased=False, tolerance=1e-12, max_iterations=20_000)
    return Boltzmann(rbm, **{"transport": transport, "likelihood_weight": 0.0, "chains": 20} | options)


def at_rest(found: Boltzmann, chains: torch.Tensor) -> Boltzmann:
    """The same with these chains, which do not move."""
    found.register_buffer("chains", chains.to(torch.uint8))
    found.rbm.gibbs = lambda x, *_: x
    return found


def repeated(counts: list[int]) -> torch.Tensor:
    return STATES.repeat_interleave(torch.tensor(counts), 0)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("form", ["kl", "entropy"])
def test_the_surrogates_gradient_is_that_of_the_smoothed_transport(form, seed):
    rbm = machine(seed)
    for found, wanted in zip(exact(rbm, form), differences(rbm, form), strict=True):
        assert torch.allclose(found, wanted, rtol=0, atol=1e-8)


def test_the_two_forms_have_different_gradients():
    rbm = machine()
    apart = [(a - b).abs().max() for a, b in zip(exact(rbm, "kl"), exact(rbm, "entropy"), strict=True)]
    assert max(apart) > 1e-2


@pytest.mark.parametrize("form", ["kl", "entropy"])
def test_repeated_samples_count_as_masses(form):
    rbm, counts = machine(), [3, 1, 4, 2, 2, 1, 1, 6]
    x = repeated([5, 1, 0, 3, 2, 0, 1, 8])
    found = at_rest(objective(rbm, form=form), repeated(counts))(x)
    assert list(found) == ["transport_surrogate"]
    gradients = torch.autograd.grad(found["transport_surrogate"], list(rbm.parameters()))
    wanted = exact(rbm, form, torch.tensor(counts).double() / sum(counts))
    assert all(torch.allclose(a, b, rtol=0, atol=1e-9) for a, b in zip(gradients, wanted, strict=True))


def test_the_gradient_on_many_samples_nears_the_exact_one():
    rbm, x = machine(), repeated([5, 1, 0, 3, 2, 0, 1, 8])
    errors = []
    for m in (60, 2000):
        counts = (m * masses(rbm)).round().long().tolist()
        term = at_rest(objective(rbm), repeated(counts))(x)["transport_surrogate"]
        gradients = torch.autograd.grad(term, list(rbm.parameters()))
        wanted = exact(rbm, "kl")
        errors.append(max(float((a - b).abs().max()) for a, b in zip(gradients, wanted, strict=True)))
    assert errors[1] < 1e-3 < errors[0]


def test_the_likelihood_term_has_the_gradient_of_the_divergence():
    rbm, x = machine(), repeated([5, 1, 0, 3, 2, 0, 1, 8])
    term = at_rest(objective(rbm, weight=0.0, likelihood_weight=1.0), repeated([1] * 8))
    divergence = rbm.free_energy(x).mean() + torch.logsumexp(-rbm.free_energy(STATES), 0)
    wanted = torch.autograd.grad(divergence, list(rbm.parameters()))
    energy = rbm.free_energy(STATES)
    model = torch.autograd.grad((masses(rbm) * energy).sum() - energy.mean(), list(rbm.parameters()))
    found = torch.autograd.grad(term(x)["likelihood_surrogate"], list(rbm.parameters()))
    # its chains stand for the machine's law, here the even one: what is between is the difference of the two means
    assert all(torch.allclose(f - m, w, atol=1e-12) for f, m, w in zip(found, model, wanted, strict=True))


def test_terms_are_weighted_and_named_for_what_they_are():
    rbm, x = machine(), repeated([1] * 8)
    plain, heavy = (
        at_rest(objective(rbm, weight=w, likelihood_weight=2 * w, decay=3 * w), repeated([2, 1, 1, 1, 1, 1, 1, 2]))(x)
        for w in (1.0, 2.0)
    )
    assert list(plain) == ["transport_surrogate", "likelihood_surrogate", "decay"]
    assert all(heavy[name].item() == pytest.approx(2 * plain[name].item()) for name in plain)
    assert plain["decay"].item() == pytest.approx(3 * rbm.weight.square().sum().item())
    assert list(objective(rbm, decay=3.0).weights().values()) == [1.0, 0.0, 3.0]


def test_training_by_likelihood_finds_the_law():
    torch.manual_seed(0)
    found = objective(RBM(3, 4), weight=0.0, likelihood_weight=1.0, chains=300, gibbs_steps=2)
    x = states(3)[torch.multinomial(TARGET, 2000, replacement=True)]
    for _ in steps(State(found, lr=0.1, schedule="cosine", steps=250), itertools.repeat(x)):
        pass
    model = torch.softmax(-found.rbm.free_energy(states(3)).detach(), 0).double()
    assert 0.5 * (model - TARGET).abs().sum() < 0.1  # the law that the machine starts with is 0.43 away


def test_the_kl_form_narrows_the_law_and_the_entropy_form_blurs_it():
    entropies = {}
    for form in ("kl", "entropy"):
        torch.manual_seed(0)
        rbm = RBM(3, 8).double()
        optimiser = torch.optim.Adam(rbm.parameters(), 0.2)
        for _ in range(100):
            for parameter, gradient in zip(rbm.parameters(), exact(rbm, form), strict=True):
                parameter.grad = gradient
            optimiser.step()
        p = masses(rbm)
        entropies[form] = -float(torch.xlogy(p, p).sum())
    data = -float(torch.xlogy(TARGET, TARGET).sum())
    assert entropies["kl"] < data - 0.1
    assert entropies["entropy"] > data + 0.1


def test_chains_run_on_in_training_only_and_stay_bits_in_the_average():
    torch.manual_seed(0)
    found, x = objective(RBM(3, 2), likelihood_weight=1.0, chains=30), states(3)
    state = State(found, average=0.9)
    before = found.chains.clone()
    next(steps(state, itertools.repeat(x)))
    assert not torch.equal(found.chains, before)
    assert state.average is not None
    assert torch.equal(state.average.values["chains"], found.chains)
    after = found.eval().chains.clone()
    found(x)
    assert torch.equal(found.chains, after)


def test_the_first_phase_is_the_likelihoods():
    found, x = objective(machine(), likelihood_weight=0.5, decay=0.1), STATES
    terms = found.warm_start(x)
    assert list(terms) == ["likelihood", "decay"]  # it has no weight, so none of `weights` may be taken off it
    assert "likelihood" not in found.weights()
    assert objective(machine(), weight=0.0, likelihood_weight=1.0).warm_start(x) is None


def test_the_estimate_is_the_exact_transport_of_draws_in_bits():
    found, x = objective(machine()).eval(), repeated([5, 1, 0, 3, 2, 0, 1, 8])
    torch.manual_seed(3)
    estimate = float(found.estimate(x))
    torch.manual_seed(3)
    bits = torch.cdist(x, found.draw(len(x)), p=0.0).numpy()
    rows, columns = linear_sum_assignment(bits)
    assert estimate == pytest.approx(bits[rows, columns].mean())


def test_draws_have_the_machines_law_and_leave_the_chains():
    found = objective(machine(), chains=7, burn_in=40)
    before = found.chains.clone()
    torch.manual_seed(0)
    places = (found.draw(20_000) @ torch.tensor([4.0, 2.0, 1.0]).double()).long()
    assert 0.5 * (torch.bincount(places, minlength=8) / 20_000 - masses(found.rbm)).abs().sum() < 0.015
    assert torch.equal(found.chains, before)


@pytest.mark.parametrize(("binarise", "bits"), [("none", True), ("threshold", False), ("sample", False)])
def test_samples_are_of_the_datas_kind(binarise, bits):
    torch.manual_seed(0)
    found = Boltzmann(RBM(12, 4), Entropic(debiased=False), binarise=binarise, shape=(3, 2, 2), burn_in=2)
    x = found.sample(5)
    assert x.shape == (5, 3, 2, 2)
    assert bool(((x == 0) | (x == 1)).all()) == bits
    assert x.min() >= 0
    assert x.max() <= 1
    assert not x.requires_grad


def test_grey_becomes_bits_by_threshold_or_by_chance():
    x = torch.tensor([[0.0, 0.3, 0.5, 0.7, 1.0]])
    assert objective(RBM(5, 2), binarise="threshold").bits(x).tolist() == [[0, 0, 0, 1, 1]]
    torch.manual_seed(0)
    drawn = objective(RBM(5, 2), binarise="sample").bits(x.expand(20_000, 5))
    assert drawn.mean(0).tolist() == pytest.approx(x[0].tolist(), abs=0.015)


def test_grey_data_for_a_binary_machine_name_the_remedy():
    found = objective(RBM(3, 2))
    with pytest.raises(ValueError, match=r"expects 0s and 1s, got 50% other values \(from 0 to 1\): use binarise="):
        found(torch.tensor([[0.0, 0.5, 0.2], [1.0, 0.7, 0.0]]))
    with pytest.raises(ValueError, match=r"in \[0, 1\], got -1 to 2"):
        objective(RBM(3, 2), binarise="sample")(torch.tensor([[-1.0, 0.5, 2.0]]))
    with pytest.raises(ValueError, match=r"from -1 to 2\): it is for bits and grey images only"):
        found(torch.tensor([[-1.0, 0.5, 2.0]]))
    with pytest.raises(ValueError, match=r"100% other values"):
        found(torch.full((1, 3), torch.nan))


def test_a_later_batch_that_is_grey_is_refused_too():
    found = objective(machine())
    found(STATES)
    with pytest.raises(ValueError, match="expects 0s and 1s"):
        found(0.5 * STATES)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"weight": -1.0}, "weight: expected a finite number of at least 0, got -1"),
        ({"likelihood_weight": float("nan")}, "likelihood_weight: expected a finite number"),
        ({"decay": float("inf")}, "decay: expected a finite number"),
        ({"weight": 0.0}, "expected one above 0, got 0 for both"),
        ({"chains": 0}, "chains: expected at least 1, got 0"),
        ({"gibbs_steps": 0}, "gibbs_steps: expected at least 1"),
        ({"form": "kll"}, "unknown form 'kll'. Did you mean 'kl'"),
        ({"binarise": "threshhold"}, "Did you mean 'threshold'"),
        ({"shape": (1, 2, 2)}, r"shape: \(1, 2, 2\) has 4 bits, the machine 3"),
        ({"form": "entropy", "transport": Entropic()}, "debiased=False"),
    ],
)
def test_bad_settings_are_refused_with_what_was_expected(options, words):
    with pytest.raises(ValueError, match=words):
        objective(machine(), **options)


def test_a_batch_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"expected x \(n, 3\), as the objective was built for, got \(4, 2\)"):
        objective(machine())(torch.zeros(4, 2))


@pytest.mark.parametrize("binarise", ["threshold", "sample"])
@pytest.mark.parametrize("bad", [float("nan"), 3.0, -0.1])
def test_values_off_the_grey_scale_are_refused_however_they_become_bits(binarise, bad):
    x = torch.rand(4, 5)
    x[2, 3] = bad
    with pytest.raises(ValueError, match="values in \\[0, 1\\]"):
        objective(RBM(5, 2), binarise=binarise).bits(x)


def test_labels_of_samples_are_checked_and_none_leaves_the_class_free() -> None:
    torch.manual_seed(0)
    rbm = RBM(4 + 3, 2)
    with torch.no_grad():
        rbm.visible_bias[-1] = 20.0  # the last class is all but sure
    model = Boltzmann(rbm, Entropic(debiased=False), classes=Classes(3), chains=10, burn_in=5)
    for labels, message in (
        (torch.tensor([9, 0]), "expected classes from 0 to 2"),
        (torch.tensor([0, 1, 2]), "expected a tensor of whole numbers"),
        (torch.full((2, 3), 0.5), "got weights"),
    ):
        with pytest.raises(ValueError, match=message):
            model.sample(2, labels)
    with pytest.raises(ValueError, match="got weights"):
        model.bits(torch.ones(2, 4), torch.full((2, 3), 0.5))
    with pytest.raises(ValueError, match="has no classes"):
        Boltzmann(RBM(4, 2), Entropic(debiased=False), chains=10).sample(2, torch.tensor([0, 1]))
    bits = model.draw(50, torch.tensor([-1] * 49 + [0]))[:, 4:]
    assert bool((bits[:49, 2] == 1).all()), "the class of -1 is drawn"
    assert bits[49].tolist() == [1.0, 0.0, 0.0]
