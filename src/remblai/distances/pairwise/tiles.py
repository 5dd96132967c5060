"""Parts of the kernels: squared distances and products of a tile of points x against a tile of points y."""

import triton
import triton.language as tl


@triton.jit
def first_chunk(x, rows, n, stride_row, stride_entry, D: tl.constexpr, CHUNK: tl.constexpr):
    """The first entries (BM, CHUNK) of some points; entries beyond the last are 0."""
    entries = tl.arange(0, CHUNK)
    return tl.load(
        x + rows[:, None] * stride_row + entries[None, :] * stride_entry,
        mask=(rows[:, None] < n) & (entries[None, :] < D),
        other=0.0,
    )


@triton.jit
def tile_products(
    first, x, y, rows, columns, n, m, stride_xn, stride_xd, stride_ym, stride_yd,
    D: tl.constexpr, CHUNK: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """x_i . y_j (BM, BN); `first` holds the first entries of x, which every tile of y reads again."""
    entries = tl.arange(0, CHUNK)
    other = tl.load(
        y + columns[None, :] * stride_ym + entries[:, None] * stride_yd,
        mask=(columns[None, :] < m) & (entries[:, None] < D),
        other=0.0,
    )
    found = tl.dot(first, other, input_precision=PRECISION)
    for start in range(CHUNK, D, CHUNK):
        later = start + entries
        one = tl.load(
            x + rows[:, None] * stride_xn + later[None, :] * stride_xd,
            mask=(rows[:, None] < n) & (later[None, :] < D),
            other=0.0,
        )
        other = tl.load(
            y + columns[None, :] * stride_ym + later[:, None] * stride_yd,
            mask=(columns[None, :] < m) & (later[:, None] < D),
            other=0.0,
        )
        found = tl.dot(one, other, found, input_precision=PRECISION)
    return found


@triton.jit
def squares_of_products(products, xx, yy):
    """|x_i - y_j|^2 from the products and the squared norms; what rounding leaves of equal points is 0."""
    sizes = xx[:, None] + yy[None, :]
    squares = sizes - 2.0 * products
    return tl.where(squares > 1e-6 * sizes, squares, 0.0)


@triton.jit
def squares_of_differences(
    x, y, rows, columns, n, m, stride_xn, stride_xd, stride_ym, stride_yd,
    D: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr,
):  # fmt: skip
    """|x_i - y_j|^2 from the differences, with a small relative error, in the type of the points."""
    squares = tl.zeros((BM, BN), x.dtype.element_ty)
    for k in range(0, D):
        one = tl.load(x + rows * stride_xn + k * stride_xd, mask=rows < n, other=0.0)
        other = tl.load(y + columns * stride_ym + k * stride_yd, mask=columns < m, other=0.0)
        gap = one[:, None] - other[None, :]
        squares += gap * gap
    return squares
