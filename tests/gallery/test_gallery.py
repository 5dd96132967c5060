import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.pages import check_page

from remblai.cli.commands.theory import gallery
from remblai.gallery import EXAMPLES, EXPERIMENTS, GALLERY, write_gallery
from remblai.gallery.entry import Finding, between, equal

INFINITE, MISSING = float("inf"), float("nan")
DAY = 86_400


def _day() -> int:
    """The day of the newest commit, by which each run of the suite takes other entries."""
    asked = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    return int(asked.stdout) // DAY if asked.stdout.strip() else 0


def _entries():
    """Today's third of the examples and today's experiment: `make experiments` runs the others too."""
    today = _day()
    for names, turns in ((EXAMPLES, 3), (EXPERIMENTS, len(EXPERIMENTS))):
        for place, name in enumerate(names):
            yield name if place % turns == today % turns else pytest.param(name, marks=pytest.mark.slow)


@pytest.mark.parametrize("name", list(_entries()))
def test_every_entry_holds_what_it_says_and_shows_it(name):
    before = torch.get_rng_state()
    entry = GALLERY[name]()
    assert torch.equal(torch.get_rng_state(), before)
    assert [check for check in entry.checks if not check.holds] == []
    assert len(entry.checks) >= 2
    assert [says for says, shown in entry.conclusions if not shown] == []
    said = " ".join([entry.words, *(says for says, _ in entry.conclusions)])
    assert said.count(". ") + said.endswith(".") >= 3
    assert entry.pictures
    for picture in entry.pictures:
        assert picture.name.startswith(name)
        assert min(picture.size) > 100
        assert picture.dark != picture.png


def test_the_page_shows_entries_pictures_and_what_was_missed(tmp_path):
    entry = GALLERY["seven-points"]()
    text = write_gallery(tmp_path, {"one": entry}, {"remblai": "0"}).read_text()
    assert 'id="one"' in text
    assert entry.title in text
    assert all((tmp_path / f"{picture.name}.png").stat().st_size > 1000 for picture in entry.pictures)
    assert ": missed" not in text
    check_page(text)
    assert '<details class="checks">' in text  # folded where all hold, open where one was missed
    wrong = replace(entry, checks=(equal("<b>what</b>", 1.0, 2.0),))
    text = write_gallery(tmp_path, {"one": wrong}, {}).read_text()
    assert ": missed" in text
    assert '<details class="checks" open>' in text
    assert "<b>what</b>" not in text


@pytest.mark.parametrize(
    ("check", "holds"),
    [
        (equal("", 1.0, 1.0 + 1e-12), True),
        (equal("", 1.0, 1.1), False),
        (equal("", INFINITE, INFINITE), True),
        (equal("", MISSING, 1.0), False),
        (between("", 2.0, low=1.0), True),
        (between("", 2.0, high=1.0), False),
        (between("", 2.0, 1.0, 3.0), True),
        (between("", MISSING, low=1.0), False),
    ],
)
def test_checks_can_fail(check, holds):
    assert check.holds is holds


def test_a_finding_is_said_only_where_its_checks_hold(tmp_path):
    entry = GALLERY["seven-points"]()
    pair = (equal("first: value", 1.0, 1.0), equal("second: value", 1.0, 2.0))
    findings = (Finding("It is one.", ("first",)), Finding("It is two.", ("second",)))
    found = replace(entry, checks=pair, findings=findings)
    assert found.conclusions[0] == ("It is one.", True)
    says, shown = found.conclusions[1]
    assert not shown
    assert says.startswith("This run does not show it (second: value: 1, expected 2)")
    text = write_gallery(tmp_path, {"one": found}, {}).read_text()
    assert "This run does not show it" in text


def test_a_finding_needs_a_check_behind_it():
    entry = GALLERY["seven-points"]()
    for backing in (("no such check",), (), ("",)):
        with pytest.raises(ValueError, match="expected a check whose name begins with"):
            replace(entry, findings=(Finding("It is so.", backing),))


def test_infinite_figures_are_words_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Parallel lines have an infinite KL, which JSON has no number for."""
    gallery("parallel-lines", out=str(tmp_path), json=True)
    found = json.loads(capsys.readouterr().out)["entries"]["parallel-lines"]
    assert "infinity" in [check["found"] for check in found]
    assert all(check["holds"] for check in found)
