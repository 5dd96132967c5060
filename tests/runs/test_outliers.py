"""Rows unlike those that a run was trained on."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from tests.small import train

import remblai

pytestmark = pytest.mark.usefixtures("bare")
NETWORK = {"network": {"name": "mlp", "width": 32}, "latent": 1}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    age = rng.normal(40, 5, size=(800, 1))
    return pd.DataFrame(np.c_[age, 2 * age] + rng.normal(size=(800, 2)), columns=["age", "double"])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, frame: pd.DataFrame) -> remblai.Trained:
    folder = tmp_path_factory.mktemp("outliers")
    frame.to_csv(folder / "all.csv", index=False)
    return train(folder / "r", "wae-mmd", data=str(folder / "all.csv"), steps=300, **NETWORK)


def test_rows_that_are_off_are_found_and_the_column_named(run: remblai.Trained) -> None:
    rng = np.random.default_rng(1)
    age = rng.normal(40, 5, size=(30, 1))
    new = pd.DataFrame(np.c_[age, 2 * age] + rng.normal(size=(30, 2)), columns=["age", "double"])
    new.loc[:4, "double"] = 200.0
    found = remblai.outliers(run, new[["double", "age"]])  # columns by name
    assert found.held_out == 160
    assert found.found[:5].all()
    assert found.found[5:].mean() < 0.1
    assert found.worst is not None
    assert found.worst[:5] == ["double"] * 5
    assert "" in found.worst
    assert found.p_values[:5].max() == pytest.approx(1 / 161)
    assert (found.p_values[5:] <= 0.1).mean() < 0.35
    assert "of rows like the held-out ones" in repr(found)
    first = f"row {found.scores.argmin()}, p = 0.0062, most in double, an outlier"
    assert f"least like the data (rows count from 0):\n  {first}" in repr(found)


@pytest.mark.parametrize("column", ["age", "double", "size", "weight"])
def test_one_wrong_cell_is_named_though_the_decoder_spreads_it(tmp_path: Path, column: str) -> None:
    rng = np.random.default_rng(0)

    def table(n: int) -> pd.DataFrame:
        age, size = rng.normal(40, 5, n), rng.normal(size=n)
        columns = {"age": age, "double": 2 * age, "size": size, "weight": size + age}
        return pd.DataFrame({name: of + 0.1 * rng.normal(size=n) for name, of in columns.items()})

    run = train(tmp_path / "r", "wae-mmd", data=table(800), steps=200, **NETWORK | {"latent": 2})
    new = table(20)
    new[column] += 50 * new[column].std()
    assert remblai.outliers(run, new, reference=table(300)).worst == [column] * 20
    with pytest.raises(ValueError, match="in Python pass reference=rows"):
        remblai.outliers(run, new)


def test_the_score_is_of_code_and_error(run: remblai.Trained, frame: pd.DataFrame) -> None:
    """Errors are those of normal scores and, behind them, those in standard deviations."""
    found = remblai.outliers(run, frame[:50], reference=frame[400:])
    x, held = run.units.scale(frame[:50]), run.units.scale(frame[400:])

    def errors(rows: torch.Tensor) -> torch.Tensor:
        again, seen = run.reconstructions(rows, None), run.units.exact.seen
        return torch.cat([rows - again, seen(rows) - seen(again)], 1).square().double()

    squares, variances = errors(x), errors(held).mean(0)
    wanted = run.code_log_prob(run.code_means(x)) - 0.5 * (squares / variances + (2 * torch.pi * variances).log()).sum(
        1
    )
    np.testing.assert_allclose(found.scores, wanted.numpy(), rtol=1e-5, atol=1e-5)
    larger = (squares / variances).unflatten(1, (2, 2)).amax(1)
    np.testing.assert_allclose(found.errors, larger.numpy(), rtol=1e-5)
    assert (found.held_out, found.law) == (400, "prior")


def test_what_cannot_be_judged_is_refused(run: remblai.Trained, frame: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="level: expected a number between 0 and 1, got 2"):
        remblai.outliers(run, frame, level=2.0)
    generator = train(tmp_path / "g", "gan", data=frame, steps=1, network={"name": "mlp", "width": 8})
    with pytest.raises(ValueError, match="no encoder"):
        remblai.outliers(generator, frame, reference=frame)
    coded = train(tmp_path / "c", "ae", data=frame, steps=2, **NETWORK)
    remblai.fit(coded, "transport", remblai.data.load(frame))
    with pytest.raises(ValueError, match="transport has no density by which codes could be judged"):
        remblai.outliers(coded, frame, reference=frame, sampler="transport")


def test_a_few_held_out_rows_find_no_single_outlier(run: remblai.Trained, frame: pd.DataFrame) -> None:
    found = remblai.outliers(run, pd.concat([frame] * 20), reference=frame[:50])
    assert not found.found.any()
    assert "fewer than 6,275 outliers among 16,000 rows cannot be told from chance with 50 held out" in repr(found)
