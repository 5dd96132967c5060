"""One picture as the model of a run sees it, whatever the type of the run's numbers."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from remblai.data.image_units import image_units
from remblai.data.picture import picture


@pytest.mark.parametrize("kind", ["uint8", "float32", "float64", "int64"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_of_bytes_is_seen_alike_by_runs_of_any_type(tmp_path: Path, kind: str, channels: int) -> None:
    values = np.random.default_rng(0).integers(0, 256, (6, 6, channels)).astype(np.uint8)
    Image.fromarray(values.squeeze()).save(tmp_path / "a.png")
    limits = (0.0, 1.0) if kind.startswith("float") else (0.0, 255.0)
    units = image_units((channels, 6, 6), np.dtype(kind), limits, "nhw" if channels == 1 else "nhwc")
    found = picture(tmp_path / "a.png", "a.png", units, {})
    assert np.allclose(found[0].numpy(), values.transpose(2, 0, 1) / 255.0, atol=1e-6)


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_a_picture_of_floats_is_itself_in_a_run_of_floats(tmp_path: Path, kind: str) -> None:
    values = np.random.default_rng(0).random((6, 6)).astype(np.float32)
    Image.fromarray(values).save(tmp_path / "a.tiff")
    units = image_units((1, 6, 6), np.dtype(kind), (0.0, 1.0), "nhw")
    assert np.allclose(picture(tmp_path / "a.tiff", "a.tiff", units, {})[0, 0].numpy(), values, atol=1e-6)
