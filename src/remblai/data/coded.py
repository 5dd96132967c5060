"""From pictures to their codes under a frozen auto-encoder: a data set that recipes for images train on."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from remblai.data.cache import Allocate, Broken, stored
from remblai.data.dataset import Dataset, Split
from remblai.data.pretrained import AT_ONCE, Pretrained, pretrained
from remblai.data.rows import Rows, digest
from remblai.data.standardise import by_channel, standardised
from remblai.data.units import Units
from remblai.networks.shapes import CodeShape

Codes = NDArray[np.float32]


def coded(dataset: Dataset, codes_of: str | Pretrained, like: Units | None = None) -> Dataset:
    """The codes of pictures, (n, k, h', w'), standardised channel by channel: (code - mean) / deviation.

    Pictures are encoded once and their codes kept in the cache folder, as decoded images are.

    Args:
        dataset: of pictures.
        codes_of: the auto-encoder, or its name, folder or place on the hub.
        like: units of codes whose means and deviations are taken; None takes those of the training split.

    Raises:
        ValueError: data that are no pictures, or pictures that the auto-encoder does not take; see `pretrained`.
    """
    if dataset.range is None:
        raise ValueError(
            f"codes_of: expected pictures, {dataset.name} holds points of {dataset.shape}: leave --codes-of out, or "
            "name pictures with --data."
        )
    network = codes_of if isinstance(codes_of, Pretrained) else pretrained(codes_of, dataset.shape)
    if dataset.shape != network.shape:
        raise ValueError(
            f"data: expected pictures of shape {network.shape}, {dataset.name} holds pictures of {dataset.shape}: use "
            "--size and --channels."
        )
    shape = CodeShape(network.shape_of_code(dataset.train[:1]))
    known = {id(of.rows): of.rows for of in (dataset.train, dataset.validation, dataset.test)}
    codes = {key: _codes(rows, network, shape) for key, rows in known.items()}
    train = codes[id(dataset.train.rows)]
    if like is None or like.mean is None or like.deviation is None:
        mean, deviation = _moments(train, dataset.train.index.numpy())
    else:
        mean, deviation = np.asarray(like.mean), np.asarray(like.deviation)
    units = replace(
        dataset.units, shape=shape, mean=tuple(mean.tolist()), deviation=tuple(deviation.tolist()), codes=network
    )
    rows = {key: Rows(_standard(of, mean, deviation)) for key, of in codes.items()}

    def split(old: Split) -> Split:
        return replace(old, rows=rows[id(old.rows)])

    sizes = " x ".join(str(side) for side in shape)
    return dataset.with_splits(
        split,
        units=units,
        # of the pictures and the weights: codes that another machine computes differ by rounding errors
        identity=f"{dataset.fingerprint} {network.kind} {network.sha256} {network.config}",
        notes=(*dataset.notes, f"the model is trained on codes {sizes} of a frozen {network.kind}"),
        visible=dataset,
    )


def _codes(rows: Rows, network: Pretrained, shape: tuple[int, ...]) -> Codes:
    """The codes of all rows as the auto-encoder gives them, from the cache or made now; each has this shape."""

    def fill(allocate: Allocate) -> tuple[Broken, list[str]]:
        found = allocate((len(rows), *shape), "float32")
        for start in range(0, len(rows), AT_ONCE):
            places = torch.arange(start, min(len(rows), start + AT_ONCE))
            found[start : start + AT_ONCE] = network.encode(rows.gather(places, torch.device("cpu"))).numpy()
        return [], []

    key = {
        "codes": network.sha256,
        "config": network.config,
        "rows": digest(rows.array, whole=True),
        "limits": rows.limits,
    }
    array: Codes = stored(key, fill).array
    return array


def _moments(codes: Codes, rows: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and deviation (k,) of each channel over the rows; 0 where it is constant but for rounding errors."""
    chosen = codes[np.sort(rows)]
    mean = chosen.mean((0, 2, 3), dtype=np.float64)
    deviation = np.sqrt(((chosen - by_channel(mean)) ** 2).mean((0, 2, 3)))
    return mean, np.where(deviation <= 1e-6 * np.abs(mean), 0.0, deviation)


def _standard(codes: Codes, mean: NDArray[np.float64], deviation: NDArray[np.float64]) -> Codes:
    return np.ascontiguousarray(
        standardised(codes.astype(np.float64), by_channel(mean), by_channel(deviation)), dtype=np.float32
    )
