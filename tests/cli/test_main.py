"""The command line: exit codes, one error line, help from signatures, closed pipes."""

import errno
import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import remblai
from remblai.cli.commands import COMMANDS
from remblai.cli.main import main
from remblai.config.registry import Option, options
from remblai.recipes import RECIPES
from remblai.runs import train as train_module
from remblai.runs.folder import Run
from remblai.runs.resolve import resolve

SMALL = "--latent 2 --network mlp --network.width 16 --steps 20 --batch-size 20 --evaluate-every 0 --device cpu --quiet"
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(
    bare: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Call]:
    """Runs one command in this process, in a folder of its own: its exit code and what it printed."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as done:
            main([part for word in words for part in word.split()])
        out, err = capsys.readouterr()
        return int(done.value.code or 0), out, err

    yield run


def refused(told: tuple[int, str, str], code: int, words: str) -> None:
    """The exit code, and one `error:` line that says these words and is no traceback."""
    found, out, err = told
    lines = err.strip().splitlines()
    assert found == code, err
    assert out == ""
    assert [line.startswith("error: ") for line in lines] == [True], err
    assert re.search(words, lines[0]), lines[0]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("train wae-mdm", "Did you mean 'wae-mmd'"),
        ("train wae-mmd --penalty ./my.py:f", "unknown penalty .* use it in a recipe of yours, or pass it in Python"),
        ("train wae-mmd --network ./my.py:f", "unknown network .* use it in a recipe of yours, or pass it in Python"),
        ("distance ring grid --metric ./my.py:f", "unknown metric .* or pass it in Python"),
        ("train", "expected a recipe, got none: name one"),
        ("train --weight 3 --latent 2", "expected a recipe, got none: name one"),
        ("train --data digits wae-mdm", "Did you mean 'wae-mmd'"),
        ("train wae-mmd --penalty mmd --penalty mmmd", "Did you mean 'mmd'"),
        ("train wae-mmd --penalty mmd --penalty sliced --penalty.kernel imq", "No such option '--penalty.kernel'"),
        ("train cgan", "--conditional"),
        ("train wae-mmd --cost sqeuclidean", "It is called 'square' here"),
        ("train wae-mmd --label y", "does not apply to data .digits."),
        ("distance ring grid --metric fid", "features are of images"),
        ("distance ring grid --metric fdi", "Did you mean .fid."),
        ("distance ring grid --metric entropic --reg 1", "called epsilon"),
        ("train wae-mmd --data digist", "Did you mean 'digits'"),
        ("train wae-mmd --data no/such/folder", "no file or folder 'no/such/folder'"),
        ("train wae-mmd --data digits:test", "--data digits"),
        ("train wae-mmd --data empty/", "empty"),
        ("train wae-mmd --data digits --size 16", "--size does not apply"),
        ("train wae-mmd --latnet 3", "No such option '--latnet'.*--latent"),
        ("train wae-mmd --penalty.kernel.scael 3", "--penalty.kernel.scale"),
        ("train wae-mmd --penalty mmmd", "Did you mean 'mmd'"),
        ("train wae-mmd --network=mpl", "Did you mean 'mlp'"),
        ("train wae-mmd --lr fast", "--lr: expected a number, got 'fast'"),
        ("train wae-mmd --penalty.kernel.scale wide", "--penalty.kernel.scale: expected a number"),
        ("train wae-mmd --batch-size 2.5", "--batch-size: expected a whole number"),
        ("train wae-mmd --schedule stairs", "Known: constant, cosine, step"),
        ("train wae-mmd --betas 0.5", "expected 2 values joined by commas"),
        ("train wae-mmd --latent 0", "latent"),
        ("train wae-mmd --weight -1", "weight: expected a finite number of at least 0, got -1"),
        ("train wae-mmd --batch-size 5000", "at most 1"),
        ("train wae-mmd --batch-size 1", "at least 2 points .* take a larger batch"),
        ("train wae-mmd --steps 0", "steps: expected a whole number of at least 1"),
        ("train wae-mmd --steps 5 --epochs 1", "give one of them, not both"),
        ("train wae-mmd --device tpu", "device: expected auto, cpu, cuda or cuda:0"),
        ("train wae-mmd --precision half", "float32"),
        ("train wae-mmd --threads 0", "threads"),
        ("train wae-mmd --threads 100000", "threads: expected at most"),
        ("train wae-mmd --latent 1e30", r"--latent: expected a whole number of at most 2\^63 - 1, got 1e\+30"),
        ("train wae-mmd --accumulate 1e30", "at most 2"),
        ("train wae-mmd --keep nan", "--keep: expected a whole number"),
        ("train wae-mmd --transport-weight nan", "--transport-weight: expected a number, got 'nan'"),
        ("train wae-mmd --device meta", "device: expected auto, cpu, cuda or cuda:0, got 'meta'"),
        ("train wae-mmd --out ~nouser/run", "names a user who has no home folder"),
        ("train wae-mmd --from nowhere", "nowhere is not a run"),
        ("train nothing.py:f", "there is no file nothing.py"),
        ("train wae-mmd --data digits --data.radius 2", "No such option '--data.radius'"),
        ("train wae-mmd --overwrite --resume", "give one of them"),
        ("distance ring grid --metric mmd --kernel.scale 0", "expected a positive, finite scale"),
        ("train wae-mmd surplus", "surplus"),
        ("train wae-mmd --lr", "--lr"),
        ("trian wae-mmd", "Did you mean 'train'"),
        ("--verison", "No such option '--verison'"),
        ("list recipe", "Did you mean 'recipes'"),
        ("sample", "Missing argument"),
        ("sample nowhere", "nowhere is not a run"),
        ("sample \x1b[31mnowhere", r"\\x1b\[31mnowhere is not a run"),
        ("train wae-mmd --out \udcff", r"out: expected a name in UTF-8, got b'\\xff'"),
        ("encode nowhere --data digits", "--out"),
    ],
)
def test_bad_input_exits_with_2_and_one_line_and_leaves_nothing(
    call: Call, tmp_path: Path, words: str, told: str
) -> None:
    (tmp_path / "empty").mkdir()
    full = words + (" --out run" if words.startswith("train ") and "--out" not in words else "")
    refused(call(full), 2, told)
    assert [path.name for path in tmp_path.iterdir() if path.name != "cache"] == ["empty"]


def test_a_run_is_trained_and_its_page_is_told(call: Call, tmp_path: Path) -> None:
    code, out, err = call("train wae-mmd --out run", SMALL)
    assert (code, out, err) == (0, "run/report.html\n", "")
    assert Run.open(tmp_path / "run").settings["status"] == "complete"


def test_what_is_in_the_way_is_not_overwritten(call: Call, tmp_path: Path) -> None:
    call("train wae-mmd --out run", SMALL)
    before = (tmp_path / "run/run.json").read_bytes()
    refused(call("train wae-mmd --out run", SMALL), 2, "not empty: name another --out, or add --resume or --overwrite")
    refused(call("train wae-mmd --out run --overwrite --batch-size 1"), 2, "at least 2 points")
    assert (tmp_path / "run/run.json").read_bytes() == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter").write_text("Dear")
    refused(call("train wae-mmd --out mine --overwrite", SMALL), 2, "not a run")
    assert (tmp_path / "mine/letter").read_text() == "Dear"
    assert call("train wae-mmd --out run --overwrite --seed 3", SMALL)[0] == 0


def test_resume_by_command(call: Call) -> None:
    call("train wae-mmd --out run", SMALL)
    refused(call("train wae-mmd --out run --resume --lr 1e-5", SMALL), 2, "other settings.*lr was .*, now 1e-05")
    code, _, err = call("train wae-mmd --out run --resume", SMALL.replace("--quiet", ""))
    assert (code, "is complete" in err) == (0, True)
    assert call("train wae-mmd --out run --resume --steps 25", SMALL.replace("--steps 20", ""))[0] == 0


def test_from_repeats_and_overrides_even_a_part(call: Call, tmp_path: Path) -> None:
    call("train wae-mmd --out a --penalty.biased --weight 3", SMALL)
    assert call("train --from a --out b --quiet --device cpu --evaluate-every 0")[0] == 0
    assert call("train --from a --out c --penalty adversarial --penalty.width 8 --quiet --evaluate-every 0")[0] == 0
    assert call("train --from=a --out d --penalty.kernel gaussian --quiet --evaluate-every 0")[0] == 0
    a, b, c, d = (Run.open(tmp_path / name).settings["arguments"] for name in "abcd")
    assert a == b
    assert (c["weight"], c["penalty"]["name"], c["penalty"]["width"]) == (3.0, "adversarial", 8)
    assert (d["penalty"]["biased"], d["penalty"]["kernel"]["name"]) == (True, "gaussian")
    refused(call("train wae-gan --from a --out e"), 2, "made by wae-mmd: leave the recipe out")
    help_text = call("train --from a --penalty adversarial --help")[1]
    assert "--penalty.width" in help_text


OWN = """
from pathlib import Path
from remblai.recipes import recipe, wae_mmd
Path("executed").touch()

@recipe(steps=20, batch_size=20)
def mine(shape, latent: int = 2, wide: int = 16):
    '''My own.

    Args:
        wide: how wide.
    '''
    return wae_mmd(shape, latent=latent, network={"name": "mlp", "width": wide})
"""


def test_a_recipe_of_a_file_is_run_only_when_it_is_named(call: Call, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    assert "how wide" in call("train own.py:mine --help")[1]
    assert call("train own.py:mine --wide 8 --out a --quiet --evaluate-every 0 --device cpu")[0] == 0
    (tmp_path / "executed").unlink()
    refused(call("train --from a --out b"), 2, "not run unasked")
    refused(call("sample a"), 2, "not run unasked")
    assert not (tmp_path / "executed").exists()
    assert call("report a --recipe own.py:mine")[0] == 0
    assert "remblai train own.py:mine --from a" in (tmp_path / "a" / "report.html").read_text()
    assert call("train own.py:mine --from a --out b --quiet --evaluate-every 0 --device cpu")[0] == 0
    assert Run.open(tmp_path / "b").settings["arguments"] == {"latent": 2, "wide": 8}
    refused(call("train own.py:yours"), 2, "unknown name in own.py: .yours.")


def test_options_of_the_data_are_dotted_after_it(call: Call, tmp_path: Path) -> None:
    assert "--data.radius" in call("train wae-mmd --data ring --help")[1]
    assert call("train wae-mmd --data ring --data.radius 3 --data.modes 4 --out run", SMALL)[0] == 0
    assert Run.open(tmp_path / "run").settings["data"]["spec"] == {"name": "ring", "radius": 3.0, "modes": 4}


def test_divergence_exits_with_1_and_names_step_and_term(call: Call, tmp_path: Path) -> None:
    told = call("train ae --out run --optimiser sgd --lr 1e20", SMALL)
    refused(told, 1, r"the transport was not a finite number at step \d.*; there was no checkpoint yet.*smaller --lr")
    assert Run.open(tmp_path / "run").settings["status"] == "diverged"


@pytest.mark.parametrize("where", ["/proc/nothing/here", "file/run"])
def test_a_place_that_cannot_be_written_exits_with_2(call: Call, tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_text("")
    refused(call(f"train wae-mmd --out {where}", SMALL), 2, "cannot be written .* name another place with --out")


def test_a_full_disk_exits_with_1(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("remblai.runs.checkpoints.save", full)
    refused(call("train wae-mmd --out run", SMALL), 1, "No space left on device.*what was there before stays")


@pytest.mark.parametrize("problem", [RuntimeError("sizes differ"), KeyError("odd")])
def test_whatever_fails_on_the_way_exits_with_1_and_one_line(
    call: Call, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    def fail(*_: object) -> None:
        raise problem

    monkeypatch.setattr(train_module, "run_loop", fail)
    refused(call("train wae-mmd --out run", SMALL), 1, type(problem).__name__)


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        (
            "return undefined_name",
            1,
            r"NameError: .*'undefined_name' is not defined \(own.py:8\): --traceback shows",
        ),
        ("return int('six')", 2, r"invalid literal for int\(\) .*'six' \(own.py:8\): --traceback shows"),
        ("return torch.zeros(2) @ torch.zeros(3)", 1, r"RuntimeError: .* \(own.py:8\): --traceback shows"),
        ("return remblai.recipes.ae(shape, cost='sqare')", 2, r"unknown cost 'sqare'\.[^(]*$"),
    ],
)
def test_what_fails_in_a_file_of_ones_own_says_in_which_line(
    call: Call, tmp_path: Path, line: str, code: int, words: str
) -> None:
    head = "import remblai, torch\n\n@remblai.recipe(steps=2)\ndef mine(shape):\n    return made(shape)\n\n"
    (tmp_path / "own.py").write_text(f"{head}def made(shape):\n    {line}\n")
    refused(call("train ./own.py:mine --data ring --out run"), code, words)


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (MemoryError(), "out of memory: one array was too large; [0-9.]+ GiB are available. Use fewer points"),
        (MemoryError("Unable to allocate 7.45 TiB for an array"), "7.45 TiB were asked for; [0-9.]+ GiB are available"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4000000000000 bytes. x"),
            "3,725.3 GiB were asked for",
        ),
        (RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has"), "20.00 GiB were asked for. Use"),
    ],
)
def test_a_lack_of_memory_says_what_was_asked_what_there_is_and_what_to_do(
    call: Call, monkeypatch: pytest.MonkeyPatch, problem: Exception, words: str
) -> None:
    def fail(*_: object) -> None:
        raise problem

    monkeypatch.setattr(train_module, "run_loop", fail)
    refused(call("train wae-mmd --out run", SMALL), 1, words)


@pytest.mark.parametrize(("how", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_while_a_file_is_written_leaves_no_file(
    call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, how: signal.Signals, code: int
) -> None:
    def killed(path: Path, **_: object) -> None:
        path.write_text("half")
        os.kill(os.getpid(), how)

    monkeypatch.setattr(np, "savez_compressed", killed)
    outside = signal.signal(how, signal.SIG_DFL)  # where the tests run under nohup, SIGHUP is ignored
    try:
        found = call("distance ring:test grid:test -n 20 --repeats 0 --plan p.npz")
        after = signal.getsignal(how)
    finally:
        signal.signal(how, outside)
    assert found == (code, "", f"error: stopped by {how.name}\n")
    assert not [path for path in tmp_path.iterdir() if path.name != "cache"]
    assert after == signal.SIG_DFL


def test_a_traceback_is_shown_when_it_is_wanted(call: Call) -> None:
    code, _, err = call("--traceback train wae-mmd --latent 0")
    assert code == 2
    assert "Traceback (most recent call last)" in err
    assert err.splitlines()[-1].startswith("error: ")
    assert "Traceback" in call("train wae-mmd --latent 0 --traceback")[2]


def test_what_took_how_long_is_said_when_it_is_wanted(call: Call) -> None:
    call("train wae-mmd --out run", SMALL)
    log = logging.getLogger("remblai")
    before = (log.level, list(log.handlers))
    code, _, err = call("evaluate run --verbose")
    assert code == 0
    assert re.search(r"^energy_distance_squared: \d+\.\d\d s$", err, re.MULTILINE)
    assert (log.level, log.handlers) == before
    assert " s\n" not in call("evaluate run")[2]


def test_a_damaged_checkpoint_is_told_in_one_plain_line(call: Call, tmp_path: Path) -> None:
    call("train wae-mmd --out run --checkpoint-every 10", SMALL)
    weights = tmp_path / "run/checkpoints/00000020/weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    code, _, err = call("train wae-mmd --out run --checkpoint-every 10 --resume", SMALL)
    assert code == 0
    assert err.startswith("warning: run/checkpoints/00000020 is damaged (weights.safetensors has changed")


def everything(name: str) -> Iterator[tuple[list[str], list[Option]]]:
    """The recipe's help as it stands and with each other choice of its parts."""
    yield [], [*resolve(name).signature, *resolve(name).loop_signature]
    for option in options(RECIPES[name].function, {}):
        dashed = "--" + option.name.replace("_", "-")
        for choice in option.table or {}:
            yield [dashed, choice], resolve(name, {option.name: choice}).signature


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_help_shows_every_option_with_meaning_and_default(call: Call, name: str) -> None:
    for words, signature in everything(name):
        code, out, err = call("train", name, *words, "--help")
        assert (code, err) == (0, "")
        text = " ".join(out.split())
        for option in signature:
            dashed = "--" + option.name.replace("_", "-")
            assert re.search(rf"(?<![\w.-]){re.escape(dashed)}(?![\w.])", text), (words, option.name)
            first = option.help.rstrip(".").split()[:2]
            assert first, option.name
            assert " ".join(first) in text
        assert "[default: " in text
    assert "Training loop" in text
    assert f"Options of {name}" in text


def test_help_shows_defaults_of_chosen_parts_and_of_the_recipe(call: Call) -> None:
    out = " ".join(call("train wae-gan --help")[1].split())
    assert re.search(r"--penalty\.width N .*?\[default: 128\]", out)
    assert re.search(r"--critic-lr F .*?\[default: 0\.004\]", out)
    assert "--penalty.kernel" not in out
    assert "--penalty.kernel.scale" in call("train wae-gan --penalty mmd --help")[1]
    vae = " ".join(call("train vae --help")[1].split())
    assert re.search(r"--decoder\.learned / --no-decoder\.learned .*?\[default: on\]", vae)


def test_the_last_choice_of_a_part_decides_and_the_recipe_may_stand_anywhere(call: Call, tmp_path: Path) -> None:
    words = "train --weight 3 --penalty mmd --data digits wae-mmd --penalty sliced --penalty.directions 7 --out run"
    assert call(words, SMALL)[0] == 0
    arguments = Run.open(tmp_path / "run").settings["arguments"]
    assert (arguments["weight"], arguments["penalty"]["name"], arguments["penalty"]["directions"]) == (3.0, "sliced", 7)


def test_the_words_that_an_option_takes_name_no_recipe(call: Call, tmp_path: Path) -> None:
    assert (
        call("train --out wae-gan --data digits ae --latent 2 --network mlp --steps 2 --quiet --evaluate-every 0")[0]
        == 0
    )
    assert Run.open(tmp_path / "wae-gan").settings["recipe"] == "ae"


def test_words_that_contradict_each_other_end(call: Call) -> None:
    """`--penalty.kernel` is an option once `--penalty mmd` is read, and then takes these words as its value."""
    refused(call("train wae-mmd --penalty sliced --penalty.kernel --penalty mmd"), 2, "No such option|unknown penalty")


@pytest.mark.parametrize("words", ["", "--help", "train --help", *(f"{name} --help" for name in COMMANDS), "--version"])
def test_every_command_has_help(call: Call, words: str) -> None:
    code, out, err = call(words)
    assert (code, err) == (0, "")
    assert out.startswith(("Usage: remblai", "remblai "))


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_option_of_every_command_says_what_it_means(call: Call, name: str) -> None:
    text = call(name, "--help")[1].partition("Options:")[2]
    rows = re.findall(r"^  (-[-\w]+)[^\n]*?(?:  +(\S[^\n]*)|\n +(\S[^\n]*))?$", text, re.M)
    assert rows
    assert all(here or below for _, here, below in rows), rows


def test_a_closed_pipe_ends_quietly() -> None:
    for words in (["list"], ["train", "wae-mmd", "--help"]):
        reading, writing = os.pipe()
        os.close(reading)  # who should have read is gone already
        command = [sys.executable, "-c", "from remblai.cli.main import main; main()", *words]
        process = subprocess.Popen(command, stdout=writing, stderr=subprocess.PIPE)
        os.close(writing)
        assert process.communicate()[1] == b""
        assert process.returncode == 0


def test_much_output_into_a_pipe_that_closes_early() -> None:
    big = "import remblai.cli.commands.about as c; c.LISTS['data'] = {str(n): 'x' * 100 for n in range(20000)}; "
    code = big + "from remblai.cli.main import main; main(['list', '--json'])"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == b"{\n"
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 0
    process.stderr.close()


def test_bad_files_are_told_by_name(call: Call, tmp_path: Path) -> None:
    np.save(tmp_path / "nan.npy", np.full((20, 2), np.nan))
    refused(call("train wae-mmd --data nan.npy --out run", SMALL), 2, "nan")
    (tmp_path / "text.csv").write_text("a,b\n" + "".join(f"{i},name {i}\n" for i in range(60)))
    refused(call("train wae-mmd --data text.csv --out run", SMALL), 2, "text.csv")
    assert not (tmp_path / "run").exists()


def test_options_are_named_as_they_were_typed(call: Call) -> None:
    refused(call("train ae --data ring --steps 0"), 2, "error: --steps: expected a whole number of at least 1, got 0")
    refused(call("train ae --data ring --lr abc"), 2, "error: --lr: expected a number, got 'abc'")
    assert call("train ae --data ring --steps 2 --network.width 8 --out run")[0] == 0
    refused(call("sample run -n 0 --out x.npz"), 2, "error: -n: expected a whole number, at least 1")
    refused(call("encode run --data ring --out z.foo"), 2, "error: --out: expected a name that ends in")


def test_a_run_goes_on_by_its_own_settings(call: Call) -> None:
    assert call("train ae --data ring --steps 2 --latent 3 --network.width 8 --out r")[0] == 0
    assert call("train --resume --out r --steps 3")[0] == 0
    assert remblai.load("r").step == 3
    refused(call("train --resume r"), 2, "`remblai train --resume --out r` goes on with it")
    Path("r").rename("ae")  # the name of a recipe is that recipe
    assert call("train ae --data ring --steps 1 --network.width 8 --out other")[0] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("distance ring grid -n 50 --permutations 19 --repeats 2", "random splits"),
        ("drift ring grid --permutations 19", "the test on random splits"),
    ],
)
def test_verbose_says_what_took_how_long(call: Call, words: str, said: str) -> None:
    code, _, err = call(f"{words} --verbose")
    assert code == 0
    assert re.search(rf"^{said}: \d+\.\d\d s$", err, re.MULTILINE)
