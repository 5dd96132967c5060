"""The commands for distances and for the gallery, as functions that import what they need when they are run."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from remblai.cli.output import show, show_json
from remblai.config.registry import LazyTable, nest, unknown
from remblai.runs.record import SCHEMA
from remblai.runtime.files import explained, place

if TYPE_CHECKING:
    from remblai.gallery.entry import Entry


def distance(
    a: str,
    b: str,
    *,
    metric: Annotated[str, LazyTable("remblai.compare.measures:METRICS")] = "wasserstein",
    n: int | None = None,
    seed: int = 0,
    repeats: int = 20,
    permutations: int | None = None,
    raw: bool = False,
    features: Annotated[str | None, LazyTable("remblai.features:FEATURES")] = None,
    json: bool = False,
    plan: str | None = None,
    figure: str | None = None,
    options: Mapping[str, Any] | None = None,
    data_options: Mapping[str, Any] | None = None,
) -> None:
    """Measures how far two data sets are apart, beside what random splits of both together show at the same sizes.

    Images are compared as pixels on the scale 0 to 1, tables in standard deviations of both sets together.

    Args:
        a: a name, a folder or a file; NAME:test picks a split.
        b: the data that it is compared with.
        metric: how; `remblai list metrics` has them, and --metric NAME --help the options of one.
        n: at most so many points of each. When not given 2,000, and of metrics that take little longer for more
            (transport and energy distance on the line, sliced, frechet, f-divergences) as many as
            have 100,000 numbers.
        seed: of what is drawn.
        repeats: random halves for the interval; 0 leaves it out.
        permutations: random splits for the floor and the two-sample test; 0 leaves both out. When not given 200, or as
            many as take about 30 seconds, at least 19.
        raw: leave tables in their own units.
        features: compare features of images in place of pixels, fitted to the training split of A where they are
            fitted; those of fid and kid are inception. --features NAME --help shows the options of one.
        json: print JSON and nothing else.
        plan: the .npz to write the plan to.
        figure: the .png to draw the plan on.
        options: of the metric, and of the features with `features.` before them.
        data_options: of both data sets.
    """
    written = ("plan", plan, ".npz"), ("figure", figure, ".png")
    paths = [None if name is None else place(name, (end,), option) for option, name, end in written]
    from remblai.compare.datasets import distance as measured
    from remblai.compare.measures import features_for
    from remblai.compare.plans import save_figure, save_plan

    features = features_for(metric, features)
    of_features = {key: value for key, value in (options or {}).items() if key.startswith("features.")}
    of_metric = {f"metric.{key}": value for key, value in (options or {}).items() if key not in of_features}
    chosen = nest({"metric": metric, "features": features} | of_metric | of_features)
    result = measured(
        a, b, chosen["metric"], n, seed, repeats, permutations, data_options, raw, chosen["features"]
    )  # fmt: skip
    if paths[0]:
        save_plan(paths[0], result)
    if paths[1]:
        save_figure(paths[1], result, (a, b))
    if json:
        show_json(result.to_json())
    else:
        show(result)


def gallery(name: str | None = None, *, out: str = "gallery", experiments: bool = False, json: bool = False) -> None:
    """Runs the worked examples and figures of the founding texts and checks each.

    Args:
        name: of one entry; when not given, all examples.
        out: the folder for index.html, of this call, a page of each entry and the pictures.
        experiments: also those of minutes, most of which train models.
        json: print JSON and nothing else.
    """
    from remblai.gallery import EXAMPLES, EXPERIMENTS, GALLERY, write_gallery

    if name is not None and name not in GALLERY:
        raise unknown("gallery entry", name, GALLERY)
    if name is not None and experiments:
        raise ValueError(
            "--experiments: expected no name beside it, for a name runs that entry: leave one of them out."
        )
    with explained(Path(out)):  # before what takes minutes
        Path(out).mkdir(parents=True, exist_ok=True)
    versions = {"remblai": version("remblai"), "torch": version("torch")}
    entries: dict[str, Entry] = {}
    try:
        for one in [name] if name else GALLERY if experiments else EXAMPLES:
            entries[one] = GALLERY[one]()
            if not json:
                missed = [check for check in entries[one].checks if not check.holds]
                show(f"{one:28s} {len(entries[one].checks):3d} checks, {len(missed)} missed")
                for check in missed:
                    show(f"  {check.what}: {check.found:.6g}, had to be {check.wanted}")
    except BaseException:
        if entries:  # what was done is not lost
            show(write_gallery(out, entries, versions, GALLERY))
        raise
    page = write_gallery(out, entries, versions, GALLERY)
    if json:
        checks = {key: [check.to_json() for check in entry.checks] for key, entry in entries.items()}
        show_json({"schema": SCHEMA, "page": str(page), "entries": checks})
    else:
        if name is None and not experiments:
            show(f"left out, because they take minutes (--experiments, or by name): {', '.join(EXPERIMENTS)}")
        show(page)
    if any(not check.holds for entry in entries.values() for check in entry.checks):
        raise RuntimeError(f"a check of the gallery was missed; {page} says which.")
