"""A run on a table with words, dates and gaps: trained, sampled, judged, and used on new tables."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import remblai
from remblai.data import load
from remblai.runs.data import data_like


def people(n: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    city = rng.choice(["Oslo", "Paris", "Rome"], n, p=[0.2, 0.5, 0.3])
    age = np.where(city == "Oslo", 30, 50) + rng.integers(-5, 6, n)
    return pd.DataFrame(
        {
            "city": city,
            "age": pd.array(np.where(rng.random(n) < 0.1, None, age), dtype="Int64"),
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D"),
            "member": rng.random(n) < 0.4,
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mixed")
    people(400).to_csv(path / "people.csv", index=False)
    remblai.train("wae-mmd", data=str(path / "people.csv"), latent=3, steps=60, out=path / "run", network={"width": 32})
    return path


def test_samples_are_rows_of_such_a_table(folder: Path) -> None:
    run = remblai.load(folder / "run")
    samples = run.sample(50)
    assert list(samples.columns) == ["city", "age", "since", "member"]
    assert set(samples["city"]) <= {"Oslo", "Paris", "Rome"} and samples["member"].dtype == bool
    assert (samples["age"].dropna() % 1 == 0).all()
    assert np.issubdtype(samples["since"].dtype, np.datetime64)
    samples.to_csv(folder / "samples.csv", index=False)
    assert load(folder / "samples.csv").units.names == ("city", "age", "since", "member")
    assert np.allclose(run.encode(samples), run.encode(samples[reversed(samples.columns)]), atol=1e-6)


def test_samples_are_judged_as_they_are_given(folder: Path) -> None:
    """A model's decimals between 0 and 1 would be told from data by the first of them."""
    run = remblai.load(folder / "run")
    card = remblai.evaluate(run)
    assert all(np.isfinite(figure["value"]) for figure in card.values())
    samples = run.sample(card["energy_distance_squared"]["n"])
    again = remblai.evaluate_samples(samples, people(400))
    assert again["energy_distance_squared"]["value"] == pytest.approx(
        card["energy_distance_squared"]["value"], abs=0.05
    )


def test_new_tables_of_few_rows_with_other_columns(folder: Path) -> None:
    run = remblai.load(folder / "run")
    new = people(3, seed=5).assign(name=["a", "b", "c"])
    new.to_csv(folder / "new.csv", index=False)
    found = data_like(run.run.settings, run.units, str(folder / "new.csv"))
    assert found.shape == run.units.shape
    strange = people(40, seed=6)
    strange.loc[7, "age"] = 900
    found = remblai.outliers(folder / "run", strange)
    assert found.order[0] == 7 and found.worst is not None and found.worst[7] == "age"
    people(30).drop(columns="age").to_csv(folder / "less.csv", index=False)
    with pytest.raises(ValueError, match="expected age too"):
        data_like(run.run.settings, run.units, str(folder / "less.csv"))


def test_a_table_without_names_is_taken_in_order_with_a_warning(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pd.DataFrame(rng.normal(size=(60, 3)), columns=list("abc")).to_csv(tmp_path / "t.csv", index=False)
    run = remblai.train("ae", data=str(tmp_path / "t.csv"), latent=2, steps=2, network={"width": 8})
    np.savetxt(tmp_path / "nameless.csv", rng.normal(size=(5, 3)), delimiter=",")
    with pytest.warns(UserWarning, match="names no columns: they are taken in the order of those of the run"):
        found = data_like(run.run.settings, run.units, str(tmp_path / "nameless.csv"))
    assert found.shape == (3,)


def test_distances_between_such_tables() -> None:
    same = remblai.distance(people(150, 1), people(150, 2), permutations=99, repeats=0)
    assert same.p_value is not None and same.p_value > 0.02
    moved = people(150, 2).assign(city="Rome")
    assert remblai.distance(people(150, 1), moved, permutations=99, repeats=0).p_value == 0.01


def test_new_files_are_read_as_those_of_the_run_are_written(tmp_path: Path) -> None:
    """Chosen columns, decimal commas, the day first: one row of them, and samples in .npz."""
    rng = np.random.default_rng(0)
    rows = [
        f"{i};{rng.normal(50, 8):.2f}".replace(".", ",") + f";{1 + i % 28:02}.{1 + i % 12:02}.2023;{'ab'[i % 2]}\n"
        for i in range(80)
    ]
    (tmp_path / "t.csv").write_text("id;price;day;kind\n" + "".join(rows))
    run = remblai.train(
        "ae", data=str(tmp_path / "t.csv"), data_options={"columns": ("price", "day", "kind")}, latent=2, steps=2,
        network={"width": 8},
    )  # fmt: skip
    (tmp_path / "new.csv").write_text("kind;price;day;note\nb;51,250;02.03.2023;hello\n")
    found = data_like(run.run.settings, run.units, str(tmp_path / "new.csv"))
    x = found.train[:]
    (back,) = run.units.give(x).itertuples(index=False)
    assert (round(back.price, 3), str(back.day)[:10], back.kind) == (51.25, "2023-03-02", "b")
    assert found.notes == ()
    np.savez(tmp_path / "made.npz", values=run.units.restore(run.units.given(run.draws(4))))
    with pytest.warns(UserWarning, match="made names no columns"):
        again = data_like(run.run.settings, run.units, str(tmp_path / "made.npz"))
    assert again.shape == run.units.shape


def test_samples_with_names_are_read_by_name(folder: Path, tmp_path: Path) -> None:
    run = remblai.load(folder / "run")
    samples, order = run.units.given(run.draws(30)), np.random.default_rng(0).permutation(len(run.units.columns))
    values, names = run.units.restore(samples)[:, order], np.array(run.units.columns)[order]
    np.savez(tmp_path / "made.npz", values=values, columns=names)
    found = data_like(run.run.settings, run.units, str(tmp_path / "made.npz"))
    rows = torch.cat([split[:] for split in (found.train, found.validation, found.test)])
    order = torch.cat([split.index for split in (found.train, found.validation, found.test)]).argsort()
    assert torch.allclose(rows[order], samples, atol=1e-5)


def test_a_word_that_the_data_do_not_have_is_the_first_outlier(folder: Path) -> None:
    run, new = remblai.load(folder / "run"), people(40, 5)
    new.loc[7, "city"] = "Lima"
    with pytest.warns(UserWarning, match="Lima"):
        found = remblai.outliers(run, new)
    assert found.order[0] == 7
    assert found.worst is not None and found.worst[7] == "city"
    assert found.strange.tolist() == [row == 7 for row in range(40)]
    assert np.isfinite(found.scores).all()
    assert "1 of them have a word that the data of the run do not have" in repr(found)
