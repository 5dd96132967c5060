"""One function for barycentres: what the laws are and where the barycentre may be decides the method."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch.distributions import Distribution

from remblai.config.aliases import checked_options
from remblai.costs import Square
from remblai.distances import validation
from remblai.distances.barycentres import bregman, free_support, linear_program, normal, quantiles
from remblai.distances.barycentres.laws import Laws, listed
from remblai.distances.geometry import CostLike, resolved
from remblai.distances.geometry import points as checked_points
from remblai.distances.point_sets import same_columns
from remblai.distances.validation import ArrayLike


@checked_options
def barycentre(
    laws: Sequence[ArrayLike] | Sequence[Distribution],
    weights: ArrayLike | None = None,
    *,
    masses: Sequence[ArrayLike | None] | None = None,
    support: int | ArrayLike | None = None,
    start: ArrayLike | None = None,
    cost: CostLike = "square",
    epsilon: float | None = None,
    debiased: bool = True,
    tolerance: float = 1e-7,
    max_iterations: int = 10_000,
    seed: int = 0,
    normalise: bool = False,
) -> Any:
    """The law whose mean transport cost to the laws, with their weights, is least.

    - Gaussian laws: a Gaussian, by the fixed point of its covariance; on the line its standard deviation is the mean
      one. It is a `MultivariateNormal` in float64.
    - Numbers, without `support`: exact, by averaging quantiles; at most sum n_k - K + 1 points.
    - Points, and `support` a number n (default: of the largest law): n points of equal mass that move, each to the mean
      of what the plans carry to it, until they stay. A local optimum; with epsilon the plans are entropic.
    - `support` points (n, d) and no epsilon: the exact masses on these places, by a linear program; its `bounds` prove
      them. For small problems: at most 200,000 pairs of a place and a point of a law.
    - `support` points (n, d) and an epsilon: masses on these places, by iterative Bregman projections; debiased, so
      that the barycentre of equal laws is that law, or not (entropy then spreads it).

    Args:
        laws: point sets (n_k, d), or (n_k,) on the line; or Normal, Independent(Normal), MultivariateNormal laws.
        weights: of the laws (K,), which sum to 1; None is 1 / K each.
        masses: of the points of each law, a row (n_k,) or None for each; None is equal masses throughout.
        support: how many points the barycentre has, or where they are.
        start: points (n, d) from which a free support starts; None takes n of all points at random.
        cost: of a fixed support; Gaussian laws, quantiles and a free support need the square cost.
        epsilon: the absolute regularisation.
        debiased: of a fixed support: the barycentre for the Sinkhorn divergence.
        tolerance: of a fixed support, the error |P_k 1 - b|_1 of the plans; of a free one, the largest movement of a
            point in one step as a share of the points' range; of Gaussians, the relative change of the covariance.
        max_iterations: most steps; a warning, and the answer, say where they were not enough.
        seed: of the random start.
        normalise: whether masses and weights of another total are divided by it.

    Raises:
        ValueError: laws, masses or weights that are not valid, or options that do not go together.

    Source: Agueh and Carlier (2011); Cuturi and Doucet (2014), arXiv 1310.4375 (free support); Anderes et al. (2016),
    arXiv 1507.07218 (linear program); Benamou et al. (2015), arXiv 1412.5154 (Bregman); Janati et al. (2020), arXiv
    2006.02575 (debiased); Alvarez-Esteban et al. (2016), arXiv 1511.05355 (Gaussian).

    Example:
        >>> from remblai.distances import barycentre
        >>> barycentre([[0.0, 1.0], [4.0, 7.0]]).points.tolist()
        [2.0, 4.0]
    """
    tolerance = validation.positive("tolerance", tolerance)
    limit = validation.positive_integer("max_iterations", max_iterations)
    if not isinstance(debiased, bool | np.bool_):
        raise ValueError(f"debiased: expected True or False, got {debiased!r}.")
    laws = listed("laws", laws, "point sets (n_k, d) or Gaussian laws, one for each law")
    normals = [isinstance(law, Distribution) for law in laws]
    if any(normals):
        if not all(normals) or masses is not None or support is not None or epsilon is not None:
            raise ValueError(
                "laws: expected Gaussian laws and no masses, support or epsilon, or point sets only, got a mixture of "
                "both: draw points of the Gaussian laws, or fit Gaussians to the points."
            )
        if start is not None or not isinstance(resolved(cost), Square):
            raise ValueError(
                f"laws: expected the square cost and no start with Gaussian laws, got cost={cost!r} and "
                f"start={start!r}: leave them out, or draw points of the laws."
            )
        return normal.solve(laws, weights, tolerance, limit, normalise)
    same_columns(**{f"law_{k}": law for k, law in enumerate(laws)}, support=support, start=start)
    checked = Laws.checked(laws, weights, masses, normalise)
    d = checked.points[0].shape[1]
    if support is not None and validation.tensor("support", support).dim() > 0:
        if start is not None:
            raise ValueError(
                "support: expected no start with fixed places, got one: leave it out, or pass a number of points that "
                "move."
            )
        places = checked_points("support", support).double()
        if epsilon is None:
            return linear_program.solve(checked, places, resolved(cost))
        return bregman.solve(
            checked, places, resolved(cost), validation.epsilon(epsilon), debiased, tolerance=tolerance, limit=limit
        )
    if not isinstance(resolved(cost), Square):
        raise ValueError(
            f"cost: expected the square cost, of which the points of a barycentre are means, got {cost!r}: leave it "
            "out, or pass support=points."
        )
    if d == 1 and support is None and start is None and epsilon is None:
        return quantiles.solve(checked)
    n = max(len(one) for one in checked.points) if support is None else validation.positive_integer("support", support)
    moving = free_support.starting_points(checked, n if support is not None or start is None else None, start, seed)
    strength = None if epsilon is None else validation.epsilon(epsilon)
    return free_support.solve(checked, moving, strength, tolerance=tolerance, limit=limit)
