"""Sparse cost matrices: an entry that is not there forbids the pair, and one that is 0 is a pair without cost."""

from typing import Any

import torch
from scipy.sparse import coo_array, issparse
from torch import Tensor

from remblai.distances.coupling import DENSE
from remblai.distances.validation import tensor


def cost_matrix(value: Any) -> Tensor:
    """A cost matrix as a tensor; a sparse one of SciPy or torch has +infinity where it has no entry.

    Entries that are given twice are summed, as both libraries do. The solvers hold the whole matrix (n, m): a sparse
    one is a way to say which pairs are allowed, and saves no memory. The gradient in the values of a torch matrix is
    kept.

    Raises:
        ValueError: no array of real numbers, or a sparse matrix whose n * m entries are too many.
    """
    if not _is_sparse(value):
        return tensor("cost matrix", value)
    if len(value.shape) != 2:
        raise ValueError(f"cost matrix: expected shape (n, m), got a sparse array of shape {tuple(value.shape)}.")
    n, m = (int(size) for size in value.shape)
    if n * m > DENSE:
        raise ValueError(
            f"cost matrix: expected a sparse matrix of at most {DENSE} pairs in all, got {n} x {m}: the solvers hold "
            "all pairs. Pass points to transport(x, y, ...), which does not, or a part of the places."
        )
    rows, columns, costs = _entries(value)
    full = torch.full((n, m), float("inf"), dtype=costs.dtype, device=costs.device)
    return full.index_put((rows, columns), costs)


def _is_sparse(value: Any) -> bool:
    return bool(issparse(value)) or (isinstance(value, Tensor) and value.layout != torch.strided)


def _entries(value: Any) -> tuple[Tensor, Tensor, Tensor]:
    if isinstance(value, Tensor):
        whole = value.to_sparse_coo().coalesce()  # type: ignore[no-untyped-call]  # untyped in torch
        rows, columns = whole.indices()
        return rows, columns, tensor("cost matrix", whole.values())
    whole = coo_array(value, copy=True)  # the next line would change the input
    whole.sum_duplicates()
    rows, columns = (torch.from_numpy(one.astype("int64")) for one in whole.coords)
    return rows, columns, tensor("cost matrix", whole.data)
