"""The bottleneck distance W_inf: the least over couplings of the largest distance that mass is carried."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching
from torch import Tensor

from remblai.costs import Cost
from remblai.distances.exact import solve
from remblai.distances.geometry import Matrix, Points
from remblai.distances.monotone import host
from remblai.distances.problem import Problem, uniform
from remblai.distances.steep_line import NEGLIGIBLE, farthest_pair


def bottleneck(problem: Problem) -> Tensor:
    """W_inf of two laws of points, in Euclidean distance: the limit of W_p for large p; exact.

    On the line it is the largest distance in the monotone coupling. Elsewhere a search over the n m distances tests
    whether a coupling within a distance exists, by a matching or a transport problem with costs 0 and 1; it holds an
    n x m matrix. Differentiable in the points, along the pair that attains it.

    Source: Burkard, Dell'Amico, Martello, Assignment Problems (2009), section 6.2: threshold algorithms.
    """
    geometry = problem.geometry
    assert isinstance(geometry, Points)
    i, j = farthest_pair(problem) if geometry.x.shape[1] == 1 else _searched(problem)
    x, y = (points.flatten(1).double() for points in geometry.given)
    distance: Tensor = torch.linalg.vector_norm(x[i] - y[j])
    return distance


def widest(problem: Problem) -> float:
    """The cost above which no pair of an optimal plan is, where that plan costs at most 1.

    Uniform masses travel in multiples of 1 / (n m), so that a pair of cost 2 n m would cost 2; of other masses, at most
    `NEGLIGIBLE` could pay its inverse.
    """
    n, m = problem.shape
    return 2.0 * n * m if uniform(problem.a) and uniform(problem.b) else 1.0 / NEGLIGIBLE


class Steep(Cost):
    """A cost that ends at a limit, so that distances in a large power do not differ by more than a solver can resolve.

    Args:
        cost: the cost of points in units of their bottleneck distance, where the best plan costs at most 1.
        limit: the largest cost, which no pair of that plan reaches.
    """

    def __init__(self, cost: Cost, limit: float) -> None:
        self.cost, self.limit = cost, limit

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Pair by pair: x (n, ...), y (n, ...) -> (n,)."""
        return self._cut(self.cost(x, y))

    def matrix(self, x: Tensor, y: Tensor) -> Tensor:
        """All against all: x (n, ...), y (m, ...) -> (n, m)."""
        return self._cut(self.cost.matrix(x, y))

    def _cut(self, costs: Tensor) -> Tensor:
        return costs.clamp(max=self.limit)


def _searched(problem: Problem) -> tuple[int, int]:
    rows, columns = (np.flatnonzero(host(masses) > 0.0) for masses in (problem.a, problem.b))
    distances = host(problem.geometry.matrix())[np.ix_(rows, columns)]
    a, b = problem.a[torch.from_numpy(rows)], problem.b[torch.from_numpy(columns)]
    candidates = np.unique(distances)
    # each place reaches some other: no coupling is within less
    least = max(distances.min(1).max(), distances.min(0).max())
    low, high = int(np.searchsorted(candidates, least)), len(candidates) - 1
    while low < high:
        middle = (low + high) // 2
        if _carried(distances <= candidates[middle], a, b):
            high = middle
        else:
            low = middle + 1
    i, j = (int(place[0]) for place in np.nonzero(distances == candidates[low]))
    return int(rows[i]), int(columns[j])


def _carried(allowed: NDArray[np.bool_], a: Tensor, b: Tensor) -> bool:
    """Whether the allowed pairs can carry all mass of a to b."""
    if len(a) == len(b) and uniform(a) and uniform(b):
        matched = maximum_bipartite_matching(csr_array(allowed), perm_type="column")
        return bool((matched >= 0).all())
    costs = Matrix(np.where(allowed, 0.0, 1.0))
    return float(solve(Problem(a, b, costs, (a, b), True)).value) <= NEGLIGIBLE
