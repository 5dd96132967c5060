"""The distance between two data sets: floors at the value's own size, units, and what was left out.

TTUR #5 (FID on small sets), torchmetrics #1244 and torcheval #192 (ranges of images), scipy's users (integers, units).
"""

import json
from pathlib import Path

import numpy as np
import pytest

from remblai.cli.main import main


def _json(capsys: pytest.CaptureFixture[str], *words: str) -> dict:
    with pytest.raises(SystemExit) as ended:
        main(["distance", *words, "--json"])
    printed = capsys.readouterr()
    assert ended.value.code == 0, printed.err
    return dict(json.loads(printed.out))


@pytest.mark.parametrize("metric", ["frechet", "wasserstein"])
def test_sets_that_differ_stand_above_their_floor(
    metric: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    np.save("a.npy", rng.normal(size=(300, 50)))
    np.save("b.npy", rng.normal(size=(300, 50)) + 0.2)
    found = _json(capsys, "./a.npy", "./b.npy", "--metric", metric, "--permutations", "40")
    assert found["value"] > found["floor"]["value"] + 2 * found["floor"]["spread"]
    assert found["p_value"] < 0.05


def test_a_column_of_large_units_does_not_hide_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name, shift in (("a", 0.0), ("b", 3.0)):
        rows = np.c_[40 + shift + 10 * rng.normal(size=400), 3e4 + 1e4 * rng.normal(size=400)]
        np.savetxt(f"{name}.csv", rows, delimiter=",", header="age,income", comments="")
    found = _json(capsys, "./a.csv", "./b.csv", "--metric", "energy-distance")
    assert found["p_value"] < 0.05


def test_swapped_columns_are_the_same_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = np.random.default_rng(0).normal(size=(60, 2)) * [1.0, 100.0]
    np.savetxt("a.csv", rows, delimiter=",", header="u,v", comments="")
    np.savetxt("b.csv", rows[:, ::-1], delimiter=",", header="v,u", comments="")
    assert _json(capsys, "./a.csv", "./b.csv", "--metric", "wasserstein")["value"] == pytest.approx(0.0, abs=1e-5)


def test_images_whose_range_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3)).astype(np.uint8)
    images[0, 0, 0] = [0, 255, 128]
    np.savez("u8.npz", images=images)
    np.savez("f255.npz", images=images.astype(float))
    found = _json(capsys, "./f255.npz", "./f255.npz", "--range", "0,255", "--metric", "energy-distance")
    assert found["value"] == pytest.approx(0.0, abs=1e-6) or abs(found["value"]) < 1.0
