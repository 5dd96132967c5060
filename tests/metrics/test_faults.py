"""What figures could have seen, on real data whose faults are known."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

from remblai.data import load
from remblai.metrics import METRICS, fidelity_card
from remblai.metrics.faults import SEEN, Faults, in_deviations, shifts, shifts_and_copies, without_a_cluster
from remblai.metrics.reading import BAND, read
from remblai.metrics.sets import Sets


@pytest.fixture(scope="module")
def digits():
    rows = load("digits").train[:]
    return rows[:900], rows[900:1080], rows[1080:1260]


def seen(figure):
    return {name for name, shift in figure["sees"].items() if abs(shift) >= SEEN}


def test_digits_show_a_blur_to_four_figures_and_little_noise_to_one(digits):
    card = fidelity_card(*digits)
    for name in ("nearest_neighbour_accuracy", "energy_distance_squared", "w2", "sharpness"):
        assert "blur" in seen(card[name]), name
    assert card["sharpness"]["sees"]["blur"] < 0 < card["sharpness"]["sees"]["noise"]
    assert "noise" not in seen(card["energy_distance_squared"])
    assert "dropped mode" not in seen(card["sharpness"])


def test_the_fault_that_is_announced_is_found(digits):
    """Samples with that very fault, of other data than it was announced from, lie off the floor."""
    train, test, other = digits
    blurred = torch.from_numpy(gaussian_filter(other.numpy(), (0, 0, 1, 1)))
    for figure in fidelity_card(train, test, blurred).values():
        if "blur" in figure.get("sees", {}) and abs(figure["sees"]["blur"]) > 2 * SEEN:
            assert abs(figure["value"] - figure["floor"]) > BAND * figure["spread"]


def test_without_faults_there_is_nothing_to_see(digits):
    """Shifts are of the figure itself: other real rows than those it was computed from shift it little."""
    faults = Faults(Sets(*digits))
    plain = faults.faulty["none"]
    again = plain.with_samples(digits[2][: plain.n])
    for name in ("nearest_neighbour_accuracy", "energy_distance_squared", "w2", "sharpness"):
        one, other = (METRICS[name].compute(sets) for sets in (plain, again))
        assert abs(in_deviations(other["value"] - one["value"], one["spread"])) < 4


def test_points_have_no_blur_and_few_points_show_nothing():
    draws = torch.Generator().manual_seed(0)
    few = fidelity_card(*(torch.randn(20, 2, generator=draws) for _ in range(3)), image=False)
    for name, figure in few.items():
        copies = {"copies"} if METRICS[name].power is shifts_and_copies else set()
        assert figure["sees"].keys() == {"noise", "dropped mode"} | copies
    fewest = fidelity_card(*(torch.randn(5, 2, generator=draws) for _ in range(3)), image=False)
    assert all(set(figure["sees"].values()) == {0.0} for figure in fewest.values())
    assert all(row.cue.startswith("too few") or "standard deviations" in row.cue for row in read(fewest))


@pytest.mark.parametrize("shape", [(2,), (1, 8, 8)])
def test_data_that_are_all_equal_have_a_card_that_sees_nothing(shape):
    train, test = torch.full((150, *shape), 0.5), torch.full((50, *shape), 0.5)
    card = fidelity_card(train, test, torch.rand(50, *shape), image=len(shape) == 3)
    assert card["energy_distance_squared"]["value"] > card["energy_distance_squared"]["floor"]
    assert not any(seen(figure) for figure in card.values() if "sees" in figure)


def test_clusters_far_apart_are_dropped_whole():
    draws = torch.Generator().manual_seed(1)
    centres = 100.0 * torch.arange(10.0)[:, None]
    rows = (centres + torch.randn(10, 30, generator=draws)).reshape(-1, 1)
    kept = without_a_cluster(rows, draws)
    counts = torch.bincount((kept[:, 0] / 100).round().long(), minlength=10)
    assert set(counts.tolist()) == {0, 30}


@pytest.mark.parametrize(("shift", "deviation", "expected"), [(0, 0, 0), (1, 0, 99), (-1, 0, -99), (1, 2, 0.5)])
def test_shifts_are_bounded(shift, deviation, expected):
    assert in_deviations(shift, deviation) == expected


@pytest.mark.parametrize("sigma", [1.0, 3.0])
def test_mush_of_real_scenes_does_not_read_as_good(real_data, sigma):
    """Blurred scenes of 64 x 64 at n = 50: a figure is off, or says that the data are too few or what it cannot see."""
    with np.load(real_data / "scenes64" / "scenes64_jpeg.npz") as stored:
        joined, offsets = stored["train_jpeg"], stored["train_offsets"]
    files = (joined[offsets[i] : offsets[i + 1]].tobytes() for i in range(0, 9000, 45))
    pixels = np.stack([np.asarray(Image.open(io.BytesIO(file))) for file in files])
    scenes = torch.tensor(pixels.transpose(0, 3, 1, 2) / 255, dtype=torch.float32)
    mush = torch.from_numpy(gaussian_filter(scenes[150:].numpy(), (0, 0, sigma, sigma)))
    card = fidelity_card(scenes[:100], scenes[100:150], mush)
    assert seen(card["sharpness"]) >= {"blur", "noise"}
    for name, row in zip([name for name in card if name != "sharpness_data"], read(card), strict=True):
        blind = "blur" not in seen(card[name])
        assert not row.inside or row.cue.startswith("too few") or (blind and "no blur" in row.cue), (name, row.cue)
    (sharp,) = [row for row in read(card) if row.label == "Sharpness"]
    assert "below the floor" in sharp.cue and not sharp.inside


def test_what_is_seen_is_in_units_of_the_samples_own_scatter_where_that_is_larger() -> None:
    """The mean image by precision: the floor, two standard deviations wide, and blur that "it sees" 24 of."""

    def compute(sets: Sets) -> dict[str, float]:
        return {"value": float(sets.samples.square().mean()), "spread": 0.1}

    faults = Faults(Sets(torch.randn(200, 2), torch.randn(60, 2), torch.randn(60, 2)))
    plain, wide = shifts(compute, faults), shifts(compute, faults, 1.0)
    assert shifts(compute, faults, 0.01) == plain == shifts(compute, faults, float("nan"))
    assert all(wide[name] == pytest.approx(plain[name] / 10.0) for name in plain)
