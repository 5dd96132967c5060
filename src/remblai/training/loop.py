"""One loop for all models: a step is some steps of the critics and then one of the model."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from remblai.objectives.given import check_terms
from remblai.runtime import distributed
from remblai.runtime.processes import from_all
from remblai.training.batches import Batch, Batches
from remblai.training.guard import Terms
from remblai.training.players import Player, critics_of
from remblai.training.state import State

CHECKED = 100
"""Steps after which `steps` waits for the device to look for terms that are not finite, and after the last."""


@dataclass(frozen=True)
class Step:
    """One update of the model: its number from 1, its terms (weighted, on the device), seconds of training so far."""

    number: int
    terms: Terms
    seconds: float


class Diverged(ArithmeticError):
    """A term was not finite: `number` is the step, `term` the name, `kept` the step of the last checkpoint, if any."""

    def __init__(self, number: int, term: str) -> None:
        super().__init__(f"the {term} was not a finite number at step {number}")
        self.number, self.term = number, term
        self.kept: int | None = None


def steps(state: State, batches: Iterable[Any]) -> Iterator[Step]:
    """Trains `state` on batches x (n, ...), one `Step` at a time, until `state.steps` where that is given.

    A `DataLoader`, a list, or what else can be iterated anew, is started again when it ends: each epoch of a loader has
    its own order. An iterator must be endless. Of a batch that is a tuple or a list, such as (x, labels), the first
    item is taken; a conditional objective takes the labels too. The loop waits for the device once in 100 steps and
    after the last one, to see whether a term was not finite; `check(state)` looks at once.

    Raises:
        Diverged: a term has been infinite or not a number.
        ValueError: an iterator that ends, nothing in an epoch, or batches that `Objective.check_batch` refuses.

    >>> import torch, remblai
    >>> from torch.utils.data import DataLoader, TensorDataset
    >>> loader = DataLoader(TensorDataset(torch.randn(64, 2), torch.arange(64)), batch_size=32, shuffle=True)
    >>> state = remblai.training.State(remblai.recipes.wae_mmd(shape=(2,)), lr=1e-3, steps=5)
    >>> for step in remblai.training.steps(state, loader):
    ...     terms = {name: float(term) for name, term in step.terms.items()}
    >>> step.number, sorted(terms)
    (5, ['penalty', 'transport'])
    """
    stream = Batches(batches, state.objective)

    def draw() -> Batch:
        state.batches_drawn += 1
        return stream.draw()

    state.objective.train()
    prepared = False
    while state.steps is None or state.step < state.steps:
        began = time.perf_counter()
        state.step += 1
        xs = [draw() for _ in range(state.accumulate)]
        if not prepared and len(xs[0][0]) != state.batch_size and distributed.world() == 1:
            state.objective.prepare(len(xs[0][0]))  # of a loader of one's own, whose batches are of another size
        prepared = True
        terms = _warm_start(state, xs) if state.step <= state.warm_start else _step(state, xs, draw)
        state.guard.observe(state.step, terms)
        state.seconds += time.perf_counter() - began
        yield Step(state.step, terms, state.seconds)
        if state.step % CHECKED == 0 or state.step == state.steps:
            check(state)


def check(state: State) -> None:
    """Waits for the device; several processes wait for each other, and all of them raise.

    Raises:
        Diverged: a term has been infinite or not a number.

    >>> import itertools, torch, remblai
    >>> state = remblai.training.State(remblai.recipes.ae(shape=(2,)))
    >>> step = next(remblai.training.steps(state, [torch.full((4, 2), float("inf"))]))
    >>> remblai.training.check(state)
    Traceback (most recent call last):
        ...
    remblai.training.loop.Diverged: the transport was not a finite number at step 1
    """
    began = time.perf_counter()
    found = from_all(state.guard.first_bad())
    state.seconds += time.perf_counter() - began  # on a GPU most of a training is waited for here
    if bad := [one for one in found if one]:
        raise Diverged(*min(bad))


def _step(state: State, xs: list[Batch], draw: Callable[[], Batch]) -> Terms:
    terms: Terms = {}
    if state.critics is not None:
        for _ in range(state.critic_steps(state.step)):
            own = [draw() for _ in xs] if state.own_batches else xs
            terms |= _player_step(state, state.critics, "critics", own, lambda *x: {"adversary": state.adversary(*x)})
    return _player_step(state, state.model, "model", xs, state.terms) | terms


def _warm_start(state: State, xs: list[Batch]) -> Terms:
    def terms(*x: Tensor) -> Terms:
        first = state.objective.warm_start(*x)
        if first is None:
            raise ValueError(f"warm_start: {type(state.objective).__name__} has no first phase; set warm_start to 0.")
        return first

    return _player_step(state, state.model, "warm start", xs, terms)


def _player_step(state: State, player: Player, name: str, xs: list[Batch], loss: Callable[..., Any]) -> Terms:
    """One player's step, from its learning rate to the average or the projection; recorded where that is wanted."""
    player.set_rate(state.rate(player))
    if state.average is not None and player is state.model:
        state.average.advance()

    def work(tensors: list[Tensor]) -> Terms:
        size = len(xs[0])
        terms = _update(state, player, [tuple(tensors[i : i + size]) for i in range(0, len(tensors), size)], loss)
        if player is state.critics:
            for part in critics_of(state.objective).values():
                part.project()
            return terms
        if name == "model":
            state.objective.adapt()
        if state.average is not None:
            state.average.apply()
        return terms

    return state.graphs.run(name, [tensor for batch in xs for tensor in batch], work, player, state.tensors)


def _update(state: State, player: Player, xs: list[Batch], loss: Callable[..., Any]) -> Terms:
    """One player's update: only its parameters require gradients; the batches' gradients are averaged."""
    other = state.critics if player is state.model else state.model
    with nullcontext() if other is None else _fixed(other.parameters):
        return _descend(state, player, xs, loss)


@contextmanager
def _fixed(parameters: list[nn.Parameter]) -> Iterator[None]:
    """Within it these parameters require no gradient."""
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)


def _descend(state: State, player: Player, xs: list[Batch], loss: Callable[..., Any]) -> Terms:
    player.optimiser.zero_grad(set_to_none=True)
    sums: Terms = {}
    for x in xs:
        with state.autocast():
            terms = check_terms(_computed(loss, x), type(state.objective).__name__)
        if len(xs) > 1:
            terms = {name: term / len(xs) for name, term in terms.items()}
        total: Any = sum(terms.values())
        total.backward()
        for name, term in terms.items():
            sums[name] = sums[name] + term.detach() if name in sums else term.detach()
    distributed.average_gradients(player.parameters)
    if state.clip is not None and player is state.model:
        player.gradient_norm = torch.nn.utils.clip_grad_norm_(player.parameters, state.clip)
    player.optimiser.step()
    return sums


def _computed(loss: Callable[..., Any], x: Batch) -> Any:
    """The terms of a batch.

    Raises:
        ValueError: it is one sample, which batch normalisation has no deviation of.
    """
    try:
        return loss(*x)
    except ValueError as problem:
        if len(x[0]) > 1 or "more than 1 value per channel" not in str(problem):
            raise
        raise ValueError(
            "batches: got a batch of 1, of which batch normalisation has no standard deviation: use drop_last=True in "
            "the DataLoader, another batch_size, or a network without it."
        ) from problem


def gradient_norms(state: State) -> dict[str, float]:
    """The norm of each player's gradient in the last step, before clipping; critics that rested have none.

    Waits for the device.

    >>> import torch, remblai
    >>> state = remblai.training.State(remblai.recipes.wgan(shape=(2,)), **remblai.recipes.wgan.loop)
    >>> step = next(remblai.training.steps(state, [torch.randn(64, 2)]))
    >>> sorted(remblai.training.gradient_norms(state))
    ['critics', 'model']
    """
    norms = {}
    rested = state.step <= state.warm_start or not state.critic_steps(state.step)
    for name, player in (("model", state.model), ("critics", None if rested else state.critics)):
        if player is not None:
            gradients = [p.grad for p in player.parameters if p.grad is not None]
            clipped = player.gradient_norm
            norms[name] = float(clipped if clipped is not None else torch.nn.utils.get_total_norm(gradients))
    return norms
