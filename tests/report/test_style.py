"""Colours that people can read and tell from one another, on the page and in the charts."""

import itertools
import re
from importlib.resources import files

import numpy as np
import pytest

from remblai.report.style import DARK, LIGHT, MARKERS

# dichromats' view of linear RGB: Machado, Oliveira, Fernandes 2009, severity 1
VIEWS = {
    "normal": np.eye(3),
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(colour):
    part = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    """WCAG 2.2's ratio of relative luminances."""
    low, high = sorted(float(TO_XYZ[1] @ linear(colour)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def lab(colour, view):
    """CIE 1976 L*a*b* under D65."""
    xyz = TO_XYZ @ np.clip(np.asarray(view) @ linear(colour), 0, 1) / [0.9505, 1.0, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def palettes():
    """The page's colours on light and on dark paper."""
    style = (files("remblai.report") / "base.html").read_text()
    blocks = re.findall(r":root \{(.*?)\}", style, re.S)
    assert len(blocks) == 2
    return [dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block)) for block in blocks]


@pytest.mark.parametrize("place", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("text", ["ink", "quiet", "data", "model"])
def test_text_of_a_page_has_a_contrast_of_at_least_four_and_a_half(place, text):
    colours = palettes()[place]
    assert min(contrast(colours[text], colours[paper]) for paper in ("ground", "paper")) >= 4.5


@pytest.mark.parametrize(("theme", "place"), [(LIGHT, 0), (DARK, 1)], ids=["light", "dark"])
def test_text_of_a_chart_has_it_too_and_the_page_and_its_charts_share_their_colours(theme, place):
    page = palettes()[place]
    assert (theme.data, theme.model, theme.paper) == (page["data"], page["model"], page["paper"])
    assert min(contrast(one, theme.paper) for one in (theme.ink, theme.quiet, theme.data, theme.model)) >= 4.5


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_classes_can_be_told_from_one_another_by_the_colour_blind(theme, view):
    assert len(theme.classes) == len(MARKERS) == 10
    for one, other in itertools.combinations(range(10), 2):
        gap = np.linalg.norm(lab(theme.classes[one], VIEWS[view]) - lab(theme.classes[other], VIEWS[view]))
        assert gap > 15 or MARKERS[one] != MARKERS[other], (theme.classes[one], theme.classes[other], gap)
    assert min(contrast(colour, theme.paper) for colour in theme.classes) > 2.2


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_in_a_colour_can_be_read(theme):
    for colour in (*theme.classes, theme.data, theme.model):
        assert contrast(theme.written(colour), theme.paper) >= 4.5
    assert theme.written(theme.model) == theme.model, "what can be read is left as it is"
    assert theme.written(theme.paper) != theme.paper
