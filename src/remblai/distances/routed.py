"""A plan with exactly the masses given, near one that misses them, on pairs that are not forbidden."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, minimum_spanning_tree
from torch import Tensor

from remblai.distances.coupling import Coupling
from remblai.distances.problem import Problem
from remblai.distances.rounding import ROUNDOFF

MOST = 4_000_000
"""Pairs of a plan that is made feasible here: it is held whole."""
ROUNDINGS = 64.0
"""Roundings of the whole mass by which the masses of rows and columns of one part may differ."""

Floats = NDArray[np.float64]


def routed(problem: Problem, coupling: Coupling) -> Tensor | None:
    """The plan P (n, m) plus what its marginals lack, carried along its largest entries; None where there is none.

    The entries are those of a spanning tree, so that the masses on it are unique: an entry of the tree gets what the
    places beyond it lack. There is no such plan where an entry would fall below 0.

    Args:
        problem: its masses and costs.
        coupling: a plan with small errors in its marginals.
    """
    n, m = problem.shape
    if n * m > MOST:
        return None
    plan = torch.cat([block.double().cpu() for _, block in coupling.blocks()]).numpy().copy()
    allowed = torch.cat([costs.isfinite().cpu() for _, costs in problem.geometry.blocks()]).numpy()
    plan[~allowed] = 0.0
    rows, columns = plan.nonzero()
    lengths = 1.0 - np.log(plan[rows, columns] / plan.max())  # at least 1, the largest entries the shortest
    tree = minimum_spanning_tree(coo_array((lengths, (rows, n + columns)), shape=(n + m, n + m)).tocsr())
    a, b = problem.a.cpu().numpy(), problem.b.cpu().numpy()
    lacking = np.concatenate([a - plan.sum(1), b - plan.sum(0)])
    left = 0.0  # what the masses of a part of the tree differ by
    for first in np.unique(connected_components(tree, directed=False)[1], return_index=True)[1]:
        order, parents = breadth_first_order(tree, first, directed=False)
        for place in order[:0:-1].tolist():
            parent = int(parents[place])
            row, column = (place, parent - n) if place < n else (parent, place - n)
            plan[row, column] += lacking[place]
            lacking[parent] -= lacking[place]
        left = max(left, abs(float(lacking[first])))
    if plan.min() < 0.0 or left > ROUNDINGS * ROUNDOFF:
        return None
    return torch.from_numpy(plan).to(problem.a.device)
