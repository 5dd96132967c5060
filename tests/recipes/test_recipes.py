"""Every recipe of the table: trains, samples, encodes, is saved and goes on, on points and on images of any shape."""

import copy
import io
import itertools
import json
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from tests.small import CONVOLUTIONAL, IMAGES_ONLY, settled
from torch import Tensor
from torch.nn.utils.parametrize import is_parametrized

from remblai import data
from remblai.critics import Adversarial, Hinge, Kantorovich, KernelGame, Spectral
from remblai.distances import DIVERGENCES
from remblai.objectives import Objective
from remblai.recipes import RECIPES
from remblai.runs.resolve import Resolved, from_json, resolve
from remblai.training import State, check, steps
from remblai.training.players import sides

SHAPES = [(2,), (1, 9, 7), (3, 17, 19), (4, 7, 11)]
SMALL: dict[str, Any] = {
    "latent": 3,
    "network.width": 8,
    "velocity.width": 8,
    "sampling_steps": 3,
    "penalty.width": 16,
    "penalty.depth": 2,
    "critic.width": 8,
    "code": 3,
    "features": 4,
    "critic_steps": 1,
    "lipschitz.bound": 0.5,
    "binarise": "threshold",
    "hidden": 5,
    "chains": 8,
    "warm_start": 0,
    "noise": 0.1,
    "average": 0.9,
    "steps": 20,
    "batch_size": 8,
}
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("wae-mmd", {"penalty": "sum"}),
    ("wae-mmd", {"penalty": "sum", "penalty.first": "adversarial", "penalty.second": "covariance"}),
    ("pot", {"encoder": "implicit", "decoder": "gaussian", "cost": "euclidean", "penalty": "mmd"}),
    ("info-vae", {"penalty": "adversarial"}),
    ("rae", {"regulariser": "gradient"}),
    ("rae", {"regulariser": "spectral"}),
    ("gan", {"saturating": True, "packing": 2}),
    ("f-gan", {"divergence": "pearson", "trick": False}),
    ("gan", {"lipschitz": "orthogonal"}),
    ("dcgan", {"network": "mlp", "critic.norm": "none"}),
    ("ebgan", {"packing": 2}),
    ("wae-gan", {"penalty.game": "kantorovich", "penalty.lipschitz": "gradient-penalty"}),
    ("wgan-gp", {"lipschitz.one_sided": True}),
    ("mmd-gan", {"kernel": "gaussian", "lipschitz": "spectral", "packing": 2}),
    ("minimum-distance", {"discrepancy": "adversarial", "discrepancy.game": "hinge", "discrepancy.critic.width": 8}),
    ("minimum-distance", {"discrepancy": "sliced"}),
    ("drifting", {"drift": "energy-distance", "normalise": False}),
    ("drifting", {"drift": "adversarial", "drift.critic.width": 8}),
    ("flow-matching", {"coupling": "semi-discrete", "coupling.atoms": 20, "method": "euler"}),
]
CASES = [*((name, {}) for name in RECIPES), *VARIANTS]


def small_shape(name: str) -> tuple[int, ...]:
    return (1, 9, 7) if name in IMAGES_ONLY else (2,)


def with_shapes(*shapes: tuple[int, ...]) -> list[tuple[str, dict[str, Any], tuple[int, ...]]]:
    """Every case with every shape that its recipe takes."""
    return [(*case, shape) for case in CASES for shape in shapes if len(shape) == 3 or case[0] not in IMAGES_ONLY]


def title(case: object) -> str | None:
    if isinstance(case, tuple):
        return "x".join(str(size) for size in case)
    return "-".join(str(value) for value in case.values()) if isinstance(case, dict) else None


def resolved(name: str, **options: Any) -> Resolved:
    """The recipe with as much of SMALL as it has options for."""
    return settled(name, SMALL, **options)


def built(how: Resolved, shape: tuple[int, ...]) -> tuple[Objective, State]:
    torch.manual_seed(0)
    objective = how.build(shape)
    return objective, State(objective, **how.loop)


def stream(shape: tuple[int, ...], start: int = 0) -> Iterator[Tensor]:
    for number in itertools.count(start):
        generator = torch.Generator().manual_seed(number)
        draw = torch.rand if len(shape) == 3 else torch.randn
        yield draw(8, *shape, generator=generator)


def run(state: State, shape: tuple[int, ...], n: int) -> None:
    for step in itertools.islice(steps(state, stream(shape, state.batches_drawn)), n):
        assert all(torch.isfinite(term) for term in step.terms.values())
    check(state)


@pytest.mark.parametrize(("name", "options", "shape"), with_shapes(*SHAPES), ids=title)
def test_it_trains_moves_every_weight_samples_and_encodes(
    name: str, options: dict[str, Any], shape: tuple[int, ...]
) -> None:
    objective, state = built(resolved(name, **options), shape)
    before = {key: value.clone() for key, value in objective.named_parameters()}
    run(state, shape, 20)
    still = {key for key, value in objective.named_parameters() if torch.equal(value, before[key])}
    assert still <= constants(objective)
    objective.eval()
    sample = objective.sample(5)
    assert sample.shape == (5, *shape)
    assert torch.isfinite(sample).all()
    assert not sample.requires_grad
    assert len(shape) == 1 or (sample.min() >= 0 and sample.max() <= 1)


@pytest.mark.parametrize(("name", "options"), CASES, ids=title)
def test_a_first_phase_leaves_only_the_decoder_and_the_critic(name: str, options: dict[str, Any]) -> None:
    shape = small_shape(name)
    objective, state = built(resolved(name, warm_start=5, **options), shape)
    if objective.warm_start(next(stream(shape))) is None:
        with pytest.raises(ValueError, match="has no first phase"):
            run(state, shape, 1)
        return
    before = copy.deepcopy(objective.state_dict())
    run(state, shape, 5)
    if not objective.encodes:
        return
    moved = {key for key, value in objective.state_dict().items() if not torch.equal(value, before[key])}
    assert {key.removeprefix("auto_encoder.").split(".")[0] for key in moved} == {"encoder"}


def constants(objective: Objective) -> set[str]:
    """The critics' last biases, where a constant added to every answer changes nothing, or not at small scores."""
    found = set()
    for name, part in objective.named_modules():
        if isinstance(part, Adversarial) and isinstance(part.game, Hinge | Kantorovich | KernelGame):
            biases = [key for key, _ in part.critic.named_parameters() if key.endswith("bias")]
            # under the spectral norm a bias outweighs its layer's few weights: units are then on or off for all points
            moved = biases[-2:] if isinstance(part.lipschitz, Spectral) else biases[-1:]
            found |= {f"{name}.critic.{bias}" for bias in moved}
    return found


def through_bytes(saved: Any) -> Any:
    file = io.BytesIO()
    torch.save(saved, file)
    return torch.load(io.BytesIO(file.getvalue()), weights_only=True)


@pytest.mark.parametrize(("name", "options", "shape"), with_shapes((2,), (3, 17, 19)), ids=title)
def test_it_is_saved_and_goes_on_bit_for_bit(name: str, options: dict[str, Any], shape: tuple[int, ...]) -> None:
    how = resolved(name, **options)
    whole, state = built(how, shape)
    run(state, shape, 5)
    assert state.average is not None
    saved = through_bytes((whole.state_dict(), state.state_dict(), state.average.values))
    run(state, shape, 6)
    again, later = built(from_json(json.loads(json.dumps(how.to_json()))), shape)
    torch.rand(100)
    again.load_state_dict(saved[0])
    later.load_state_dict(saved[1], saved[2])
    run(later, shape, 6)
    assert (later.step, later.batches_drawn) == (state.step, state.batches_drawn)
    assert all(torch.equal(value, again.state_dict()[key]) for key, value in whole.state_dict().items())
    assert later.average is not None
    assert all(torch.equal(value, later.average.values[key]) for key, value in state.average.values.items())


@pytest.mark.parametrize(("name", "options"), CASES, ids=title)
def test_each_side_keeps_still_in_the_others_step(name: str, options: dict[str, Any]) -> None:
    shape = small_shape(name)
    objective, state = built(resolved(name, **options | {"critic_steps": 0}), shape)
    critics, model = sides(objective)
    assert bool(critics) == any(isinstance(part, Adversarial) for part in objective.modules())
    assert model
    before = {key: value.clone() for key, value in objective.state_dict().items() if ".critic." in key}
    run(state, shape, 3)
    assert all(torch.equal(value, objective.state_dict()[key]) for key, value in before.items())
    loss = objective.adversary_loss(next(stream(shape)))
    assert (loss is None) == (not critics)
    if loss is None:
        return
    for parameter in objective.parameters():
        parameter.requires_grad_(True).grad = None
    objective.adversary_loss(next(stream(shape))).backward()  # type: ignore[union-attr]
    assert all(parameter.grad is not None for parameter in critics.values())
    assert all(parameter.grad is None for parameter in model.values())


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_whose_options_constrain_a_critic_trains_one(name: str) -> None:
    how = resolved(name)
    constrains = any(option.name.split(".")[-1] == "lipschitz" for option in how.signature)
    critics = sides(built(how, small_shape(name))[0])[0]
    assert critics or not constrains
    with_critic_steps = {"critic_steps", "critic_lr", "own_batches"} & set(RECIPES[name].loop)
    assert critics or not with_critic_steps, "a loop that speaks of critics has some"


@pytest.mark.parametrize("name", sorted(CONVOLUTIONAL))
def test_a_convolutional_recipe_refuses_points(name: str) -> None:
    with pytest.raises(ValueError, match=r"expected images .* use the (network|critic) 'mlp'"):
        built(resolved(name), (2,))


@pytest.mark.parametrize(("name", "options"), CASES, ids=title)
def test_what_a_model_can_do_is_what_its_objective_says(name: str, options: dict[str, Any]) -> None:
    shape = small_shape(name)
    objective = built(resolved(name, **options), shape)[0].eval()
    x = next(stream(shape))
    if objective.encodes:
        z = objective.encode(x).z
        assert z.shape == (8, objective.prior.latent)
    else:
        with pytest.raises(ValueError, match="has no encoder"):
            objective.encode(x)
    if objective.decodes:
        torch.manual_seed(1)
        codes = objective.latent_law.sample(5)
        assert codes.shape == (5, objective.prior.latent)
        torch.manual_seed(1)
        torch.testing.assert_close(objective.sample(5), objective.decode(objective.prior.nearest(codes)))
        assert objective.decode_from(objective.prior, 3).shape == (3, *shape)
    else:
        with pytest.raises(ValueError, match="has no codes"):
            objective.decode(torch.zeros(1, 3))


@pytest.mark.parametrize(("name", "options"), CASES, ids=title)
def test_an_objective_can_be_copied_and_pickled(name: str, options: dict[str, Any]) -> None:
    shape = small_shape(name)
    objective = built(resolved(name, **options), shape)[0]
    again = [copy.deepcopy(objective)]
    if not any(is_parametrized(part) for part in objective.modules()):  # torch refuses to pickle those
        again.append(pickle.loads(pickle.dumps(objective)))
    x, results = next(stream(shape)), []
    for each in (objective, *again):
        torch.manual_seed(1)
        results.append(each(x))
    assert all(torch.equal(value, other[key]) for other in results for key, value in results[0].items())


@pytest.mark.parametrize("trick", [True, False], ids=["trick", "saddle"])
@pytest.mark.parametrize("divergence", sorted(DIVERGENCES))
def test_f_gan_stays_finite_for_every_divergence_at_the_rates_of_the_recipe(divergence: str, trick: bool) -> None:
    """Some fell to infinity within a hundred steps: their T is an exponential of a score that nothing holds."""
    torch.manual_seed(0)
    options = {"divergence": divergence, "trick": trick, "network.width": 64, "critic.width": 64}
    how = resolve("f-gan", {"network": "mlp", "critic": "mlp", **options})
    state = State(how.build((2,)), **how.loop)
    ring = data.load("ring")
    for _ in itertools.islice(steps(state, ring.train.batches(state.batch_size, 0)), 150):
        pass
    check(state)
    assert all(value.isfinite().all() for value in state.objective.state_dict().values())
