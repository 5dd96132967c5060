"""The small figures of the drift's page."""

from pathlib import Path

import numpy as np
import pandas
import pytest

from remblai.populations.entry import drift
from remblai.populations.page import HEIGHT, WIDTH, _bars, _outline, write_drift


def places(polyline: str) -> list[tuple[float, float]]:
    return [tuple(float(part) for part in point.split(",")) for point in polyline.split()]  # type: ignore[misc]


def test_bars_of_both_tables_stand_side_by_side_within_their_level() -> None:
    heights, step = np.array([1.0, 0.25, 0.0]), WIDTH / 3
    first, second = places(_bars(heights, 0.1)), places(_bars(heights, 0.52))
    for level in range(3):
        left, right = ([x for x, _ in bars[4 * level : 4 * level + 4]] for bars in (first, second))
        assert level * step < min(left) <= max(left) < min(right) <= max(right) <= (level + 1) * step


@pytest.mark.parametrize("draw", [lambda heights: _bars(heights, 0.1), _outline], ids=["bars", "outline"])
def test_the_height_of_a_bar_is_in_proportion_to_its_share(draw) -> None:
    heights = np.array([1.0, 0.25, 0.0])
    tops = sorted({HEIGHT - 1.0 - y for _, y in places(draw(heights))}, reverse=True)
    assert tops == pytest.approx([HEIGHT - 3.0, 0.25 * (HEIGHT - 3.0), 0.0], abs=0.1)


@pytest.mark.parametrize("values", [np.full(40, 1.7e18), np.full(40, 2.0**60), 1e16 + 2.0 * (np.arange(40) % 3)])
def test_a_column_of_large_numbers_that_hardly_vary_is_drawn(tmp_path: Path, values) -> None:
    rng = np.random.default_rng(0)
    tables = [pandas.DataFrame({"batch": values, "x": rng.normal(size=40)}) for _ in range(2)]
    write_drift(tmp_path / "page.html", drift(*tables, permutations=19))
    assert "batch" in (tmp_path / "page.html").read_text()
