"""What notebooks show: escaped, without scripts and other hosts, and complete."""

import sys
import warnings
from html.parser import HTMLParser
from types import ModuleType, SimpleNamespace

import pytest

from remblai import distance, drift
from remblai.compare.comparison import Comparison
from remblai.compare.table import Average, Row
from remblai.distances import transport
from remblai.metrics import Card
from remblai.runtime.notebook import bar_class, table


class Cells(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.tags, self.texts = set(), []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)

    def handle_data(self, data):
        self.texts.append(data)


def test_every_text_is_escaped_and_nothing_is_loaded():
    hostile = '<script src="https://example.org"></script>\x1b'
    html = table(hostile, [(hostile, 0.5)], (hostile,))
    found = Cells(html)
    assert found.tags == {"table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert found.texts == [hostile.replace("\x1b", "\\x1b")] * 3 + ["0.5"]


def test_colours_are_those_of_the_page():
    styles = table("a", [("b",)]).split('style="')[1:]
    assert styles and all("color:inherit;background:transparent" in style for style in styles)


@pytest.mark.parametrize("epsilon", [None, 0.5])
def test_a_plan(epsilon):
    plan = transport([[0.0], [4.0]], [[1.0], [4.0]], epsilon=epsilon)
    cells = Cells(plan._repr_html_()).texts
    assert f"{plan.value:.6g}" in cells and plan.method in cells and str(plan.converged) in cells


def test_a_card_has_each_figure_beside_its_floor():
    card = Card(w2={"value": 1.25, "floor": 0.75, "spread": 0.1, "n": 40})
    assert card == {"w2": {"value": 1.25, "floor": 0.75, "spread": 0.1, "n": 40}}
    assert Cells(card._repr_html_()).texts[-5:] == ["w2", "1.25", "0.75", "0.1", "40"]


def test_a_distance_has_its_floor_and_what_it_is_worth():
    found = distance([[0.0], [1.0], [3.0], [4.0]], [[5.0], [6.0], [7.0], [8.0]], permutations=19)
    cells = Cells(found._repr_html_()).texts
    assert cells[0] == repr(found).partition("\n")[0]
    assert {"value", "floor", "p", "interval", "plan", "proven", "seconds"} <= set(cells)
    assert f"{found.value:.6g}" in cells


def test_drift_has_its_verdict_and_a_row_a_column():
    rows = [[0.0, 1.0], [1.0, 5.0], [2.0, 3.0], [3.0, 2.0], [4.0, 8.0], [5.5, 6.0]]
    found = drift(rows, [[a + 9.0, b] for a, b in rows], permutations=19)
    cells = Cells(found._repr_html_()).texts
    assert cells[0] == repr(found).partition("\n")[0]
    assert {"column 1", "column 2", "moved by", "floor"} <= set(cells)


def test_a_comparison_has_each_model_also_one_without_a_figure():
    rows = [Row("vae", [], {"w2": Average(1.5, None, 0.1, 0.5, 40)}), Row("<b>", [], {})]
    cells = Cells(Comparison("digits", "20 epochs", "w2", rows, [], {}, {}, "runs/x", [])._repr_html_()).texts
    assert cells[-8:] == ["vae", "1.5", "0.5", "-", "<b>", "-", "-", "-"]


@pytest.fixture
def unloaded():
    """tqdm's modules that look where they run when they are loaded: not loaded yet, and afterwards as they were."""
    names = [f"tqdm.{name}" for name in ("auto", "autonotebook", "notebook")]
    before = {name: module for name in names if (module := sys.modules.pop(name, None))}
    yield
    for name in names:
        sys.modules.pop(name, None)
    sys.modules.update(before)


@pytest.mark.usefixtures("unloaded")
@pytest.mark.parametrize("widgets", [True, False])
def test_a_notebook_has_a_widget_where_it_can_and_no_warning_where_it_cannot(widgets, monkeypatch):
    shell = ModuleType("IPython")
    shell.get_ipython = lambda: SimpleNamespace(config={"IPKernelApp": {}})  # by which versions of tqdm know it,
    monkeypatch.setitem(sys.modules, "ipykernel.zmqshell", ModuleType("ipykernel.zmqshell"))  # or by this one
    parts = ModuleType("ipywidgets")
    parts.HTML = parts.HBox = parts.FloatProgress = object
    monkeypatch.setitem(sys.modules, "IPython", shell)
    monkeypatch.setitem(sys.modules, "ipywidgets", parts if widgets else None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bar, notebook = bar_class()
    assert notebook == widgets
    assert any(base.__name__ == "tqdm_notebook" for base in bar.__mro__) == widgets


@pytest.mark.usefixtures("unloaded")
def test_a_terminal_has_a_bar_of_text():
    bar, notebook = bar_class()
    assert not notebook
    assert all(base.__name__ != "tqdm_notebook" for base in bar.__mro__)
