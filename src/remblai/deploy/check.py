"""Each exported file against the run itself, by the runtime that its user has, on real data."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from remblai.data import Dataset, Split, Units
from remblai.data.layout import BYTES, planes
from remblai.deploy.files import Arrays
from remblai.deploy.noise import at_noise
from remblai.deploy.parts import CLASS, CODES, NOISE, Part
from remblai.networks.classes import one_hot, required
from remblai.objectives.objective import of
from remblai.runs.model import Trained
from remblai.runtime.rng import seeded

ROWS = 200
"""Rows on which files are compared, at most: from all over the held-out split."""
ROWS_THROUGH_CODES = 16
"""The same where pictures pass through a pretrained auto-encoder, which takes seconds for each."""
BOUNDS: Mapping[str, tuple[str, float]] = {
    "float32": ("largest", 1e-4),
    "float16": ("root mean square", 1e-2),
    "int8": ("root mean square", 5e-2),
}
"""What is bounded of each precision: the largest difference, or, where weights are rounded, the root mean square."""
SCALES = {"codes": "standard deviation of the codes", "images": "range of the values", "points": "standard deviation"}
"""The unit of a difference, by the output's name."""


@dataclass(frozen=True)
class Difference:
    """How far a file's output is from the run's.

    Attributes:
        largest: over all numbers of the output.
        root_mean_square: the same.
        scale: the unit of both, in words; of whole numbers what is beyond their rounding.
        rows: compared.
    """

    largest: float
    root_mean_square: float
    scale: str
    rows: int

    def within(self, precision: str) -> bool:
        """Whether it is within the bound of the precision; what is not a number is not."""
        kind, bound = BOUNDS[precision]
        return (self.largest if kind == "largest" else self.root_mean_square) <= bound


def inputs_of(part: Part, trained: Trained, dataset: Dataset | None, split: str = "test", seed: int = 0) -> Arrays:
    """Real inputs of a part: data, their codes, and noise; draws of the law of codes where there is no data.

    Args:
        part: what is checked.
        trained: the run's model.
        dataset: its data; None where the model has no encoder.
        split: of the data: files are compared on `test`, the ranges of int8 are taken from `train`.
        seed: of the noise.
    """
    most = ROWS if trained.units.codes is None else ROWS_THROUGH_CODES
    chosen = None if dataset is None else _places(dataset.split(split), most)
    n = most if chosen is None else len(chosen)
    count = len(part.classes)
    labels = None if dataset is None or chosen is None else _labels(dataset.split(split), chosen)
    if count and (labels is None or dataset is None or dataset.classes != list(part.classes)):
        labels = torch.arange(n) % count  # other data may have other classes, or none
    found: dict[str, NDArray[Any]] = {}
    for name, (shape, _) in part.inputs.items():
        if name == NOISE:
            found[name] = np.random.default_rng(seed).standard_normal((n, int(shape[1])), np.float32)
        elif name == CLASS:
            found[name] = required(labels).numpy()
        elif name == CODES and (dataset is None or chosen is None):
            found[name] = trained.prior_sample(n, seed).numpy().astype(np.float32)
        else:
            assert dataset is not None and chosen is not None
            if name == CODES:
                rows = dataset.split(split)[chosen]
                found[name] = trained.codes(rows, seed, labels if count else None).numpy().astype(np.float32)
            else:
                found[name] = np.ascontiguousarray(trained.units.visible.restore(dataset.seen.split(split)[chosen]))
    return found


def _places(split: Split, most: int) -> Tensor:
    """So many places all over a split, which may be sorted."""
    return torch.linspace(0, len(split) - 1, min(most, len(split))).round().long()


def _labels(split: Split, places: Tensor) -> Tensor | None:
    return None if split.labels is None else split.labels[places]


@torch.no_grad()
def expected_of(part: Part, trained: Trained, inputs: Arrays) -> NDArray[np.float64]:
    """What the run itself makes of the inputs: codes, or x (n, *shape) in the data's units, not rounded."""
    objective, device = trained.objective, trained.device
    noise, labels = (torch.from_numpy(inputs[name]).to(device) if name in inputs else None for name in (NOISE, CLASS))
    with seeded(0, device):
        if part.output == CODES:
            law = objective.encode(trained.units.scale(next(iter(inputs.values()))).to(device), *of(labels)).law
            codes = law.mean if noise is None else at_noise(law, noise)
            return codes.cpu().double().numpy()
        if part.law is not None:
            assert noise is not None
            known = None if labels is None else one_hot(labels, len(part.classes)).cpu()
            codes = objective.prior.nearest(part.law(noise.cpu(), known).to(device))
        else:
            codes = torch.from_numpy(inputs[CODES]).to(device)
        seen = trained.units.seen(objective.decode(codes, *of(labels)).cpu())
        return _in_units(seen, trained.units.visible)


def difference(part: Part, found: NDArray[Any], expected: NDArray[np.float64], units: Units) -> Difference:
    """How far the output of a file is from what the run makes of the same inputs.

    Whole numbers are what a value was rounded to: their difference is what lies beyond half of a step.
    """
    if part.output == CODES:
        away, scale = np.abs(found - expected), np.asarray(expected.std() or 1.0)
    else:
        values = found.astype(np.float64)
        values = planes(values, units.axes) if units.range else values.reshape(len(values), *units.shape)
        away, scale = np.abs(values - expected), _scale(units)
        if units.kind.kind in "bui":
            away = np.maximum(away - 0.5, 0.0)
    away = away / scale
    return Difference(float(away.max()), float(np.sqrt(np.square(away).mean())), SCALES[part.output], len(found))


def run_onnx(path: Path, inputs: Arrays) -> NDArray[Any]:
    """What onnxruntime makes of the inputs, on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found: NDArray[Any] = session.run(None, dict(inputs))[0]
    return found


def run_archive(path: Path, inputs: Arrays) -> NDArray[Any]:
    """What a `torch.export` archive makes of the inputs."""
    with torch.no_grad():
        found: torch.Tensor = torch.export.load(path).module()(*map(torch.from_numpy, inputs.values()))
    return found.numpy()


def _scale(units: Units) -> NDArray[np.float64]:
    """The unit in which differences of data are counted."""
    if units.range is not None:
        low, high = units.limits or BYTES
        return np.asarray(high - low)
    deviation = np.asarray(1.0 if units.deviation is None else units.deviation)
    return np.where(deviation == 0, 1.0, deviation)


def _in_units(x: torch.Tensor, units: Units) -> NDArray[np.float64]:
    """x (n, *shape) in the data's units, neither rounded nor in their layout."""
    if units.range is not None:
        low, high = units.limits or BYTES
        return np.asarray(x.double().numpy().clip(0.0, 1.0) * (high - low) + low)
    return np.asarray(units.values(x), np.float64)
