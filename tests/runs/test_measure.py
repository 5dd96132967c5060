"""What is measured of a recipe on a device, and whether the compiler pays."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.small import SMALL, settled

from remblai.data import load
from remblai.runs import measure
from remblai.runs.folder import Run
from remblai.runs.manifest import as_config
from remblai.runs.measure import Choice, Timing, choices, chosen_compile, chosen_graph, compile_pays, timed

CPU = torch.device("cpu")


def test_the_choices_of_a_device() -> None:
    assert [(c.layout, c.precision) for c in choices(CPU, True)] == [
        (layout, precision) for precision in ("float32", "bfloat16") for layout in ("plain", "channels-last")
    ]
    assert [c.layout for c in choices(CPU, False)] == ["plain"] * 2
    gpu = list(choices(torch.device("cuda"), True, compile=True))
    assert len(gpu) == len(set(gpu))
    assert {(c.graph, c.compile) for c in gpu} == {(a, b) for a in (False, True) for b in (False, True)}
    assert gpu[0] == Choice("plain", "float32", graph=False, compile=False, benchmark=False)


def test_a_timing_leaves_the_generators_and_torch_as_they_were() -> None:
    resolved, data = settled("wae-gan", SMALL), load("digits")
    torch.manual_seed(0)
    before = torch.get_rng_state(), torch.backends.cudnn.benchmark
    found = timed(resolved, data, CPU, Choice(), seconds=0.01)
    assert torch.equal(before[0], torch.get_rng_state())
    assert torch.backends.cudnn.benchmark == before[1]
    assert found.first > 0.0
    assert found.rate == pytest.approx(SMALL["batch_size"] / found.step)
    assert found.fell_back is None


def test_a_graph_where_there_is_none_is_said() -> None:
    with pytest.warns(UserWarning, match="not recorded"):
        found = timed(settled("wae-mmd", SMALL), load("digits"), CPU, Choice(graph=True), seconds=0.01)
    assert found.fell_back == "graphs are those of a CUDA device, and the model is on cpu"


@pytest.mark.parametrize(
    ("left", "step", "compiled", "first", "pays", "words"),
    [
        (1_000, 0.1, 0.05, 60.0, False, "takes less than 300 s"),
        (10_000, 0.1, 0.05, 60.0, True, "it saves 500 s, more than the 59 s"),
        (10_000, 0.1, 0.095, 60.0, False, "it saves 50 s, no more than the 59 s"),
        (10_000, 0.1, 0.2, 60.0, False, "it saves -1000 s, no more"),
    ],
)
def test_the_compiler_pays_where_it_saves_more_than_it_takes(
    monkeypatch: pytest.MonkeyPatch, left: int, step: float, compiled: float, first: float, pays: bool, words: str
) -> None:
    tried: list[bool] = []

    def pretended(_: Any, __: Any, ___: Any, choice: Choice, **____: Any) -> Timing:
        tried.append(choice.compile)
        return Timing(choice, first if choice.compile else 1.0, compiled if choice.compile else step, 1.0, None)

    monkeypatch.setattr(measure, "timed", pretended)
    answer, figures = compile_pays(None, None, CPU, Choice(), left)  # type: ignore[arg-type]
    assert answer is pays
    assert words in str(figures["why"])
    assert tried == ([False] if "less than 300" in words else [False, True])


def test_graphs_are_those_of_the_run_that_is_resumed_or_repeated(tmp_path: Path, bare: None) -> None:
    from tests.small import train

    train(tmp_path / "run", steps=2)
    run = Run.open(tmp_path / "run")
    assert as_config(run.settings)["graph"] == "off"
    run.update(graph=True)
    assert as_config(run.settings)["graph"] == "on"
    assert chosen_graph("auto", tmp_path / "run", None) == chosen_graph("auto", None, run.settings) == "on"
    assert chosen_graph("off", tmp_path / "run", None) == "off"
    assert chosen_graph("auto", None, run.settings | {"processes": 2}) == chosen_graph("auto", None, None) == "auto"


def test_a_run_that_is_resumed_keeps_its_choice_and_a_cpu_compiles_nothing(tmp_path: Path, bare: None) -> None:
    from tests.small import train

    train(tmp_path / "run", steps=2)
    settings = {"layout": "plain", "precision": "float32", "graph": False}
    assert chosen_compile(None, settings, None, None, CPU) == {}  # type: ignore[arg-type]
    run = Run.open(tmp_path / "run")
    assert run.settings["compile"] is False
    assert run.settings["graph"] is False
    assert run.settings["layout"] == "channels-last"
    assert run.settings["float32"] == {"products": "ieee", "convolutions": "ieee", "cudnn_benchmark": False}
    run.update(compile=True, compile_choice={"why": "it saves"})
    found = chosen_compile(tmp_path / "run", settings, None, None, torch.device("cuda"))  # type: ignore[arg-type]
    assert found == {"compile": True, "compile_choice": {"why": "it saves"}}
