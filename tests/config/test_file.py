import numpy as np
import pytest

from remblai.config.convert import convert
from remblai.config.file import config_text, options_of, read_config, words_of

SETTINGS = {"penalty": {"name": "mmd", "kernel": {"name": "imq", "scale": 2.0}}, "clip": None, "learned": True,
            "fixed": False, "hidden": [64, 32], "critic_lr": 1e-5, "compile": "on"}  # fmt: skip


def test_settings_go_through_a_file(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(config_text(SETTINGS), encoding="utf-8")
    assert read_config(path) == SETTINGS


def test_numbers_of_numpy_become_plain_ones(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(config_text({"data": {"name": "ring", "radius": np.float64(2)}}), encoding="utf-8")
    assert read_config(path) == {"data": {"name": "ring", "radius": 2.0}}


def test_words_are_options_of_the_command_line():
    assert words_of(SETTINGS) == [
        *("--penalty", "mmd", "--penalty.kernel", "imq", "--penalty.kernel.scale", "2.0", "--clip", "none"),
        *("--learned", "--no-fixed", "--hidden", "64,32", "--critic-lr", "1e-05", "--compile", "on"),
    ]


def test_words_go_back_to_options():
    assert options_of(["--penalty.scale", "-2", "--learned", "--no-fixed", "--critic-lr=1e-3"]) == {
        "penalty.scale": "-2",
        "learned": "true",
        "fixed": "false",
        "critic_lr": "1e-3",
    }


def test_on_and_off_are_words(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("compile: on\nresume: true\nrecipe: no\n")
    assert read_config(path) == {"compile": "on", "resume": True, "recipe": "no"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- a\n- b\n", "expected names with values"),
        ("recipe: [a", "cannot be read as YAML"),
        ("1: a\n", "expected names with values"),
        ("", "expected names with values"),
        ("a: !!python/object/apply:os.system ['true']", "cannot be read as YAML"),
    ],
)
def test_files_that_are_no_settings_are_refused(tmp_path, text, words):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match=words):
        read_config(path)


def test_a_file_that_is_not_there_and_values_no_option_has_are_refused(tmp_path):
    with pytest.raises(ValueError, match="there is no file"):
        read_config(tmp_path / "none.yaml")
    path = tmp_path / "config.yaml"
    path.write_text("steps: 2026-01-01\n")
    with pytest.raises(ValueError, match="steps: expected a number"):
        words_of(read_config(path))
    with pytest.raises(ValueError, match="expected options"):
        options_of(["weight", "10"])


def test_items_with_commas_go_through_a_file_and_the_command_line():
    names = ["age", "spent, in all", 'a "b"']
    (_, text) = words_of({"columns": names})
    assert text == 'age,"spent, in all","a ""b"""'
    assert convert("columns", text, tuple[str, ...]) == tuple(names)
    assert convert("columns", 'a, "b, c"', tuple[str, ...]) == ("a", "b, c")
    assert convert("columns", '5" screens,b', tuple[str, ...]) == ('5" screens', "b")
    with pytest.raises(ValueError, match="those with a comma in double quotes"):
        convert("columns", '"spent, in all', tuple[str, ...])
