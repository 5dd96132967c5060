"""One loop for all models: a round is some turns of the critics and one of the model."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from remblai.critics import Adversarial
from remblai.runtime import distributed
from remblai.training.state import Player, State, Terms


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


def steps(state: State, batches: Iterable[Tensor]) -> Iterator[Step]:
    """Trains `state` on endless batches x (n, ...), one `Step` at a time, until `state.steps` where that is given.

    Nothing in it waits for the device; `check(state)` does, and raises `Diverged`.

    Raises:
        ValueError: batches that end, or are no tensors of floating point.
    """
    stream = iter(batches)

    def draw() -> Tensor:
        state.batches_drawn += 1
        x = next(stream, None)
        if x is None:
            raise ValueError(
                f"batches: they ended at step {state.step}: give endless ones, such as those of itertools.cycle."
            )
        if not isinstance(x, Tensor) or not x.is_floating_point():
            told = x.dtype if isinstance(x, Tensor) else type(x).__name__
            raise ValueError(f"batches: expected tensors x (n, ...) of floating point, got {told}.")
        return x

    state.objective.train()
    while state.steps is None or state.step < state.steps:
        began = time.perf_counter()
        state.step += 1
        drawn = [draw() for _ in range(state.accumulate)]
        terms = _warm(state, drawn) if state.step <= state.warm_start else _round(state, drawn, draw)
        if state.average is not None:
            state.average.update()
        state.guard.observe(state.step, terms)
        state.seconds += time.perf_counter() - began
        yield Step(state.step, terms, state.seconds)


def check(state: State) -> None:
    """Waits for the device.

    Raises:
        Diverged: a term has been infinite or not a number.
    """
    if found := state.guard.first_bad():
        raise Diverged(*found)


def _round(state: State, drawn: list[Tensor], draw: Callable[[], Tensor]) -> Terms:
    terms: Terms = {}
    if state.critics is not None:
        for _ in range(state.critic_steps(state.step)):
            mine = [draw() for _ in drawn] if state.own_batches else drawn
            terms |= _turn(state, state.critics, mine, lambda x: {"adversary": state.adversary(x)})
            for part in state.objective.modules():
                if isinstance(part, Adversarial):
                    part.project()
    return _turn(state, state.model, drawn, state.terms) | terms


def _warm(state: State, drawn: list[Tensor]) -> Terms:
    def terms(x: Tensor) -> Terms:
        found = state.objective.warm_start(x)
        if found is None:
            raise ValueError(f"warm_start: {type(state.objective).__name__} has no first phase; set warm_start to 0.")
        return found

    return _turn(state, state.model, drawn, terms)


def _turn(state: State, player: Player, drawn: list[Tensor], loss: Callable[[Tensor], Any]) -> Terms:
    """One player's update: only its parameters require gradients; the batches' gradients are averaged."""
    if state.critics is not None:
        for side in (state.model, state.critics):
            for parameter in side.parameters:
                parameter.requires_grad_(side is player)
    player.optimiser.zero_grad(set_to_none=True)
    sums: Terms = {}
    for x in drawn:
        with state.autocast():
            terms = loss(x)
        if len(drawn) > 1:
            terms = {name: term / len(drawn) for name, term in terms.items()}
        sum(terms.values()).backward()
        for name, term in terms.items():
            sums[name] = sums[name] + term.detach() if name in sums else term.detach()
    distributed.average_gradients(player.parameters)
    if state.clip is not None and player is state.model:
        player.gradient_norm = torch.nn.utils.clip_grad_norm_(player.parameters, state.clip)
    for group in player.optimiser.param_groups:
        group["lr"] = state.rate(player)
    player.optimiser.step()
    return sums


def gradient_norms(state: State) -> dict[str, float]:
    """The norm of each player's last gradient, before clipping. Waits for the device."""
    norms = {}
    for name, player in (("model", state.model), ("critics", state.critics)):
        if player is not None:
            gradients = [p.grad for p in player.parameters if p.grad is not None]
            clipped = player.gradient_norm
            norms[name] = float(clipped if clipped is not None else torch.nn.utils.get_total_norm(gradients))
    return norms
