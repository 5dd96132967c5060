"""run.json is checked where it is read."""

import json
from pathlib import Path
from typing import Any

import pytest

from remblai.runs.record import read_settings

GOOD: dict[str, Any] = {
    "schema": 1,
    "recipe": "ae",
    "arguments": {},
    "loop": {"ascents": 2},
    "data": {"spec": "digits", "options": {}, "shape": [1, 8, 8], "units": {}},
    "seed": 0,
    "threads": 2,
    "compile": False,
    "started": "2026-01-01",
    "ended": None,
    "status": "running",
}


def written(folder: Path, settings: Any) -> Path:
    (folder / "run.json").write_text(settings if isinstance(settings, str) else json.dumps(settings))
    return folder


def test_what_is_right_is_taken_and_renamed_options_have_their_new_name(tmp_path: Path) -> None:
    assert read_settings(written(tmp_path, GOOD)) == GOOD | {"loop": {"critic_steps": 2}}


@pytest.mark.parametrize(
    ("recipe", "shape", "hidden"),
    [
        ("gan", [1, 28, 28], 256),
        ("drifting", [3, 16, 40], 256),
        ("gan", [1, 8, 8], 0),
        ("gan", [2], 0),
        ("ae", [], None),
    ],
)
def test_a_generator_of_images_whose_layers_are_not_recorded_has_the_hidden_layer_of_version_0_1(
    tmp_path: Path, recipe: str, shape: list[int], hidden: int | None
) -> None:
    network = {"name": "auto", "width": None, "contrasts": True}
    settings = GOOD | {"recipe": recipe, "arguments": {"network": network}, "data": {"shape": shape}}
    found = read_settings(written(tmp_path, settings))["arguments"]["network"]
    assert found == network | ({} if hidden is None else {"hidden": hidden})
    kept = settings | {"arguments": {"network": network | {"hidden": 3}}}
    assert read_settings(written(tmp_path, kept))["arguments"]["network"] == network | {"hidden": 3}


@pytest.mark.parametrize(
    ("name", "shape", "added"),
    [
        ("auto", [3, 28, 28], True),
        ("dcgan", [3, 28, 28], True),
        ("resnet", [3, 28, 28], True),
        ("wae", [3, 28, 28], False),
        ("dcgan", [3, 8, 8], True),
        ("auto", [3, 8, 8], False),
        ("auto", [1, 28, 28], False),
        ("dcgan", [1, 28, 28], False),
        ("auto", [2], False),
        ("auto", [], False),
    ],
)
def test_a_decoder_whose_last_layer_is_not_recorded_has_that_of_version_0_1(
    tmp_path: Path, name: str, shape: list[int], added: bool
) -> None:
    def arguments_of(arguments: dict[str, object]) -> dict[str, object]:
        settings = GOOD | {"arguments": arguments, "data": {"shape": shape}}
        found: dict[str, object] = read_settings(written(tmp_path, settings))["arguments"]
        return found

    unrecorded = {"network": {"name": name}}
    assert arguments_of(unrecorded) == {"network": {"name": name} | ({"contrasts": False} if added else {})}
    recorded = {"network": {"name": name, "contrasts": True}}
    assert arguments_of(recorded) == recorded


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"status": 3}, "status: expected a word, got 3"),
        ({"started": None}, "started: expected a time, got null"),
        ({"threads": "two"}, 'threads: expected a whole number, got "two"'),
        ({"threads": True}, "threads: expected a whole number, got true"),
        ({"threads": -1}, "threads: expected 1 to 4096, got -1"),
        ({"threads": 10**9}, "threads: expected 1 to 4096"),
        ({"loop": []}, r"loop: expected an object, got \[\]"),
        ({"data": "digits"}, "data: expected an object"),
        ({"data": {"shape": 3}}, "data.shape: expected a list, got 3"),
        ({"data": {"options": None}}, "data.options: expected an object"),
        ({"recipe": {"a": "b" * 100}}, r"recipe: expected a name, got .*\.\.\."),
        ({"seed": 1.5}, "seed: expected a whole number"),
        ({"compile": "on"}, "compile: expected true or false"),
        ({"schema": 2}, "another version"),
    ],
)
def test_a_field_of_another_type_is_refused_by_name(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_settings(written(tmp_path, GOOD | changes))


def test_a_field_that_is_absent_is_named_with_its_file(tmp_path: Path) -> None:
    found = read_settings(written(tmp_path, GOOD | {"data": {"name": "ring"}}))
    assert found["data"] == {"name": "ring"}
    for ask, name in ((lambda: found["seeds"], "seeds"), (lambda: found["data"]["classes"], "data.classes")):
        with pytest.raises(ValueError, match=f"run.json: expected the field {name}, got none: restore the file"):
            ask()


def test_brackets_within_names_are_no_nesting(tmp_path: Path) -> None:
    settings = GOOD | {"data": {"classes": ['[{"' + str(number) for number in range(100)]}}
    assert len(read_settings(written(tmp_path, settings))["data"]["classes"]) == 100


@pytest.mark.parametrize("depth", [50, 900, 100_000])
def test_deep_nesting_is_refused(tmp_path: Path, depth: int) -> None:
    text = '{"schema": 1, "arguments": ' + '{"a": ' * depth + "1" + "}" * depth + "}"
    with pytest.raises(ValueError, match="nested too deeply"):
        read_settings(written(tmp_path, text))


@pytest.mark.parametrize("content", [b"\xff", b"", b"{"])
def test_what_is_no_json_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"run.json cannot be read"):
        read_settings(tmp_path)


@pytest.mark.parametrize("folder", [3, None, b"run"])
def test_what_is_no_path_is_refused(folder: Any) -> None:
    with pytest.raises(ValueError, match="expected the folder of a run, got"):
        read_settings(folder)


def test_a_name_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="File name too long"):
        read_settings("x" * 300)


def test_a_run_cannot_name_a_place_to_write_to(tmp_path: Path) -> None:
    options = {"size": 10, "cache": "/etc", "other": 1}
    settings = GOOD | {"data": {"spec": "images/", "options": options}}
    assert read_settings(written(tmp_path, settings))["data"]["options"] == {"size": 10}
