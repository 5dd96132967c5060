"""What the commands for distances and for the gallery do."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from remblai.cli.output import as_json
from remblai.compare.datasets import Distance, distance, save_figure, save_plan
from remblai.config.registry import nest, unknown
from remblai.gallery import EXAMPLES, EXPERIMENTS, GALLERY, write_gallery


def distance_command(
    a: str,
    b: str,
    *,
    metric: str = "wasserstein",
    n: int = 1000,
    seed: int = 0,
    repeats: int = 20,
    permutations: int = 0,
    json: bool = False,
    plan: str | None = None,
    figure: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> None:
    """Measures how far two data sets are apart, beside the floor that sampling alone gives.

    Args:
        a: a name, a folder or a file; NAME:test picks a split. Images are compared as pixels on the scale 0 to 1.
        b: the data that it is compared with.
        metric: how; `remblai list metrics` tells them, and --metric NAME --help the options of one.
        n: at most so many points of each.
        seed: of what is drawn.
        repeats: draws for the floor and the interval; 0 leaves both out.
        permutations: of a two-sample test; 0 leaves it out.
        json: print JSON and nothing else.
        plan: the .npz to write the plan to.
        figure: the .png to draw the plan on.
        options: of the metric.
    """
    chosen = nest({"metric": metric} | {f"metric.{key}": value for key, value in (options or {}).items()})
    found = distance(a, b, chosen["metric"], n, seed, repeats, permutations)
    if plan:
        save_plan(Path(plan), found)
    if figure:
        save_figure(Path(figure), found, (a, b))
    print(as_json(found.to_json()) if json else _shown(found))


def gallery_command(
    name: str | None = None, *, out: str = "gallery", experiments: bool = False, json: bool = False
) -> None:
    """Runs the worked examples and figures of the founding texts and checks each.

    Args:
        name: of one entry; when not given, all examples.
        out: the folder for index.html and the pictures.
        experiments: also those that train models, a minute or two each.
        json: print JSON and nothing else.
    """
    if name is not None and name not in GALLERY:
        raise unknown("gallery entry", name, GALLERY)
    entries = {}
    for one in [name] if name else GALLERY if experiments else EXAMPLES:
        entries[one] = GALLERY[one]()
        if not json:
            missed = [check for check in entries[one].checks if not check.holds]
            print(f"{one:28s} {len(entries[one].checks):3d} checks, {len(missed)} missed")
            for check in missed:
                print(f"  {check.what}: {check.found:.6g}, had to be {check.wanted}")
    page = write_gallery(out, entries, {"remblai": version("remblai"), "torch": version("torch")})
    if json:
        checks = {key: [vars(check) for check in entry.checks] for key, entry in entries.items()}
        print(as_json({"schema": 1, "page": str(page), "entries": checks}))
    else:
        if name is None and not experiments:
            print(f"left out, for they train models (--experiments, or by name): {', '.join(EXPERIMENTS)}")
        print(page)
    if any(not check.holds for entry in entries.values() for check in entry.checks):
        raise RuntimeError(f"a check of the gallery was missed; {page} says which.")


def _shown(found: Distance) -> str:
    rows = [f"{found.metric} between {len(found.x)} and {len(found.y)} points in {found.x.shape[1]} dimensions", ""]
    rows.append(f"  value      {found.value:.6g}")
    if found.floor:
        words = f"the same between two draws of {found.floor.n} points of the first"
        rows.append(f"  floor      {found.floor.value:.6g} +- {found.floor.spread:.2g}   {words}")
    if found.interval:
        words = f"{found.interval.level:.0%} interval"
        rows.append(f"  interval   {found.interval.lower:.6g} to {found.interval.upper:.6g}   {words}")
    if found.p_value is not None:
        rows.append(f"  p-value    {found.p_value:.4g}   of the two laws being one")
    if found.plan is not None:
        lower, upper = found.plan.certificate()
        blur = f", epsilon {found.plan.epsilon:.6g}" if found.plan.epsilon else ""
        rows.append(f"  plan       {found.plan.method}{blur}: value {float(found.plan.value):.9g}")
        rows.append(f"  proven     {lower:.9g} to {upper:.9g}")
    rows.append(f"  seconds    {found.seconds:.3g}")
    return "\n".join(rows)
