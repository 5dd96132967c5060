"""What the benchmarks of recipes share: their options, runs that continue, rows, medians held against targets."""

import argparse
import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import remblai
from remblai.recipes import RECIPES

OF_NUMBERS = [name for name in RECIPES if not name.endswith("rbm")]
"""The recipes but for the machines, which are of bits and have benchmarks/machines.py."""
TITLE = 40
Targets = Mapping[str, Callable[[float], bool]]
"""By column, what its median should fulfil."""


def options(description: str | None, names: str, default: Sequence[str], out: str) -> argparse.ArgumentParser:
    """The options of every such benchmark: what to run, in how many seeds, and where the runs are kept."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(names, nargs="*", default=default)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path(out))
    return parser


def trained(recipe: str, spec: str | Mapping[str, Any], folder: Path, **options: Any) -> tuple[remblai.Trained, float]:
    """The run in the folder, trained or continued, and the CPU seconds that it took: nan where a call was killed."""
    clock = folder.with_suffix(".cpu")
    complete, begun = clock.exists(), folder.exists()
    began = time.process_time()
    run = remblai.train(recipe, data=spec, out=folder, resume=True, quiet=True, **options)
    if not complete:
        clock.write_text(f"{math.nan if begun else time.process_time() - began}\n")
    return run, float(clock.read_text())


def header(columns: Sequence[str]) -> None:
    """Prints the columns' names."""
    print(f"{'':{TITLE}s}" + "".join(f"{column:>16s}" for column in columns))


def line(title: str, values: Sequence[float], marks: Sequence[str] = ()) -> None:
    """Prints a row."""
    told = [f"{value:.4g}{mark}" for value, mark in zip(values, [*marks] or [""] * len(values), strict=True)]
    print(f"{title:{TITLE}s}" + "".join(f"{text:>16s}" for text in told), flush=True)


def summary(title: str, rows: Sequence[Sequence[float]], columns: Sequence[str], targets: Targets) -> bool:
    """Prints the medians, with a `*` at what misses its target, the least and the most; whether nothing misses."""
    each = list(zip(*rows, strict=True))
    medians = [statistics.median(values) for values in each]
    reached = [column not in targets or targets[column](value) for column, value in zip(columns, medians, strict=True)]
    line(f"{title}: median", medians, ["" if good else "*" for good in reached])
    line(f"{title}: least", [min(values) for values in each])
    line(f"{title}: most", [max(values) for values in each])
    return all(reached)
