"""Transport on the circle, exactly, by the best shift of two quantile functions."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from remblai.distances.envelope import with_gradients
from remblai.distances.line import flat, levels, staircase
from remblai.distances.validation import exponent, finite, masses, same_total

ROUNDS = 200
"""Shifts tried at most: every second one halves the interval, so rounding ends the search long before."""

PRECISION = 1e-13
"""Relative gap between the best value found and the tangents' lower bound at which the search ends."""

Array = NDArray[Any]


def transport_cost(x: Any, y: Any, p: float = 1.0, a: Any = None, b: Any = None) -> Any:
    """W_p^p between laws on the circle, never rooted; distances are min(|x - y|, 1 - |x - y|), in turns.

    It is the least over s of the integral of |F^-1(u) - G^-1(u - s)|^p, with the quantile function G^-1 continued by
    G^-1(u + 1) = G^-1(u) + 1. For point masses this is convex and piecewise linear in s; the search ends when tangents
    from both sides prove the value. Differentiable, once, in the points. Takes O((n + m) log(n + m)) a shift.

    Args:
        x: angles in turns (n,) or (n, 1), taken modulo 1.
        y: angles in turns (m,) or (m, 1).
        p: the exponent, at least 1.
        a: masses (n,) of the angles x; None is 1 / n each. They are not differentiated.
        b: masses (m,) of the angles y, of the same total.

    Raises:
        ValueError: anything that is no transport problem on the circle.

    Source: Delon, Salomon, Sobolevski (2010), Fast transport optimization for Monge costs on the circle,
    arXiv 0902.3527.
    """
    p = exponent(p)
    points = flat("x", x), flat("y", y)
    for name, one in zip("xy", points, strict=True):
        finite(name, one)
    held = [masses(name, one, len(at), at.device) for name, one, at in zip("ab", (a, b), points, strict=True)]
    if any(one.requires_grad for one in held):
        raise ValueError("circle: its value is differentiable in the angles, not in the masses: detach a and b.")
    total = same_total(*held)
    angles, orders, shares = [], [], []
    for at, mass in zip(points, held, strict=True):
        turn = np.mod(at.detach().double().cpu().numpy(), 1.0)
        order = np.argsort(turn, kind="stable")
        orders.append(order[mass.detach().cpu().numpy()[order] > 0.0])  # an empty place at the seam has no one level
        angles.append(turn[orders[-1]])
        shares.append(levels(mass.double(), orders[-1]))
    found = _Shifts(angles[0], shares[0], angles[1], shares[1], p)
    best = found.search()
    if not any(isinstance(one, Tensor) for one in (x, y, a, b)):
        return total * found.value(best)
    value = torch.tensor(total * found.value(best), dtype=torch.float64, device=points[0].device)
    slopes = found.slopes(best)
    derivatives = []
    for at, order, slope in zip(points, orders, slopes, strict=True):
        if at.requires_grad:
            back = np.zeros(len(at))
            back[order] = total * slope
            derivatives.append((at, torch.from_numpy(back).to(at.device)))
    return with_gradients(value, derivatives)


class _Shifts:
    """The integral of |F^-1(u) - G^-1(u - s)|^p as a function of s, for sorted angles and cumulated masses."""

    def __init__(self, x: Array, first: Array, y: Array, second: Array, p: float) -> None:
        self.x, self.first, self.y, self.second, self.p = x, first, y, second, p

    def search(self) -> float:
        """The best shift. At -1 no displacement is negative and at 1 none is positive, so it lies between."""
        low, high = -1.0, 1.0
        at_low, at_high = self.value(low), self.value(high)
        down, up = self.slope(low, right=True), self.slope(high, right=False)
        least, best = min((at_low, low), (at_high, high))
        for turn in range(ROUNDS):
            if down >= 0.0 or up <= 0.0:
                return low if down >= 0.0 else high
            meet = (at_low - at_high + up * high - down * low) / (up - down)
            middle = meet if turn % 2 else 0.5 * (low + high)
            if least - at_low - down * (meet - low) <= PRECISION * least or not low < middle < high:
                return best
            here = self.value(middle)
            least, best = min((least, best), (here, middle))
            slope = self.slope(middle, right=True)
            if slope < 0.0:
                low, at_low, down = middle, here, slope
            else:
                high, at_high, up = middle, here, self.slope(middle, right=False)
        return best

    def value(self, shift: float) -> float:
        gap, carried, _, _ = self._pairs(shift)
        return float(carried @ np.abs(gap) ** self.p)

    def slope(self, shift: float, right: bool) -> float:
        """The one-sided derivative: what it adds that mass near each level goes to the angle before instead."""
        raised = self.second + shift
        turns = np.ceil(raised) - 1.0 if not right else np.floor(raised)
        at = np.searchsorted(self.first, raised - turns, side="right" if right else "left")
        x = self.x[at.clip(max=len(self.x) - 1)] + turns
        after = np.append(self.y[1:], self.y[0] + 1.0)
        return float((np.abs(x - self.y) ** self.p - np.abs(x - after) ** self.p).sum())

    def slopes(self, shift: float) -> tuple[Array, Array]:
        """Derivatives in the sorted angles x (n,) and y (m,)."""
        gap, carried, rows, columns = self._pairs(shift)
        pull = carried * self.p * np.sign(gap) * np.abs(gap) ** (self.p - 1.0)
        return np.bincount(rows, pull, len(self.x)), -np.bincount(columns, pull, len(self.y))

    def _pairs(self, shift: float) -> tuple[Array, Array, Array, Array]:
        """Displacements, masses and sorted places of the coupling at a shift."""
        raised = self.second + shift
        turns = np.ceil(raised) - 1.0
        order = np.argsort(raised - turns, kind="stable")
        # one turn of the shifted law, from level 0 to level 1, closed by the angle that it began with
        columns = np.append(order, order[0])
        angles = self.y[columns] - np.append(turns[order], turns[order[0]] - 1.0)
        path = staircase(self.first, np.append((raised - turns)[order], 1.0))
        return self.x[path.rows] - angles[path.columns], path.masses, path.rows, columns[path.columns]
