"""What is there to load, and what is not; what a loaded model answers is in test_trained.py."""

import json
from pathlib import Path

import pytest
from tests.small import last, train

import remblai


@pytest.mark.parametrize(
    ("which", "words"), [("newest", "'last' or 'best'"), ("last", "is not a run"), ("best", "is not a run")]
)
def test_loading_what_is_not_there_is_refused(tmp_path: Path, which: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        remblai.load(tmp_path, which=which)


def test_a_model_that_does_not_fit_its_checkpoint_is_said_with_the_first_tensor(tmp_path: Path, bare: None) -> None:
    run = train(tmp_path / "run", data="ring")
    name, here = next((name, one.shape) for name, one in run.objective.state_dict().items() if 16 in one.shape)
    path = run.folder / "run.json"
    settings = json.loads(path.read_text())
    settings["arguments"]["network"]["width"] = 24
    path.write_text(json.dumps(settings))
    there, expected = str(tuple(here)), str(tuple(24 if size == 16 else size for size in here))
    with pytest.raises(ValueError) as told:
        remblai.load(run.folder)
    words = str(told.value)
    assert words.startswith(f"{run.folder}: ") and "restore run.json" in words
    assert f"has {name} of shape {expected}, got of shape {there}:" in words


SOURCE = """
import remblai
from remblai.recipes import wae_mmd

@remblai.recipe(steps=4)
def mine(shape, latent: int = 2):
    "Another width."
    return wae_mmd(shape, latent=latent, network={{"name": "mlp", "width": {width}}})
"""


@pytest.mark.filterwarnings("ignore:.*the file is not as it was")
def test_a_run_is_not_continued_with_another_model(tmp_path: Path, bare: None) -> None:
    recipe, out = f"{tmp_path}/my.py:mine", tmp_path / "run"
    (tmp_path / "my.py").write_text(SOURCE.format(width=8))
    remblai.train(recipe, data="ring", steps=4, out=out, quiet=True)
    kept, terms = last(out), (out / "terms.jsonl").read_bytes()
    (tmp_path / "my.py").write_text(SOURCE.format(width=12))
    with pytest.raises(ValueError, match=r"of shape \(12,.* got of shape \(8,.* restore .*the file of the recipe"):
        remblai.train(recipe, data="ring", steps=8, out=out, resume=True, quiet=True)
    assert (last(out), (out / "terms.jsonl").read_bytes()) == (kept, terms)
