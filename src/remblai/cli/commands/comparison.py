"""The command that puts several models side by side, as a function whose signature is the command line's."""

import sys
from collections.abc import Mapping
from typing import Annotated, Any

from remblai.cli.output import show, show_json
from remblai.config.registry import Choice, LazyTable, nest
from remblai.runs.record import SCHEMA
from remblai.runtime.text import printable


def compare(
    models: tuple[str, ...] = (),
    *,
    data: str | None = None,
    seeds: int | None = None,
    steps: int | None = None,
    epochs: float | None = None,
    images: int | None = None,
    minutes: float | None = None,
    by: str | None = None,
    features: Annotated[Choice | None, LazyTable("remblai.features:FEATURES")] = None,
    config: str | None = None,
    out: str | None = None,
    most: int = 100,
    jobs: int | None = None,
    threads: int | None = None,
    device: str | None = None,
    json: bool = False,
    options: Mapping[str, Any] | None = None,
    data_options: Mapping[str, Any] | None = None,
) -> None:
    """Compares models on one data set: runs, or recipes that are trained with several seeds and equal budgets.

    Args:
        models: folders of runs, and recipes with their options in quotes: "wae-mmd --weight 10"; of a run that a recipe
            of your own made "FOLDER --recipe path/to/file.py:function".
        data: a name, a folder or a file; that of the runs when not given, the digits where there are none.
        seeds: trainings of each recipe; 2 when not given.
        steps: of every recipe; each recipe's own when no budget is given.
        epochs: passes of the model over the training data, in place of steps; critics with batches of their own see
            more.
        images: seen in training, in place of steps.
        minutes: of training at the speed measured on this machine, in place of steps.
        by: the figure that ranks; when not given frechet for images, energy_distance_squared for tables.
        features: that figures on features are taken on, as for evaluate; take others than a model was trained through.
        config: a YAML file with these settings, and under `runs` recipes with options and grids of options.
        out: the folder of the comparison, in which the same call, or one with more models or seeds, goes on; the next
            free one under runs/ when not given.
        most: how many models there may be.
        jobs: trainings at a time; on a CPU as many as there are processors for, on a GPU 1 when not given.
        threads: of each training; the processors shared out when not given.
        device: auto, cpu, cuda or cuda:0.
        json: print JSON and nothing else.
        options: of the features.
    """
    from remblai.compare.models import compare_models

    comparison = compare_models(
        models, data=data, seeds=seeds, steps=steps, epochs=epochs, images=images, minutes=minutes, by=by,
        features=nest({"features": features} | dict(options or {}))["features"], config=config, out=out, most=most,
        jobs=jobs, threads=threads, device=device, data_options=data_options,
        say=lambda line: print(printable(line), file=sys.stderr, flush=True),
    )  # fmt: skip
    if json:
        show_json({"schema": SCHEMA} | comparison.to_json())
        return
    show(comparison)
    show(comparison.page)
