"""The interface of objectives."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from remblai import recipes
from remblai.objectives import Objective
from remblai.objectives.objective import at_the_mean
from remblai.recipes import wae_mmd


def test_what_an_objective_does_not_say_is_that_there_is_none() -> None:
    objective, x = Objective(), torch.zeros(2, 2)
    assert objective.adversary_loss(x) is None
    assert objective.warm_start(x) is None
    assert objective.weights() == {}
    with pytest.raises(ValueError, match="has no forward"):
        objective(x)
    with pytest.raises(ValueError, match="has no sample"):
        objective.sample(1)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (np.zeros((4, 1, 8, 8), np.float32), "of floating point, .* got ndarray: use torch.as_tensor"),
        (torch.zeros(4, 1, 8, 8, dtype=torch.uint8), "got torch.uint8"),
        (torch.zeros(4, 1, 8, 8, dtype=torch.float64), r"got torch.float64: use x.to\(torch.float32\)"),
        (torch.zeros(4, 1, 8, 8, dtype=torch.float16), r"got torch.float16: use x.to\(torch.float32\)"),
        (torch.zeros(4, 64), r"expected x \(n, 1, 8, 8\), .* got \(4, 64\)"),
        (torch.zeros(4, 1, 8, 8, device="meta"), "expected x on cpu, as the model is, got meta"),
    ],
)
def test_what_is_no_batch_is_refused_in_a_loop_of_ones_own(x: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        wae_mmd(shape=(1, 8, 8), latent=3)(x)


def test_an_objective_takes_batches_of_its_own_precision() -> None:
    objective = wae_mmd(shape=(2,), latent=2).double()
    assert set(objective(torch.zeros(5, 2, dtype=torch.float64))) == {"transport", "penalty"}


def images(**options: Any) -> Objective:
    torch.manual_seed(0)
    return recipes.wae_mmd(shape=(1, 28, 28), latent=2, network={"name": "dcgan", "width": 4}, **options)


def test_looking_at_samples_moves_no_statistics_and_leaves_each_layer_in_its_mode() -> None:
    model = images().train()
    frozen = next(part for part in model.decoder.modules() if isinstance(part, nn.BatchNorm2d))
    frozen.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert model.sample(1).shape == (1, 1, 28, 28)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model.training
    assert not frozen.training
    at_the_mean(model.decoder, model.prior)
    assert not frozen.training


def test_a_method_that_a_class_says_it_has_and_lacks_is_named() -> None:
    class Mine(Objective):
        encodes = decodes = True

    with pytest.raises(ValueError, match=r"Mine: this objective has no encode\(x, labels=None\) -> Code: define it"):
        Mine().encode(torch.zeros(1, 2))
    with pytest.raises(ValueError, match=r"Mine: this objective has no decode\(z, labels=None\) -> x"):
        Mine().decode(torch.zeros(1, 2))
    with pytest.raises(ValueError, match="Objective has no encoder: use an auto-encoder"):
        Objective().encode(torch.zeros(1, 2))
    with pytest.raises(ValueError, match="Objective has no codes: use `sample`"):
        Objective().decode(torch.zeros(1, 2))


def test_labels_are_checked() -> None:
    model = recipes.wae_mmd(shape=(2,), classes=np.int64(3))
    x = torch.randn(4, 2)
    for labels, words in (
        (torch.tensor([7, 7]), "classes from 0 to 2, or -1 for none, got 7 to 7"),
        (torch.tensor([0, 1, 2]), r"whole numbers \(2,\).*got torch.int64 \(3,\)"),
        ([0, 1], "got list"),
        (torch.zeros(2, 2), r"weights \(2, 3\), got torch.float32 \(2, 2\)"),
    ):
        with pytest.raises(ValueError, match=words):
            model.sample(2, labels)
    with pytest.raises(ValueError, match=r"whole numbers \(4,\)"):
        model(x, torch.tensor([0]))
    plain = recipes.gan(shape=(2,))
    for call in (lambda: plain.sample(2, torch.tensor([0, 1])), lambda: plain(x, torch.tensor([0] * 4))):
        with pytest.raises(ValueError, match="this model has no classes"):
            call()
