import io

import numpy as np
import pytest
from PIL import Image

from remblai.distances import wasserstein
from remblai.report import plans
from remblai.report.plans import ARROWS, line, matched, points
from remblai.report.style import DARK, LIGHT


def near(png, colour, reach=4):
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    with Image.open(io.BytesIO(png)) as picture:
        pixels = np.asarray(picture.convert("RGBA")).astype(int)
    return bool(((np.abs(pixels[..., :3] - wanted).max(-1) <= reach) & (pixels[..., 3] > 0)).any())


@pytest.fixture
def panels(monkeypatch):
    found = []
    monkeypatch.setattr(plans, "png", lambda figure: found.append(figure) or b"")
    return found


def arrows(figure):
    (found,) = [part for part in figure.axes[0].collections if hasattr(part, "U")]
    return np.column_stack([found.XY, found.U, found.V])


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_both_sets_are_shown_in_their_colours(theme):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 20, 2))
    order = np.arange(20)
    for png in (
        matched(x, y, order, order[::-1], np.full(20, 0.05), theme=theme),
        line(x[:, :1], y[:, :1], np.ones(20), np.ones(20), theme=theme),
    ):
        assert near(png, theme.data)
        assert near(png, theme.model)


def test_arrows_go_from_a_point_to_where_its_mass_is_carried(panels):
    x, y = np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([[3.0, 1.0], [0.0, 2.0]])
    matched(x, y, [0, 1, 1], [1, 0, 1], [0.5, 0.5, 0.0])
    assert arrows(panels[0]).tolist() == [[0, 0, 0, 2], [1, 0, 2, 1]]  # the entry without mass has none
    assert panels[0]._supxlabel.get_text().startswith("all 2 pairs")


def test_of_a_large_plan_arrows_are_drawn_by_mass_and_the_picture_says_how_many(panels):
    n = 4000
    x = np.random.default_rng(0).standard_normal((n, 2))
    masses = np.where(np.arange(n) < n // 2, 9.0, 1.0)
    matched(x, x + 1, np.arange(n), np.arange(n), masses / masses.sum())
    drawn = arrows(panels[0])
    assert len(drawn) == ARROWS
    heavy = {tuple(place) for place in x[: n // 2].tolist()}
    share = np.mean([tuple(place) in heavy for place in drawn[:, :2].tolist()])
    assert share == pytest.approx(0.9, abs=4 * np.sqrt(0.9 * 0.1 / ARROWS))
    assert (
        panels[0]._supxlabel.get_text() == "200 of the plan's 4,000 pairs, drawn at random by mass; darker is more mass"
    )


@pytest.mark.parametrize(("high", "equal"), [(1.0, True), (1000.0, False), (0.001, False)])
def test_unlike_units_have_no_common_scale(panels, high, equal):
    x = np.random.default_rng(0).random((30, 2)) * [1, high]
    matched(x, x, np.arange(30), np.arange(30), np.ones(30))
    assert (panels[0].axes[0].get_aspect() == 1.0) == equal


def test_on_the_line_the_area_between_the_curves_is_the_distance(panels):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=300), 2 * rng.normal(size=200) + 1
    a, b = rng.random(300), rng.random(200)
    line(x, y, a, b)
    above, below = panels[0].axes
    first, second = [curve.get_xdata() for curve in below.lines]
    levels = below.lines[0].get_ydata() / 100
    area = np.trapezoid(np.abs(first - second), levels)
    assert area == pytest.approx(wasserstein(x, y, p=1, a=a / a.sum(), b=b / b.sum()), rel=0.02)
    outlines = [patch.get_data() for patch in above.patches if not patch.get_fill()]
    assert [float((part.values * np.diff(part.edges)).sum()) for part in outlines] == pytest.approx([1.0, 1.0])


def test_points_are_of_the_plane_or_of_columns_with_units_of_their_own():
    flat = np.random.default_rng(0).normal(size=(300, 2)) * [4, 1]
    pictures = [points(flat, flat + 0.1), points(flat, flat + 0.1, names=("income", "a_b$"))]
    sizes = []
    for png in pictures:
        assert near(png, LIGHT.model)
        with Image.open(io.BytesIO(png)) as picture:
            sizes.append(picture.size)
    assert sizes[0][0] / sizes[0][1] > 1.2 * sizes[1][0] / sizes[1][1]
    with pytest.raises(ValueError, match="d of at least 2"):
        points(flat[:, :1], flat)
