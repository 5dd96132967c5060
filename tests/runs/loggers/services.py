"""The services that loggers write to: TensorBoard itself, and modules with the published signatures of the others.

Each says in the same words what it was sent.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest


@dataclass
class Sent:
    """What a service has: one entry of `runs` for each run that was begun there."""

    settings: dict[str, Any] = field(default_factory=dict)
    scalars: dict[str, dict[int, float]] = field(default_factory=dict)
    pictures: dict[str, set[int]] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    def scalar(self, name: str, step: int, value: float) -> None:
        self.scalars.setdefault(name, {})[step] = value

    def picture(self, name: str, step: int, pixels: Any) -> None:
        assert pixels.dtype == np.uint8
        assert pixels.ndim == 3
        assert pixels.shape[2] == 3
        self.pictures.setdefault(name, set()).add(step)


def tensorboard(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Any:
    """The real one: its event files are read when asked for."""
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def sent() -> Sent:
        events = EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0, "images": 0}).Reload()
        found = Sent(runs=["tensorboard"])
        for name in events.Tags()["scalars"]:
            for event in events.Scalars(name):
                found.scalar(name, event.step, event.value)
        for name in events.Tags()["images"]:
            found.pictures[name] = {event.step for event in events.Images(name)}
        table = events.Tensors("settings/text_summary")[-1].tensor_proto.string_val[0].decode()
        found.settings = dict(line.strip("| ").split(" | ", 1) for line in table.splitlines()[2:])
        plugin = events.summary_metadata.get("_hparams_/session_start_info")
        found.ended = ["complete" if b"complete" in plugin.plugin_data.content else "?"] if plugin else []
        return found

    return sent


def wandb(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Any:
    found, module = Sent(), ModuleType("wandb")

    class Run:
        def __init__(self) -> None:
            self.summary: dict[str, Any] = {}
            self.steps = None
            self.last = 0

        def define_metric(self, name: str, step_metric: str | None = None) -> None:
            assert name == "*"
            self.steps = step_metric

        def log(self, data: dict[str, Any], step: int | None = None, commit: bool | None = None) -> None:
            assert step is None  # the service's own counter refuses a step twice
            self.last = data[self.steps]
            for name, value in data.items():
                if isinstance(value, Image):
                    found.picture(name, self.last, value.data)
                elif name != self.steps:
                    found.scalar(name, self.last, value)

        def finish(self, exit_code: int | None = None) -> None:
            found.ended.append(self.summary.pop("status"))
            assert (exit_code == 0) == (found.ended[-1] == "complete")
            for name, value in self.summary.items():
                found.scalar(name, self.last, value)

    class Image:
        def __init__(self, data: Any) -> None:
            self.data = data

    def init(
        project: str | None = None, id: str | None = None, name: str | None = None, config: Any = None,
        allow_val_change: bool | None = None, reinit: str | None = None, resume: str | None = None,
    ) -> Run:  # fmt: skip
        assert (project, name, resume, reinit) == ("mine", folder.name, "allow", "create_new")
        assert id is not None
        assert allow_val_change or not found.settings
        found.settings = config
        found.runs.append(id)
        return Run()

    module.init, module.Image = init, Image  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "wandb", module)
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    return lambda: found


def mlflow(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Any:
    found, module, experiments = Sent(), ModuleType("mlflow"), dict[str, str]()

    class MlflowClient:
        def get_experiment_by_name(self, name: str) -> Any:
            return SimpleNamespace(experiment_id=experiments[name]) if name in experiments else None

        def create_experiment(self, name: str) -> str:
            experiments[name] = "7"
            return "7"

        def create_run(self, experiment_id: str, run_name: str | None = None) -> Any:
            assert (experiment_id, run_name) == ("7", folder.name)
            found.runs.append("abc")
            return SimpleNamespace(info=SimpleNamespace(run_id="abc"))

        def update_run(self, run_id: str, status: str | None = None) -> None:
            assert status == "RUNNING"
            found.runs.append(run_id)

        def log_batch(self, run_id: str, metrics: Any = (), params: Any = (), tags: Any = ()) -> None:
            assert run_id == "abc"
            assert len(params) <= 100
            for one in params:
                assert one.key not in found.settings  # a parameter cannot be changed
                found.settings[one.key] = one.value
            for one in metrics:
                found.scalar(one.key, one.step, one.value)

        def log_image(self, run_id: str, image: Any, key: str | None = None, step: int | None = None) -> None:
            assert (run_id, key is None, step is None) == ("abc", False, False)
            found.picture(str(key), step or 0, image)

        def set_tag(self, run_id: str, key: str, value: str) -> None:
            assert (run_id, key) == ("abc", "remblai.status")
            found.ended.append(value)

        def set_terminated(self, run_id: str, status: str | None = None) -> None:
            assert (run_id, status) == ("abc", "FINISHED" if found.ended[-1] == "complete" else "KILLED")

    def metric(key: str, value: float, timestamp: int, step: int) -> Any:
        return SimpleNamespace(key=key, value=value, step=step)

    module.MlflowClient = MlflowClient  # type: ignore[attr-defined]
    module.entities = SimpleNamespace(  # type: ignore[attr-defined]
        Param=lambda key, value: SimpleNamespace(key=key, value=value), Metric=metric
    )
    monkeypatch.setitem(sys.modules, "mlflow", module)
    return lambda: found


def trackio(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Any:
    found, module = Sent(), ModuleType("trackio")

    class Image:
        def __init__(self, value: Any, caption: str | None = None) -> None:
            self.value = value

    def init(
        project: str, name: str | None = None, config: Any = None, resume: str = "never", embed: bool = True
    ) -> None:
        print("* Trackio project initialized")  # as it does, which must not reach standard output
        assert (project, resume, embed) == ("remblai", "allow", False)
        assert str(name).startswith(folder.name)
        found.settings = config
        found.runs.append(str(name))

    def log(metrics: dict[str, Any], step: int | None = None) -> None:
        for name, value in metrics.items():
            if isinstance(value, Image):
                found.picture(name, step or 0, value.value)
            else:
                found.scalar(name, step or 0, value)

    module.init, module.log, module.Image = init, log, Image  # type: ignore[attr-defined]
    module.finish = lambda: found.ended.append("complete")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "trackio", module)
    return lambda: found


SERVICES = {"tensorboard": tensorboard, "wandb": wandb, "mlflow": mlflow, "trackio": trackio}
