"""A player's step as recorded work of the device: copied into static buffers once, replayed without Python after it."""

import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from remblai.runtime.text import first_line
from remblai.training.guard import Terms
from remblai.training.players import Player

WARM_UP = 3
"""Runs before a recording, in which libraries choose their kernels and optimisers make their state."""

MOST = 4
"""Recordings that are kept: batches of more shapes than that run eagerly."""

Work = Callable[[list[Tensor]], Terms]
"""A player's step on batches: it changes parameters, buffers and optimisers in place, and returns its terms."""

Key = tuple[object, ...]


class Recorder(Protocol):
    """What records work on a device."""

    def warm_up(self, work: Callable[[], None]) -> None:
        """Runs the work as often as it takes until it does the same each time."""

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """Records the work. Returns what runs it again, on the same memory.

        Raises:
            RuntimeError: the work waits for the device, or copies from the host; with the words and the traceback of
                the first error.
        """


class CudaRecorder:
    """Records a CUDA graph. Random numbers go on at each replay, as they would without the graph.

    Args:
        device: a CUDA device.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def warm_up(self, work: Callable[[], None]) -> None:
        with torch.cuda.device(self.device):
            side = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
            here = torch.cuda.current_stream()
            side.wait_stream(here)
            with torch.cuda.stream(side):
                for _ in range(WARM_UP):
                    work()
            here.wait_stream(side)

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        own: BaseException | None = None
        # a recording that fails leaves its stream the current one: the outer block goes back
        with torch.cuda.device(self.device), torch.cuda.stream(torch.cuda.current_stream(self.device)):
            graph = torch.cuda.CUDAGraph()
            # torch's own stream is that of the first device that recorded: work on another would not be in the graph
            stream = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
            try:
                # threads that read data ahead may pin memory meanwhile
                with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
                    try:
                        work()
                    except BaseException as problem:
                        own = problem
                        raise
            except Exception as problem:
                # a recording that fails leaves the generator in its recording state, where it refuses to draw
                generator = torch.cuda.default_generators[torch.cuda.current_device()]
                generator.graphsafe_set_state(generator.clone_state())
                first = own or problem  # the end of a recording that failed raises too, and says nothing of the cause
                if not isinstance(first, Exception):
                    raise first from None
                raise RuntimeError(str(first)).with_traceback(first.__traceback__) from first
        return graph.replay


class Replay:
    """One recording: static batches in, the terms and the gradients out.

    Args:
        recorder: of the device.
        work: the player's step.
        xs: batches, of the shapes of all later ones.
        player: whose step it is; the work leaves it gradients and their norm.
    """

    def __init__(self, recorder: Recorder, work: Work, xs: Sequence[Tensor], player: Player) -> None:
        self._inputs = [x.clone() for x in xs]
        self._player = player
        self._names: tuple[str, ...] = ()
        self._terms = torch.empty(0)

        def run() -> None:
            terms = work(self._inputs)
            self._names, self._terms = tuple(terms), torch.stack(list(terms.values()))

        recorder.warm_up(run)
        self._replay = recorder.record(run)
        self._gradients, self._norm = [parameter.grad for parameter in player.parameters], player.gradient_norm

    def __call__(self, xs: Sequence[Tensor]) -> Terms:
        """The terms of a step on these batches, in memory of their own: the next replay does not change them."""
        for buffer, x in zip(self._inputs, xs, strict=True):
            buffer.copy_(x, non_blocking=True)
        self._replay()
        for parameter, gradient in zip(self._player.parameters, self._gradients, strict=True):
            parameter.grad = gradient  # another recording of the player left its own
        self._player.gradient_norm = self._norm
        return dict(zip(self._names, self._terms.clone().unbind(), strict=True))


class Graphs:
    """The recordings of a state's steps, by player, phase and shapes; without a recorder every step is eager.

    Args:
        recorder: of the device; None runs every step eagerly.
        reason: why there is none although recordings are wanted.

    Attributes:
        fell_back: why steps that were to be recorded run eagerly; None where none does.
    """

    def __init__(self, recorder: Recorder | None, reason: str | None = None) -> None:
        self.recorder = recorder
        self.fell_back: str | None = None
        self._replays: dict[Key, Replay] = {}
        if reason is not None:
            self._give_up(reason)

    def run(self, name: str, xs: list[Tensor], work: Work, player: Player, state: Callable[[], list[Tensor]]) -> Terms:
        """One step: recorded at its first batches, replayed from then on.

        Args:
            name: of the player and the phase.
            xs: batches.
            work: the step.
            player: whose step it is.
            state: all tensors that the step changes.
        """
        if self.recorder is None:
            return work(xs)
        key = (name, *((x.shape, x.stride(), x.dtype) for x in xs))
        if key not in self._replays:
            if len(self._replays) >= MOST:
                return work(xs)
            try:
                with _unchanged(state, xs[0].device):
                    self._replays[key] = _proven(Replay(self.recorder, work, xs, player), xs, state)
            except RuntimeError as problem:
                self._give_up(_reason(problem))
                return work(xs)
        return self._replays[key](xs)

    def replays(self) -> list[Replay]:
        """What was recorded so far."""
        return list(self._replays.values())

    def clear(self) -> None:
        """Forgets the recordings, whose memory is no longer that of the state."""
        self._replays.clear()

    def _give_up(self, reason: str) -> None:
        self.recorder, self.fell_back = None, reason
        self.clear()
        warnings.warn(f"steps are not recorded as a graph: {reason}; going on without it", stacklevel=4)


def _proven(replay: Replay, xs: Sequence[Tensor], state: Callable[[], list[Tensor]]) -> Replay:
    """The replay itself.

    Raises:
        RuntimeError: it leaves all tensors as they are; a step counts itself in its optimiser, if it changes no more.
    """
    before = [tensor.detach().clone() for tensor in state()]
    replay(xs)
    if all(map(torch.equal, before, state())):
        raise RuntimeError("the recording is empty, its replay changes nothing")
    return replay


def _reason(problem: RuntimeError) -> str:
    """What an error says, and the place outside torch that it comes from."""
    inside = str(Path(torch.__file__).parent)
    frames = [frame for frame in traceback.extract_tb(problem.__traceback__) if not frame.filename.startswith(inside)]
    place = Path(frames[-1].filename)
    return f"{first_line(problem)} ({place.parent.name}/{place.name}:{frames[-1].lineno})"


@contextmanager
def _unchanged(state: Callable[[], list[Tensor]], device: torch.device) -> Iterator[None]:
    """After the block the tensors are as before, those that it made are 0, and so are the generators: each step of a
    run is then a replay, whether the run was stopped before it or not."""
    before = [(tensor, tensor.detach().clone()) for tensor in state()]
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        try:
            yield
        finally:
            known = {id(tensor) for tensor, _ in before}
            with torch.no_grad():
                for tensor, value in before:
                    tensor.copy_(value)
                for tensor in state():
                    if id(tensor) not in known:
                        tensor.zero_()
