"""Recorded steps equal eager ones, on a stand-in for CUDA graphs; on a GPU, on CUDA graphs themselves."""

import copy
import itertools
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from tests.small import CONVOLUTIONAL, NARROW, settled
from tests.training.tape import TapeRecorder
from torch import Tensor

from remblai.critics import LIPSCHITZ
from remblai.discrepancies import slices
from remblai.objectives import Boltzmann
from remblai.recipes import RECIPES
from remblai.training import State, check, gradient_norms, steps

OPTIONS: dict[str, Any] = {
    **NARROW,
    "chains": 12,
    "binarise": "sample",
    "optimiser": "adam",
    "critic_steps": 2,
    "average": 0.9,
    "clip": 1.0,
    "batch_size": 12,
    "steps": 8,
    "schedule": "cosine",
    "warm_start": 0,
}


def batches(shape: tuple[int, ...], size: int = 12, seed: int = 0) -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    while True:
        yield torch.rand(size, *shape, generator=generator)


def state_of(name: str, recorder: TapeRecorder | None, **options: Any) -> tuple[State, tuple[int, ...]]:
    """A state on the CPU whose learning rates are tensors, as they are on a GPU."""
    wanted = OPTIONS | ({"critic.norm": "none", "critic": "dcgan"} if name in CONVOLUTIONAL else {})
    how = settled(name, wanted, **options)
    shape = (1, 8, 8) if name in CONVOLUTIONAL else (2,)
    torch.manual_seed(0)
    state = State(how.build(shape), **how.loop)
    for player in filter(None, (state.model, state.critics)):
        player.rate = torch.tensor(player.learning_rate.lr)
        for group in player.optimiser.param_groups:
            group["lr"] = player.rate
    state.graphs.recorder = recorder
    return state, shape


def whole(state: State) -> dict[str, Tensor]:
    found = dict(state.objective.state_dict())
    return found | ({} if state.average is None else {f"average {k}": v for k, v in state.average.values.items()})


def run(state: State, stream: Iterator[Tensor], count: int) -> list[dict[str, Tensor]]:
    return [step.terms for step in itertools.islice(steps(state, stream), count)]


WAITING = {"sinkhorn-ae", "sinkhorn-gan", "ot-gan", "wasserstein-rbm", "flow-matching"}
"""Their solver decides by its error when to stop, or runs on the host."""


def sorted_by_torch(rows: Tensor, wanted: bool) -> tuple[Tensor, Tensor | None]:
    values, order = rows.sort(1)
    return values, order if wanted else None


@pytest.mark.parametrize("name", [name for name in RECIPES if name not in WAITING])
def test_recorded_steps_equal_eager_ones(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them, terms read after the run included: the rates follow their schedule, and random numbers go on."""
    # what only the CPU does: NumPy sorts, which no tape sees, and every batch of bits is looked at
    monkeypatch.setattr(slices, "ordered", sorted_by_torch)
    monkeypatch.setattr(Boltzmann, "_check_values", lambda *_: None)
    recorder, found = TapeRecorder(), []
    for each in (None, recorder):
        state, shape = state_of(name, each)
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            terms = run(state, batches(shape), 5)
        check(state)
        found.append((whole(state), terms, gradient_norms(state), torch.rand(2)))
    assert recorder.recorded == (2 if state.critics else 1)
    (eager, eager_terms, norms, draws), (recorded, terms, recorded_norms, later) = found
    for key, value in eager.items():
        assert torch.equal(value, recorded[key]), key
    for one, other in zip(eager_terms, terms, strict=True):
        assert {key: value.item() for key, value in one.items()} == {key: value.item() for key, value in other.items()}
    assert norms == recorded_norms
    assert torch.equal(draws, later)


@pytest.mark.parametrize("lipschitz", list(LIPSCHITZ))
def test_a_critics_projection_is_a_part_of_its_recording(lipschitz: str) -> None:
    found = []
    for recorder in (None, TapeRecorder()):
        state, shape = state_of("gan", recorder, lipschitz=lipschitz)
        run(state, batches(shape), 4)
        found.append(whole(state))
    assert all(torch.equal(value, found[1][key]) for key, value in found[0].items())


@pytest.mark.parametrize("name", ["wae-mmd", "wgan-gp"])
def test_a_resumed_run_equals_one_that_never_stopped(name: str) -> None:
    later, _ = state_of(name, TapeRecorder())
    state, shape = state_of(name, TapeRecorder())
    stream = batches(shape)
    run(state, stream, 4)
    saved = copy.deepcopy((state.objective.state_dict(), state.average.values, state.state_dict()))  # type: ignore[union-attr]
    drawn = state.batches_drawn
    run(state, stream, 4)
    later.objective.load_state_dict(saved[0])
    later.load_state_dict(saved[2], saved[1])
    run(later, itertools.islice(batches(shape), drawn, None), 4)
    for key, value in whole(state).items():
        assert torch.equal(value, whole(later)[key]), key


def test_a_state_that_is_loaded_is_recorded_anew() -> None:
    eager, shape = state_of("wae-mmd", None)
    run(eager, batches(shape), 4)
    recorder = TapeRecorder()
    state, _ = state_of("wae-mmd", recorder)
    run(state, batches(shape), 2)
    state.load_state_dict(copy.deepcopy(state.state_dict()), state.average.values)  # type: ignore[union-attr]
    run(state, itertools.islice(batches(shape), 2, None), 2)
    assert recorder.recorded == 2
    assert all(torch.equal(value, whole(state)[key]) for key, value in whole(eager).items())


def test_batches_of_other_shapes_and_accumulated_ones_have_recordings_of_their_own() -> None:
    def stream() -> Iterator[Tensor]:
        for size in itertools.cycle((12, 12, 8)):
            yield torch.rand(size, 2, generator=torch.Generator().manual_seed(size))

    found, recorder = [], TapeRecorder()
    for each in (None, recorder):
        state, _ = state_of("wae-gan", each, accumulate=2)
        run(state, stream(), 5)
        found.append((whole(state), gradient_norms(state)))
    assert recorder.recorded == 4  # three pairs of shapes are met, and the limit leaves one of a player eager
    assert found[0][1] == found[1][1]
    assert all(torch.equal(value, found[1][0][key]) for key, value in found[0][0].items())


def test_a_warm_start_has_its_own_recording() -> None:
    found, recorder = [], TapeRecorder()
    for each in (None, recorder):
        state, shape = state_of("wae-mmd", each, warm_start=3)
        run(state, batches(shape), 6)
        found.append(whole(state))
    assert recorder.recorded == 2
    assert all(torch.equal(value, found[1][key]) for key, value in found[0].items())


def test_a_step_that_reads_a_value_is_eager_and_one_warning_says_so() -> None:
    state, shape = state_of("sinkhorn-ae", TapeRecorder())
    told = r"not recorded as a graph: operation not permitted.* \(\w+/\w+\.py:\d+\);"
    with pytest.warns(UserWarning, match=told) as caught:
        run(state, batches(shape), 3)
    assert len([w for w in caught if "recorded" in str(w.message)]) == 1
    eager, _ = state_of("sinkhorn-ae", None)
    run(eager, batches(shape), 3)
    assert state.graphs.fell_back
    assert all(torch.equal(value, whole(state)[key]) for key, value in whole(eager).items())


class NothingRecorded(TapeRecorder):
    """A recorder that takes no notes of the work, as a CUDA graph on a stream of another GPU."""

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        super().record(work)
        return lambda: None


def test_an_empty_recording_is_refused_and_the_steps_are_eager() -> None:
    state, shape = state_of("wae-gan", NothingRecorded())
    with pytest.warns(UserWarning, match="the recording is empty, its replay changes nothing") as caught:
        terms = run(state, batches(shape), 3)
    assert len([w for w in caught if "recorded" in str(w.message)]) == 1
    eager, _ = state_of("wae-gan", None)
    assert [step.keys() for step in run(eager, batches(shape), 3)] == [step.keys() for step in terms]
    found = whole(state)
    assert all(torch.equal(value, found[key]) for key, value in whole(eager).items())


@pytest.mark.parametrize(("name", "words"), [("wae-mmd", "the model is on cpu")])
def test_graphs_where_there_are_none_are_refused_with_the_reason(name: str, words: str) -> None:
    how = settled(name, OPTIONS)
    with pytest.warns(UserWarning, match=words):
        state = State(how.build((2,)), **how.loop, graph=True)
    assert state.graphs.recorder is None


def test_a_saved_optimiser_keeps_the_devices_own_way_of_computing() -> None:
    state, shape = state_of("wae-mmd", TapeRecorder())
    run(state, batches(shape), 2)
    saved = state.state_dict()
    group = saved["model"]["param_groups"][0]
    assert isinstance(group["lr"], float)
    group |= {"capturable": True, "fused": False}  # as another device wrote it
    how = settled("wae-mmd", OPTIONS)
    plain = State(how.build(shape), **how.loop)
    plain.objective.load_state_dict(state.objective.state_dict())
    plain.load_state_dict(saved, state.average.values)  # type: ignore[union-attr]
    assert plain.model.optimiser.param_groups[0]["fused"]
    assert not plain.model.optimiser.param_groups[0]["capturable"]
    run(plain, batches(shape), 1)
