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


@pytest.mark.parametrize("cell", ["", "NA", "nan"])
def test_a_gap_is_marked_and_comes_back_as_one(cell: str, tmp_path: Path) -> None:
    lines = ["a,b", *(f"{i},{cell if i % 8 == 7 else i}" for i in range(40))]
    (tmp_path / "gap.csv").write_text("\n".join(lines))
    dataset = data.load(tmp_path / "gap.csv")
    assert dataset.units.columns == ("a", "b", "b is empty")
    assert "empty cells are marked by a column of 0 and 1: b (5)" in dataset.notes
    back = dataset.units.give(dataset.train[:])
    assert (back["b"].isna() == (back["a"].round() % 8 == 7)).all()


def test_a_word_among_numbers_is_named_by_row_and_column(tmp_path: Path) -> None:
    lines = ["a,b", *(f"{i},{'Lyon' if i == 7 else i}" for i in range(40))]
    (tmp_path / "word.csv").write_text("\n".join(lines))
    with pytest.raises(ValueError, match=r"column 'b': expected numbers, as most cells hold, got 'Lyon' in row 8"):
        data.load(tmp_path / "word.csv")
