import numpy as np
import pytest

from remblai.report import codes, terms, write_page
from remblai.report.escaping import literal
from remblai.report.plans import line, matched
from remblai.runtime.text import printable

NAMES = [r"$\frac{a}$", "$$", "$", "\udcff\udcfe", "\x1b[31mred\x07"]


def test_dollars_are_no_formula():
    assert literal(r"$\frac{a}$") == r"\$\frac{a}\$"


@pytest.mark.parametrize("name", NAMES)
def test_charts_take_any_name(name):
    rng = np.random.default_rng(0)
    z = rng.standard_normal((20, 2))
    drawn = [
        codes(z, rng.standard_normal((500, 2)), np.repeat([0, 1], 10), names=[name, "b"]),
        terms([0, 1], {name: [1.0, 2.0]}),
        line(np.arange(3), np.arange(3), np.ones(3), np.ones(3), names=(name, name)),
        matched(z, z, np.arange(20), np.arange(20), np.ones(20), names=(name, name)),
    ]
    assert all(png.startswith(b"\x89PNG") for png in drawn)


@pytest.mark.parametrize("name", NAMES)
def test_a_page_takes_any_name(tmp_path, name):
    path = tmp_path / "report.html"
    write_page(path, title=name, summary=name, settings={name: name}, command=name, metrics={}, pictures=[])
    text = path.read_bytes().decode("utf-8")
    assert "\x1b" not in text and printable(name) in text
