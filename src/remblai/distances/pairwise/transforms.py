"""Soft transforms T_i = -epsilon log sum_j b_j exp((g_j - c_ij) / epsilon), streamed: one launch a transform."""

import triton
import triton.language as tl
from torch import Tensor

from remblai.distances.pairwise.points import EPSILON, FACTOR, OMEGA, SLOPE, UNIT, PointSet, Tile
from remblai.distances.pairwise.tiles import first_chunk, squares_of_differences, squares_of_products, tile_products

_FACTOR, _UNIT, _SLOPE, _OMEGA, _EPSILON = (tl.constexpr(place) for place in (FACTOR, UNIT, SLOPE, OMEGA, EPSILON))


@triton.jit
def _power(z, WIDE: tl.constexpr):
    """The base to the power z: e in float64, 2 in float32, which the hardware has."""
    return tl.exp(z) if WIDE else tl.exp2(z)


@triton.jit(do_not_specialize=["n", "m"])
def _soft(
    x, y, xx, yy, bias, scalars, out, potential, left, constant, masses, errors, next_bias,
    n, m, stride_xn, stride_xd, stride_ym, stride_yd,
    D: tl.constexpr, DIRECT: tl.constexpr, LENGTH: tl.constexpr, WIDE: tl.constexpr, UPDATE: tl.constexpr,
    PRECISION: tl.constexpr, CHUNK: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr,
):  # fmt: skip
    rows = (tl.program_id(0) * BM + tl.arange(0, BM)).to(tl.int64)
    inside = rows < n
    kind: tl.constexpr = bias.dtype.element_ty
    factor = tl.load(scalars + _FACTOR).to(kind)
    if not DIRECT:
        first = first_chunk(x, rows, n, stride_xn, stride_xd, D, CHUNK)
        if LENGTH:
            sizes = tl.load(xx + rows, mask=inside, other=0.0)
    top = tl.full((BM,), float("-inf"), kind)
    total = tl.zeros((BM,), kind)
    for start in range(0, m, BN):
        columns = (start + tl.arange(0, BN)).to(tl.int64)
        if DIRECT:
            costs = squares_of_differences(
                x, y, rows, columns, n, m, stride_xn, stride_xd, stride_ym, stride_yd, D, BM, BN
            )
        else:
            costs = tile_products(
                first, x, y, rows, columns, n, m, stride_xn, stride_xd, stride_ym, stride_yd, D, CHUNK, PRECISION
            )
            if LENGTH:
                costs = squares_of_products(costs, sizes, tl.load(yy + columns, mask=columns < m, other=0.0))
        if LENGTH:
            costs = tl.sqrt(costs)
        z = tl.load(bias + columns, mask=columns < m, other=float("-inf"))[None, :] + factor * costs
        largest = tl.maximum(top, tl.max(z, 1))
        shift = tl.where(largest == float("-inf"), 0.0, largest)  # all so far without mass
        total = total * _power(top - shift, WIDE) + tl.sum(_power(z - shift[:, None], WIDE), 1)
        top = largest
    logarithm = tl.log(total) if WIDE else tl.log2(total)
    soft = -tl.load(scalars + _UNIT) * (top.to(tl.float64) + logarithm.to(tl.float64))
    soft += tl.load(left + rows, mask=inside, other=0.0)
    if UPDATE:
        epsilon = tl.load(scalars + _EPSILON)
        before = tl.load(potential + rows, mask=inside, other=0.0)
        mass = tl.load(masses + rows, mask=inside, other=0.0)
        gap = tl.minimum((before - soft) / epsilon, 80.0)
        tl.store(errors + rows, mass * tl.abs(tl.exp(gap) - 1.0), mask=inside)
        soft = before + tl.load(scalars + _OMEGA) * (soft - before)
        constants = tl.load(constant + rows, mask=inside, other=0.0)
        tl.store(next_bias + rows, (constants + tl.load(scalars + _SLOPE) * soft).to(kind), mask=inside)
    tl.store(out + rows, soft, mask=inside)


def soft_transform(
    x: PointSet,
    y: PointSet,
    bias: Tensor,
    scalars: Tensor,
    out: Tensor,
    left: Tensor,
    *,
    direct: bool,
    length: bool,
    precision: str,
    shape: Tile,
    update: tuple[Tensor, Tensor, Tensor, Tensor] | None = None,
) -> None:
    """Writes the soft transform at the points x (n, d) into `out` (n,), float64.

    The exponent is bias_j + factor t_ij, to base 2 in float32 and e in float64, with t the product of two points, their
    squared distance (`direct`) or their distance (`length`); the transform is left_i - unit log(sum of the powers).

    Args:
        x: from `point_set`.
        y: the same, (m, d).
        bias: (m,), of the points' type.
        scalars: (SCALARS,), float64: factor, unit, slope, omega and epsilon.
        out: the transform, or with `update` the potential: (n,) float64.
        left: the part of the exponents that is constant in each row, times -unit: (n,) float64.
        direct: whether squared distances come from differences.
        length: whether the cost is the distance, not its square.
        precision: of products: "tf32", "tf32x3" or "ieee".
        shape: the tile.
        update: constants c (n,) and masses (n,) in float64, errors (n,) float64 and the next bias (n,). `out` holds a
            potential h: errors_i = mass_i |exp((h - T)_i / epsilon) - 1|, h moves to h + omega (T - h), and the next
            bias is c + slope h.
    """
    (n, d), m = x.values.shape, len(y.values)
    constant, masses, errors, next_bias = update if update is not None else (left, left, out, bias)
    _soft[(triton.cdiv(n, shape.rows),)](
        x.values, y.values, x.norms, y.norms, bias, scalars, out, out, left, constant, masses, errors, next_bias,
        n, m, *x.arguments, *y.arguments,
        D=d, DIRECT=direct, LENGTH=length, WIDE=bias.dtype.itemsize == 8, UPDATE=update is not None,
        PRECISION=precision, CHUNK=shape.chunk, BM=shape.rows, BN=shape.columns,
        **shape.options,
    )  # fmt: skip
