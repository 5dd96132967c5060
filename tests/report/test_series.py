import numpy as np
import pytest

from remblai.report import curves, kept, series
from remblai.report.style import DARK, LIGHT


@pytest.fixture
def figures(monkeypatch):
    found = []
    monkeypatch.setattr(series, "png", lambda figure: found.append(figure) or b"")
    return found


def drawn(axes):
    return [np.asarray(one.get_ydata()) for one in axes.lines if len(one.get_ydata())]


def test_each_value_has_a_row_of_data_and_samples_on_one_scale(figures):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 9, 3)), 5 * rng.normal(size=(7, 9, 3))
    curves(x, y)
    panels = figures[0].axes
    assert len(panels) == 6
    for value in range(3):
        left, right = panels[2 * value : 2 * value + 2]
        assert np.array_equal(drawn(left), x[: series.CURVES, :, value])
        assert np.array_equal(drawn(right), y[:, :, value])
        assert left.get_ylim() == right.get_ylim()
        assert left.get_ylabel() == f"value {value + 1} of 3"
    assert [axes.get_title(loc="left") for axes in panels[:2]] == ["data", "samples"]


def test_a_reconstruction_is_drawn_over_its_own_series(figures):
    x = np.random.default_rng(0).normal(size=(6, 9, 1))
    kept(x, x[:5] + 1)
    panels = figures[0].axes
    assert len(panels) == series.PAIRS
    for place, axes in enumerate(panels):
        assert np.array_equal(drawn(axes), [x[place, :, 0], x[place, :, 0] + 1])


@pytest.mark.parametrize("theme", [LIGHT, DARK])
@pytest.mark.parametrize("draw", [curves, kept])
def test_pictures_are_png(draw, theme):
    x = np.random.default_rng(0).normal(size=(1, 2, 6))
    assert draw(x, x, theme=theme).startswith(b"\x89PNG")


@pytest.mark.parametrize("draw", [curves, kept])
@pytest.mark.parametrize("shapes", [((4, 9), (4, 9)), ((4, 9, 1), (4, 8, 1)), ((0, 9, 1), (4, 9, 1))])
def test_other_shapes_are_refused(draw, shapes):
    with pytest.raises(ValueError, match=r"expected series \(n, t, c\)"):
        draw(*map(np.zeros, shapes))
