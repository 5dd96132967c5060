"""What `run.json` says of a run: everything that is needed to repeat it, and how two runs' settings differ."""

import datetime
import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Literal

import torch

from remblai import data as datasets
from remblai.choices import convert, flatten
from remblai.data import Dataset
from remblai.resolve import Resolved

Precision = Literal["auto", "float32", "bfloat16"]
Compile = Literal["auto", "on", "off"]


def now() -> str:
    """The time in UTC, as run.json writes it."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def data_of(
    spec: str | None, options: Mapping[str, Any] | None, base: Mapping[str, Any] | None
) -> tuple[str, dict[str, Any], Dataset]:
    """What data is asked for, with which options: those of the run to repeat, or the digits, where none is named.

    Raises:
        ValueError: unknown data, or a split where a whole data set is wanted.
    """
    given = dict(options or {})
    if base is not None and spec in (None, base["data"]["spec"]):
        spec, given = base["data"]["spec"], base["data"]["options"] | given
    spec = spec or "digits"
    name, split = datasets.pick(spec)
    if split is not None:
        raise ValueError(f"data {spec!r}: the whole data set is wanted here, its splits are known: --data {name}.")
    return spec, given, datasets.load(spec, **given)


def describe(
    resolved: Resolved,
    spec: str,
    dataset: Dataset,
    options: Mapping[str, Any],
    seed: int,
    device: torch.device,
    precision: str,
    compile: str,
) -> dict[str, Any]:
    """The settings of a run that is about to start."""
    precision, compile = convert("precision", precision, Precision), convert("compile", compile, Compile)
    gpu = device.type == "cuda"
    if precision == "auto":
        precision = "bfloat16" if gpu and torch.cuda.is_bf16_supported() else "float32"
    return resolved.to_json() | {
        "data": {
            "spec": spec,
            "options": dict(options),
            "name": dataset.name,
            "fingerprint": dataset.fingerprint,
            "shape": list(dataset.shape),
            "units": dataset.units.to_json(),
            "classes": dataset.classes,
            "splits": {name: len(dataset.split(name)) for name in ("train", "validation", "test")},
            "split_note": dataset.split_note,
        },
        "seed": seed,
        "device": torch.cuda.get_device_name(device) if gpu else "cpu",
        "precision": precision,
        "compile": compile == "on" or (compile == "auto" and gpu),
        "threads": torch.get_num_threads(),
        "versions": {
            "remblai": version("remblai"),
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": version("numpy"),
        },
        "started": now(),
        "ended": None,
        "status": "running",
    }


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The settings in which a resumed run differs from what it was, in words; more steps are no difference."""
    found = []
    for part in ("recipe", "arguments", "loop", "seed", "precision", "compile"):
        before, after = (flatten({part: side[part]}) for side in (old, new))
        for name in sorted(before.keys() | after.keys()):
            a, b = before.get(name), after.get(name)
            longer = name == "loop.steps" and b is not None and a is not None and b >= a
            if a != b and not longer:
                found.append(f"{name.removeprefix('arguments.').removeprefix('loop.')} was {a}, now {b}")
    for name in ("spec", "fingerprint"):
        if old["data"][name] != new["data"][name]:
            found.append(f"data {name} was {old['data'][name]}, now {new['data'][name]}")
    return found
