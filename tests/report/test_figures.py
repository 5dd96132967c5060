import io
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from remblai.report import figures
from remblai.report.figures import _word
from remblai.report.plane import least_gaussian_plane
from remblai.report.style import DARK, LIGHT


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def size(picture):
    with Image.open(io.BytesIO(picture)) as opened:
        assert opened.mode == "RGBA"
        assert np.asarray(opened)[0, -1, 3] == 0  # no geometry of its own: it lies on light and on dark paper
        return opened.size


def has(picture, colour):
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    with Image.open(io.BytesIO(picture)) as opened:
        return bool((np.abs(np.asarray(opened)[..., :3].astype(int) - wanted).max(-1) <= 3).any())


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_terms_draw_a_panel_each(theme, rng):
    steps = list(range(0, 1000, 10))
    one = figures.terms(steps, {"transport": np.exp(-np.arange(100) / 20)}, theme=theme)
    two = figures.terms(steps, {"transport": np.arange(100) + 1.0, "penalty": rng.normal(size=100)}, theme=theme)
    assert size(two)[1] > 1.5 * size(one)[1]
    assert has(one, theme.model)


@pytest.mark.parametrize("curve", [[1.0], [0.0, 0.0], [np.nan, np.nan, np.nan], [1.0, np.inf, -2.0], [5.0] * 50])
def test_terms_draw_whatever_was_logged(curve):
    size(figures.terms(range(len(curve)), {"penalty": curve}))


def test_terms_of_the_wrong_length_are_refused():
    with pytest.raises(ValueError, match="one value a step"):
        figures.terms([1, 2], {"a": [1.0]})
    with pytest.raises(ValueError, match="at least one step"):
        figures.terms([], {"a": []})


def test_smoothed_is_the_mean_of_what_is_near(rng):
    y = rng.normal(size=201)
    smooth = figures.smoothed(y)
    assert smooth[100] == pytest.approx(y[95:106].mean())
    assert smooth[0] == pytest.approx(y[:6].mean())
    assert smooth[-1] == pytest.approx(y[-6:].mean())
    assert np.allclose(figures.smoothed(y[:9]), y[:9])


@pytest.mark.parametrize("labels", [None, "few", "many"])
def test_codes_in_two_dimensions_and_more(rng, labels):
    kinds = {None: None, "few": rng.integers(0, 3, 200), "many": rng.integers(0, 50, 200)}[labels]
    z, p = rng.normal(size=(200, 5)), rng.normal(size=(2000, 5))
    plane = least_gaussian_plane(z, p)
    picture = figures.codes(z, p, kinds, plane=plane, names=["a", "b", "c"] if labels == "few" else None)
    assert has(picture, LIGHT.classes[0] if labels == "few" else LIGHT.model)
    size(figures.codes(z[:, :2], p[:, :2], kinds))


def test_codes_on_a_prior_of_few_points_and_dead_codes(rng):
    size(figures.codes(np.zeros((50, 2)), rng.choice([-1.0, 1.0], size=(100, 2))))
    size(figures.codes(np.zeros((50, 2)), np.zeros((100, 2)), np.zeros(50, dtype=int)))
    with pytest.raises(ValueError, match="one k above 1"):
        figures.codes(np.zeros((5, 1)), np.zeros((5, 1)))


def test_classes_are_named_in_a_legend_and_nothing_is_written_over_the_points(rng, monkeypatch):
    panels = []
    monkeypatch.setattr(figures, "png", lambda figure: panels.extend(figure.axes) or b"")
    labels = rng.choice([0, 3, 7], 200)
    names = ["a", "b", "c", "$d", "e", "f", "g", "h" * 40]
    figures.codes(rng.normal(size=(200, 2)), rng.normal(size=(2000, 2)), labels, names=names)
    (axes,) = panels
    legend = axes.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["a", r"\$d", "h" * 23 + "…"]
    assert [handle.get_color() for handle in legend.legend_handles] == [LIGHT.classes[kind] for kind in (0, 3, 7)]
    assert {text.get_text() for text in axes.texts} <= {"50 %", "95 %", ""}


def test_a_class_has_the_same_colour_and_shape_where_others_are_missing(rng, monkeypatch):
    drawn = {}
    monkeypatch.setattr(figures, "png", lambda figure: b"")

    def scatter(axes, z, colours, size, alpha=0.75, marker="o"):
        drawn.update({tuple(place): (colour, marker) for place, colour in zip(z.tolist(), colours, strict=True)})

    monkeypatch.setattr(figures, "scatter", scatter)
    z, labels = rng.normal(size=(60, 2)), rng.choice([2, 8], 60)
    figures.codes(z, rng.normal(size=(500, 2)), labels)
    assert all(
        drawn[tuple(place)] == (LIGHT.classes[kind], "o" if kind == 2 else "^")
        for place, kind in zip(z.tolist(), labels.tolist(), strict=True)
    )


def test_quantiles(rng):
    for k in (1, 3, 40):
        assert has(figures.quantiles(rng.normal(size=(60, k)), rng.normal(size=(900, k))), LIGHT.model)


def test_charts_leave_matplotlib_as_it_was(rng):
    before = dict(mpl.rcParams)
    figures.quantiles(rng.normal(size=(9, 2)), rng.normal(size=(9, 2)))
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(
    ("curve", "floor", "drawn"),
    [
        ([3.0, 2.0, 1.0], 0.5, True),
        ([3.0, 2.0, 1.0], -0.5, True),
        ([100.0, 10.0, 1.0, 0.1], 0.01, True),
        ([100.0, 10.0, 1.0, 0.1], -0.01, False),  # a logarithm has no place for it
        ([3.0, 2.0, 1.0], None, False),
    ],
)
def test_a_floor_is_drawn_within_the_panel(
    curve: list[float], floor: float | None, drawn: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    panels: list[Any] = []
    monkeypatch.setattr(figures, "png", lambda figure: panels.extend(figure.axes) or b"")
    figures.terms(range(len(curve)), {"a": curve}, None if floor is None else {"a": floor})
    (axes,) = panels
    assert [text.get_text() for text in axes.texts].count("floor") == drawn
    if drawn:
        low, high = axes.get_ylim()
        assert low <= floor <= high


def test_a_label_below_0_is_of_no_class() -> None:
    assert [_word(kind, ["cat", "dog"]) for kind in (-1, 0, 1)] == ["no class", "cat", "dog"]
