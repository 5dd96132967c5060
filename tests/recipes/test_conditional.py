"""Every recipe of the table with labels: it trains, its loss depends on them, and classes have samples of their own."""

import inspect
import itertools
from typing import Any

import pytest
import torch
from tests.small import IMAGES_ONLY, NARROW, settled
from torch import Tensor

from remblai.config.registry import nest
from remblai.objectives import Objective
from remblai.recipes import RECIPES
from remblai.training import State, check, steps

CLASSES = 3
OPTIONS: dict[str, Any] = NARROW | {
    "velocity.width": 8,
    "sampling_steps": 2,
    "critic_steps": 1,
    "binarise": "threshold",
    "chains": 8,
    "gibbs_steps": 1,
    "warm_start": 0,
    "average": 0.9,
    "steps": 3,
    "batch_size": 12,
}
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("wae-mmd", {"penalty": "sum", "penalty.first": "adversarial"}),
    ("wae-gan", {"penalty.offset": True}),
    ("ebgan", {"packing": 2}),
    ("wae-gan", {"penalty.packing": 2}),
    ("drifting", {"drift": "energy-distance", "normalise": False}),
    ("flow-matching", {"coupling": "semi-discrete", "coupling.atoms": 20}),
]
CASES = [*((name, {}) for name in RECIPES), *VARIANTS]
cases = pytest.mark.parametrize(
    ("name", "options"), CASES, ids=lambda case: case if isinstance(case, str) else str(len(case))
)


def shape_of(name: str) -> tuple[int, ...]:
    return (1, 9, 7) if name in IMAGES_ONLY else (2,)


def conditional(name: str, options: dict[str, Any]) -> tuple[Objective, State]:
    # the weights of a machine start so small that its bits are coins
    how = settled(name, OPTIONS | ({"lr": 0.3} if "rbm" in name else {}), **options)
    torch.manual_seed(0)
    objective = how.recipe(shape=shape_of(name), classes=CLASSES, **nest(how.arguments))
    return objective, State(objective, **how.loop)


def batch(name: str, number: int = 0) -> tuple[Tensor, Tensor]:
    draws = torch.Generator().manual_seed(number)
    labels = torch.arange(12) % CLASSES
    noise = torch.rand(12, *shape_of(name), generator=draws)
    return (noise + labels.reshape(-1, *[1] * len(shape_of(name)))) / CLASSES, labels


@cases
def test_it_trains_its_loss_depends_on_labels_and_classes_have_samples_of_their_own(
    name: str, options: dict[str, Any]
) -> None:
    objective, state = conditional(name, options)
    for step in itertools.islice(steps(state, [batch(name, number) for number in range(3)]), 3):
        assert all(torch.isfinite(term) for term in step.terms.values())
    check(state)
    x, labels = batch(name)
    losses, samples = [], []
    objective.eval().requires_grad_(False)
    for given, label in ((labels, 0), (labels, 0), (labels.roll(1), 1)):
        with torch.set_grad_enabled(name == "drifting"):
            torch.manual_seed(0)
            losses.append(sum(float(term) for term in objective(x, given).values()))
        torch.manual_seed(0)
        samples.append(objective.sample(32, torch.full((32,), label)))
    assert losses[0] == losses[1] != losses[2]
    assert samples[0].shape == (32, *x.shape[1:])
    assert torch.equal(samples[0], samples[1])
    assert not torch.equal(samples[0], samples[2])
    assert objective.sample(5).shape == (5, *x.shape[1:])
    with pytest.raises(ValueError, match="labels: expected one for each row"):
        objective(x)


@pytest.mark.parametrize("name", ["wae-mmd", "wgan-gp", "flow-matching"])
def test_a_conditional_model_wants_labels_in_its_batches(name: str) -> None:
    x, labels = batch(name)
    for bad, words in (
        (x, "no labels"),
        ((x, labels.float()), "float32"),
        ((x, labels + 1), "labels from 0 to 2, got 1 to 3"),
        ((x, labels[:5]), r"int64 \(5,\)"),
    ):
        _, state = conditional(name, {})
        with pytest.raises(ValueError, match=words):
            next(steps(state, [bad]))


def test_a_model_without_classes_takes_no_notice_of_labels() -> None:
    found = []
    for given in (False, True):
        torch.manual_seed(0)
        objective = RECIPES["wae-mmd"](shape=(2,), latent=2)
        state = State(objective, steps=2)
        x, labels = batch("wae-mmd")
        last = list(steps(state, [(x, labels) if given else x]))[-1]
        found.append({key: float(value) for key, value in last.terms.items()})
        assert objective.classes is None
        assert "classes.shares" not in objective.state_dict()
    assert found[0] == found[1]


def test_the_flow_s_guidance_is_refused_where_it_was_not_trained() -> None:
    flow = RECIPES["flow-matching"]
    with pytest.raises(ValueError, match="guidance: expected 1, for the model is not conditional"):
        flow(shape=(2,), guidance=2.0)
    with pytest.raises(ValueError, match="was trained with every label"):
        flow(shape=(2,), classes=3, guidance=2.0, label_dropout=0.0)
    with pytest.raises(ValueError, match="label_dropout"):
        flow(shape=(2,), classes=3, label_dropout=1.0)
    with pytest.raises(ValueError, match="not guided"):
        RECIPES["gan"](shape=(2,), classes=3).guide(2.0)


@pytest.mark.parametrize("name", [name for name in RECIPES if "dcgan" not in name])
def test_conditional_recipes_take_float64(name: str) -> None:
    parameters = inspect.signature(RECIPES[name].function).parameters
    if "classes" not in parameters or name in ("rbm", "wasserstein-rbm"):
        pytest.skip("without classes, or of bits")
    model = RECIPES[name](shape=(4,), classes=3, **({"network": "mlp"} if "network" in parameters else {})).double()
    terms = model(torch.randn(8, 4, dtype=torch.float64), torch.arange(8) % 3)
    assert all(term.dtype == torch.float64 and torch.isfinite(term) for term in terms.values())
