import base64
import io
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image
from tests.pages import check_page

from remblai.report import Picture, figures, grid, write_page, write_pictures
from remblai.report.page import filled

CARD = {"w2": {"value": 1.2, "floor": 1.0, "spread": 0.05, "n": 360}}


@pytest.fixture
def pictures():
    chart = Picture.chart(
        "terms", "How it learned", "Look.", "A curve", figures.terms, steps=[0, 1], values={"a": [2.0, 1.0]}
    )
    return [
        Picture("samples", "What it draws", "Look closely.", "Digits", grid(np.zeros((4, 1, 8, 8))), wide=True),
        chart,
    ]


def write(path, pictures, **changed):
    given = {
        "title": "WAE-MMD on digits",
        "summary": "A model.",
        "settings": {"latent": 8, "kernel.scales": (0.1, 0.2), "clip": None, "average": True},
        "command": "remblai train wae-mmd --latent 8",
        "metrics": CARD,
        "facts": {"steps": "2,000"},
        "versions": {"torch": "2.13.0"},
    }
    write_page(path, pictures=pictures, **(given | changed))
    return path.read_text()


class Outline(HTMLParser):
    """Every tag, with void ones left out of the check that each is closed in turn."""

    void = frozenset({"meta", "img", "source", "br"})

    def __init__(self, text):
        super().__init__()
        self.open, self.tags = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_everything_is_on_the_page(tmp_path, pictures):
    text = write(tmp_path / "report.html", pictures)
    for part in (
        "WAE-MMD on digits",
        "What it draws",
        "Look closely.",
        "1.20 times",
        "4.0 standard deviations above",
        "0.1, 0.2",
        "remblai train wae-mmd --latent 8",
        "torch 2.13.0",
        "2,000",
    ):
        assert part in text
    check_page(text)
    outline = Outline(text)
    assert outline.open == []
    assert [attrs["alt"] for tag, attrs in outline.tags if tag == "img"] == ["Digits", "A curve"]
    assert sum(tag == "source" for tag, _ in outline.tags) == 1  # only the chart has a dark twin
    frames = [attrs for tag, attrs in outline.tags if attrs.get("class") == "frame"]
    assert [attrs.get("tabindex") for attrs in frames] == [None, None]


def test_charts_of_the_training_stand_apart_and_everything_is_open_without_scripts(tmp_path, pictures):
    text = write(tmp_path / "report.html", pictures)
    folds = [attrs for tag, attrs in Outline(text).tags if tag == "details" and attrs.get("class") == "fold"]
    assert len(folds) == 3  # the charts, the card, and what its one figure is
    assert all("open" in attrs for attrs in folds)
    samples, fold, chart = (text.index(part) for part in ('id="samples"', "How it was trained</h2>", 'id="terms"'))
    assert samples < fold < chart
    assert "by chance: 0; outside of it: 1;" in text
    assert 'class="fold"' not in write(tmp_path / "report.html", pictures[:1], metrics={})
    assert "turns random numbers into data" in text
    again = Picture("reconstructions", "What it keeps", "Look.", "Digits", pictures[0].png)
    assert "into a few numbers, the code" in write(tmp_path / "report.html", [again])


def test_a_telephone_folds_what_a_wide_screen_shows(tmp_path, pictures):
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("no Chromium here")
    card = dict.fromkeys(("w2", "energy_distance_squared", "sharpness", "reconstruction_mse"), CARD["w2"])
    write(tmp_path / "report.html", pictures, metrics=card)
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        heights = {}
        for width in (390, 1200):
            tab = browser.new_page(viewport={"width": width, "height": 800})
            tab.goto(f"file://{tmp_path}/report.html")
            assert tab.evaluate("document.documentElement.scrollWidth") == width
            assert tab.locator("#terms").is_visible() == (width == 1200)
            assert tab.locator(".card b").first.is_visible() == (width == 1200)
            assert tab.locator("#samples").is_visible()
            heights[width] = tab.evaluate("document.documentElement.scrollHeight")
            if width == 390:
                tab.locator("summary", has_text="How it was trained").focus()
                tab.keyboard.press("Enter")
                assert tab.locator("#terms").is_visible()
        browser.close()
    assert heights[390] < heights[1200]


def test_it_needs_nothing_from_outside(tmp_path, pictures):
    text = write(tmp_path / "report.html", pictures)
    assert not re.search(r"https?:|//[a-z]|@import|<link", re.sub(r"base64,[^\"]*", "", text))
    for tag, attrs in Outline(text).tags:
        for source in filter(None, (attrs.get("src"), attrs.get("srcset"))):
            assert source.startswith("data:image/png;base64,"), tag
            Image.open(io.BytesIO(base64.b64decode(source.split(",")[1]))).verify()


def test_every_text_is_escaped(tmp_path, pictures):
    evil = '"><script>alert(1)</script>&'
    bad = Picture("x", evil, evil, evil, pictures[0].png)
    text = write(
        tmp_path / "report.html", [bad], title=evil, summary=evil, settings={evil: evil}, command=evil,
        metrics={evil: CARD["w2"]}, facts={evil: evil}, versions={evil: evil},
    )  # fmt: skip
    outline = Outline(text)
    assert outline.open == []
    assert sum(tag == "script" for tag, _ in outline.tags) == 1  # the page's own
    assert [attrs["alt"] for tag, attrs in outline.tags if tag == "img"] == [evil]


def test_a_page_without_card_facts_or_versions(tmp_path, pictures):
    text = write(tmp_path / "report.html", [], metrics={}, facts=None, versions=None, settings={})
    assert 'id="card"' not in text
    assert Outline(text).open == []


def test_a_failed_page_leaves_the_one_before(tmp_path, pictures):
    path = tmp_path / "report.html"
    before = write(path, pictures)
    with pytest.raises(OSError, match="cannot identify image"):
        write(path, [Picture("x", "", "", "", b"not a png")])
    assert path.read_text() == before
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_pictures_are_written_by_name(tmp_path, pictures):
    written = write_pictures(tmp_path, pictures)
    assert [path.name for path in written] == ["samples.png", "terms.png"]
    assert written[0].read_bytes() == pictures[0].png


def test_charts_have_white_paper_in_files_and_none_on_the_page(tmp_path, pictures):
    chart = pictures[1]
    (path,) = write_pictures(tmp_path, [chart])
    with Image.open(path) as written, Image.open(io.BytesIO(chart.png)) as shown:
        assert (written.mode, written.size) == ("RGB", shown.size)
        assert written.getpixel((0, 0)) == (255, 255, 255)
        assert shown.getpixel((0, 0))[3] == 0


def test_pictures_are_shown_at_half_their_pixels(pictures):
    assert pictures[0].size == (115, 115)  # two cells of 112 pixels and a gap of 6


def test_a_picture_wider_than_a_telephone_scrolls_by_the_keyboard_too(tmp_path):
    picture = Picture("walks", "What lies between", "Look.", "Digits", grid(np.zeros((13, 1, 8, 8)), 13), wide=True)
    assert picture.size[0] > 700
    assert '<div class="frame" tabindex="0" role="region"' in write(tmp_path / "report.html", [picture])


@pytest.mark.parametrize(
    ("wide", "found"),
    [("n", "w"), ("nn", "nn"), ("nnnw", "nnww"), ("nwn", "www"), ("wnnnnn", "wnnnnw"), ("", "")],
)
def test_no_half_row_is_empty(pictures, wide, found):
    given = [replace(pictures[1], wide=one == "w") for one in wide]
    assert "".join("w" if one.wide else "n" for one in filled(given)) == found


def test_only_images_are_blurred_on_a_card(tmp_path, pictures):
    figure = CARD["w2"]
    for fault, said in (("blur", True), ("noise", False)):
        card = {"w2": figure | {"sees": {fault: 9.0}}}
        assert ("a blur of 1 pixel" in write(tmp_path / "report.html", pictures, metrics=card)) is said
