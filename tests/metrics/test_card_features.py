"""The card on features: samples that are bad in a known way move their figures, and none looks perfect."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter
from tests.small import train

import remblai
from remblai.data import load
from remblai.features import default_features, make_features
from remblai.metrics import METRICS, fidelity_card
from remblai.metrics.card import ON_FEATURES
from remblai.metrics.reading import BAND, read

N = 360


def away(card, name):
    figure = card[name]
    return (figure["value"] - figure["floor"]) / max(figure["spread"], 1e-12)


def off(card):
    """The figures that are beyond the band around their floor."""
    return {name for name in card if METRICS[name].power is not None and abs(away(card, name)) > BAND}


@pytest.fixture(scope="module")
def cards():
    """Cards of the embedded digits: real data in the place of the samples, as they are and with one fault each."""
    digits = load("digits")
    rows, labels = digits.train[:], digits.train.labels
    train, other, classes = rows[: -2 * N], rows[-2 * N :], labels[-2 * N :]
    real, draws = other[:N], torch.Generator().manual_seed(0)
    samples = {
        "real": real,
        "blur": torch.from_numpy(gaussian_filter(real.numpy(), (0, 0, 1, 1))),
        "noise": real + 0.1 * torch.randn(real.shape, generator=draws),
        "dropped mode": other[classes != 3][:N],
        "copies": train[torch.randperm(len(train), generator=draws)[:N]],
        "pale": 0.5 * real + 0.2,
    }
    features = default_features(digits)
    return {
        name: fidelity_card(train, digits.test[:N], part, features=features, power=False)
        for name, part in samples.items()
    }


def test_the_frechet_distance_of_too_few_says_how_many_a_covariance_takes(cards):
    digits = load("digits")
    few = fidelity_card(
        digits.train, digits.test[:60], digits.train[:60], features=default_features(digits), power=False
    )
    width = default_features(digits).of(digits.test[:1]).shape[1]
    assert few["frechet"]["full_rank"] == few["frechet_matched"]["full_rank"] == width + 1 > 60
    assert "full_rank" not in cards["real"]["frechet"] and "full_rank" not in few["kernel_distance"]
    (line,) = (line for line in repr(few).splitlines() if line.startswith("frechet "))
    assert line.endswith(f"60 rows are too few for covariances of full rank, which take {width + 1}")


def test_real_data_are_near_every_floor(cards):
    for name in cards["real"]:
        if METRICS[name].power is not None:
            assert abs(away(cards["real"], name)) < 4, name


@pytest.mark.parametrize(
    ("fault", "moved"),
    [
        ("blur", {"frechet": 10, "kernel_distance": 5, "precision": -5, "recall": -5, "coverage": -10, "density": -5}),
        ("blur", {"class_histogram_kl": 5, "classifier_score": -10, "frechet_extrapolated": 10}),
        ("noise", {"precision": -4, "density": -4, "coverage": -3, "classifier_score": -3}),
        ("dropped mode", {"coverage": -2.5, "class_histogram_kl": 2}),
        ("copies", {"generalisation_gap": 100, "memorisation_ratio": -100}),
    ],
)
def test_a_fault_moves_its_figures(cards, fault, moved):
    for name, least in moved.items():
        shift = away(cards[fault], name)
        assert shift / least > 1, (name, shift)


def test_contrast_moves_the_plain_distance_and_not_the_one_of_matched_pixels(cards):
    assert away(cards["pale"], "frechet") > 20
    assert away(cards["pale"], "frechet_matched") == pytest.approx(away(cards["real"], "frechet_matched"), abs=1)
    for fault in ("blur", "noise"):
        assert away(cards[fault], "frechet_matched") > 1


@pytest.mark.parametrize("fault", ["blur", "noise", "dropped mode", "copies", "pale"])
def test_no_faulty_set_looks_perfect(cards, fault):
    assert off(cards[fault])


def test_every_figure_on_features_says_which(cards):
    digits = make_features("digits", load("digits"))
    for name, figure in cards["real"].items():
        on_features = bool(ON_FEATURES & {*METRICS[name].needs})
        assert figure.get("features") == (digits.used if on_features else None), name
    assert any("Features: digits (sha256 " in row.meaning for row in read(cards["real"]))
    mixed = cards["real"] | {"recall": {**cards["real"]["recall"], "features": {"name": "pca", "sha256": "1"}}}
    with pytest.raises(ValueError, match="different features"):
        read(mixed)


def test_constant_samples_and_constant_data_give_finite_figures():
    flat = torch.full((40, 1, 8, 8), 0.5)
    digits = load("digits")
    features = make_features("digits", digits)
    for rows, samples in ((digits.train[:120], flat), (torch.cat([flat] * 3), flat)):
        card = fidelity_card(rows[40:], rows[:40], samples, features=features, repeats=4, power=False)
        assert all(np.isfinite(figure[key]) for figure in card.values() for key in ("value", "floor", "spread"))
        assert {"frechet", "coverage", "classifier_score"} <= set(card)


def test_samples_with_nan_are_refused():
    rows = load("digits").train[:120]
    with pytest.raises(ValueError, match="the samples holds NaN"):
        fidelity_card(rows[40:80], rows[80:], rows[:40] * torch.nan, features=make_features("pixels", load("digits")))


@pytest.mark.parametrize("sigma", [1.0, 3.0])
def test_mush_of_real_scenes_is_far_off_the_floor_on_random_convolutions(real_data, sigma):
    """Blurred scenes of 64 x 64 at n = 100: features see what pixels do not."""
    with np.load(real_data / "scenes64" / "scenes64_jpeg.npz") as stored:
        joined, offsets = stored["train_jpeg"], stored["train_offsets"]
    files = (joined[offsets[i] : offsets[i + 1]].tobytes() for i in range(0, 9000, 30))
    pixels = np.stack([np.asarray(Image.open(io.BytesIO(file))) for file in files])
    scenes = torch.tensor(pixels.transpose(0, 3, 1, 2) / 255, dtype=torch.float32)
    mush = torch.from_numpy(gaussian_filter(scenes[200:].numpy(), (0, 0, sigma, sigma)))
    features = make_features("random-convolutions", load(pixels))
    card = fidelity_card(scenes[:100], scenes[100:200], mush, features=features, power=False, repeats=10)
    assert card["frechet"]["value"] > 2 * card["frechet"]["floor"]
    assert away(card, "frechet") > 5 and away(card, "coverage") < -5 and away(card, "precision") < -1


def test_a_run_is_evaluated_on_features_and_its_report_names_them(tmp_path):
    """wae-mmd on digits after 20 steps: the card of the run itself, by default and on other features."""
    run = train(tmp_path / "run")
    kept = run.run.metrics()
    assert kept["frechet"]["features"]["name"] == "digits"
    assert kept["frechet"]["value"] > kept["frechet"]["floor"] + 5 * kept["frechet"]["spread"]
    assert kept["active_axes"]["floor"] == 2
    assert "Features: digits (sha256 " in (run.folder / "report.html").read_text()
    other = remblai.evaluate(run, n=40, features={"name": "pca", "components": 3})
    assert other["frechet"]["features"]["name"] == "pca-3" and "classifier_score" not in other
    own = remblai.evaluate(run, n=40, features=lambda x: x.mean((2, 3)))
    assert own["frechet"]["value"] != other["frechet"]["value"]
