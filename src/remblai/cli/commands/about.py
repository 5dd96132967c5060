"""The commands on the library itself."""

import platform
import sys
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from remblai.cli.output import show, show_json, show_table, summary_of
from remblai.config.registry import LazyTable, unknown

PACKAGES = ["torch", "numpy", "scipy", "pillow", "matplotlib", "safetensors", "click", "pandas", "pyarrow", "lmdb"]
PACKAGES += ["datasets", "tensorboard", "scikit-learn", "POT", "onnx", "onnxruntime"]
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
    "generators": LazyTable("remblai.networks:GENERATORS"),
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
    "metrics": LazyTable("remblai.compare.measures:METRICS"),
    "critic-steps": LazyTable("remblai.training.schedules:CRITIC_STEPS"),
    "figures": LazyTable("remblai.metrics:METRICS"),
    "features": LazyTable("remblai.features:FEATURES"),
    "loggers": LazyTable("remblai.runs.loggers:LOGGERS"),
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
    found = {title: {name: summary_of(part) for name, part in table.items()} for title, table in wanted.items()}
    if json:
        show_json(found if kind is None else found[kind])
        return
    for title, rows in found.items():
        show(title)
        show_table(rows.items(), indent="  ")


def info(
    *,
    measure: str | None = None,
    data: str | None = None,
    batch_size: int | None = None,
    device: str = "auto",
    compile: bool = False,
    json: bool = False,
    data_options: Mapping[str, Any] | None = None,
) -> None:
    """Versions, devices and threads: what to paste into a bug report. With `measure`, how fast a recipe trains.

    Args:
        measure: a recipe, whose steps are timed by each choice of layout, precision and graph.
        data: what it is measured on; the digits where nothing is named.
        batch_size: points in a batch; the recipe's own where none is given.
        device: auto, cpu, cuda or cuda:0.
        compile: time compiled steps too, which takes minutes.
        json: print JSON and nothing else.
        data_options: of the data.
    """
    if measure is not None:
        _measure(measure, data, batch_size, device, compile, json, data_options)
        return
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


def _measure(
    recipe: str,
    data: str | None,
    batch_size: int | None,
    device: str,
    compile: bool,
    json: bool,
    data_options: Mapping[str, Any] | None,
) -> None:
    """Prints a row for each choice: how it computes, seconds until it runs, and its speed."""
    from remblai.runs.data import data_of
    from remblai.runs.feed import is_images
    from remblai.runs.manifest import resolve_counts
    from remblai.runs.measure import choices, timed
    from remblai.runs.resolve import resolve
    from remblai.runtime.devices import choose

    where, dataset = choose(device), data_of(data, data_options)[2]
    resolved = resolve(recipe, {} if batch_size is None else {"batch_size": batch_size})
    resolved.loop["steps"] = 1  # `resolve_counts` asks for a number, which `timed` does not read
    resolve_counts(resolved, dataset, None, True)
    timings = [timed(resolved, dataset, where, choice) for choice in choices(where, is_images(dataset), compile)]
    if json:
        show_json([asdict(timing) for timing in timings])
        return
    show(f"{recipe} on {dataset.name}, batches of {resolved.loop['batch_size']}, {where}: the plainest choice first")
    heads = ("layout", "precision", "switched on", "first s", "ms a step", "samples/s", "gain", "note")
    rows = []
    for timing in timings:
        chosen = timing.choice
        switches = [name for name in ("benchmark", "graph", "compile") if getattr(chosen, name)]
        figures = (f"{timing.first:.2f}", f"{1e3 * timing.step:.3f}", f"{timing.rate:,.0f}")
        gain = f"{timings[0].step / timing.step:.2f}x"
        rows.append(
            (chosen.layout, chosen.precision, ", ".join(switches) or "-", *figures, gain, timing.fell_back or "")
        )
    show_table(rows, heads)
