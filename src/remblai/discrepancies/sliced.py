"""Sliced Wasserstein distances: optimal transport on lines, where it is a sort."""

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, ClassVar, Literal, get_args

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal
from torch.nn.functional import normalize

from remblai.costs import wide
from remblai.discrepancies.cloud_slices import along_each_cloud, cloud_means
from remblai.discrepancies.discrepancy import Discrepancy
from remblai.discrepancies.inputs import check_samples
from remblai.discrepancies.samples import flat
from remblai.discrepancies.slices import Lines, Quantiles, along_each, mean
from remblai.distances.validation import positive_integer, seed_number
from remblai.runtime import distributed

Kind = Literal["random", "max", "axes"]

STARTS, STEPS = 4, 20
"""Starts and steps of the gradient ascent for the largest direction."""


class Sliced(Discrepancy):
    """W_p^p between the projections of two laws on lines, averaged over directions. It is never rooted.

    On a line the optimal plan joins points of equal rank. Samples of different sizes, or with masses, are joined by
    quantiles, exactly. A batch of clouds shares its random directions.

    Against a normal law `to_law` draws no sample: the law's projections are normal laws, whose quantiles are known. For
    p = 2 the value is the distance from the sample to the law itself; for other p the law is replaced by its n
    quantiles at (i - 1/2) / n, as is, along the axes, every law of independent coordinates with known quantiles. It has
    twice the power of a sample of the law (one dead axis of 64 at n = 100: z-score 7.3 against 3.4) and half of its
    shrinkage: the codes that fit best have a standard deviation of 0.985 at n = 100 and 0.994 at n = 256, against
    0.973 and 0.988.

    Args:
        directions: how many random directions; for "max" how many to start from; not used by "axes".
        p: the power, at least 1.
        kind: "random" directions; "max", the direction found by gradient ascent from the best random ones, a lower
            bound of the true maximum; "axes", the coordinates, which sees one dead or folded coordinate among many but
            no dependence between them.
        seed: fixes the directions; None draws new ones at each call from the global generator.
        closed_form: use the law's quantiles where they are known; off, `to_law` samples the law.

    Raises:
        ValueError: directions or p below 1, an unknown kind, or samples that do not fit together.

    Source: Bonneel et al., "Sliced and Radon Wasserstein barycenters" (2015); Kolouri et al., "Sliced Wasserstein
    auto-encoders", arXiv 1804.01947; Deshpande et al., "Max-sliced Wasserstein distance", arXiv 1904.05877.

    >>> import torch
    >>> from remblai.discrepancies import Sliced
    >>> x, y = torch.tensor([[0.0, 5.0], [1.0, 5.0]]), torch.tensor([[3.0, 5.0], [2.0, 5.0]])
    >>> Sliced(kind="axes")(x, y)  # W_2^2 is 4 on the first axis, 0 on the second
    tensor(2.)
    """

    takes_masses = True
    takes_clouds = True
    exact_options: ClassVar[Mapping[str, Any]] = {"seed": 0}

    def __init__(
        self,
        directions: int = 128,
        p: float = 2.0,
        kind: Kind = "random",
        seed: int | None = None,
        closed_form: bool = True,
    ) -> None:
        super().__init__()
        if not 1.0 <= p < math.inf:
            raise ValueError(f"sliced: expected 1 <= p < infinity, got {p}.")
        if kind not in get_args(Kind):
            raise ValueError(f"sliced: expected kind {', '.join(get_args(Kind))}, got {kind!r}.")
        self.directions = positive_integer("sliced: directions", directions)
        self.p, self.kind, self.closed_form = p, kind, closed_form
        self.seed = None if seed is None else seed_number("seed", seed)
        self.homogeneity = p

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The mean (for "max" the largest) over directions: x (n, ...), y (m, ...) -> scalar."""
        x, y = flat(x, y)
        with torch.autocast(x.device.type, enabled=False):
            return self._value(x, y)

    def weighted(self, x: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Tensor:
        """`forward` of points with masses a (n,) and b (m,); differentiable in the masses up to a constant."""
        x, y = flat(x, y)
        with torch.autocast(x.device.type, enabled=False):
            return cloud_means(x[None], y[None], a[None], b[None], self._lines(x, y, a, b), self.p)[0]

    def of_clouds(self, x: Tensor, y: Tensor, a: Tensor | None = None, b: Tensor | None = None) -> Tensor:
        """The values (B,) of clouds x (B, n, d), y (B, m, d), all at once; for "max", whose directions differ, not."""
        if self.kind == "max":
            return super().of_clouds(x, y, a, b)
        dtype = torch.promote_types(wide(x).dtype, wide(y).dtype)
        x, y = x.to(dtype), y.to(dtype)
        with torch.autocast(x.device.type, enabled=False):
            return cloud_means(x, y, a, b, self._lines(x[0], y[0]), self.p)

    def to_law(self, y: Tensor, law: Distribution) -> Tensor:
        """`forward` from a sample y (n, d) to the law itself where its quantiles are known, else to a sample of it."""
        known = self._quantiles(law, y) if self.closed_form and y.dim() == 2 and len(y) else None
        if known is None:
            return super().to_law(y, law)
        check_samples(y.new_empty((1, *law.event_shape)), y)
        with torch.autocast(y.device.type, enabled=False):
            return self._value(known, wide(y))

    def _quantiles(self, law: Distribution, y: Tensor) -> Quantiles | None:
        if not isinstance(law, Independent) or len(law.event_shape) != 1 or law.batch_shape:
            return None
        dtype = torch.float64 if y.dtype == torch.float64 else torch.float32
        if isinstance(law.base_dist, Normal):
            levels, rest = _normal_levels(len(y), self.p, y.device)
            return Quantiles(law.base_dist.loc.to(dtype), law.base_dist.scale.to(dtype), levels.to(dtype), rest)
        if self.kind != "axes":
            return None
        try:
            values = law.base_dist.icdf(_midpoints(len(y), y.device)[:, None].to(law.mean.dtype)).to(dtype)
        except NotImplementedError:
            return None
        zero = values.new_zeros(values.shape[1])
        return Quantiles(zero, zero + 1.0, values.T, 0.0)

    def _value(self, x: Tensor | Quantiles, y: Tensor) -> Tensor:
        return mean(x, y, self._lines(x, y), self.p)

    def _lines(self, x: Tensor | Quantiles, y: Tensor, a: Tensor | None = None, b: Tensor | None = None) -> Lines:
        if self.kind == "axes":
            return Lines(None, y.shape[1])
        directions = self._directions(y)
        if self.kind == "max":
            directions = largest(x, y, directions, self.p, a, b)
        return Lines(directions, len(directions))

    def _directions(self, y: Tensor) -> Tensor:
        """Unit vectors (directions, d), uniform on the sphere; the same on every device."""
        shape = (self.directions, y.shape[1])
        if self.seed is not None:
            make = _seeded.__wrapped__ if torch.compiler.is_compiling() else _seeded
            normal = make(self.seed, shape, y.dtype, y.device)
        else:
            share = math.ceil(self.directions / distributed.world())
            normal = distributed.gather(torch.randn(share, shape[1], dtype=y.dtype, device=y.device))[: self.directions]
        return normalize(normal)


@lru_cache(maxsize=16)
def _seeded(seed: int, shape: tuple[int, int], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Normal numbers by a generator on the CPU: a seed means the same on every device, to which they go once."""
    generator = torch.Generator().manual_seed(seed)
    with torch.inference_mode(False):  # training uses them too
        return torch.randn(shape, generator=generator, dtype=torch.float64).to(device, dtype)


def largest(
    x: Tensor | Quantiles, y: Tensor, directions: Tensor, p: float, a: Tensor | None = None, b: Tensor | None = None
) -> Tensor:
    """The direction (1, d) of the largest W_p^p on the way of an ascent from the best of `directions`.

    With the plan fixed, W_p^p is a convex function of the direction, so that a step to the gradient's direction
    increases it; the steps go half way, because the plan changes.
    """
    along = _along(x, y, a, b, p)
    best = along(directions).topk(min(STARTS, len(directions)))
    highest, best_directions = best.values, directions[best.indices]
    current = best_directions
    for _ in range(STEPS):
        with torch.enable_grad():
            current = current.detach().requires_grad_()
            values = along(current)
            (gradient,) = torch.autograd.grad(values.sum(), current)
        best_directions = torch.where((values > highest)[:, None], current, best_directions).detach()
        highest = torch.maximum(values, highest).detach()
        tiny = torch.finfo(gradient.dtype).tiny
        gradient = gradient / gradient.abs().amax(1, keepdim=True).clamp(min=tiny)  # whose square may overflow
        current = normalize(current + normalize(gradient, eps=tiny))
    return best_directions[highest.argmax()][None]


def _along(
    x: Tensor | Quantiles, y: Tensor, a: Tensor | None, b: Tensor | None, p: float
) -> Callable[[Tensor], Tensor]:
    """The function that gives W_p^p along directions (l, d) -> (l,), differentiable in them."""
    if a is None or b is None or not isinstance(x, Tensor):
        first, second = x.detach() if isinstance(x, Tensor) else x, y.detach()
        return lambda directions: along_each(first, second, Lines(directions, len(directions)), p)
    points, others, masses, more = (one.detach()[None] for one in (x, y, a, b))

    def along(directions: Tensor) -> Tensor:
        whole = slice(0, len(directions))
        return along_each_cloud(points, others, masses, more, Lines(directions, len(directions)), whole, p)[0]

    return along


def _midpoints(n: int, device: torch.device) -> Tensor:
    return (torch.arange(n, dtype=torch.float64, device=device) + 0.5) / n


def _normal_levels(n: int, p: float, device: torch.device) -> tuple[Tensor, Tensor | float]:
    """n ascending numbers (n,) that represent N(0, 1), and the rest: W_p^p to N(0, 1) minus W_p^p to the numbers.

    For p = 2 they are the means of n equally likely cells, and the rest is the variance within the cells.
    """
    if p != 2:
        return torch.special.ndtri(_midpoints(n, device)), 0.0
    ends = torch.special.ndtri(torch.arange(n + 1, dtype=torch.float64, device=device) / n)
    density = torch.exp(-0.5 * ends.square()) / math.sqrt(2.0 * math.pi)
    means = n * (density[:-1] - density[1:])
    return means, 1.0 - means.square().mean()
