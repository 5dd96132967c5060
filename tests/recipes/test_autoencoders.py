"""Every recipe of the table: trains, samples, encodes and goes on, on points and on images of any shape."""

import copy
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from remblai.costs import COSTS
from remblai.kernels import KERNELS
from remblai.laws import DECODERS, ENCODERS, PRIORS
from remblai.networks import NETWORKS
from remblai.objectives import AutoEncoder
from remblai.recipes import RECIPES
from remblai.resolve import resolve
from remblai.training import State, check, steps
from remblai.training.state import sides

SHAPES = [(2,), (1, 8, 8), (3, 17, 13), (4, 9, 30)]
SMALL: dict[str, Any] = {"latent": 3, "network.width": 8, "average": 0.9, "steps": 20, "batch_size": 8}
CRITIC = {"penalty.width": 16, "penalty.depth": 2}


def small(name: str, shape: tuple[int, ...] = (2,), **options: Any) -> tuple[AutoEncoder, State]:
    critic = CRITIC if name == "wae-gan" and options.get("penalty", "adversarial") == "adversarial" else {}
    resolved = resolve(name, SMALL | critic | options)
    torch.manual_seed(0)
    objective = resolved.build(shape)
    assert isinstance(objective, AutoEncoder)
    return objective, State(objective, **resolved.loop)


def stream(shape: tuple[int, ...], start: int = 0) -> Iterator[Tensor]:
    for number in itertools.count(start):
        generator = torch.Generator().manual_seed(number)
        draw = torch.rand if len(shape) == 3 else torch.randn
        yield draw(8, *shape, generator=generator)


def run(state: State, shape: tuple[int, ...], n: int) -> None:
    for step in itertools.islice(steps(state, stream(shape, state.drawn)), n):
        assert all(torch.isfinite(term) for term in step.terms.values())
    check(state)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", sorted(RECIPES))
def test_it_trains_moves_every_weight_samples_and_encodes(name: str, shape: tuple[int, ...]) -> None:
    objective, state = small(name, shape)
    before = {key: value.clone() for key, value in objective.named_parameters()}
    run(state, shape, 20)
    still = {key for key, value in objective.named_parameters() if torch.equal(value, before[key])}
    assert not still
    objective.eval()
    sample = objective.sample(5)
    z = objective.encode(next(stream(shape))).z
    assert sample.shape == (5, *shape)
    assert z.shape == (8, 3)
    assert torch.isfinite(sample).all()
    assert len(shape) == 1 or (sample.min() >= 0 and sample.max() <= 1)


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_a_first_phase_leaves_only_the_decoder_and_the_critic(name: str) -> None:
    objective, state = small(name, warm_start=5)
    before = copy.deepcopy(objective.state_dict())
    run(state, (2,), 5)
    moved = {key.split(".")[0] for key, value in objective.state_dict().items() if not torch.equal(value, before[key])}
    assert moved == {"encoder"}


@pytest.mark.parametrize("shape", [(2,), (3, 17, 13)], ids=str)
@pytest.mark.parametrize("name", sorted(RECIPES))
def test_it_goes_on_bit_for_bit(name: str, shape: tuple[int, ...]) -> None:
    whole, state = small(name, shape, noise=0.1) if name != "vae" else small(name, shape)
    run(state, shape, 9)
    saved = copy.deepcopy((whole.state_dict(), state.state_dict(), state.average and state.average.values))
    run(state, shape, 11)
    again, later = small(name, shape, noise=0.1) if name != "vae" else small(name, shape)
    torch.rand(100)
    again.load_state_dict(saved[0])
    later.load_state_dict(saved[1], saved[2])
    run(later, shape, 11)
    assert (later.number, later.drawn) == (state.number, state.drawn)
    assert all(torch.equal(value, again.state_dict()[key]) for key, value in whole.state_dict().items())
    assert later.average is not None
    assert state.average is not None
    assert all(torch.equal(value, later.average.values[key]) for key, value in state.average.values.items())


def test_the_critic_of_wae_gan_is_found_and_of_no_other() -> None:
    for name in RECIPES:
        critics, model = sides(small(name)[0])
        assert bool(critics) == (name == "wae-gan")
        assert all(".critic." in key for key in critics)
        assert any(key.startswith("encoder") for key in model)


WIDE = [(2,), (1, 28, 28), (3, 64, 64), (1, 5, 40)]
COMBINATIONS = [
    *(("wae-mmd", shape, {"network": one}) for one in NETWORKS for shape in WIDE),
    *(("wae-mmd", (2,), {"penalty.kernel": one, "prior": prior}) for one in KERNELS for prior in PRIORS),
    *(("wae-mmd", shape, {"cost": one}) for one in COSTS for shape in [(2,), (1, 8, 8)]),
    *(
        (name, shape, {"encoder": one, "decoder": two, "prior": prior})
        for name in ("wae-mmd", "wae-gan", "vae")
        for one in ENCODERS
        for two in DECODERS
        for prior in PRIORS
        for shape in [(2,), (1, 4, 4)]
    ),
]
REMEDIES = ("use", "choose", "scale", "expected", "needs", "give", "leave")


@pytest.mark.parametrize("which", range(8))
def test_every_combination_of_parts_trains_or_says_what_to_choose(which: int) -> None:
    for name, shape, given in COMBINATIONS[which::8]:
        width = {} if given.get("network") in ("resnet", "wae") else {"network.width": 8}
        critic = CRITIC if name == "wae-gan" else {}
        try:
            torch.manual_seed(0)
            resolved = resolve(name, {"latent": 3, "network": "mlp"} | width | critic | given)
            objective = resolved.build(shape)
            x = torch.rand(4, *shape)
            if given.get("network") in (None, "mlp", "auto"):
                loss = sum(objective(x).values())
                assert torch.isfinite(loss), (name, shape, given)
                loss.backward()
                gradients = [p.grad for p in objective.parameters() if p.grad is not None]
                assert all(torch.isfinite(g).all() for g in gradients), (name, shape, given)
        except ValueError as problem:
            assert any(word in str(problem).lower() for word in REMEDIES), (name, shape, given, str(problem))


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("wae-mmd", {"latent": 0}, "latent"),
        ("wae-mmd", {"latent": -2}, "latent"),
        ("wae-mmd", {"weight": -1.0}, "weight: expected a finite number of at least 0"),
        ("wae-mmd", {"network.width": 0}, "width"),
        ("wae-mmd", {"penalty.kernel.scale": 0}, "scale"),
        ("wae-mmd", {"network": "dcgan"}, "dcgan"),
        ("vae", {"decoder.variance": 0}, "variance"),
        ("vae", {"decoder": "bernoulli"}, r"range \(0, 1\)"),
        ("vae", {"encoder": "deterministic"}, "choose the gaussian encoder"),
        ("vae", {"prior": "sphere"}, "'gaussian'"),
        ("wae-gan", {"penalty.depth": -1}, "depth"),
        ("wae-gan", {"penalty.offset": True, "prior": "uniform"}, "leave the offset out"),
    ],
)
def test_parts_that_do_not_fit_are_refused(name: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        small(name, (2,), **options)


def test_a_batch_of_one_is_refused_by_mmd_with_a_remedy() -> None:
    with pytest.raises(ValueError, match=r"at least 2 points .*take a larger batch"):
        small("wae-mmd")[0](torch.randn(1, 2))


def test_the_authors_settings_can_be_asked_for() -> None:
    given = {
        "transport_weight": 0.05,
        "noise": 0.01,
        "warm_start": 200,
        "schedule": "step",
        "network": "wae",
        "network.width": 8,
        "penalty.closed_form": False,
        "lr": 1e-3,
    }
    resolved = resolve("wae-mmd", given)
    assert resolved.build((1, 28, 28)).weights()["transport"] == 0.05
    gan = resolve("wae-gan", {"penalty.offset": True, "lr": 3e-4, "critic_lr": 1e-3, "weight": 1.0})
    assert gan.build((2,)).penalty.discrepancy.offset is not None
    assert (gan.loop["lr"], gan.loop["critic_lr"]) == (3e-4, 1e-3)
