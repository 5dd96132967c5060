from dataclasses import replace

import pytest

from remblai.gallery import EXAMPLES, EXPERIMENTS, GALLERY, write_gallery
from remblai.gallery.entry import between, equal

INFINITE, MISSING = float("inf"), float("nan")


@pytest.mark.parametrize("name", [*EXAMPLES, *(pytest.param(name, marks=pytest.mark.slow) for name in EXPERIMENTS)])
def test_every_entry_holds_what_it_says_and_shows_it(name):
    entry = GALLERY[name]()
    assert [check for check in entry.checks if not check.holds] == []
    assert len(entry.checks) >= 2
    assert entry.words.count(". ") + entry.words.endswith(".") >= 3
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
    wrong = replace(entry, checks=(equal("<b>what</b>", 1.0, 2.0),))
    text = write_gallery(tmp_path, {"one": wrong}, {}).read_text()
    assert ": missed" in text
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
