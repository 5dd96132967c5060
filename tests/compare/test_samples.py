"""Samples that no run made: their card is that of a run with the same samples."""

import json
from pathlib import Path

import numpy as np
import pandas
import pytest
import torch
from PIL import Image
from tests.small import train

import remblai
from remblai import data, evaluate_samples
from remblai.cli.main import main
from remblai.metrics import fidelity_card

DIGITS = data.load("digits")


def pictures(n: int = 200) -> np.ndarray:
    """Test images with noise, as bytes (n, 8, 8)."""
    noise = 0.2 * torch.randn(n, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    return DIGITS.units.restore((DIGITS.test[:n] + noise).clamp(0, 1))


def call(*words: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return int(ended.value.code or 0)


def test_the_card_is_that_of_the_same_rows() -> None:
    images = pictures(60)
    found = evaluate_samples(images, DIGITS, features="pixels")
    features = remblai.features.make_features("pixels", DIGITS)
    expected = fidelity_card(DIGITS.train, DIGITS.test[:60], DIGITS.units.scale(images), features=features, image=True)
    assert found.keys() == expected.keys()
    assert "reconstruction_mse" not in found
    for name in expected.keys() - {"frechet_extrapolated", "patch_sliced_w1"}:  # whose parts depend on the rows' order
        assert found[name]["value"] == pytest.approx(expected[name]["value"], rel=1e-6)


def test_files_folders_and_arrays_have_one_card(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    images = pictures()
    np.savez(tmp_path / "own.npz", images=images)
    (tmp_path / "own").mkdir()
    for place, image in enumerate(images):
        Image.fromarray(image).save(tmp_path / "own" / f"{place:04d}.png")
    cards = []
    for source in ("own.npz", "own"):
        words = ["--samples", tmp_path / source, "--data", "digits", "--features", "digits", "--json"]
        assert call("evaluate", *words) == 0
        cards.append(json.loads(capsys.readouterr().out))
    cards.append(evaluate_samples(images, "digits", features="digits"))
    values = [card["frechet"]["value"] for card in cards]
    assert cards[0]["frechet"]["n"] == 200
    assert values[1:] == pytest.approx([values[0]] * 2, rel=0.2)  # the same images, in another order: all are taken
    assert values[0] > 5 * cards[0]["frechet"]["floor"]


def test_tables_are_matched_by_name_and_standardised_as_the_data() -> None:
    rng = np.random.default_rng(0)
    real = pandas.DataFrame({"a": rng.normal(5, 1, 400), "b": rng.normal(0, 100, 400)})
    good = pandas.DataFrame({"b": rng.normal(0, 100, 80), "a": rng.normal(5, 1, 80)})
    bad = good.assign(a=good["a"] + 3)
    cards = [evaluate_samples(one, real) for one in (good, bad)]
    energy = [card["energy_distance_squared"] for card in cards]
    assert abs(energy[0]["value"] - energy[0]["floor"]) < 4 * energy[0]["spread"]
    assert energy[1]["value"] - energy[1]["floor"] > 5 * energy[1]["spread"]


def test_what_cannot_be_measured_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match=r"expected images of shape \(1, 8, 8\), as those of digits, got points"):
        evaluate_samples(np.zeros((20, 3)), "digits")
    with pytest.raises(ValueError, match="expected at least 4 samples and held-out data, got 3"):
        evaluate_samples(pictures(3), "digits")
    with pytest.raises(ValueError, match="n: expected at most 60"):
        evaluate_samples(pictures(60), "digits", n=61)
    for name in ("write_report", "measure"):
        monkeypatch.setattr(f"remblai.runs.train.{name}", lambda *_: None)
    np.save(tmp_path / "own.npy", pictures(60))
    run = train(tmp_path / "run", data="digits", steps=1)
    refused = {
        "got neither": ("evaluate",),
        "got both": ("evaluate", run.folder, "--samples", tmp_path / "own.npy"),
        "pass --data": ("evaluate", "--samples", tmp_path / "own.npy"),
        "is of a run": ("evaluate", "--samples", tmp_path / "own.npy", "--data", "digits", "--sampler", "prior"),
    }
    for words, given in refused.items():
        assert call(*given) == 2
        assert words in capsys.readouterr().err


def test_samples_of_a_table_need_no_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    real = pandas.DataFrame({"a": rng.normal(size=200), "b": rng.normal(size=200), "y": rng.choice(["u", "v"], 200)})
    real.to_csv(tmp_path / "real.csv", index=False)
    real[["b", "a"]][:50].to_csv(tmp_path / "samples.csv", index=False)
    words = ["--samples", tmp_path / "samples.csv", "--data", tmp_path / "real.csv", "--label", "y", "--json"]
    assert call("evaluate", *words) == 0
    assert json.loads(capsys.readouterr().out)["energy_distance_squared"]["n"] == 20
    assert call("evaluate", *words[:-2], "none_of_this_name", "--json") == 2
    assert "none_of_this_name" in capsys.readouterr().err
