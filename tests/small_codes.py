"""A small auto-encoder in the layout of diffusers, and pictures for it."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from remblai.runtime.rng import seeded

SIDE, FACTOR, CHANNELS = 16, 2, 2


@lru_cache(maxsize=1)
def network() -> Any:
    """An AutoencoderKL with random weights; the scaling and the shift are no neutral ones."""
    from diffusers import AutoencoderKL

    with seeded(0):
        return AutoencoderKL(
            block_out_channels=(8, 8),
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
            layers_per_block=1,
            norm_num_groups=4,
            latent_channels=CHANNELS,
            sample_size=SIDE,
            scaling_factor=0.3,
            shift_factor=0.1,
        ).eval()


def save_autoencoder(folder: Path) -> Path:
    """Writes it as `save_pretrained` does, and returns the folder."""
    network().save_pretrained(str(folder))
    return folder


def save_pictures(folder: Path, n: int = 12, mode: str = "RGB", seed: int = 0) -> Path:
    """Writes smooth pictures of random colours, and returns their folder."""
    folder.mkdir()
    for number, x in enumerate(pictures(n, seed)):
        array = (x.permute(1, 2, 0) * 255).round().numpy().astype(np.uint8)
        Image.fromarray(array).convert(mode).save(folder / f"{number}.png")
    return folder


def pictures(n: int, seed: int = 0) -> torch.Tensor:
    """Pictures (n, 3, 16, 16) on the scale 0 to 1."""
    generator = torch.Generator().manual_seed(seed)
    small = torch.rand(n, 3, 4, 4, generator=generator)
    return torch.nn.functional.interpolate(small, SIDE, mode="bilinear")
