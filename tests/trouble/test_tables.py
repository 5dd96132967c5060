"""Tables as they are exported: headers of numbers, encodings, gaps, columns of other types.

CTGAN #21, #39 and #48, SDV #2288, Tab-GAN #66 and synthcity #196.
"""

from pathlib import Path

import numpy as np
import pytest

from remblai import data

ROWS = np.random.default_rng(0).normal(size=(200, 3))


def _write(path: Path, header: str, encoding: str = "utf-8") -> Path:
    lines = [header, *(",".join(f"{value:.4f}" for value in row) for row in ROWS)]
    path.write_text("\n".join(lines), encoding=encoding)
    return path


def test_a_header_of_numbers_in_order_is_a_header(tmp_path: Path) -> None:
    """pandas writes 0,1,2 above columns without a name."""
    dataset = data.load(_write(tmp_path / "numbered.csv", "0,1,2"))
    assert sum(len(dataset.split(name)) for name in data.SPLITS) == 200


def test_an_encoding_that_is_not_utf_8_names_the_file(tmp_path: Path) -> None:
    path = _write(tmp_path / "latin.csv", "été,b,c", "latin-1")
    with pytest.raises(ValueError, match=r"latin\.csv"):
        data.load(path)


@pytest.mark.parametrize("cell", ["", "NA", "nan", "Lyon"])
def test_a_cell_that_is_no_number_is_named_by_line_and_column(cell: str, tmp_path: Path) -> None:
    lines = ["a,b", *(f"{i},{cell if i == 7 else i}" for i in range(40))]
    (tmp_path / "gap.csv").write_text("\n".join(lines))
    with pytest.raises(ValueError, match=r"line 9.*b|b.*line 9"):
        data.load(tmp_path / "gap.csv")
