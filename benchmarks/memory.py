"""The peak resident size of `remblai train`, evaluation and report included, on a CPU without compile.

    python benchmarks/memory.py [--data mnist-folder] [--steps 100] [--quick]

Runs the command on 60,000 images of 28 x 28 grey pixels (or the data given) and on 10,000 of 64 x 64 in colour, as an
.npz file each, and reads the peak from the system's account of that process. Target: under the size of the data as
uint8 plus 1.5 GB.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import pairs

ALLOWANCE = 1.5e9
COMMAND = "import sys; from remblai.cli.main import main; sys.exit(main())"
SETS = {"28x28 grey": (60_000, (1, 28, 28)), "64x64 colour": (10_000, (3, 64, 64))}


def written(folder: Path, n: int, shape: tuple[int, int, int]) -> Path:
    """An .npz file of n synthetic images (n, h, w, c)."""
    path = folder / f"images{shape[1]}.npz"
    np.savez(path, images=pairs.blobs(n, shape).transpose(0, 2, 3, 1).squeeze())
    return path


def peak(data: str, out: Path, steps: int) -> tuple[int, float]:
    """Bytes at the peak, and seconds, of one run."""
    arguments = ["train", "wae-mmd", "--data", data, "--out", str(out), "--steps", str(steps), "--quiet"]
    arguments += ["--evaluate-every", str(max(1, steps // 2)), "--device", "cpu", "--compile", "off"]
    began = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-c", COMMAND, *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"remblai {' '.join(arguments)} ended with {child.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024
    return usage.ru_maxrss * unit, time.perf_counter() - began


def size(data: str) -> int:
    """Bytes of all its images as uint8, counted in a process of its own so that this one stays small."""
    code = "from remblai.data import load; print(sum(s.rows.array[s.index.numpy()].nbytes for s in "
    code += f"(lambda d: (d.train, d.validation, d.test))(load({data!r}))))"
    return int(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="a name, folder or file in place of the synthetic 28x28 images")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--quick", action="store_true", help="few images and steps, to see that it runs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for label, (n, shape) in SETS.items():
            given = options.data if shape[0] == 1 else None
            data = given or str(written(folder, 1_000 if options.quick else n, shape))
            found, seconds = peak(data, folder / f"run{shape[1]}", 4 if options.quick else options.steps)
            limit = size(data) + ALLOWANCE
            print(
                f"{given or label}: peak {found / 1e9:.2f} GB, limit {limit / 1e9:.2f} GB "
                f"(data {(limit - ALLOWANCE) / 1e9:.2f} GB): {'kept' if found < limit else 'BROKEN'}; {seconds:.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
