"""Points of classes, data beside samples."""

import io

import numpy as np
import pytest
from PIL import Image

from remblai.report.classed import points_by_class


def test_labels_are_one_for_each_row_and_change_the_picture() -> None:
    x = np.random.default_rng(0).normal(size=(40, 2))
    of = np.arange(40) % 3
    given = {"names": ("a", "b", "c"), "axes": ("age", "income")}
    drawn = points_by_class(x, x + 1.0, of, of, **given)
    with Image.open(io.BytesIO(drawn)) as picture:
        assert picture.width > 1.9 * picture.height
    assert points_by_class(x, x + 1.0, of, of[::-1], **given) != drawn
    assert points_by_class(x, x[:0], of, of[:0], **given)
    with pytest.raises(ValueError, match=r"expected \(n, 2\) and \(n,\) labels of each"):
        points_by_class(x, x, of, of[1:], **given)
