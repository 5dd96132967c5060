import io

import numpy as np
import pytest
from PIL import Image

from remblai.report.plans import CELLS, _grouped, heat, matched
from remblai.report.style import DARK, LIGHT


def opaque(png):
    with Image.open(io.BytesIO(png)) as picture:
        return np.asarray(picture.convert("RGBA"))


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_a_heat_map_is_darkest_where_the_mass_is(theme):
    picture = opaque(heat(np.eye(4), theme=theme))
    drawn = picture[..., 3] == 255
    rows, columns = np.nonzero(drawn)
    assert np.corrcoef(rows, columns)[0, 1] > 0.5


def test_large_couplings_are_summed_not_thinned():
    coupling = np.random.default_rng(0).random((3 * CELLS + 7, 5))
    grouped = _grouped(coupling, 0)
    assert grouped.shape == (CELLS, 5)
    assert grouped.sum() == pytest.approx(coupling.sum())


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_matched_points_show_both_sets(theme):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 20, 2))
    order = np.arange(20)
    picture = opaque(matched(x, y, order, order[::-1], np.full(20, 0.05), theme=theme))
    shown = {tuple(colour) for colour in picture[picture[..., 3] == 255][:, :3]}
    for colour in (theme.data, theme.model):
        assert tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5)) in shown
