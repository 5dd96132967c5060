"""The commands on the library itself."""

import platform
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from remblai.cli.output import first_line, show, show_json, show_table
from remblai.config.registry import LazyTable, unknown

PACKAGES = ["torch", "numpy", "scipy", "pillow", "matplotlib", "safetensors", "click", "pandas", "pyarrow", "lmdb"]
PACKAGES += ["datasets", "tensorboard", "scikit-learn", "POT"]
"""The packages whose versions a bug report needs."""

LISTS: dict[str, Mapping[str, Any]] = {
    "recipes": LazyTable("remblai.recipes:RECIPES"),
    "data": LazyTable("remblai.data:DATA"),
    "discrepancies": LazyTable("remblai.critics:ALL_DISCREPANCIES"),
    "penalties": LazyTable("remblai.objectives:PENALTIES"),
    "regularisers": LazyTable("remblai.objectives:REGULARISERS"),
    "costs": LazyTable("remblai.costs:COSTS"),
    "kernels": LazyTable("remblai.kernels:KERNELS"),
    "networks": LazyTable("remblai.networks:NETWORKS"),
    "velocities": LazyTable("remblai.networks:VELOCITIES"),
    "critics": LazyTable("remblai.networks:CRITICS"),
    "games": LazyTable("remblai.critics:GAMES", "remblai.critics:FEATURE_GAMES"),
    "constraints": LazyTable("remblai.critics:LIPSCHITZ"),
    "priors": LazyTable("remblai.laws:PRIORS"),
    "encoders": LazyTable("remblai.laws:ENCODERS"),
    "decoders": LazyTable("remblai.laws:DECODERS"),
    "samplers": LazyTable("remblai.laws:SAMPLERS"),
    "drifts": LazyTable("remblai.recipes.drifts:DRIFTS"),
    "couplings": LazyTable("remblai.objectives:COUPLINGS"),
    "metrics": LazyTable("remblai.compare.datasets:METRICS"),
    "critic-steps": LazyTable("remblai.training.schedules:CRITIC_STEPS"),
    "figures": LazyTable("remblai.metrics:METRICS"),
    "gallery": LazyTable("remblai.gallery:GALLERY"),
}
"""What `remblai list` and the reference show: each table is read when it is asked for."""


def list_parts(kind: str | None = None, *, json: bool = False) -> None:
    """Lists what there is to choose from.

    Args:
        kind: a title that `remblai list` prints, such as recipes; everything when not given.
        json: print JSON and nothing else.
    """
    if kind is not None and kind not in LISTS:
        raise unknown("list", kind, LISTS)
    wanted = {kind: LISTS[kind]} if kind else LISTS
    found = {title: {name: first_line(part) for name, part in table.items()} for title, table in wanted.items()}
    if json:
        show_json(found if kind is None else found[kind])
        return
    for title, rows in found.items():
        show(title)
        show_table(rows.items(), indent="  ")


def info(*, json: bool = False) -> None:
    """Versions, devices and threads: what to paste into a bug report.

    Args:
        json: print JSON and nothing else.
    """
    import torch

    found: dict[str, Any] = {
        "remblai": version("remblai"),
        "python": sys.version.split()[0],
        "platform": platform.platform(),
    }
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    gpus = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    found |= {"cpu": torch.backends.cpu.get_cpu_capability(), "threads": torch.get_num_threads(), "gpus": gpus}
    if json:
        show_json(found)
    else:
        show_table((name, str(value)) for name, value in found.items())
