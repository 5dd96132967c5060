"""Sums over the points y_j of functions of |x_i - y_j|^2, and of the y_j weighted by them, in one pass.

For a radial kernel k the value sum_j k(x_i, y_j) and, with w its derivative by the squared distance, the gradient in
x_i, 2 (x_i sum_j w_ij - sum_j w_ij y_j). For an entropic plan P the same, with w_ij = P_ij c'(|x_i - y_j|^2).
"""

from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from remblai.distances.pairwise.points import PointSet, Tile, accumulated, sums_differences
from remblai.distances.pairwise.profiles import (
    AVERAGED,
    ENERGY,
    GAUSSIAN,
    GIBBS_LENGTH,
    GIBBS_SQUARE,
    INVERSE_MULTIQUADRIC,
    LAPLACIAN,
    Profile,
)
from remblai.distances.pairwise.tiles import first_chunk, squares_of_differences, squares_of_products, tile_products

# Triton reads no global variables but constants of its own type.
_GAUSSIAN, _IMQ, _LAPLACIAN, _ENERGY = (
    tl.constexpr(kind) for kind in (GAUSSIAN, INVERSE_MULTIQUADRIC, LAPLACIAN, ENERGY)
)
_AVERAGED, _GIBBS_SQUARE, _GIBBS_LENGTH = (tl.constexpr(kind) for kind in (AVERAGED, GIBBS_SQUARE, GIBBS_LENGTH))


@triton.jit
def _over(slope, lengths):
    return tl.where(lengths > 0.0, slope / tl.where(lengths > 0.0, lengths, 1.0), 0.0)


@triton.jit
def _profile(squares, bias, constants, KIND: tl.constexpr, COUNT: tl.constexpr):
    """The function of the squared distance and its derivative, (BM, BN) each."""
    value = squares * 0.0
    slope = squares * 0.0
    if KIND == _GAUSSIAN:
        for t in tl.static_range(COUNT):
            rate = -0.5 / tl.load(constants + t)
            part = tl.exp(squares * rate)
            value += part
            slope += part * rate
    elif KIND == _IMQ:
        for t in tl.static_range(COUNT):
            size = tl.load(constants + t)
            part = size / (squares + size)
            value += part
            slope -= part * part / size
    elif KIND == _LAPLACIAN:
        lengths = tl.sqrt(squares)
        for t in tl.static_range(COUNT):
            rate = 1.0 / tl.load(constants + t)
            part = tl.exp(-lengths * rate)
            value += part
            slope -= 0.5 * rate * part
        slope = _over(slope, lengths)
    elif KIND == _ENERGY:
        lengths = tl.sqrt(squares)
        value = -lengths
        slope = _over(slope - 0.5, lengths)
    elif KIND == _AVERAGED:
        # v^(1/2) P(v), v = 1 / (1 + rate |x - y|^2), P a sum of Chebyshev polynomials in 2 v - 1, by Clenshaw
        rate = tl.load(constants)
        v = 1.0 / (1.0 + rate * squares)
        argument = 2.0 * v - 1.0
        later = value
        slope_later = slope
        for t in range(0, COUNT - 2):
            coefficient = tl.load(constants + COUNT - 1 - t)
            new_slope = 2.0 * value - slope_later + 2.0 * argument * slope
            slope_later = slope
            slope = new_slope
            new_value = coefficient - later + 2.0 * argument * value
            later = value
            value = new_value
        slope = value - slope_later + argument * slope
        value = tl.load(constants + 1) - later + argument * value
        root = tl.sqrt(v)
        slope = (0.5 * value + 2.0 * v * slope) * (root * v) * (-rate)
        value = root * value
    elif KIND == _GIBBS_SQUARE:
        value = tl.exp(bias - squares * tl.load(constants))
        slope = value
    else:
        tl.static_assert(KIND == _GIBBS_LENGTH)
        lengths = tl.sqrt(squares)
        value = tl.exp(bias - lengths * tl.load(constants))
        slope = _over(0.5 * value, lengths)
    return value, slope


@triton.jit(do_not_specialize=["n", "m"])
def _sums(
    x, y, xx, yy, row_bias, column_bias, constants, values, weights, towards,
    n, m, stride_xn, stride_xd, stride_ym, stride_yd,
    D: tl.constexpr, KIND: tl.constexpr, COUNT: tl.constexpr, SAME: tl.constexpr, GRADIENT: tl.constexpr,
    DIRECT: tl.constexpr, PRECISION: tl.constexpr, CHUNK: tl.constexpr,
    BM: tl.constexpr, BN: tl.constexpr, BD: tl.constexpr,
):  # fmt: skip
    rows = (tl.program_id(0) * BM + tl.arange(0, BM)).to(tl.int64)
    inside = rows < n
    entries = tl.program_id(1) * BD + tl.arange(0, BD)
    if not DIRECT:
        first = first_chunk(x, rows, n, stride_xn, stride_xd, D, CHUNK)
        sizes = tl.load(xx + rows, mask=inside, other=0.0)
    biased: tl.constexpr = KIND >= _GIBBS_SQUARE
    if biased:
        row = tl.load(row_bias + rows, mask=inside, other=float("-inf"))
    total = tl.zeros((BM,), tl.float32)
    slopes = tl.zeros((BM,), tl.float32)
    products = tl.zeros((BM, BD), tl.float32)
    for start in range(0, m, BN):
        columns = (start + tl.arange(0, BN)).to(tl.int64)
        if DIRECT:
            squares = squares_of_differences(
                x, y, rows, columns, n, m, stride_xn, stride_xd, stride_ym, stride_yd, D, BM, BN
            )
        else:
            dots = tile_products(
                first, x, y, rows, columns, n, m, stride_xn, stride_xd, stride_ym, stride_yd, D, CHUNK, PRECISION
            )
            squares = squares_of_products(dots, sizes, tl.load(yy + columns, mask=columns < m, other=0.0))
        bias = squares * 0.0
        if biased:
            bias = row[:, None] + tl.load(column_bias + columns, mask=columns < m, other=float("-inf"))[None, :]
        value, slope = _profile(squares, bias, constants, KIND, COUNT)
        counted = (columns < m)[None, :] & inside[:, None]
        if SAME:
            counted = counted & (rows[:, None] != columns[None, :])
        value = tl.where(counted, value, 0.0)
        total += tl.sum(value, 1)
        if GRADIENT:
            slope = tl.where(counted, slope, 0.0)
            slopes += tl.sum(slope, 1)
            other = tl.load(
                y + columns[:, None] * stride_ym + entries[None, :] * stride_yd,
                mask=(columns[:, None] < m) & (entries[None, :] < D),
                other=0.0,
            )
            products = tl.dot(slope, other, products, input_precision=PRECISION)
    if tl.program_id(1) == 0:
        tl.store(values + rows, total, mask=inside)
    if GRADIENT:
        if tl.program_id(1) == 0:
            tl.store(weights + rows, slopes, mask=inside)
        tl.store(
            towards + rows[:, None] * D + entries[None, :],
            products,
            mask=inside[:, None] & (entries[None, :] < D),
        )


class Sums(NamedTuple):
    """Sums over j: of the function (n,), of its derivative (n,), and of the y_j weighted by that (n, d).

    The last two are None where no gradient was asked for.
    """

    values: Tensor
    weights: Tensor | None
    towards: Tensor | None


def weighted_sums(
    x: PointSet,
    y: PointSet,
    profile: Profile,
    *,
    same: bool,
    gradient: bool,
    shape: Tile,
    biases: tuple[Tensor, Tensor] | None = None,
) -> Sums:
    """Sums over the points y (m, d) for each of the points x (n, d), in float32; in memory O((n + m) d).

    Args:
        x: from `point_set`, float32.
        y: the same, treated alike.
        profile: the function of |x_i - y_j|^2.
        same: whether x and y are one sample, whose pairs i = j are left out.
        gradient: whether the sums of the derivative are wanted.
        shape: the tile.
        biases: logarithms (n,) and (m,) that the two profiles of plans add to the exponent.
    """
    (n, d), m, device = x.values.shape, len(y.values), x.values.device
    values = torch.empty(n, device=device)
    weights = torch.empty(n, device=device) if gradient else values
    towards = torch.empty(n, d, device=device) if gradient else values
    kept = accumulated(d) if gradient else 16
    direct = sums_differences(d, x.values.dtype)
    rows, columns = biases if biases is not None else (values, values)
    grid = (triton.cdiv(n, shape.rows), triton.cdiv(d, kept) if gradient else 1)
    _sums[grid](
        x.values, y.values, x.norms, y.norms, rows, columns, profile.constants_on(device), values, weights, towards,
        n, m, *x.arguments, *y.arguments,
        D=d, KIND=profile.kind, COUNT=len(profile.constants), SAME=same, GRADIENT=gradient,
        DIRECT=direct, PRECISION="tf32x3", CHUNK=shape.chunk,
        BM=shape.rows, BN=shape.columns, BD=kept, **shape.options,
    )  # fmt: skip
    if profile.weight != 1.0:
        values.mul_(profile.weight)
        if gradient:
            weights.mul_(profile.weight)
            towards.mul_(profile.weight)
    return Sums(values, weights, towards) if gradient else Sums(values, None, None)
