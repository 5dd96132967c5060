"""The second stage of a rectified flow, on the flow of an earlier run."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.small import last, train

import remblai
from remblai.features.weights import digest_of

POINTS = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32)
"""Few, so that runs are measured in a moment."""
OPTIONS: dict[str, Any] = {
    "recipe": "flow-matching", "data": POINTS, "velocity.width": 8, "schedule": "constant", "sampling_steps": 2,
}  # fmt: skip


def flow(out: Path, **options: Any) -> remblai.Trained:
    chosen = OPTIONS | options
    return remblai.train(out=out, quiet=True, device="cpu", evaluate_every=0, batch_size=20, **chosen)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> remblai.Trained:
    return flow(tmp_path_factory.mktemp("runs") / "first", steps=3)


@pytest.fixture(scope="module")
def second(first: remblai.Trained) -> remblai.Trained:
    return flow(first.folder.parent / "second", steps=2, coupling={"name": "reflow", "run": str(first.folder)})


def test_it_notes_the_run_and_keeps_no_weights_of_it(first: remblai.Trained, second: remblai.Trained) -> None:
    weights = first.objective.velocity.state_dict()
    noted = json.loads((second.folder / "run.json").read_text())["reflow"]
    assert noted == {"run": str(first.folder), "step": 3, "sha256": digest_of(weights)}
    assert set(second.objective.state_dict()) == {f"velocity.{name}" for name in weights}


def test_it_starts_from_the_weights_of_the_run(first: remblai.Trained, tmp_path: Path) -> None:
    still = {"name": "reflow", "run": str(first.folder)}
    trained = flow(tmp_path / "run", steps=1, lr=1e-12, coupling=still)
    z = torch.randn(5, 2)
    torch.testing.assert_close(trained.objective.decode(z), first.objective.decode(z), atol=1e-4, rtol=0)


def test_a_resumed_run_is_one_that_was_never_stopped(
    first: remblai.Trained, second: remblai.Trained, tmp_path: Path
) -> None:
    coupling = {"name": "reflow", "run": str(first.folder)}
    shutil.copytree(second.folder, tmp_path / "run", symlinks=True)
    flow(tmp_path / "run", steps=3, coupling=coupling, resume=True)
    flow(tmp_path / "whole", steps=3, coupling=coupling)
    assert last(tmp_path / "run") == last(tmp_path / "whole")
    settings = json.loads((tmp_path / "run" / "run.json").read_text())
    settings["reflow"]["sha256"] = "0" * 64
    (tmp_path / "run" / "run.json").write_text(json.dumps(settings))
    with pytest.raises(ValueError, match=r"coupling\.run: expected the flow of step 3 of .*, got that of step 3"):
        flow(tmp_path / "run", steps=4, coupling=coupling, resume=True)


def test_samples_need_the_first_run_no_more(second: remblai.Trained, tmp_path: Path) -> None:
    shutil.copytree(second.folder, tmp_path / "moved", symlinks=True)
    path = tmp_path / "moved" / "run.json"
    path.write_text(path.read_text().replace(second.run.settings["reflow"]["run"], "/nowhere"))
    loaded = remblai.load(tmp_path / "moved")
    z = torch.randn(5, 2)
    assert torch.equal(loaded.objective.decode(z), second.objective.decode(z))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"coupling": "reflow"}, r"coupling 'reflow': expected a trained flow, got None"),
        ({"coupling": {"name": "reflow", "run": "FIRST"}, "data": "digits"}, r"have another fingerprint"),
        ({"coupling": {"name": "reflow", "run": "FIRST"}, "velocity.width": 9}, "kind and size of the run's"),
        ({"coupling": {"name": "reflow", "run": "/nowhere"}}, "is not a run"),
        ({"distilled": 1}, "distilled: expected pairs of noise and data that one path joins"),
    ],
)
def test_bad_input_is_refused(first: remblai.Trained, tmp_path: Path, options: dict[str, Any], words: str) -> None:
    chosen = options.get("coupling")
    if isinstance(chosen, dict) and chosen["run"] == "FIRST":
        options = options | {"coupling": chosen | {"run": str(first.folder)}}
    with pytest.raises(ValueError, match=words):
        flow(tmp_path / "run", steps=2, **options)


def test_a_run_of_another_recipe_is_refused(tmp_path: Path) -> None:
    other = train(tmp_path / "other", "gmmn", data=POINTS, steps=1)
    with pytest.raises(ValueError, match="expected a run of flow-matching, got one of gmmn"):
        flow(tmp_path / "run", steps=1, coupling={"name": "reflow", "run": str(other.folder)})
