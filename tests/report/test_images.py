import io

import numpy as np
import pytest
import torch
from PIL import Image

from remblai.report.images import beside, grid, named_rows, paths, pixels, save_above, save_grid
from remblai.report.style import DARK, LIGHT


def opened(picture):
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGBA"))


def test_pixels_of_floats_and_bytes_agree():
    floats = torch.rand(5, 3, 4, 6)
    as_bytes = (floats * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    assert (pixels(floats) == pixels(as_bytes)).all()
    assert pixels(floats).shape == (5, 4, 6, 4)
    assert (pixels(as_bytes[..., 0])[..., 2] == as_bytes[..., 0]).all()


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7])
def test_any_number_of_channels_can_be_shown(channels):
    images = np.random.default_rng(0).random((2, channels, 4, 4))
    shown = pixels(images)
    assert shown.shape == (2, 4, 4, 4)
    if channels != 4:
        assert (shown[..., 3] == 255).all()
    assert (shown[..., 0] == np.rint(images[:, 0] * 255)).all()


def test_what_is_no_image_is_refused_and_what_is_out_of_range_is_clipped():
    with pytest.raises(ValueError, match="floats"):
        pixels(np.zeros((3, 4)))
    with pytest.raises(ValueError, match="at least one pixel"):
        pixels(np.zeros((0, 1, 4, 4)))
    shown = pixels(np.array([-1.0, 2.0, 0.0, 0.5]).reshape(1, 1, 2, 2))[0, :, :, 0]
    assert shown.tolist() == [[0, 255], [0, 128]]
    with pytest.raises(ValueError, match="expected numbers, got NaN"):
        pixels(np.full((1, 1, 2, 2), np.nan))


def test_a_grid_has_every_image_in_its_place_with_clear_gaps():
    values = np.linspace(0.1, 0.9, 6)
    picture = opened(grid(np.ones((6, 1, 16, 16)) * values[:, None, None, None], columns=3))
    cell, gap = 112, 6
    assert picture.shape == (2 * cell + gap, 3 * cell + 2 * gap, 4)
    for i, value in enumerate(values):
        top, left = (i // 3) * (cell + gap), (i % 3) * (cell + gap)
        assert abs(int(picture[top + cell // 2, left + cell // 2, 0]) - 255 * value) <= 1
    assert (picture[cell : cell + gap, :, 3] == 0).all()
    assert (picture[:, cell : cell + gap, 3] == 0).all()


def test_small_images_are_enlarged_smoothly_and_large_ones_left_alone():
    step = np.zeros((1, 1, 8, 8))
    step[..., 4:] = 1
    row = opened(grid(step))[56, :, 0].astype(int)
    assert len(row) == 112
    assert len(np.unique(row)) > 8  # not 8 squares
    assert opened(grid(np.random.default_rng(0).random((1, 3, 200, 150)))).shape[:2] == (200, 150)


def test_a_row_of_large_images_is_shrunk_to_the_page():
    assert opened(grid(np.zeros((12, 1, 300, 400)), columns=12)).shape[1] <= 2500


def test_transparent_images_stay_so_and_hidden_colours_do_not_bleed():
    image = np.zeros((1, 4, 8, 8))
    image[0, 0, :, :4], image[0, 1, :, 4:], image[0, 3, :, 4:] = 1, 1, 1  # hidden red beside green
    picture = opened(grid(image))
    seen = picture[picture[..., 3] > 128]
    assert picture[56, 10, 3] < 20
    assert (seen[:, 0] < 20).all()


def test_pairs_stand_closer_than_neighbours():
    x = np.ones((4, 1, 112, 112))
    clear = (opened(beside(x, x, columns=2))[..., 3] == 0).all(0)
    gaps = [len(run) for run in "".join("x" if c else " " for c in clear).split()]
    assert gaps == [6, 24, 6]
    with pytest.raises(ValueError, match="expected a reconstruction of each"):
        beside(x, x[:2])


def test_paths_keep_the_real_ends_apart():
    steps, ends = np.ones((3, 5, 1, 112, 112)), (np.ones((3, 1, 112, 112)), np.ones((3, 1, 112, 112)))
    clear = (opened(paths(steps, ends))[..., 3] == 0).all(0)
    gaps = [len(run) for run in "".join("x" if c else " " for c in clear).split()]
    assert gaps == [24, 6, 6, 6, 6, 24]
    assert opened(paths(steps)).shape[1] == 5 * 112 + 4 * 6


def test_save_grid_writes_whole_files_only(tmp_path):
    path = tmp_path / "deep" / "x.png"
    save_grid(path, torch.rand(4, 1, 8, 8), columns=4)
    assert Image.open(path).size == (4 * 112 + 3 * 6, 112)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="images must be"):
        save_grid(path, torch.rand(4, 8))
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["x.png"]


def test_each_row_of_images_stands_above_those_that_belong_to_them(tmp_path):
    values = np.linspace(0.1, 0.9, 5)[:, None, None, None]
    save_above(tmp_path / "x.png", np.ones((5, 1, 16, 16)) * values, np.ones((5, 1, 16, 16)) * (1 - values), columns=3)
    picture = opened((tmp_path / "x.png").read_bytes())
    middle, step = 56, 118
    for i, value in enumerate(values.ravel()):
        top, left = middle + i // 3 * 2 * step, middle + i % 3 * step
        assert abs(int(picture[top, left, 0]) - 255 * value) <= 1
        assert abs(int(picture[top + step, left, 0]) - 255 * (1 - value)) <= 1


def test_grey_pictures_are_saved_as_grey():
    assert Image.open(io.BytesIO(grid(torch.rand(4, 1, 8, 8)))).mode == "LA"
    assert Image.open(io.BytesIO(grid(torch.rand(4, 3, 8, 8)))).mode == "RGBA"


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_rows_have_their_names_at_the_left(theme):
    plain = Image.open(io.BytesIO(grid(np.ones((6, 1, 8, 8)), 2)))
    named = Image.open(io.BytesIO(named_rows(np.ones((6, 1, 8, 8)), ["a", "b" * 90, "c"], 2, theme=theme)))
    left = named.width - plain.width
    assert named.height == plain.height
    assert 100 < left < 600, "long names are cut"
    ink = np.asarray(named.convert("RGBA"))[:, :left]
    for row in np.array_split(ink, 3):
        assert row[..., 3].max() > 200
