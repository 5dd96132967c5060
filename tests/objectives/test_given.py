"""What a model is given and gives back: batches, labels, ranges and terms that mean nothing are refused at once."""

import re
from inspect import signature
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from remblai import recipes
from remblai.critics import Adversarial, Lipschitz, Logistic
from remblai.discrepancies import Discrepancy
from remblai.networks import Network
from remblai.objectives import Objective, Penalty
from remblai.recipes import RECIPES
from remblai.training import State, steps

CONDITIONAL = ["vae", "wae-mmd", "gmmn", "drifting", "flow-matching"]


def once(model: Objective, batches: Any, **loop: Any) -> None:
    next(steps(State(model, **{"batch_size": 4, "lr": 1e-3} | loop), batches))


@pytest.mark.parametrize("name", CONDITIONAL)
def test_labels_of_no_class_are_refused_beside_batches_and_codes(name: str) -> None:
    model, x, labels = RECIPES[name]((1, 8, 8), classes=3), torch.rand(6, 1, 8, 8), torch.arange(6) % 3
    model(x, labels)
    with pytest.raises(ValueError, match="expected classes from 0 to 2, or -1 for none, got 7 to 9"):
        model(x, labels + 7)
    with pytest.raises(ValueError, match="expected classes from 0 to 2"):
        model.decode(model.prior.sample(2), torch.tensor([9, 9]))
    with pytest.raises(ValueError, match="expected a tensor of whole numbers"):
        model.decode(model.prior.sample(2), torch.tensor([1]))


@pytest.mark.parametrize("name", ["vae", "wae-mmd", "gmmn", "gmmn-ae", "drifting", "flow-matching"])
def test_codes_of_another_width_are_refused(name: str) -> None:
    """A flow made four points of two codes of four coordinates; the others failed within torch."""
    model = RECIPES[name]((2,))
    width = model.prior.latent
    assert model.decode(torch.zeros(3, width)).shape == (3, 2)
    assert model.decode(torch.zeros(0, width)).shape == (0, 2)
    for shape in ((2, 2 * width), (3, width + 7), (2, width, 1), ()):
        expected = rf"codes: expected a tensor \(n, {width}\) of floating point, got {re.escape(str(shape))}: they"
        with pytest.raises(ValueError, match=expected):
            model.decode(torch.zeros(shape))
    with pytest.raises(ValueError, match=rf"got \({width},\): it is one code: pass z\[None\]"):
        model.decode(torch.zeros(width))
    with pytest.raises(ValueError, match=r"got torch.int64"):
        model.decode(torch.zeros(2, width, dtype=torch.int64))
    with pytest.raises(ValueError, match="got list"):
        model.decode([[0.0] * width])  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["vae", "gmmn", "gmmn-ae", "drifting", "flow-matching", "rbm"])
def test_what_is_no_number_of_samples_is_refused(name: str) -> None:
    model = RECIPES[name]((4,))
    assert model.sample(0).shape == (0, 4)
    assert model.sample(np.int64(3)).shape == (3, 4)
    for n in (-1, 2.5, True, "3", None):
        with pytest.raises(ValueError, match=f"n: expected a whole number of samples, at least 0, got {n!r}"):
            model.sample(n)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [name for name in RECIPES if "latent" in signature(RECIPES[name]).parameters])
def test_what_is_no_number_of_coordinates_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"expected .*whole number.* got 2\.5"):
        RECIPES[name]((1, 8, 8), latent=2.5)


@pytest.mark.parametrize("coupling", ["batch", "independent", "semi-discrete"])
def test_weights_of_classes_are_labels_of_a_flow(coupling: str) -> None:
    torch.manual_seed(0)
    model, x, weights = recipes.flow_matching((2,), classes=3, coupling=coupling), torch.randn(6, 2), torch.rand(6, 3)
    assert torch.isfinite(model(x, weights)["velocity"])
    assert torch.isfinite(model(x, weights.double())["velocity"])


@pytest.mark.parametrize("name", CONDITIONAL)
def test_weights_of_classes_are_labels_in_the_loop(name: str) -> None:
    once(RECIPES[name]((2,), classes=3), [(torch.randn(6, 2), torch.rand(6, 3).double())])
    with pytest.raises(ValueError, match=r"labels \(6,\) of whole numbers, or weights \(6, 3\)"):
        once(RECIPES[name]((2,), classes=3), [(torch.randn(6, 2), torch.rand(6, 2))])


def test_rows_between_classes_are_coupled_with_their_own_noise() -> None:
    """Each may be the only one of its weights, and the noise of every weight is normal."""
    model = recipes.flow_matching((2,), classes=2)
    noise, data = torch.randn(5, 2), torch.randn(5, 2)
    assert torch.equal(model._partners(noise, data, torch.rand(5, 2)), data)
    assert not torch.equal(model._partners(noise, data, torch.zeros(5, dtype=torch.int64)), data)


@pytest.mark.parametrize("name", ["wae-mmd", "gan", "flow-matching", "gmmn-ae", "drifting"])
@pytest.mark.parametrize(
    ("x", "remedy"),
    [
        (255.0 * torch.rand(4, 1, 8, 8), "use x / 255"),
        (2.0 * torch.rand(4, 1, 8, 8) - 1.0, r"use \(x \+ 1\) / 2"),
        (50.0 * torch.randn(4, 1, 8, 8), "scale them"),
    ],
)
def test_images_outside_the_range_are_refused(name: str, x: Tensor, remedy: str) -> None:
    with pytest.raises(ValueError, match=f"expected values from 0 to 1, .*{remedy}"):
        RECIPES[name]((1, 8, 8))(x)
    with pytest.raises(ValueError, match=remedy):
        once(RECIPES[name]((1, 8, 8)), [x])


def test_interpolation_and_noise_may_leave_the_range() -> None:
    edges = torch.nn.functional.interpolate((torch.rand(16, 1, 4, 4) > 0.5).float(), size=(8, 8), mode="bicubic")
    assert float(edges.max()) > 1.05
    for x in (edges, torch.rand(16, 1, 8, 8) + 0.05 * torch.randn(16, 1, 8, 8)):
        once(RECIPES["wae-mmd"]((1, 8, 8)), [x])


def test_points_have_no_range_and_images_are_looked_at_once() -> None:
    recipes.wae_mmd((2,))(1000.0 * torch.randn(4, 2))
    model = recipes.wae_mmd((1, 8, 8))
    model(torch.rand(4, 1, 8, 8))
    model(torch.rand(4, 1, 8, 8) + 5.0)  # a device would be waited for in each step


def test_an_empty_batch_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one sample"):
        once(recipes.wae_mmd((2,)), [torch.zeros(0, 2)])


def test_a_last_batch_of_one_says_what_to_do() -> None:
    loader = DataLoader(TensorDataset(torch.rand(5, 2)), batch_size=4)
    normed = Network(
        (2,),
        lambda outputs: nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, outputs)),
        lambda inputs: nn.Linear(inputs, 2),
    )
    model = recipes.ae((2,), network=normed, latent=2)
    state = State(model, steps=3, batch_size=4)
    with pytest.raises(ValueError, match=r"got a batch of 1, .* use drop_last=True"):
        list(steps(state, loader))


class Rows(Penalty):
    """One number for each code."""

    compares = False

    def forward(self, code: Any, prior: Any) -> Tensor:
        return code.z.square().sum(1)


class Entries(Discrepancy):
    """One number for each entry."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return (x - y).square()


class Gradients(Lipschitz):
    """A penalty of each point."""

    def penalty(self, score: Any, x: Tensor, y: Tensor) -> Tensor:
        return score(x).square()


class Fixed(Objective):
    """Answers what it was made with."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.layer, self.answer = nn.Linear(2, 1), answer

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Any:
        return self.answer(self.layer(x))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (recipes.wae_mmd((2,), penalty=Rows()), r"the term 'penalty', got one of shape \(4,\): take its mean"),
        (recipes.gmmn((2,), discrepancy=Entries()), r"the term 'discrepancy', got one of shape \(4, 2\)"),
        (Fixed(lambda y: y.mean()), "expected named terms from it, .* got Tensor"),
        (Fixed(lambda y: {"transport": 0.5}), "the term 'transport', got float 0.5: compute it by torch"),
        (Fixed(lambda y: {}), "expected named terms from it"),
    ],
)
def test_terms_that_are_no_numbers_are_refused(model: Objective, message: str) -> None:
    x = torch.randn(4, 2)
    with pytest.raises(ValueError, match=message):
        model(x)
    with pytest.raises(ValueError, match=message):
        once(model, [x])


def test_a_critics_penalty_of_each_point_is_refused() -> None:
    game = Adversarial(nn.Linear(2, 1), Logistic(), Gradients())
    with pytest.raises(ValueError, match=r"one number from the penalty of Gradients, got \(4,\): take its mean"):
        game.adversary_loss(torch.randn(4, 2), torch.randn(4, 2))


def test_an_objective_without_samples_says_which_method_it_lacks() -> None:
    with pytest.raises(ValueError, match=r"Fixed: this objective has no sample\(n"):
        Fixed(lambda y: {}).sample(3)
