"""Couplings: the masses carried from each place to each other, kept dense, as its non-zero entries, or as a rule."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

ENTRIES = 2**21
"""Entries that a block of rows holds: 16 MB in float64."""

DENSE = 2**29
"""Entries beyond which a coupling is not made dense: 4 GiB in float64."""


class Coupling(ABC):
    """The interface: masses carried from n places to m places, float64, read a block of rows at a time.

    Attributes:
        shape: (n, m).
    """

    shape: tuple[int, int]

    @abstractmethod
    def block(self, start: int, stop: int) -> Tensor:
        """The masses that leave the places start <= i < stop: (stop - start, m)."""

    @abstractmethod
    def entries(self) -> tuple[Tensor, Tensor, Tensor]:
        """Rows, columns and masses of the entries above 0: (k,) each, in order of rows."""

    def dense(self) -> Tensor:
        """The whole matrix (n, m).

        Raises:
            ValueError: it is too large to hold.
        """
        n, m = self.shape
        if n * m > DENSE:
            raise ValueError(
                f"coupling: {n} x {m} entries are {8 * n * m / 2**30:.0f} GiB: read it a block of rows at a time, "
                "plan.block(start, stop), or by its entries, plan.entries."
            )
        return self.block(0, n)

    def blocks(self) -> Iterator[tuple[slice, Tensor]]:
        """Blocks of rows that fit into a small memory, with the rows they are of."""
        n, m = self.shape
        step = max(1, ENTRIES // m)
        for start in range(0, n, step):
            stop = min(n, start + step)
            yield slice(start, stop), self.block(start, stop)

    def marginals(self) -> tuple[Tensor, Tensor]:
        """The mass that leaves each place (n,) and the mass that arrives at each (m,)."""
        parts, columns = [], None
        for _, masses in self.blocks():
            parts.append(masses.sum(1))
            columns = masses.sum(0) if columns is None else columns + masses.sum(0)
        assert columns is not None  # n >= 1
        return torch.cat(parts), columns

    def gradients(self, wanted: tuple[bool, bool]) -> tuple[Tensor, Tensor] | None:
        """The derivatives (n, d) and (m, d) of <P, C> in the points, where it has a faster way to them than by blocks.

        Args:
            wanted: for either side, whether its derivative is; the other may be 0.
        """
        return None


class Dense(Coupling):
    """A coupling kept as its matrix (n, m)."""

    def __init__(self, matrix: Tensor) -> None:
        self.matrix = matrix.double()
        self.shape = (matrix.shape[0], matrix.shape[1])

    def block(self, start: int, stop: int) -> Tensor:
        return self.matrix[start:stop]

    def entries(self) -> tuple[Tensor, Tensor, Tensor]:
        rows, columns = self.matrix.nonzero(as_tuple=True)
        return rows, columns, self.matrix[rows, columns]


class Sparse(Coupling):
    """A coupling kept as its non-zero entries: rows, columns and masses (k,), each pair at most once."""

    def __init__(self, rows: Tensor, columns: Tensor, masses: Tensor, shape: tuple[int, int]) -> None:
        order = rows.argsort(stable=True)
        self.rows, self.columns, self.masses = rows[order], columns[order], masses[order].double()
        self.shape = shape

    def block(self, start: int, stop: int) -> Tensor:
        low, high = torch.searchsorted(self.rows, self.rows.new_tensor([start, stop])).tolist()
        block = self.masses.new_zeros(stop - start, self.shape[1])
        block[self.rows[low:high] - start, self.columns[low:high]] = self.masses[low:high]
        return block

    def entries(self) -> tuple[Tensor, Tensor, Tensor]:
        kept = self.masses > 0
        return self.rows[kept], self.columns[kept], self.masses[kept]

    def marginals(self) -> tuple[Tensor, Tensor]:
        n, m = self.shape
        empty = self.masses.new_zeros
        return (
            empty(n).index_add_(0, self.rows, self.masses),
            empty(m).index_add_(0, self.columns, self.masses),
        )


class Lazy(Coupling):
    """A coupling kept as the rule that gives a block of its rows: rule(start, stop) -> (stop - start, m)."""

    def __init__(self, rule: Callable[[int, int], Tensor], shape: tuple[int, int]) -> None:
        self.rule, self.shape = rule, shape

    def block(self, start: int, stop: int) -> Tensor:
        return self.rule(start, stop).double()

    def entries(self) -> tuple[Tensor, Tensor, Tensor]:
        found = []
        for part, masses in self.blocks():
            rows, columns = masses.nonzero(as_tuple=True)
            found.append((rows + part.start, columns, masses[rows, columns]))
        rows, columns, masses = (torch.cat(one) for one in zip(*found, strict=True))
        return rows, columns, masses
