"""`remblai evaluate --features`: the choice, its options, what is printed and kept, and errors of one line."""

import json

import pytest
from tests.small import train

from remblai.cli.main import main


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train(tmp_path_factory.mktemp("runs") / "run").folder


def call(capsys, *words):
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", *words])
    printed = capsys.readouterr()
    return ended.value.code, printed.out, printed.err


def test_features_are_chosen_and_named(run, capsys):
    code, out, _ = call(capsys, str(run), "-n", "40")
    assert code == 0 and "\nfeatures: digits (sha256 " in out and "\nfrechet " in out
    code, out, _ = call(capsys, str(run), "--features", "pca", "--features.components", "3", "--json")
    card = json.loads(out)
    assert code == 0 and card["coverage"]["features"]["name"] == "pca-3"
    kept = json.loads((run / "metrics.json").read_text())
    assert kept["coverage"]["features"] == card["coverage"]["features"]
    assert kept["active_axes"]["dead"] == [] or kept["active_axes"]["value"] < 2


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--features", "mnist"), "images of shape (1, 28, 28)"),
        (("--features", "inception"), "features inception"),
        (("--features", "pca", "--features.components", "0"), "1 component"),
        (("--features", "convolutions"), "random-convolutions"),
    ],
)
def test_bad_choices_are_one_line_and_leave_the_figures_alone(run, capsys, words, expected):
    before = (run / "metrics.json").read_bytes()
    code, out, err = call(capsys, str(run), *words)
    assert code == 2 and not out
    assert expected in err and err.startswith("error: ") and err.count("\n") == 1
    assert (run / "metrics.json").read_bytes() == before
