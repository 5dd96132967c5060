"""When loggers are told what, and that a training outlives them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.small import last, train

from remblai.runs import train as train_module
from remblai.runs.folder import Run
from remblai.runs.recording import recording, scalars_of
from remblai.training import Diverged


class Notes:
    """A logger of a user's own: what it was sent, in order; it fails at one method where that is wanted."""

    def __init__(self, fails: str = "") -> None:
        self.fails, self.sent = fails, list[tuple[Any, ...]]()

    def begin(self, folder: Path, settings: Any, step: int) -> None:
        self._note("begin", folder, settings, step)

    def scalars(self, step: int, values: Any) -> None:
        self._note("scalars", step, values)

    def pictures(self, step: int, pictures: Any) -> None:
        self._note("pictures", step, pictures)

    def end(self, step: int, metrics: Any, status: str) -> None:
        self._note("end", step, metrics, status)

    def _note(self, what: str, *given: Any) -> None:
        self.sent.append((what, *given))
        if what == self.fails:
            raise ConnectionError("no route to the server\nand a second line")

    def kinds(self) -> list[str]:
        return [what for what, *_ in self.sent]


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize(
    ("recipe", "options", "names"),
    [
        ("wae-mmd", {}, {"reconstructions", "samples"}),
        ("ae", {"sampler": "gaussian"}, {"reconstructions"}),  # its samples need a law that is fitted after training
        ("gmmn", {"data": "ring"}, {"samples"}),
    ],
)
def test_pictures_are_drawn_at_evaluations_and_change_no_byte(
    recipe: str, options: dict[str, Any], names: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_module, "fit_both", lambda *_: None)
    notes = Notes()
    train(tmp_path / "with", recipe, evaluate_every=20, logger=notes, **options)
    train(tmp_path / "without", recipe, evaluate_every=20, **options)
    assert last(tmp_path / "with") == last(tmp_path / "without")
    ((_, step, pictures),) = [one for one in notes.sent if one[0] == "pictures"]
    assert step == 20
    assert pictures.keys() == names
    for picture in pictures.values():
        assert picture.dtype == np.uint8
        assert picture.ndim == 3
        assert picture.shape[2] == 3
        assert picture.std() > 1


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("method", ["begin", "scalars", "end"])
def test_a_logger_that_fails_is_left_out_and_the_training_goes_on(method: str, tmp_path: Path) -> None:
    broken, whole = Notes(method), Notes()
    with pytest.warns(UserWarning, match=r"Notes failed \(ConnectionError: no route to the server\)") as warned:
        train(tmp_path / "run", logger=[broken, whole])
    assert len([one for one in warned if "Notes failed" in str(one.message)]) == 1
    assert broken.kinds() == whole.kinds()[: whole.kinds().index(method) + 1]
    assert whole.kinds() == ["begin", *["scalars"] * 20, "end"]
    assert Run.open(tmp_path / "run").settings["status"] == "complete"


@pytest.mark.usefixtures("bare")
def test_a_run_that_replaces_another_is_logged_once_it_has_its_place(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    train(folder, checkpoint_every=5)
    notes = Notes()
    train(folder, overwrite=True, checkpoint_every=5, logger=notes)
    assert notes.sent[0][1] == folder
    assert notes.kinds() == ["begin", *["scalars"] * 20, "end"]
    assert [one[1] for one in notes.sent[1:-1]] == list(range(1, 21))
    dropped = Notes()
    with pytest.raises(Diverged):
        train(folder, "ae", overwrite=True, optimiser="sgd", lr=1e20, logger=dropped)
    assert dropped.sent == []  # the run before it stays, and this one is no run


@pytest.mark.usefixtures("bare")
def test_the_end_says_how_it_ended_and_a_resumed_run_where_it_goes_on(tmp_path: Path) -> None:
    notes = Notes()
    with pytest.raises(Diverged):
        train(tmp_path / "bad", "ae", optimiser="sgd", lr=1e20, logger=notes)
    assert notes.sent[-1] == ("end", 1, {}, "diverged")
    train(tmp_path / "run")
    again = Notes()
    train(tmp_path / "run", resume=True, steps=25, logger=again)
    assert again.sent[0][3] == 20
    assert [one[1] for one in again.sent[1:-1]] == list(range(21, 26))
    assert again.sent[-1] == ("end", 25, {}, "complete")


def test_only_the_first_process_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes = Notes()
    monkeypatch.setattr("remblai.runs.recording.rank", lambda: 1)
    with recording([notes], Run(tmp_path, {}), 0) as recorder:
        recorder.line({"step": 1})
        recorder.pictures(1, lambda: pytest.fail("pictures are drawn for nobody"))
    assert notes.sent == []


SETTINGS: dict[str, Any] = {
    **dict.fromkeys(("seed", "device", "precision", "compile", "threads", "started", "ended")),
    **{"status": "running", "recipe": "ae", "arguments": {}, "loop": {}},
    "data": {"spec": "digits", "options": {}, "fingerprint": "0", "split_note": ["a", "b"]},
}


def test_an_error_on_the_way_is_a_failure(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", SETTINGS)
    notes = Notes()
    with pytest.raises(OSError, match="full"), recording([notes], run, 0) as recorder:
        recorder.line({"step": 1, "terms": {}})
        raise OSError("full")
    assert notes.sent[-1] == ("end", 1, {}, "failed")
    assert notes.sent[0][2]["data.split_note"] == "a, b"
    assert notes.sent[0][2]["threads"] == "none"


def test_scalars_are_the_figures_of_a_line() -> None:
    line = {
        "step": 3,
        "seconds": 1.0,
        "terms": {"penalty": {"weighted": 4.0, "raw": 2.0}},
        "gradient_norms": {"model": 5.0},
        "lr": {"critics": 6.0},
        "weight": 2.0,
    }
    assert scalars_of(line) == {"terms/penalty": 4.0, "gradient_norms/model": 5.0, "lr/critics": 6.0, "weight": 2.0}
    assert scalars_of({"step": 3, "validation": {"estimate": 1.0}}) == {"validation/estimate": 1.0}
