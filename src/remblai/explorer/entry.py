"""The page of a run, from the run to its address."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from remblai.explorer.explored import Explored
from remblai.runs.data import data_like
from remblai.runs.load import load
from remblai.runs.model import Trained

if TYPE_CHECKING:
    from remblai.explorer.serving import Page


def explore(
    run: Trained | str | Path, beside: Trained | str | Path | None = None, *, data: Any = None, port: int = 0
) -> "Page":
    """A local page to walk the code space of a run: sliders, a plane, walks, attributes, neighbours, the law of codes.

    It is served on 127.0.0.1 by a thread of this process, at an address with a random token, and opens no connection.
    As the last value of a notebook's cell it shows itself in a frame, where the notebook runs on this machine too.

    Args:
        run: a trained model, or the folder of its run.
        beside: another run on the same kind of data, to be seen beside it.
        data: a name, a path, data in memory or a data set; None is the data of the run.
        port: 0 takes a free one.

    Returns:
        the page: its `url`; `wait()` until it is stopped, `stop()`.

    Raises:
        ValueError: a recipe without codes, data that cannot be drawn, runs on data of another shape, a port in use,
            the extra `explore` is not installed.
    """
    return page_of(run, beside, data=data, port=port, framed=True).start()


def page_of(
    run: Trained | str | Path,
    beside: Trained | str | Path | None = None,
    *,
    data: Any = None,
    port: int = 0,
    framed: bool = False,
) -> "Page":
    """As `explore`, of a page that is not served yet, and that is shown in a frame only where `framed` says so."""
    try:
        from remblai.explorer.serving import Page
    except ImportError as problem:
        raise ValueError(
            f"explore: expected the packages starlette and uvicorn, {problem.name} is missing: "
            "use pip install 'remblai[explore]'."
        ) from None
    first = run if isinstance(run, Trained) else load(run)
    dataset = data_like(first.run.settings, first.units, data)
    runs = [Explored(first, dataset)]
    if beside is not None:
        second = beside if isinstance(beside, Trained) else load(beside)
        if first.units.shape != second.units.shape:
            shapes = [" x ".join(map(str, one.units.shape)) for one in (first, second)]
            raise ValueError(
                f"explore: expected two runs on data of one shape, got {shapes[0]} in {first.folder.name} and "
                f"{shapes[1]} in {second.folder.name}: name another run beside it."
            )
        runs.append(Explored(second, data_like(second.run.settings, second.units, dataset)))
    return Page(runs, port, framed)
