"""Proven bounds of partial transport: a feasible dual below, a plan of exactly the masses given above."""

import math

import torch
from torch import Tensor

from remblai.distances.certificate import Interval
from remblai.distances.geometry import Matrix
from remblai.distances.rational import common_denominator, filled, repaired
from remblai.distances.rounding import ROUNDOFF, UNDERFLOW

Sides = tuple[Tensor, Tensor]
"""Of the rows (n,) and of the columns (m,), in float64."""


def bounds_with_mass(
    geometry: Matrix, masses: Sides, plan: Tensor, g: Tensor, price: float, mass: float, roundoff: float
) -> Interval:
    """Bounds of min <P, C> over P >= 0 with P 1 <= a, P' 1 <= b and total m, from any plan and any prices.

    Below: m l + <a, f> + <b, g> for any l, any g <= 0 and f_i = min(0, min_j c_ij - g_j - l), less its rounding. A
    mass that exceeds the smaller total by rounding counts as this total.

    Args:
        geometry: the costs (n, m).
        masses: a (n,) and b (m,), as they were given.
        plan: P (n, m), up to rounding.
        g: (m,), at most 0.
        price: l, the derivative of the value in m.
        mass: m.
        roundoff: the relative error of masses in float32; 0 in float64.
    """
    total = min([mass, *(math.fsum(one.tolist()) for one in masses)])
    costs = _extended(geometry, 0.0, math.inf)
    upper = _carried(masses, plan, costs, mass)
    if roundoff:
        upper += 4.0 * roundoff * total * _largest(costs)
    g = g.clamp(max=0.0)
    least = _least(geometry, g)
    f = (least - price).clamp(max=0.0)
    f = f - 4.0 * ROUNDOFF * (f.abs() + abs(price))
    return Interval(_dual(masses, (f, g), [total * price], roundoff), upper)


def bounds_with_threshold(
    geometry: Matrix, masses: Sides, plan: Tensor, g: Tensor, threshold: float, roundoff: float
) -> Interval:
    """Bounds of min <P, C> + t / 2 (|a - P 1| + |b - P' 1|) over P >= 0 with P 1 <= a, P' 1 <= b.

    Below: <a, f> + <b, g> for any g <= t / 2 and f_i = min(t / 2, min_j c_ij - g_j), less its rounding.

    Args:
        geometry: the costs (n, m).
        masses: a (n,) and b (m,), as they were given.
        plan: P (n, m), up to rounding.
        g: (m,), at most t / 2.
        threshold: t.
        roundoff: the relative error of masses in float32; 0 in float64.
    """
    stay = 0.5 * threshold
    upper = _carried(masses, plan, _extended(geometry, stay, 0.0), None)
    if roundoff:
        upper += 3.0 * roundoff * threshold * float(masses[0].sum() + masses[1].sum())
    g = g.clamp(max=stay)
    f = _least(geometry, g).clamp(max=stay)
    f = f - 4.0 * ROUNDOFF * f.abs()
    return Interval(_dual(masses, (f, g), [], roundoff), upper)


def _extended(geometry: Matrix, stay: float, idle: float) -> Tensor:
    """The costs, rounded up, with one more place on either side: `stay` to it, `idle` between both."""
    n, m = geometry.shape
    inner = geometry.matrix()
    costs = inner.new_full((n + 1, m + 1), stay)
    costs[:n, :m] = inner + geometry.rounding(inner)
    costs[n, m] = idle
    return costs


def _least(geometry: Matrix, g: Tensor) -> Tensor:
    """min_j c_ij - g_j of costs rounded down (n,)."""
    costs = geometry.matrix()
    return (costs - geometry.rounding(costs) - g).amin(1)


def _dual(masses: Sides, potentials: Sides, terms: list[float], roundoff: float) -> float:
    """The sum of the terms, each one product, and of <a, f> and <b, g>, less a bound of its rounding."""
    products = torch.cat([one * potential for one, potential in zip(masses, potentials, strict=True)])
    if not bool(products.isfinite().all()):
        return -math.inf
    every = [*products.tolist(), *terms]
    size = math.fsum(abs(one) for one in every)
    return math.fsum(every) - (16.0 * ROUNDOFF + 2.0 * roundoff) * size - UNDERFLOW * len(every)


def _carried(masses: Sides, plan: Tensor, costs: Tensor, mass: float | None) -> float:
    """The cost of the plan of exactly these masses that is nearest to P, rounded up.

    Args:
        masses: a (n,) and b (m,).
        plan: P (n, m).
        costs: (n + 1, m + 1), of the last row and column for what stays.
        mass: that is carried, or the smaller total; None: any.
    """
    sides, unit = common_denominator([*(one.tolist() for one in masses), [mass or 0.0]])
    rows, columns = sum(sides[0]), sum(sides[1])
    carried = 0 if mass is None else min(sides[2][0], rows, columns)
    supply, demand = [*sides[0], columns - carried], [*sides[1], rows - carried]
    total = sum(supply)
    share = unit / total
    whole = torch.zeros_like(costs)
    whole[:-1, :-1] = plan
    whole[:-1, -1] = (masses[0] - plan.sum(1)).clamp(min=0.0)
    whole[-1, :-1] = (masses[1] - plan.sum(0)).clamp(min=0.0)
    whole[-1, -1] = plan.sum() if mass is None else 0.0
    i, j = whole.nonzero(as_tuple=True)
    shares = (whole[i, j] * share).tolist()
    found = repaired(supply, demand, list(zip(i.tolist(), j.tolist(), shares, strict=True)))
    flows = list(found.entries)
    if found.rows:
        flows += filled(found, costs[list(found.rows)][:, list(found.columns)].cpu().numpy())
    prices = [float(costs[i, j]) for i, j, _ in flows]
    if any(math.isinf(price) and flow[2] / total > 64.0 * ROUNDOFF for price, flow in zip(prices, flows, strict=True)):
        return math.inf
    # what only a forbidden pair is left for is rounding: carried elsewhere it costs at most this
    prices = [price if math.isfinite(price) else 4.0 * _largest(costs) for price in prices]
    terms = [flow[2] / unit * price for flow, price in zip(flows, prices, strict=True)]
    return math.fsum(terms) + 16.0 * ROUNDOFF * math.fsum(abs(one) for one in terms) + UNDERFLOW * len(terms)


def _largest(costs: Tensor) -> float:
    return float(costs.where(costs.isfinite(), 0.0).abs().max())
