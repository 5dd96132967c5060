"""The recorder of CUDA graphs, with torch's own Python classes on two GPUs of which only the streams are there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from remblai.training.graphs import CudaRecorder

HERE = Path(__file__)
HIDING = "CUDA error: operation failed due to a previous error during capture"
CAUSE = "CUDA error: operation not permitted when stream is capturing"


class Machine:
    """Two GPUs: which is the current one, the current stream of each, and what is being recorded where."""

    def __init__(self) -> None:
        self.device = 0
        self.usual = [Stream(self, torch.device("cuda", index)) for index in range(2)]
        self.streams = list(self.usual)
        self.recording: tuple[Stream, list[str]] | None = None
        self.broken = False
        self.resets: list[int] = []

    def launch(self, index: int, name: str) -> None:
        """One operation on a GPU: it is recorded where its stream is, and runs at once elsewhere."""
        if self.recording is not None and self.streams[index] is self.recording[0]:
            self.recording[1].append(name)

    def wait(self) -> None:
        """An operation that waits, which a recording does not survive."""
        if self.recording is not None:
            self.broken = True
            raise RuntimeError(CAUSE)


class Stream:
    def __init__(self, machine: Machine, device: torch.device | None = None) -> None:
        self.machine = machine
        self.device = torch.device("cuda", machine.device) if device is None else device


class CurrentDevice:
    def __init__(self, machine: Machine, device: torch.device) -> None:
        self.machine, self.index = machine, device.index

    def __enter__(self) -> None:
        self.before, self.machine.device = self.machine.device, self.index

    def __exit__(self, *_: object) -> None:
        self.machine.device = self.before


class CurrentStream(CurrentDevice):
    def __init__(self, machine: Machine, stream: Stream) -> None:
        super().__init__(machine, stream.device)
        self.stream = stream

    def __enter__(self) -> None:
        super().__enter__()
        self.usual, self.machine.streams[self.index] = self.machine.streams[self.index], self.stream

    def __exit__(self, *_: object) -> None:
        self.machine.streams[self.index] = self.usual
        super().__exit__()


class Graph:
    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.noted: list[str] = []

    def capture_begin(self, **_: Any) -> None:
        self.machine.recording = self.machine.streams[self.machine.device], self.noted

    def capture_end(self) -> None:
        broken, self.machine.recording, self.machine.broken = self.machine.broken, None, False
        if broken:
            raise RuntimeError(HIDING)

    def replay(self) -> list[str]:
        return self.noted


class Generator:
    def __init__(self, machine: Machine, index: int) -> None:
        self.machine, self.index = machine, index

    def clone_state(self) -> "Generator":
        return self

    def graphsafe_set_state(self, _: "Generator") -> None:
        self.machine.resets.append(self.index)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    found = Machine()
    fakes: dict[str, Any] = {
        "Stream": lambda device=None: Stream(found, device),
        "CUDAGraph": lambda: Graph(found),
        "device": lambda device: CurrentDevice(found, device),
        "stream": lambda stream: CurrentStream(found, stream),
        "current_stream": lambda device=None: found.streams[found.device if device is None else device.index],
        "current_device": lambda: found.device,
        "default_generators": tuple(Generator(found, index) for index in range(2)),
        "synchronize": lambda: None,
        "empty_cache": lambda: None,
    }
    for name, fake in fakes.items():
        monkeypatch.setattr(torch.cuda, name, fake)
    monkeypatch.setattr(torch.cuda.graph, "default_capture_stream", None)
    monkeypatch.setattr(torch._C, "_host_emptyCache", lambda: None, raising=False)
    return found


def recorded(index: int, work: Callable[[], None]) -> Any:
    return CudaRecorder(torch.device("cuda", index)).record(work)


def test_each_gpu_of_a_process_records_its_own_work(machine: Machine) -> None:
    for index in (0, 1, 0):
        assert recorded(index, lambda index=index: machine.launch(index, f"product {index}"))() == [f"product {index}"]  # type: ignore[misc]
    assert machine.device == 0


@pytest.mark.parametrize("index", [0, 1])
def test_the_error_of_a_recording_is_the_first_one_at_its_own_place(machine: Machine, index: int) -> None:
    with pytest.raises(RuntimeError, match=CAUSE) as caught:
        recorded(index, machine.wait)
    assert caught.traceback[-1].path == HERE
    assert caught.traceback[-1].name == "wait"


def test_an_error_of_another_kind_within_a_recording_is_told_too(machine: Machine) -> None:
    def work() -> None:
        try:
            machine.wait()
        except RuntimeError as problem:
            raise ValueError("a part of one's own fails") from problem

    with pytest.raises(RuntimeError, match="a part of one's own fails"):
        recorded(0, work)


def test_a_recording_that_breaks_at_its_end_says_so(machine: Machine) -> None:
    with pytest.raises(RuntimeError, match=HIDING):
        recorded(0, lambda: setattr(machine, "broken", True))


def test_an_interrupt_within_a_recording_stays_one(machine: Machine) -> None:
    def work() -> None:
        machine.broken = True
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recorded(0, work)


@pytest.mark.parametrize("index", [0, 1])
def test_after_a_recording_that_fails_stream_and_generator_are_as_before(machine: Machine, index: int) -> None:
    with pytest.raises(RuntimeError):
        recorded(index, machine.wait)
    assert machine.streams == machine.usual
    assert machine.device == 0
    assert machine.resets == [index]
    assert recorded(index, lambda: machine.launch(index, "sum"))() == ["sum"]
