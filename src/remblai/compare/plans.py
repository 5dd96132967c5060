"""The plan of a measured distance, written to a file."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from remblai.compare.datasets import Distance
from remblai.distances import Plan
from remblai.report.plans import line, matched
from remblai.report.style import on_paper
from remblai.runtime.files import whole


def save_plan(path: Path, result: Distance) -> None:
    """Writes the plan: rows, columns and masses of its entries, potentials f and g, the points x and y, and its value.

    Raises:
        ValueError: the metric has no plan, or the name does not end in .npz.
    """
    plan = _plan(result)
    if path.suffix != ".npz":
        raise ValueError(f"plan: expected a name that ends in .npz, got {str(path)!r}.")
    rows, columns, masses = plan.entries
    f, g = plan.potentials
    parts: dict[str, Any] = {
        "rows": _small(rows),
        "columns": _small(columns),
        "masses": masses,
        "f": f,
        "g": g,
        "x": result.x,
        "y": result.y,
    }
    parts = {name: np.asarray(part) for name, part in parts.items()} | {"value": float(plan.value)}
    with whole(path) as temporary:
        np.savez_compressed(temporary, **parts)


def _small(places: Any) -> Any:
    """Places of rows in 32 bits: a plan without zeros has as many as there are pairs."""
    return np.asarray(places).astype(np.int32)


def save_figure(path: Path, result: Distance, names: tuple[str, str]) -> None:
    """Draws the plan: on the line both laws, otherwise arrows in the plane, that of both sets' two main directions.

    Raises:
        ValueError: the metric has no plan, or the name does not end in .png.
    """
    plan = _plan(result)
    if path.suffix != ".png":
        raise ValueError(f"figure: expected a name that ends in .png, got {str(path)!r}.")
    x, y = result.x.double().flatten(1), result.y.double().flatten(1)
    if x.shape[1] == 1:
        (axis,) = result.points.columns or ("",)
        units = f"{axis}, in {result.points.units}" if axis else result.points.units
        picture = line(x, y, *_marginals(plan, len(x), len(y)), names=names, units=units)
    elif x.shape[1] == 2:
        axes_of = result.points.columns or ("first coordinate", "second coordinate")
        words = [f"{axis}, in {result.points.units}" for axis in axes_of]
        picture = matched(x, y, *plan.entries, names=names, coordinates=(words[0], words[1]))
    else:
        both = torch.cat([x, y])
        _, sizes, axes = torch.linalg.svd(both - both.mean(0), full_matrices=False)
        shares = (sizes**2 / (sizes**2).sum().clamp_min(torch.finfo(sizes.dtype).tiny))[:2]
        words = [f"main direction {place + 1}: {share:.0%} of the variance" for place, share in enumerate(shares)]
        x, y = x @ axes[:2].T, y @ axes[:2].T
        picture = matched(x, y, *plan.entries, names=names, coordinates=(words[0], words[1]))
    with whole(path) as temporary:
        temporary.write_bytes(on_paper(picture))


def _marginals(plan: Plan, n: int, m: int) -> tuple[Any, Any]:
    """The masses (n,) and (m,) of the plan's two sides."""
    rows, columns, masses = (np.asarray(part) for part in plan.entries)
    return np.bincount(rows, masses, n), np.bincount(columns, masses, m)


def _plan(result: Distance) -> Plan:
    if "plan" in result.reasons:
        raise ValueError(f"metric {result.metric!r} has no plan here: {result.reasons['plan']}. Use a smaller p.")
    if result.plan is None:
        raise ValueError(f"metric {result.metric!r} has no plan: use wasserstein, exact or entropic.")
    return result.plan
