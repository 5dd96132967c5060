"""What the commands that tell of the library itself do."""

import platform
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from remblai import data as datasets
from remblai.cli.output import as_json, first_line
from remblai.compare.datasets import METRICS
from remblai.config.registry import unknown
from remblai.costs import COSTS
from remblai.critics import ALL_DISCREPANCIES, FEATURE_GAMES, GAMES, LIPSCHITZ
from remblai.distances import DIVERGENCES
from remblai.gallery import GALLERY
from remblai.kernels import KERNELS
from remblai.laws import DECODERS, ENCODERS, PRIORS, SAMPLERS
from remblai.networks import CRITICS, NETWORKS
from remblai.objectives import PENALTIES, REGULARISERS
from remblai.recipes import RECIPES
from remblai.report import MEANINGS
from remblai.training.schedules import CRITIC_STEPS

PACKAGES = ["torch", "numpy", "scipy", "pillow", "matplotlib", "safetensors", "click", "pandas", "pyarrow", "lmdb"]
PACKAGES += ["datasets", "tensorboard", "scikit-learn", "POT"]
"""What a bug report should tell the versions of."""

LISTS: dict[str, Mapping[str, Any]] = {
    "recipes": RECIPES,
    "data": datasets.DATA,
    "discrepancies": ALL_DISCREPANCIES,
    "penalties": PENALTIES,
    "regularisers": REGULARISERS,
    "costs": COSTS,
    "kernels": KERNELS,
    "networks": NETWORKS,
    "critics": CRITICS,
    "games": GAMES | FEATURE_GAMES,
    "constraints": LIPSCHITZ,
    "priors": PRIORS,
    "encoders": ENCODERS,
    "decoders": DECODERS,
    "samplers": SAMPLERS,
    "metrics": METRICS,
    "divergences": {name: METRICS[name] for name in DIVERGENCES},
    "critic-steps": CRITIC_STEPS,
    "figures": {name: meaning.what for name, meaning in MEANINGS.items()},
    "gallery": GALLERY,
}


def list_command(kind: str | None = None, *, json: bool = False) -> None:
    """Lists what there is to choose from.

    Args:
        kind: recipes, data, discrepancies, penalties, regularisers, costs, kernels, networks, critics, games,
            constraints, priors, encoders, decoders, samplers, metrics, divergences, critic-steps, figures, gallery;
            or all.
        json: print JSON and nothing else.
    """
    if kind is not None and kind not in LISTS:
        raise unknown("list", kind, LISTS)
    wanted = {kind: LISTS[kind]} if kind else LISTS
    told = {title: {name: first_line(part) for name, part in table.items()} for title, table in wanted.items()}
    if json:
        print(as_json(told if kind is None else told[kind]))
        return
    for title, rows in told.items():
        print(title)
        width = max(map(len, rows))
        for name, summary in rows.items():
            print(f"  {name:{width}s}  {summary}")


def info_command(*, json: bool = False) -> None:
    """Versions, devices and threads: what to paste into a bug report.

    Args:
        json: print JSON and nothing else.
    """
    told: dict[str, Any] = {
        "remblai": version("remblai"),
        "python": sys.version.split()[0],
        "platform": platform.platform(),
    }
    for name in PACKAGES:
        try:
            told[name] = version(name)
        except PackageNotFoundError:
            told[name] = None
    gpus = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    told |= {"cpu": torch.backends.cpu.get_cpu_capability(), "threads": torch.get_num_threads(), "gpus": gpus}
    print(as_json(told) if json else "\n".join(f"{name:12s} {value}" for name, value in told.items()))
