"""Batches: each epoch of a loader anew, and what is no batch."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

import remblai
from remblai.recipes import RECIPES
from remblai.training import State, steps
from remblai.training.batches import Batches

POINTS = torch.arange(12.0).reshape(6, 2)


def loader(*tensors: Tensor) -> DataLoader[Any]:
    return DataLoader(TensorDataset(*tensors), batch_size=2, shuffle=True, generator=torch.Generator().manual_seed(0))


def test_every_epoch_of_a_loader_is_a_permutation_in_an_order_of_its_own() -> None:
    stream = Batches(loader(POINTS, torch.arange(6)), RECIPES["ae"]((2,)))
    epochs = [torch.cat([stream.draw()[0] for _ in range(3)]) for _ in range(8)]
    for epoch in epochs:
        assert torch.equal(epoch[epoch[:, 0].argsort()], POINTS), "the points, without their labels, each once"
    assert len({tuple(epoch[:, 0].tolist()) for epoch in epochs}) > 4, "the order is not frozen"


def test_a_loop_goes_on_over_epochs() -> None:
    state = State(RECIPES["ae"]((2,)), steps=7)
    assert [step.number for step in steps(state, loader(POINTS))] == list(range(1, 8))
    assert state.batches_drawn == 7


def test_an_endless_iterator_is_drawn_from_once() -> None:
    seen: list[int] = []

    def endless() -> Iterator[Tensor]:
        for number in itertools.count():
            seen.append(number)
            yield POINTS + number

    stream = Batches(endless(), RECIPES["ae"]((2,)))
    assert [stream.draw()[0][0, 0].item() for _ in range(4)] == [0.0, 1.0, 2.0, 3.0]
    assert seen == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("batches", "words"),
    [
        (iter([POINTS]), "ended after 1: pass what can be iterated anew, such as a DataLoader"),
        ([], "at least one in an epoch, got none"),
        (DataLoader(TensorDataset(POINTS), batch_size=9, drop_last=True), "at least one in an epoch, got none"),
        ([POINTS.numpy()], "of floating point, or .* pairs of them, got ndarray: use torch.as_tensor"),
        ([POINTS.to(torch.uint8)], "got torch.uint8"),
        ([POINTS.double()], r"expected x of torch.float32, .* got torch.float64: use x.to\(torch.float32\)"),
        ([POINTS.to("meta")], r"expected x on cpu, as the model is, got meta: use x.to\(device\)"),
        ([{"x": POINTS}], "got dict"),
        ([()], "got tuple"),
        ([np.float64(3.0)], "got float64"),
        ([torch.zeros(4, 3)], r"expected x \(n, 2\), as the objective was built for, got \(4, 3\)"),
        ([torch.zeros(2)], r"expected x \(n, 2\), .* got \(2,\)"),
        ([torch.zeros(4, 1, 28, 28)], r"got \(4, 1, 28, 28\): reshape the batches, or build .* shape=\(1, 28, 28\)"),
    ],
)
def test_what_is_no_batch_is_refused(batches: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        list(steps(State(RECIPES["ae"]((2,)), steps=3), batches))


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("shape", [(2,), (2, 8, 8)], ids=["points", "images"])
def test_every_objective_knows_the_shape_of_its_data(name: str, shape: tuple[int, ...]) -> None:
    try:
        objective = RECIPES[name](shape)
    except ValueError as problem:
        assert "expected images" in str(problem)
        return
    assert objective.shape == shape
    with pytest.raises(ValueError, match="as the objective was built for"):
        next(steps(State(objective), [torch.rand(4, 3)]))


def test_what_makes_batches_first_is_told_how() -> None:
    data = remblai.data.load("ring")
    for batches, words in (
        (data, r"got Dataset: pass what its `\.train\.batches\(100\)` gives"),
        (data.train, r"got \w+: pass what its `\.batches\(100\)` gives"),
        (None, r"got NoneType\.$"),
        (3, r"got int\.$"),
    ):
        with pytest.raises(ValueError, match=f"batches: expected what can be iterated over batches .*{words}"):
            next(steps(State(RECIPES["ae"]((2,))), batches))  # type: ignore[arg-type]
    assert next(steps(State(RECIPES["ae"]((2,))), data.train.batches(100))).number == 1
