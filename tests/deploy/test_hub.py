"""A run is published and read back, by a stand-in for the hub that keeps folders in the layout of its cache."""

import hashlib
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.small import train

import remblai
from remblai.cli.main import main
from remblai.deploy.hub import write_published
from remblai.runs.published import public_settings


class TakenError(OSError):
    """What the hub answers where a name is taken."""

    response = SimpleNamespace(status_code=409)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a hub: models--owner--name/snapshots/REVISION with links into blobs, as huggingface_hub caches."""
    root = tmp_path / "hub"

    class HfApi:
        def create_repo(self, name: str, private: bool, exist_ok: bool) -> str:
            place = root / f"models--{name.replace('/', '--')}"
            if place.exists() and not exist_ok:
                raise TakenError("409 Client Error: Conflict\nYou already created this model repo")
            place.mkdir(parents=True, exist_ok=True)
            return f"https://hub.invalid/{name}"

        def upload_folder(self, repo_id: str, folder_path: str, commit_message: str) -> None:
            place = root / f"models--{repo_id.replace('/', '--')}"
            for path in Path(folder_path).rglob("*"):
                if path.is_file():
                    blob = place / "blobs" / hashlib.sha256(path.read_bytes()).hexdigest()
                    blob.parent.mkdir(exist_ok=True)
                    blob.write_bytes(path.read_bytes())
                    link = place / "snapshots" / "abc" / path.relative_to(folder_path)
                    link.parent.mkdir(parents=True, exist_ok=True)
                    link.unlink(missing_ok=True)
                    link.symlink_to(blob)

    def snapshot_download(name: str, allow_patterns: list[str]) -> str:
        place = root / f"models--{name.replace('/', '--')}" / "snapshots" / "abc"
        if not place.is_dir():
            raise OSError("404 Client Error")
        return str(place)

    module, errors = ModuleType("huggingface_hub"), ModuleType("huggingface_hub.errors")
    module.HfApi, module.snapshot_download, errors.HfHubHTTPError = HfApi, snapshot_download, TakenError  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)
    monkeypatch.setitem(sys.modules, "huggingface_hub.errors", errors)
    return root


def call(*words: Any) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return int(ended.value.code or 0)


def test_a_run_goes_to_the_hub_and_comes_back(hub: Path, tmp_path: Path, bare: None, capsys: Any) -> None:
    run = train(tmp_path / "run", data="digits", encoder="deterministic")
    remblai.fit(run, "gaussian")
    assert remblai.push(run, "alice/digits") == "https://hub.invalid/alice/digits"
    again = remblai.load("hub:alice/digits")
    assert again.step == run.step
    assert np.array_equal(again.sample(5), run.sample(5))
    assert np.array_equal(again.sample(5, sampler="gaussian"), run.sample(5, sampler="gaussian"))
    assert np.array_equal(again.encode(run.sample(5)), run.encode(run.sample(5)))
    folder = hub / "models--alice--digits" / "snapshots" / "abc"
    names = {path.name for path in folder.rglob("*")}
    assert names >= {"model.safetensors", "run.json", "README.md"}
    assert not [name for name in names if name.endswith((".pt", ".pkl"))]
    assert 'remblai.load("hub:alice/digits")' in (folder / "README.md").read_text()
    out = tmp_path / "s.npz"
    assert call("sample", "hub:alice/digits", "-n", 3, "--out", out) == 0
    assert np.array_equal(np.load(out)["images"][..., 0], run.sample(3))

    capsys.readouterr()
    assert call("push", run.folder, "alice/digits") == 2
    told = capsys.readouterr().err
    assert told == "error: hub name 'alice/digits' is taken: name another, or add --overwrite to write into it.\n"
    assert call("push", run.folder, "hub:alice/digits", "--overwrite") == 0
    for words, expected in (
        (["push", run.folder, "digits"], "expected owner/name"),
        (["sample", "hub:alice/nothing"], "the hub does not give 'alice/nothing' (404 Client Error)"),
        (["sample", "hub:alice"], "expected owner/name, got 'alice'"),
    ):
        assert call(*words) == 2
        assert expected in capsys.readouterr().err
    weights = folder / "model.safetensors"
    weights.resolve().write_bytes(b"nothing")
    with pytest.raises(ValueError, match="cannot be read"):
        remblai.load("hub:alice/digits")


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    for attempt in (lambda: remblai.load("hub:a/b"), lambda: remblai.push(tmp_path, "a/b")):
        with pytest.raises(ValueError, match=r"pip install 'remblai\[hub\]'"):
            attempt()


def test_the_places_of_data_are_not_published() -> None:
    data = {"spec": "../secret/photos", "path": "/home/alice/secret/photos", "name": "photos", "units": {}}
    found = json.dumps(public_settings({"data": data, "seed": 0}))
    assert "secret" not in found
    assert "photos" in found
    options = {"coupling": {"name": "semi-discrete", "run": "/home/alice/secret/ae"}, "weights": ["~/secret/w.pt"]}
    stacked = {"spec": {"name": "stacked-mnist", "folder": "/home/alice/secret/mnist"}, "path": None, "units": {}}
    of_parts = public_settings({"data": stacked, "arguments": options, "recipe": "/home/alice/secret/r.py:mine"})
    assert "secret" not in json.dumps(of_parts)
    assert (of_parts["recipe"], of_parts["data"]["spec"]["folder"]) == ("r.py:mine", "mnist")
    words = {"columns": ["/temp"], "classes": ["/m/01"]}
    kept = public_settings({"data": {"spec": "digits", "path": None, "units": {}} | words})["data"]
    assert kept["columns"] == ["/temp"] and kept["classes"] == ["/m/01"], "words are no places"
    named = {"spec": "digits", "path": None, "units": {}}
    assert public_settings({"data": named})["data"] == named


def test_laws_of_a_published_run_stay_when_another_is_fitted(tmp_path: Path, bare: None) -> None:
    (tmp_path / "public").mkdir()
    write_published(tmp_path / "public", train(tmp_path / "run", "ae"), "owner/name")
    published = remblai.load(tmp_path / "public")
    before = published.sample(3)
    remblai.fit(published, "gaussian")
    assert np.array_equal(remblai.load(tmp_path / "public").sample(3), before)
    assert remblai.load(tmp_path / "public").sample(3, sampler="gaussian").shape == before.shape
