"""The interface of kernels k(x, y)."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn
from torch.distributions import Distribution

from remblai.costs import wide
from remblai.kernels.embeddings import Mixing
from remblai.kernels.line import PartSums
from remblai.runtime.printing import settings


class Kernel(nn.Module, ABC):
    """The interface: `kernel(x, y)` is the matrix of k(x_i, y_j).

    Attributes:
        mixing: the kernel as a mixture of Gaussians, which gives its mean embeddings; None where it is not one.
        radial: whether k is a function of |x - y|; otherwise it is a function of the product x . y.
        positive: whether k is positive definite; otherwise only conditionally so, on weights that sum to 0.
        characteristic: whether its MMD is 0 for equal laws only.
        takes_clouds: whether `forward` and `diagonal` take clouds too, (B, n, d) and (B, m, d) -> (B, n, m) and (B, n).
        in_blocks: whether `terms` answers, so that many pairs are computed in blocks; else by the whole matrix.
        homogeneity: h where k(s x, s y) = s^h k(x, y) for all s > 0; None where k has a scale.
    """

    mixing: Mixing | None
    radial: ClassVar[bool] = True
    positive: ClassVar[bool] = True
    characteristic: ClassVar[bool] = True
    takes_clouds: ClassVar[bool] = False
    in_blocks: ClassVar[bool] = True
    homogeneity: ClassVar[float | None] = None

    def __init__(self) -> None:
        super().__init__()
        self.mixing = None

    def extra_repr(self) -> str:
        """The arguments that it was made with."""
        return settings(self)

    @abstractmethod
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """k(x_i, y_j): x (n, d), y (m, d) -> (n, m)."""

    @abstractmethod
    def terms(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """k(x_i, y_j) and its derivative by |x_i - y_j|^2 (by x_i . y_j where k is not `radial`), (n, m) each."""

    @abstractmethod
    def diagonal(self, x: Tensor) -> Tensor:
        """k(x_i, x_i), exactly: x (n, d) -> (n,)."""

    def row_sums(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor] | None:
        """The sums over j of k(x_i, y_j) (n,), and their gradients in x_i (n, d), faster than by all pairs; else None.

        Args:
            x: points (n, d).
            y: points (m, d).
        """
        return None

    def part_sums(self, points: Tensor, first: Tensor, second: Tensor) -> PartSums | None:
        """The sums of k over the pairs of two parts of points (N, d), faster than by all pairs; else None.

        Args:
            points: (N, d).
            first: masks (r, N), true where a point is in the first part.
            second: masks (r, N) of the second part.
        """
        return None

    def mean(self, y: Tensor, law: Distribution) -> Tensor | None:
        """The mean embedding E k(y_i, z) over z ~ law: y (n, d) -> (n,); None where it has no closed form."""
        return None if self.mixing is None else self.mixing.mean(wide(y), law)

    def energy(self, law: Distribution) -> Tensor | None:
        """E k(z, z') over independent z, z' ~ law; None where it has no closed form."""
        return None if self.mixing is None else self.mixing.energy(law)
