"""The command that serves a page on a run, as a function that imports what it needs when it is run."""

import sys
from collections.abc import Mapping
from typing import Any

from remblai.cli.output import show


def explore(
    run: str,
    *,
    beside: str | None = None,
    data: str | None = None,
    port: int = 0,
    recipe: str | None = None,
    device: str = "auto",
    data_options: Mapping[str, Any] | None = None,
) -> None:
    """Serves a local page to walk a run's code space: sliders, a plane, walks, attributes, neighbours, law of codes.

    The page is served on 127.0.0.1 at an address with a random token, until Ctrl-C.

    Args:
        run: the run's folder.
        beside: the folder of another run on the same kind of data, which is shown beside it.
        data: a name, a folder or a file; the run's own when not given.
        port: of the address; 0 takes a free one.
        recipe: path/to/file.py:function, for a run that was made by a recipe of your own.
        device: auto, cpu, cuda or cuda:0.
    """
    from remblai.cli.arrays import dataset_of
    from remblai.explorer.entry import page_of
    from remblai.runs.load import load

    trained = load(run, device=device, recipe=recipe)
    other = None if beside is None else load(beside, device=device)
    page = page_of(trained, other, data=dataset_of(trained, data, data_options), port=port)
    show(f"{page.url}\nCtrl-C ends it")
    sys.stdout.flush()  # into a pipe too, before the command waits
    page.serve()
