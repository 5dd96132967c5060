"""Damaged, odd and hostile files: one line that names the file, and never another kind of exception."""

import gzip
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from remblai.data import load, rows

ARRAY = np.random.default_rng(0).integers(0, 256, (12, 6, 5), dtype=np.uint8)


def npy_header(text: bytes) -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (3, 4, 4.5), }\n",
        b"{'descr': '|u1', 'fortran_order': False, 'shape': ('a', 4), }\n",
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999, 4), }\n",
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (-3, 4), }\n",
        b"{'descr': 'zz', 'fortran_order': False, 'shape': (3, 4), }\n",
        b"{'descr': 7, 'fortran_order': False, 'shape': (3, 4), }\n",
        b"{'descr': '|u1', 'fortran_order': False, 'shape': 7, }\n",
        b"{'descr': '|u1',\n",
        b"((((((((((\n",
        b"'''\n",
        b"\xff\xfe\n",
        b"[1, 2]\n",
    ],
)
def test_headers_of_npy(tmp_path: Path, header: bytes) -> None:
    (tmp_path / "a.npy").write_bytes(npy_header(header) + bytes(48))
    with pytest.raises(ValueError, match=r"a\.npy"):
        load(tmp_path / "a.npy")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("images.npy", npy_header(header) + bytes(48))
    with pytest.raises(ValueError, match=r"a\.npz"):
        load(tmp_path / "a.npz")


def test_members_that_are_no_arrays(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("images", b"hello")
    with pytest.raises(ValueError, match=r"a\.npz holds images, which is no array"):
        load(tmp_path / "a.npz")


def test_encrypted_and_cut_members(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=ARRAY)
    whole = bytearray((tmp_path / "a.npz").read_bytes())
    encrypted = whole.copy()
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        encrypted[encrypted.index(mark) + place] |= 1  # the flag of encryption
    (tmp_path / "a.npz").write_bytes(encrypted)
    with pytest.raises(ValueError, match=r"a\.npz cannot be read: it is encrypted"):
        load(tmp_path / "a.npz")
    for place in (whole.index(b"PK\x03\x04"), whole.index(b"PK\x01\x02"), 40, 100):
        damaged = whole.copy()
        damaged[place : place + 4] = b"\xff\xff\xff\xff"
        (tmp_path / "a.npz").write_bytes(damaged)
        try:
            found = load(tmp_path / "a.npz")
        except ValueError as error:
            assert "a.npz" in str(error)
        else:  # the directory at the end of the file says all that was damaged
            assert found.fingerprint == load(ARRAY).fingerprint


def test_two_arrays_for_one_split(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=ARRAY, images_train=ARRAY)
    with pytest.raises(ValueError, match=r"holds x_train and images_train: expected one of them"):
        load(tmp_path / "a.npz")


def test_range_that_sample_writes_is_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=ARRAY.astype(np.int16) - 100, range=np.array([-1024, 3071]))
    assert load(tmp_path / "a.npz").units.limits == (-1024, 3071)
    assert load(tmp_path / "a.npz", range=(-100, 155)).units.limits == (-100, 155)


def test_more_data_than_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "a.npz", images=np.zeros((60, 100, 100), np.uint8))
    folder = tmp_path / "idx"
    folder.mkdir()
    with gzip.open(folder / "train-images-idx3-ubyte.gz", "wb") as file:
        file.write(b"\x00\x00\x08\x03" + struct.pack(">3I", 60, 100, 100) + bytes(600_000))
    monkeypatch.setattr(rows, "available", lambda: 500_000)
    with pytest.raises(ValueError, match=r"a\.npz holds 0\.0 GB of data once it is unpacked, more than the"):
        load(tmp_path / "a.npz")
    with pytest.raises(ValueError, match=r"train-images-idx3-ubyte\.gz holds .* more than the"):
        load(folder)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("été,b\n1,2\n3,4\n".encode("latin-1"), "is not UTF-8 text .*save it as UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), "is not UTF-8 text"),
        (b"a,b\n1,2\n3,\xff\n", "is not UTF-8 text"),
        (b"a,b\n" + b'1,"' + b"x" * 140_000 + b'"\n3,4\n', "cannot be read as a table: field larger"),
        (b"a,b\n" + b"1,\x1b[31m\n" + b"".join(b"1,%d\n" % i for i in range(30)), r"column 'b': .*got '\\\\x1b\[31m'"),
    ],
)
def test_tables(tmp_path: Path, content: bytes, what: str) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(ValueError, match=rf"t\.csv.*{what}"):
        load(tmp_path / "t.csv")


def test_names_of_columns(tmp_path: Path) -> None:
    body = "".join(f"{i}.5,{2 * i},{-i}\n" for i in range(20))
    for head, names in (("0,1,2", ("0", "1", "2")), ("name,2020,2021", ("name", "2020", "2021"))):
        (tmp_path / "t.csv").write_text(f"{head}\n{body}")
        data = load(tmp_path / "t.csv")
        assert data.units.columns == names
        assert sum(map(len, (data.train, data.validation, data.test))) == 20
    (tmp_path / "t.csv").write_text("0,1,3\n" + body)
    data = load(tmp_path / "t.csv")
    assert (data.units.columns, sum(map(len, (data.train, data.validation, data.test)))) == (None, 21)
    (tmp_path / "t.csv").write_text(",a,b\n" + "".join(f"{i},{i * i},{-i}\n" for i in range(20)))
    data = load(tmp_path / "t.csv")
    assert data.units.columns == ("a", "b")
    assert any("counts the rows, is left out" in note for note in data.notes)
    assert load(tmp_path / "t.csv", columns=("b", "a")).units.columns == ("b", "a")
    with pytest.raises(ValueError, match="has the columns , a, b: expected c too"):
        load(tmp_path / "t.csv", columns=("c",))


def test_a_value_too_large_to_be_standardised(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\n1e200,3\n4,5\n")
    with pytest.raises(ValueError, match=r"column 'a' of the data holds values as large as 1e\+200"):
        load(tmp_path / "t.csv")


@pytest.mark.parametrize("spec", ["", " ", "a" * 5000, "~nouser-at-all/x", "x/\x1b[31m"])
def test_names_that_are_no_data(spec: str) -> None:
    with pytest.raises(ValueError) as caught:
        load(spec)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_lists_of_celeba_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "img_align_celeba").mkdir()
    (tmp_path / "list_eval_partition.txt").write_bytes(b"\xff\xfe\x00 0\n")
    with pytest.raises(ValueError, match=r"list_eval_partition\.txt is not UTF-8 text"):
        load(tmp_path)


@pytest.mark.parametrize("data", [None, 7, load, object(), [np.zeros(2), np.zeros(3)], ["a", "b"], [], {"x": "a"}])
def test_what_is_no_data(data: object) -> None:
    with pytest.raises(ValueError, match=r"expected|different shapes|empty"):
        load(data)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.zip", "Unpack it"),
        ("a.tar.gz", "Unpack it"),
        ("a.xlsx", "Save the sheet as .csv"),
        ("a.jsonl", "with pandas"),
    ],
)
def test_kinds_that_are_not_read_say_what_makes_data_of_them(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / name).write_bytes(b"1")
    with pytest.raises(ValueError, match=rf"is of an unknown kind: .*{words}"):
        load(tmp_path / name)
