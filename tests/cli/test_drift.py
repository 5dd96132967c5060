"""The command `drift` and the function behind it: verdict, JSON, page, exit codes and errors."""

import json
from pathlib import Path

import numpy as np
import pandas
import pytest

import remblai
from remblai.cli.main import main


def tables(shift: float) -> tuple[pandas.DataFrame, pandas.DataFrame]:
    rng = np.random.default_rng(0)
    found = []
    for moved in (0.0, shift):
        price, region = rng.normal(10 + moved, 1, 80), rng.choice(["north", "<b>south"], 80)
        found.append(pandas.DataFrame({"price": price, "size": rng.normal(size=80), "region": region}))
    return found[0], found[1]


def run(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["drift", *words])
    out, err = capsys.readouterr()
    return int(str(ended.value.code)), out, err


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    names = [str(tmp_path / f"{name}.csv") for name in "ab"]
    for name, table in zip(names, tables(1.0), strict=True):
        table.to_csv(name, index=False)
    return names


def test_the_command_prints_json_and_fails_on_drift(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    page = Path(files[0]).with_suffix(".html")
    options = ["--permutations", "99", "--given", "region", "--json", "--fail-on-drift", "--out", str(page)]
    code, out, _ = run([*files, *options], capsys)
    found = json.loads(out)
    assert code == 3
    assert found["drifted"] is True
    assert (found["p_value"], found["n"], found["m"]) == (0.01, 80, 80)
    price = found["columns"][0]
    assert price["name"] == "price"
    assert price["p_corrected"] <= 0.05
    assert price["in_sd"] == pytest.approx(1.0, abs=0.4)
    assert found["given"]["columns"][0]["within"] == pytest.approx(1.0, abs=0.4)
    text = page.read_text()
    assert "Not the same population" in text
    assert "&lt;b&gt;south" in text
    assert "<b>south" not in text
    assert "http://" not in text
    assert "https://" not in text
    assert "<script" not in text


def test_a_tolerance_fails_only_where_a_column_is_sure_to_have_moved_by_more(
    files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--permutations", "99", "--fail-on-drift", "--tolerance"]
    code, out, _ = run([*files, *options, "0.2"], capsys)
    assert code == 3
    assert "Moved by more than the tolerance of 0.2 standard deviations, or share of the rows: price by at least" in out
    code, out, _ = run([*files, *options, "0.9"], capsys)
    assert code == 0
    assert out.startswith("Not the same population")
    assert "No column is sure to have moved by more than the tolerance of 0.9" in out
    found = remblai.drift(*tables(1.0), permutations=99, tolerance=0.2)
    assert found.beyond == ["price"]
    assert (found.to_json()["tolerance"], found.to_json()["beyond"]) == (0.2, ["price"])
    price = found.shifts[0]
    assert 0.2 < price.at_least < price.in_sd - price.floor  # type: ignore[operator]
    assert [one.at_least for one in found.shifts[1:]] == [0.0, 0.0]
    assert remblai.drift(*tables(0.0), permutations=99, tolerance=0.0).beyond == []
    with pytest.raises(ValueError, match="tolerance: expected a number from 0 up, got -1"):
        remblai.drift(*tables(0.0), tolerance=-1.0)


def test_the_command_says_in_words_what_moved(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run([*files, "--columns", "price,size", "--permutations", "99"], capsys)
    assert code == 0
    assert out.startswith("Not the same population (p = 0.01, 80 and 80 rows): 1 of 2 columns moved: price by ")
    assert "4 of 5 comparisons would see a shift of" in out
    assert out == f"{remblai.drift(*files, columns=['price', 'size'], permutations=99)}\n"


def test_a_given_column_need_not_be_compared() -> None:
    a, b = tables(1.0)
    found = remblai.drift(a, b, columns=["price"], given="region", permutations=19)
    assert [one.name for one in found.shifts] == ["price"]
    assert found.given is not None
    both = remblai.drift(a, b, columns=["price", "region"], given="region", permutations=19)
    assert both.given is not None
    assert found.given.groups == both.given.groups
    assert [(one.name, one.within) for one in found.given.columns] == [("price", both.given.columns[0].within)]


def test_a_given_column_alone_is_nothing_to_compare() -> None:
    a, b = (one.assign(price=np.nan) for one in tables(1.0))
    with pytest.raises(ValueError, match="no column beside 'region' has a value"):
        remblai.drift(a, b, columns=["price"], given="region", permutations=19)


def test_a_label_is_not_compared_and_may_be_in_one_table_alone() -> None:
    a, b = tables(1.0)
    plain = remblai.drift(a, b, columns=["price", "size"], permutations=19)
    label = {"label": "region"}
    for second in (b, b.drop(columns="region")):
        found = remblai.drift(a, second, permutations=19, data_options=label)
        assert [one.name for one in found.shifts] == [one.name for one in plain.shifts]
        assert found.p_value == plain.p_value
        assert "column 'region' is the label and is not compared" in found.data.tables.notes
    within = remblai.drift(a, b, given="region", permutations=19, data_options=label)
    assert [one.name for one in within.shifts] == [one.name for one in plain.shifts]
    assert within.given is not None
    assert [one.name for one in within.given.columns] == ["price", "size"]


def test_two_halves_of_one_table_are_not_called_different() -> None:
    a, b = tables(0.0)
    found = remblai.drift(a, b, permutations=99)
    assert not found.drifted
    assert not found.columns
    again = remblai.drift(a, b, permutations=99)
    assert again.to_json() | {"seconds": 0} == found.to_json() | {"seconds": 0}


def test_images_have_a_page_with_the_farthest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (24, 8, 8), dtype=np.uint8)
    names = [str(tmp_path / f"{name}.npy") for name in "ab"]
    np.save(names[0], images)
    np.save(names[1], images // 2)
    page = tmp_path / "page.html"
    code, out, _ = run([*names, "--permutations", "39", "--features", "pca", "--out", str(page)], capsys)
    assert code == 0
    assert "24 and 24 images" in out
    assert 'id="movers"' in page.read_text()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--given", "regio"], "Did you mean 'region'?"),
        (["--columns", "price,sizes"], "expected sizes too"),
        (["--columns", "price", "--given", "regio"], "expected regio too"),
        (["--columns", "price", "--given", "price"], "expected another column beside 'price'"),
        (["--label", "regio"], "Did you mean 'region'?"),
        (["--label", "region", "--columns", "price"], "expected --columns or --label, got both"),
        (["--permutations", "5"], "at least 19"),
        (["--out", "page.txt"], ".html"),
        (["--size", "8"], "--size does not apply to tables"),
        (["--features", "pca"], "features are of images"),
    ],
)
def test_bad_input_is_one_line(
    files: list[str], options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run([*files, *options], capsys)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith("error: ")
    assert words in err


def test_columns_whose_names_have_commas_are_named_in_quotes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    names = [str(tmp_path / f"{name}.csv") for name in "ab"]
    for name in names:
        columns = {"age": rng.normal(size=30), "spent, in all": rng.normal(size=30), "rest": rng.normal(size=30)}
        pandas.DataFrame(columns).to_csv(name, index=False)
    code, out, _ = run([*names, "--columns", 'age,"spent, in all"', "--permutations", "19"], capsys)
    assert code == 0
    assert "spent, in all" in out
    assert "rest" not in out
    code, _, error = run([*names, "--columns", "age,spent, in all"], capsys)
    assert code == 2
    assert """A name with a comma stands in quotes: --columns '"a, b",c'.""" in error


def test_a_tolerance_does_not_depend_on_permutations_for_each_column() -> None:
    """Of 30 columns no p-value corrected for all is below 0.05 with 99 permutations, and a bound still is above 0.2."""
    rng = np.random.default_rng(0)
    a, b = (pandas.DataFrame(rng.normal(size=(400, 30)), columns=[f"c{k}" for k in range(30)]) for _ in range(2))
    b["c7"] += 1.0
    found = remblai.drift(a, b, permutations=99, tolerance=0.2)
    assert found.columns == []
    assert found.beyond == ["c7"]
