"""The pictures of the README and of docs/gallery.md: some ten minutes of training on a CPU, and two of drawing:

remblai train wae-mmd --data MNIST_FOLDER --cost perceptual --network dcgan --network.width 32 --weight 100 --noise 0 \\
    --lr 1e-3 --epochs 3 --sampler auto --out runs/pictures
python docs/pictures.py runs/pictures
"""

import io
import sys
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from PIL import Image

from remblai.compare.datasets import distance
from remblai.compare.plans import save_figure
from remblai.distances import transport
from remblai.gallery import GALLERY
from remblai.report import write_pictures
from remblai.report.style import LIGHT, chart, png, typeset

IMAGES = Path(__file__).parent / "images"
ENTRIES = ("seven-points", "parallel-lines", "k-lipschitz", "sharpening")
POINTS = 160
MOST = 1600  # pixels of a picture's width


def main(run: Path) -> None:
    """Writes the pictures, on white paper: transparent ones would be lost on a dark page."""
    written = [path for name in ENTRIES for path in write_pictures(IMAGES, GALLERY[name]().pictures[:1])]
    for name, picture in {"demo": lead(run), "codes": (run / "codes.png").read_bytes()}.items():
        written.append(IMAGES / f"{name}.png")
        written[-1].write_bytes(picture)
    rng = np.random.default_rng(0)
    sets = rng.normal(size=(400, 1)), rng.gamma(2.0, size=(400, 1))
    written.append(IMAGES / "distance.png")
    save_figure(written[-1], distance(*sets, permutations=0, repeats=0, raw=True), ("a normal law", "a gamma law"))
    for path in written:
        on_paper(path)
        print(path)


def lead(run: Path) -> bytes:
    """The README's first picture: noise carried to data, images drawn by a model of it, walks between real images."""
    with typeset():
        figure, (carried, drawn, walked) = chart(4.35, 1, 3, theme=LIGHT, width=13.2)
        carried.get_gridspec().set_width_ratios((1.0, 1.0, 1.4))
        carry(carried)
        for axes, name in ((drawn, "samples"), (walked, "interpolations")):
            axes.imshow(Image.open(run / f"{name}.png").convert("LA").convert("RGBA"))
            axes.set_anchor("N")
            axes.axis("off")
        words = {
            carried: ("Noise is carried to data", "The plan of least cost from noise (blue) to a ring (orange)"),
            drawn: ("A model draws new data", "64 draws of MNIST digits, decoded, not chosen"),
            walked: ("Walks join real digits", "From a real digit (left) to another (right)"),
        }
        for axes, (title, line) in words.items():
            axes.set_title(title, loc="left", color=LIGHT.ink, size=15, weight="bold", pad=26)
            axes.text(0, 1.025, line, transform=axes.transAxes, color=LIGHT.quiet, size=10.5)
        return png(figure)


def carry(axes: Axes) -> None:
    """Noise in the middle, a ring around it, and the exact plan between them."""
    draws = torch.Generator().manual_seed(0)
    noise = torch.randn(POINTS, 2, generator=draws, dtype=torch.float64)
    angle = 2 * torch.pi * torch.rand(POINTS, generator=draws, dtype=torch.float64)
    radius = 4 + 0.25 * torch.randn(POINTS, generator=draws, dtype=torch.float64)
    ring = radius[:, None] * torch.stack([angle.cos(), angle.sin()], 1)
    rows, columns, _ = transport(noise, ring).entries
    start, move = noise[rows], ring[columns] - noise[rows]
    axes.quiver(
        *start.T, *move.T, angles="xy", scale_units="xy", scale=1, color=LIGHT.ink, alpha=0.3, width=0.003,
        headwidth=4.5,
    )  # fmt: skip
    for points, colour in ((noise, LIGHT.data), (ring, LIGHT.model)):
        axes.scatter(*points.T, s=16, color=colour, linewidths=0, zorder=2)
    axes.set_aspect("equal")
    axes.axis("off")


def on_paper(path: Path) -> None:
    """Flattens a picture onto white paper with a margin."""
    picture = Image.open(io.BytesIO(path.read_bytes())).convert("RGBA")
    picture.thumbnail((MOST, MOST))
    margin = picture.width // 50
    paper = Image.new("RGBA", (picture.width + 2 * margin, picture.height + 2 * margin), LIGHT.paper)
    paper.alpha_composite(picture, (margin, margin))
    paper.convert("RGB").quantize(128).save(path, optimize=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python docs/pictures.py RUN, with the folder of a run of digits, such as runs/pictures")
    main(Path(sys.argv[1]))
