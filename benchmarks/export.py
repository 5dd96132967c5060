"""The exported encoder by onnxruntime against the run's own by torch, on one CPU thread each, in one process.

    python benchmarks/export.py [--size 28] [--channels 1] [--batch 1 100] [--pairs 21] [--quick]

The networks have their first weights: speed does not depend on them. The sides take turns, a block of calls each, from
uint8 images in memory to codes; torch computes the same graph eagerly, without gradients, scaling included. Target: the
ratio torch / onnxruntime of CPU time is at least 1.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
import torch

import pairs
from remblai.data.units import image_units
from remblai.deploy.files import write_part
from remblai.deploy.parts import CODES, EncoderPart, Part
from remblai.deploy.units import FromData, input_shape
from remblai.recipes import RECIPES


def encoder_of(size: int, channels: int) -> Part:
    """The encoder of the recipe wae-mmd for such images."""
    shape = (channels, size, size)
    objective = RECIPES["wae-mmd"](shape=shape, encoder="deterministic").eval().requires_grad_(False)
    units = image_units(shape, np.dtype(np.uint8), (0.0, 255.0), "nhwc")
    inputs = {"images": (input_shape(units, {}), torch.uint8)}
    module = EncoderPart(objective.encoder, FromData(units, {})).eval()
    return Part("encoder", module, inputs, CODES, ("n", objective.prior.latent))


def measure(part: Part, session: onnxruntime.InferenceSession, images: np.ndarray, calls: int, count: int) -> None:
    """Prints a row for batches like this one."""
    x = torch.from_numpy(images)

    def of_torch() -> torch.Tensor:
        with torch.inference_mode():
            return [part.module(x) for _ in range(calls)][-1]

    def of_onnxruntime() -> np.ndarray:
        return [session.run(None, {"images": images})[0] for _ in range(calls)][-1]

    away = float(np.abs(of_torch().numpy() - of_onnxruntime()).max())
    blocks = pairs.interleaved({"torch": of_torch, "onnxruntime": of_onnxruntime}, count)
    middle, least, most = pairs.ratio(blocks, "torch", "onnxruntime")
    seconds = {name: 1e3 * pairs.median(blocks, name) / calls for name in blocks}
    print(
        f"{images.shape!s:>18s}  torch {seconds['torch']:8.3f} ms  onnxruntime {seconds['onnxruntime']:8.3f} ms  "
        f"ratio {middle:.2f} ({least:.2f} to {most:.2f})  largest difference {away:.1e}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, nargs="+", default=[28, 64])
    parser.add_argument("--channels", type=int, default=1)
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 100])
    parser.add_argument("--pairs", type=int, default=21)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    for size in given.size[:1] if given.quick else given.size:
        part = encoder_of(size, given.channels)
        rng = np.random.default_rng(0)
        with tempfile.TemporaryDirectory() as folder:
            example = rng.integers(0, 256, (2, size, size, given.channels), dtype=np.uint8)
            write_part(Path(folder), part, {"images": example}, 18)
            path = Path(folder) / "encoder.onnx"
            session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        for batch in given.batch:
            images = rng.integers(0, 256, (batch, size, size, given.channels), dtype=np.uint8)
            measure(part, session, images, 1 if batch > 10 else 20, 3 if given.quick else given.pairs)


if __name__ == "__main__":
    main()
