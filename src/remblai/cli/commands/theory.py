"""The commands for distances and for the gallery, as functions that import what they need when they are run."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Any

from remblai.cli.output import show, show_json
from remblai.config.registry import LazyTable, nest, unknown
from remblai.runs.record import SCHEMA
from remblai.runtime.files import place

if TYPE_CHECKING:
    from remblai.compare.datasets import Distance


def distance(
    a: str,
    b: str,
    *,
    metric: Annotated[str, LazyTable("remblai.compare.measures:METRICS")] = "wasserstein",
    n: int = 2000,
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
        n: at most so many points of each.
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
    paths = [None if name is None else place(name, (end,)) for name, end in ((plan, ".npz"), (figure, ".png"))]
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
        show(_text(result))


def gallery(name: str | None = None, *, out: str = "gallery", experiments: bool = False, json: bool = False) -> None:
    """Runs the worked examples and figures of the founding texts and checks each.

    Args:
        name: of one entry; when not given, all examples.
        out: the folder for index.html and the pictures.
        experiments: also those of minutes, most of which train models.
        json: print JSON and nothing else.
    """
    from remblai.gallery import EXAMPLES, EXPERIMENTS, GALLERY, write_gallery

    if name is not None and name not in GALLERY:
        raise unknown("gallery entry", name, GALLERY)
    entries = {}
    for one in [name] if name else GALLERY if experiments else EXAMPLES:
        entries[one] = GALLERY[one]()
        if not json:
            missed = [check for check in entries[one].checks if not check.holds]
            show(f"{one:28s} {len(entries[one].checks):3d} checks, {len(missed)} missed")
            for check in missed:
                show(f"  {check.what}: {check.found:.6g}, had to be {check.wanted}")
    page = write_gallery(out, entries, {"remblai": version("remblai"), "torch": version("torch")})
    if json:
        checks = {key: [vars(check) for check in entry.checks] for key, entry in entries.items()}
        show_json({"schema": SCHEMA, "page": str(page), "entries": checks})
    else:
        if name is None and not experiments:
            show(f"left out, because they take minutes (--experiments, or by name): {', '.join(EXPERIMENTS)}")
        show(page)
    if any(not check.holds for entry in entries.values() for check in entry.checks):
        raise RuntimeError(f"a check of the gallery was missed; {page} says which.")


def _text(result: "Distance") -> str:
    """The lines of the command."""
    sizes = zip((len(result.x), len(result.y)), result.points.sizes, strict=True)
    used = " and ".join(f"{part:,}" if part == all_of else f"{part:,} of {all_of:,}" for part, all_of in sizes)
    rows = [f"{result.metric} between {used} points in {result.x.shape[1]} dimensions ({result.points.units})", ""]
    rows.append(f"  value      {result.value:.6g}")
    if result.test:
        splits = f"{result.test.permutations:,} random splits of both sets together"
        if result.floor:
            words = f"mean and standard deviation over {splits}, of the same sizes"
            rows.append(f"  floor      {result.floor.value:.6g} +- {result.floor.spread:.2g}   {words}")
        else:
            rows.append(f"  floor      none: {result.reasons['floor']}")
        ended = ", which ended the test early" if result.test.stopped else ""
        words = f"how often a split at random looks this different ({result.test.permutations:,} splits{ended})"
        rows.append(f"  p          {result.test.p_value:.4g}   {words}")
    if result.interval:
        rows.append(f"  interval   {result.interval.lower:.6g} to {result.interval.upper:.6g}   {_aim(result)}")
    elif "interval" in result.reasons:
        rows.append(f"  interval   none: {result.reasons['interval']}")
    if result.plan is not None:
        blur = f", epsilon {result.plan.epsilon:.6g}" if result.plan.epsilon else ""
        rows.append(f"  plan       {result.plan.method}{blur}: value {float(result.plan.value):.9g}")
        rows.append(f"  proven     {result.plan.certificate().text()}   of these points")
    elif "plan" in result.reasons:
        rows.append(f"  plan       none: {result.reasons['plan']}")
    rows.append(f"  seconds    {result.seconds:.3g}")
    return "\n".join(rows)


def _aim(result: "Distance") -> str:
    """What the interval is for."""
    interval = result.interval
    assert interval is not None
    level = f"{interval.level:.0%} interval"
    if interval.target == "population":
        return f"{level} for the distance between the laws"
    return (
        f"{level} for what samples of these sizes give on average; the distance between the laws is lower by the bias, "
        f"about {interval.bias:.2g} or more"
        if interval.bias > 0
        else f"{level} for what samples of these sizes give on average, not for the distance between the laws"
    )
