"""The command that says what a penalty can see in one batch: a function that imports what it needs when it is run."""

from collections.abc import Mapping
from typing import Annotated, Any

from remblai.cli.output import show, show_json, show_table
from remblai.config.registry import Choice, LazyTable, nest
from remblai.runs.record import SCHEMA


def power(
    *,
    penalty: Annotated[Choice, LazyTable("remblai.objectives.table:PENALTIES")] = "mmd",
    latent: int = 8,
    batch_size: int = 100,
    prior: Annotated[Choice, LazyTable("remblai.laws:PRIORS")] = "normal",
    repeats: int = 100,
    most: int = 4096,
    seed: int = 0,
    json: bool = False,
    options: Mapping[str, Any] | None = None,
) -> None:
    """Says what a penalty on codes can see in one batch: the smallest shift, scale, dead axis, tied pair and curve.

    Args:
        penalty: what is asked; --penalty NAME --help shows the options of one.
        latent: the number of coordinates of a code.
        batch_size: codes of a batch.
        prior: the law that codes should follow.
        repeats: batches behind each share.
        most: the largest batch in the search for the size that is needed.
        seed: of the draws.
        json: print JSON and nothing else.
        options: of the penalty and the prior.
    """
    from remblai.objectives.power import penalty_power

    chosen = nest({"penalty": penalty, "prior": prior} | dict(options or {}))
    found = penalty_power(
        chosen["penalty"], latent, batch_size, prior=chosen["prior"], repeats=repeats, most=most, seed=seed
    )
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
    show(f"{penalty}: batches of {batch_size:,} codes of {latent} coordinates, {repeats} each; false alarms 5 %")
    show_table(rows, ("fault", "smallest seen (80 %)", "whole seen", "n for the whole, at most", "the size is"))
