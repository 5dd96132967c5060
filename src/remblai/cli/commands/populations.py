"""The command that compares two populations, as a function that imports what it needs when it is run."""

from collections.abc import Mapping
from typing import Annotated, Any

import click

from remblai.cli.output import show, show_json
from remblai.config.registry import LazyTable, nest
from remblai.runtime.files import place

DRIFTED = 3
"""Exit code of `--fail-on-drift` where the two differ."""


def drift(
    a: str,
    b: str,
    *,
    columns: tuple[str, ...] | None = None,
    given: str | None = None,
    permutations: int = 999,
    level: float = 0.05,
    tolerance: float | None = None,
    seed: int = 0,
    features: Annotated[str | None, LazyTable("remblai.features:FEATURES")] = None,
    fail_on_drift: bool = False,
    json: bool = False,
    out: str | None = None,
    options: Mapping[str, Any] | None = None,
    data_options: Mapping[str, Any] | None = None,
) -> None:
    """Says whether two data sets are of one population, where they moved, by how much, and what could have been seen.

    Tables hold numbers, categories and gaps (.csv, .tsv, .parquet); images are compared by features.

    Args:
        a: the reference: a table, a folder of images, an array or a name.
        b: the data that it is compared with.
        columns: of tables, the names of those to compare, joined by commas (one with a comma in quotes); all when not
            given.
        given: a column within whose levels, or ranges, the others are compared too; it need not be one of --columns.
        permutations: random splits of all rows behind every p-value, at least 19, and 1 / level - 1.
        level: of false alarms: how often equal populations are called different.
        tolerance: what a column may move by, in standard deviations of the first table, or as a share of the rows of
            categories and gaps; columns that are sure to have moved by more are named.
        seed: of what is drawn.
        features: of images; random-convolutions when not given. --features NAME --help shows the options of one.
        fail_on_drift: end with exit code 3 where the two differ; with --tolerance, where a column is sure to have moved
            by more.
        json: print JSON and nothing else.
        out: the .html file to write the page to.
        options: of the features.
        data_options: of images and arrays, for both; --label also of tables.
    """
    path = None if out is None else place(out, (".html",))
    from remblai.populations.entry import drift as measured
    from remblai.populations.page import write_drift

    chosen = nest({"features": features} | dict(options or {}))
    found = measured(
        a, b, columns=columns, given=given, permutations=permutations, level=level, tolerance=tolerance,
        seed=seed, features=chosen["features"], data_options=data_options,
    )  # fmt: skip
    if path is not None:
        write_drift(path, found)
    if json:
        show_json(found.to_json())
    else:
        show(found)
        if path is not None:
            show(path)
    if fail_on_drift and (found.drifted if tolerance is None else found.beyond):
        raise click.exceptions.Exit(DRIFTED)
