"""The command line over its own options: whatever is given, an answer or one line that says what is wrong."""

import contextlib
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import remblai
from remblai.cli.main import main
from remblai.runs import train as train_module

WORDS = st.sampled_from([
    *("", "0", "-1", "1e30", "nan", "inf", "3", "0.5", "none", "auto", "mmd", "mixture", "digits", "digits:test"),
    *("ring", "../nowhere", "./here.png", "a\x1b[31mb", "é", "--", "-n", "1,2", "true"),
])  # fmt: skip
OPTIONS = st.sampled_from([
    *("--n", "-n", "--seed", "--out", "--data", "--sampler", "--device", "--metric", "--steps", "--permutations"),
    *("--cost", "--epsilon", "--p", "--json", "--recipe", "--size", "--range", "--columns", "--penalty", "--latent"),
])  # fmt: skip
COMMANDS = (
    *("sample", "encode", "reconstruct", "interpolate", "distance", "list", "info", "fit", "gallery"),
    *("power", "drift"),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small trained run."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as patch:  # its figures would take most of the time
        patch.setattr(train_module, "measure", lambda *_: None)
        patch.setattr(train_module, "write_report", lambda *_: None)
        remblai.train("ae", data="ring", out=folder, steps=2, evaluate_every=0, quiet=True)
    return folder


@pytest.mark.parametrize("command", COMMANDS)
@given(words=st.lists(st.one_of(OPTIONS, WORDS), max_size=4))
def test_any_words(command: str, words: list[str], run: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.mktemp("place")
    first = [str(run)] if command in ("sample", "encode", "reconstruct", "interpolate", "fit") else []
    first += ["ring", "two-moons", "-n", "20"] if command == "distance" else []
    first += ["seven-points"] if command == "gallery" else []
    first += ["--repeats", "20", "--most", "16", "--batch-size", "8", "--latent", "2"] if command == "power" else []
    if command == "drift":
        (place / "table.csv").write_text("a,b\n1,red\n2,\n,blue\n4,red\n")
        first += ["table.csv", "table.csv", "--permutations", "19"]
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(place),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main([command, *first, *words])
    code = ended.value.code
    assert code in (0, 1, 2)
    errors = [line for line in err.getvalue().splitlines() if not line.startswith("warning: ")]
    if code:
        assert len(errors) == 1
        assert errors[0].startswith("error: ")
        assert "\x1b" not in errors[0]
        assert "Traceback" not in errors[0]
