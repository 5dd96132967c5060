"""The plan of a measured distance, written to a file."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from remblai.compare.datasets import Distance
from remblai.distances import Plan
from remblai.report.plans import heat, matched
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
        "rows": rows,
        "columns": columns,
        "masses": masses,
        "f": f,
        "g": g,
        "x": result.x,
        "y": result.y,
    }
    parts = {name: np.asarray(part) for name, part in parts.items()} | {"value": float(plan.value)}
    with whole(path) as temporary:
        np.savez(temporary, **parts)


def save_figure(path: Path, result: Distance, names: tuple[str, str]) -> None:
    """Draws the plan: matched points in the plane, otherwise a map of the coupling along the data's main direction.

    Raises:
        ValueError: the metric has no plan, or the name does not end in .png.
    """
    plan = _plan(result)
    if path.suffix != ".png":
        raise ValueError(f"figure: expected a name that ends in .png, got {str(path)!r}.")
    x, y = result.x.double(), result.y.double()
    if x.shape[1] == 2:
        picture = matched(x, y, *plan.entries, names=names)
    else:
        both = torch.cat([x, y]) - torch.cat([x, y]).mean(0)
        along = torch.linalg.svd(both, full_matrices=False).Vh[0]
        picture = heat(plan.coupling[(x @ along).argsort()][:, (y @ along).argsort()], names=names)
    with whole(path) as temporary:
        temporary.write_bytes(picture)


def _plan(result: Distance) -> Plan:
    if "plan" in result.reasons:
        raise ValueError(f"metric {result.metric!r} has no plan here: {result.reasons['plan']}. Use a smaller p.")
    if result.plan is None:
        raise ValueError(f"metric {result.metric!r} has no plan: use wasserstein, exact or entropic.")
    return result.plan
