"""The semi-dual H(g) = sum_j b_j g_j + E f(x), f the (soft) c-transform of g: concave, and its gradient is b - P'1."""

from typing import NamedTuple

import torch
from torch import Tensor


class Response(NamedTuple):
    """The soft transform f of g, and the mass received: H(g) = <b, g> + sum_i a_i f_i has gradient b - received."""

    f: Tensor
    received: Tensor


def response(costs: Tensor, a: Tensor, g: Tensor, b: Tensor, epsilon: float) -> Response:
    """The (soft) c-transform of g at some places, and the mass that each atom receives from them.

    With epsilon = 0, f_i = min_j c_ij - g_j and each place sends its mass to one j that attains the minimum; with
    epsilon > 0, f_i = -epsilon log sum_j b_j exp((g_j - c_ij) / epsilon) and j receives a_i b_j exp((f_i + g_j - c_ij)
    / epsilon). H is the dual of <P, C> + epsilon KL(P | a x b) at (f, g); the paper's H is smaller by epsilon.

    Args:
        costs: (k, m), of k places against all m atoms.
        a: (k,), the masses of those places.
        g: (m,), the potential.
        b: (m,), masses above 0.
        epsilon: the absolute regularisation, at least 0.

    Source: Genevay, Cuturi, Peyre, Bach (2016), equations (6) and (7), arXiv 1605.08527.
    """
    if not epsilon:
        f, nearest = (costs - g).min(1)
        return Response(f, torch.zeros_like(g).index_add_(0, nearest, a))
    scores = (g - costs) / epsilon + b.log()
    total = torch.logsumexp(scores, 1)
    return Response(-epsilon * total, a @ torch.exp(scores - total[:, None]))
