"""The command that says what a penalty or a metric can see: a function that imports what it needs when it is run."""

from collections.abc import Mapping
from typing import Annotated, Any

from remblai.cli.output import show, show_json, show_table
from remblai.config.registry import Choice, LazyTable, nest
from remblai.runs.record import SCHEMA


def power(
    *,
    penalty: Annotated[Choice | None, LazyTable("remblai.objectives.table:PENALTIES")] = None,
    metric: Annotated[Choice | None, LazyTable("remblai.compare.measures:METRICS")] = None,
    latent: int = 8,
    batch_size: int = 100,
    prior: Annotated[Choice, LazyTable("remblai.laws:PRIORS")] = "normal",
    repeats: int = 100,
    most: int = 4096,
    seed: int = 0,
    json: bool = False,
    options: Mapping[str, Any] | None = None,
) -> None:
    """Says what a penalty or a metric can see in one batch: the smallest shift, scale, dead axis, tied pair and curve.

    Args:
        penalty: a penalty on codes, mmd where no metric is named; --penalty NAME --help shows the options of one.
        metric: a metric in its place, between a batch and as many points of the prior; `remblai list metrics` has them.
        latent: the number of coordinates of a code.
        batch_size: codes of a batch.
        prior: the law that codes should follow.
        repeats: batches behind each share.
        most: the largest batch in the search for the size that is needed.
        seed: of the draws.
        json: print JSON and nothing else.
        options: of the penalty or the metric, and of the prior.
    """
    if penalty is not None and metric is not None:
        raise ValueError("expected a penalty or a metric, got both: leave out --penalty or --metric.")
    asked, name = ("penalty", penalty or "mmd") if metric is None else ("metric", metric)
    chosen = nest({asked: name, "prior": prior} | dict(options or {}))
    search: dict[str, Any] = {"prior": chosen["prior"], "repeats": repeats, "most": most, "seed": seed}
    if metric is None:
        from remblai.objectives.power import penalty_power

        found, beside = penalty_power(chosen[asked], latent, batch_size, **search), ""
    else:
        from remblai.compare.power import metric_power

        found = metric_power(chosen[asked], latent, batch_size, **search)
        beside = " beside as many of the prior"
    if json:
        show_json({"schema": SCHEMA, "faults": [vars(sees) for sees in found]})
        return
    rows = [
        (
            sees.fault,
            "-" if sees.smallest is None else f"{sees.smallest:.2g}",
            f"{sees.power:.0%}",
            f"over {sees.most:,}" if sees.n_needed is None else f"{sees.n_needed:,}",
            sees.unit,
        )
        for sees in found
    ]
    show(f"{name}: batches of {batch_size:,} codes of {latent} coordinates{beside}, {repeats} each; false alarms 5 %")
    show_table(rows, ("fault", "smallest seen (80 %)", "whole seen", "n for the whole, at most", "the size is"))
