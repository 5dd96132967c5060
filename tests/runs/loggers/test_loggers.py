"""Every logger of the table, from a training to what its service has; and who is refused."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch.utils
from PIL import Image
from tests.runs.loggers.services import SERVICES
from tests.small import train

from remblai.cli.main import main
from remblai.runs import loop as loop_module
from remblai.runs import train as train_module
from remblai.runs.folder import Run
from remblai.runs.loggers import LOGGERS, Logger, make_loggers


@pytest.mark.parametrize("name", LOGGERS)
def test_a_training_reaches_its_service_and_a_resumed_one_continues_there(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pixels = np.zeros((4, 6, 3), dtype=np.uint8)

    def write_report(trained: Any, _: Any) -> None:
        for picture in ("samples", "interpolations", "terms"):
            Image.fromarray(pixels).save(trained.folder / f"{picture}.png")

    monkeypatch.setattr(train_module, "write_report", write_report)
    figure: Any = {"w2": {"value": 1.5, "floor": 1.0, "spread": 0.1, "n": 9}, "unknown": {"value": None}}
    monkeypatch.setattr(train_module, "measure", lambda trained, _: trained.run.write_metrics(figure, trained.step))
    monkeypatch.setattr(loop_module, "previews", lambda *_: {"samples": pixels})
    folder = tmp_path / "run"
    sent = SERVICES[name](monkeypatch, folder)
    train(folder, logger=name, evaluate_every=10)
    first = sent()
    assert first.settings["recipe"] == "wae-mmd"
    assert str(first.settings["network.width"]) == "16"
    assert first.settings["clip"] == "none"
    assert not {"ended", "status"} & first.settings.keys()
    lines = Run.open(folder).terms()
    expected = {line["step"]: line["terms"]["transport"]["weighted"] for line in lines if "terms" in line}
    assert first.scalars["terms/transport"] == pytest.approx(expected)
    assert {"terms/penalty", "gradient_norms/model", "lr/model"} <= first.scalars.keys()
    assert first.scalars["validation/energy_distance_squared"].keys() == {10, 20}
    assert first.scalars["metrics/w2"] == {20: 1.5}
    assert "metrics/unknown" not in first.scalars
    assert first.pictures == {"samples": {10, 20}, "report/samples": {20}, "report/interpolations": {20}}
    assert first.ended == ["complete"]
    train(folder, logger=name, evaluate_every=10, resume=True, steps=30)
    again = sent()
    assert set(again.runs) == set(first.runs)
    assert set(again.scalars["terms/transport"]) == set(range(1, 31))
    assert again.scalars["validation/energy_distance_squared"].keys() == {10, 20, 30}
    assert again.pictures["report/samples"] == {20, 30}
    assert again.ended[-1] == "complete"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", LOGGERS)
def test_a_missing_package_is_named_with_its_extra_before_anything_is_written(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    monkeypatch.delattr(torch.utils, "tensorboard", raising=False)
    with pytest.raises(ValueError, match=rf"package {name}, which is not installed: pip install 'remblai\[{name}\]'"):
        train(tmp_path / "run", logger=name)
    assert not (tmp_path / "run").exists()


def test_a_package_that_is_there_and_fails_is_not_called_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "trackio.py").write_text("import no_such_dependency\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "trackio", raising=False)
    with pytest.raises(ValueError, match=r"cannot be imported \(No module named 'no_such_dependency'\)"):
        make_loggers("trackio")


def test_names_are_joined_and_tensorboard_is_there_once() -> None:
    pytest.importorskip("tensorboard")
    (only,) = make_loggers("tensorboard", tensorboard=True)
    assert isinstance(only, Logger)
    assert make_loggers(None) == []
    assert make_loggers([only, only]) == [only]
    with pytest.raises(ValueError, match=r"unknown logger 'tensorbord'.*tensorboard"):
        make_loggers("tensorboard,tensorbord")
    with pytest.raises(ValueError, match=r"logger: expected a name.*got 3 of type int"):
        make_loggers([3])  # type: ignore[list-item]  # what a user may pass


def test_the_command_takes_a_list_and_its_synonym(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def loggers_of(*given: Any) -> None:
        asked.append(given)
        sys.exit(0)

    monkeypatch.setattr(train_module, "loggers_of", loggers_of)
    words = ["train", "ae", "--data", "ring", "--out", str(tmp_path / "run")]
    for more in (["--logger", "tensorboard,wandb"], ["--tensorboard"], []):
        with pytest.raises(SystemExit):
            main([*words, *more])
    assert asked == [("tensorboard,wandb", False, None), (None, True, None), (None, False, None)]


def test_a_resumed_run_goes_on_with_its_loggers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []

    class Noted:
        def begin(self, folder: Path, settings: Any, step: int) -> None:
            sent.append(step)

        def scalars(self, step: int, values: Any) -> None: ...
        def pictures(self, step: int, pictures: Any) -> None: ...
        def end(self, step: int, metrics: Any, status: str) -> None: ...

    monkeypatch.setitem(LOGGERS, "noted", Noted)
    train(tmp_path / "run", steps=2, logger="noted")
    train(tmp_path / "run", steps=4, resume=True)
    assert sent == [0, 2]
    assert Run.open(tmp_path / "run").settings["loggers"] == ["noted"]
    monkeypatch.delitem(LOGGERS, "noted")
    with pytest.warns(UserWarning, match="the run was logged before, and goes on without: unknown logger 'noted'"):
        train(tmp_path / "run", steps=6, resume=True)
    assert Run.open(tmp_path / "run").settings["loggers"] == ["noted"]
