"""How fast a recipe trains on a device, by each choice of layout, precision, graph and compilation; and what pays."""

import itertools
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch

from remblai.data import Dataset
from remblai.runs.feed import batches, channels_last_weights
from remblai.runs.labels import class_count
from remblai.runs.manifest import Graph
from remblai.runs.resolve import Resolved
from remblai.runs.start import earlier_settings
from remblai.runtime import devices, distributed, rng
from remblai.training import State, steps

Layout = Literal["plain", "channels-last"]

WARM_UP = 5
"""Steps before the clock starts, in which libraries choose kernels and graphs are recorded."""

SECONDS = 1.0
"""How long the steps of one choice are timed, at least."""

SHORT = 300.0
"""Seconds of training below which nothing is compiled: compiling takes a minute or more."""


@dataclass(frozen=True)
class Choice:
    """How a step is computed.

    Attributes:
        layout: of images and of the weights of convolutions.
        precision: float32, or bfloat16 under autocast.
        graph: whether steps are recorded as CUDA graphs.
        compile: whether the losses are compiled.
        benchmark: whether cuDNN times its algorithms and takes the fastest; False on a CPU.
    """

    layout: Layout = "channels-last"
    precision: Literal["float32", "bfloat16"] = "float32"
    graph: bool = False
    compile: bool = False
    benchmark: bool = False


@dataclass(frozen=True)
class Timing:
    """What was measured of a choice.

    Attributes:
        choice: how the step was computed.
        first: seconds of the first steps, in which kernels are chosen, recorded and compiled.
        step: seconds of a later step.
        rate: samples in a second.
        fell_back: why it was not computed so, in words; None where it was.
    """

    choice: Choice
    first: float
    step: float
    rate: float
    fell_back: str | None


def choices(device: torch.device, images: bool, compile: bool = False) -> Iterator[Choice]:
    """The choices that a device has, the plainest one first.

    Args:
        device: of the training.
        images: whether the data are images, which have a layout.
        compile: whether compiled steps are among them: each costs a minute or more.
    """
    layouts: tuple[Layout, ...] = ("plain", "channels-last") if images else ("plain",)
    gpu = device.type == "cuda"
    switches = itertools.product((False, True) if compile else (False,), (False, True) if gpu else (False,))
    for (compiled, graph), precision, layout in itertools.product(switches, ("float32", "bfloat16"), layouts):
        for benchmark in (False, True) if gpu and images and not graph else (gpu,):
            yield Choice(layout, precision, graph, compiled, benchmark)  # type: ignore[arg-type]  # product widens names


def timed(
    resolved: Resolved,
    dataset: Dataset,
    device: torch.device,
    choice: Choice,
    seconds: float = SECONDS,
    classes: int | None = None,
) -> Timing:
    """Trains the recipe for a moment on a model of its own; the generators are as before after it.

    Args:
        resolved: the recipe with its options.
        dataset: its training split is read.
        device: of the training.
        choice: how steps are computed.
        seconds: how long steps are timed, at least.
        classes: how many the model has, where it is conditional.
    """
    with rng.seeded(0, device), devices.tuned(device, choice.benchmark):
        objective = resolved.build(dataset.shape, classes).to(device)
        if choice.layout == "channels-last":
            channels_last_weights(objective)
        loop = resolved.loop | {"steps": None, "warm_start": 0, "schedule": "constant", "critic_schedule": None}
        state = State(objective, **loop, precision=choice.precision, compile=choice.compile, graph=choice.graph)
        stream = steps(state, batches(state, dataset, 0, layout=choice.layout))
        began = _now(device)
        for _ in itertools.islice(stream, WARM_UP):
            pass
        ready, count = _now(device), 0
        while (now := _now(device)) - ready < seconds:
            for _ in itertools.islice(stream, WARM_UP):
                count += 1
    step = (now - ready) / count
    compiled = choice.compile and (state.terms.fell_back or state.adversary.fell_back)
    fell_back = state.graphs.fell_back or ("it cannot be compiled" if compiled else None)
    return Timing(choice, ready - began, step, state.batch_size * state.accumulate / step, fell_back)


def compile_pays(
    resolved: Resolved,
    dataset: Dataset,
    device: torch.device,
    choice: Choice,
    left: int,
    classes: int | None = None,
) -> tuple[bool, dict[str, float | str]]:
    """Whether compiled losses save more time than compiling takes, by measurement before the first step.

    A run whose training takes less than five minutes is never compiled, and nothing is tried for it.

    Args:
        resolved: the recipe with its options.
        dataset: of the run.
        device: of the run.
        choice: how steps are computed without the compiler.
        left: steps of the run.
        classes: how many the model has, where it is conditional.

    Returns:
        the answer, and the figures behind it.
    """
    plain = timed(resolved, dataset, device, choice, classes=classes)
    figures: dict[str, float | str] = {"step": plain.step}
    if plain.step * left < SHORT:
        return False, figures | {"why": f"the training takes less than {SHORT:.0f} s without the compiler"}
    compiled = timed(resolved, dataset, device, replace(choice, compile=True), classes=classes)
    cost, saved = compiled.first - plain.first, left * (plain.step - compiled.step)
    figures |= {"compiled_step": compiled.step, "compiling": cost}
    if compiled.fell_back:
        return False, figures | {"why": compiled.fell_back}
    words = "more" if saved > cost else "no more"
    return saved > cost, figures | {
        "why": f"it saves {saved:.0f} s, {words} than the {cost:.0f} s that compiling takes"
    }


def chosen_compile(
    earlier: Path | None, settings: Mapping[str, Any], resolved: Resolved, dataset: Dataset, where: torch.device
) -> dict[str, Any]:
    """The settings `compile`, and the figures behind it, of a run that leaves it open.

    Args:
        earlier: the folder of a run that is resumed, which keeps its choice; None of a new one.
        settings: of the run, as `manifest.describe` gives them.
        resolved: the recipe with its options.
        dataset: of the run.
        where: its device; without a GPU, or by several processes, nothing is compiled.
    """
    if (before := earlier_settings(earlier)) is not None:
        return {name: before[name] for name in ("compile", "compile_choice") if name in before}
    if where.type != "cuda" or distributed.world() > 1:
        return {}
    choice = Choice(settings["layout"], settings["precision"], settings["graph"], benchmark=True)
    left, classes = settings["loop"]["steps"], class_count(settings)
    pays, figures = compile_pays(resolved, dataset, where, choice, left, classes)
    return {"compile": pays, "compile_choice": figures}


def chosen_graph(graph: Graph, earlier: Path | None, base: Mapping[str, Any] | None) -> Graph:
    """Whether a run records its steps: one that leaves it open does as the run that it resumes or repeats.

    Not by another number of processes, for several record nothing.

    Args:
        graph: as it was asked for.
        earlier: the folder of a run that is resumed; None of a new one.
        base: the settings of the run that is repeated.
    """
    before = earlier_settings(earlier) or base or {}
    if graph != "auto" or "graph" not in before or before.get("processes") != distributed.world():
        return graph
    return "on" if before["graph"] else "off"


def _now(device: torch.device) -> float:
    """The time when all work so far is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
