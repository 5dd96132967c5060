"""The two forms of Sinkhorn's iteration, over a stored kernel or streamed, and the loop over either."""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from remblai.distances.certificate import transformed
from remblai.distances.entropic.softmin import FLOOR, Exponents, sweep
from remblai.distances.problem import Problem

REACH = 30.0
"""How far, in logarithms, the scalings may drift before they are absorbed into the kernel."""

CACHED = 2**20
"""Bytes of a kernel that are read at a time: both products use its rows while they are in the cache."""

LEAST = 1.001 * math.exp(FLOOR)
"""Entries of a kernel up to this are clamped ones."""

UNDERFLOW = 1e-9
"""Ratio of a column sum to its mass below which g is computed in the log domain: least exponents are clamped."""


class Form(ABC):
    """The interface: potentials of a problem with positive masses, updated by sweeps (f) and steps (g).

    Attributes:
        name: how `Plan.method` names it.
        dtype: the precision of the iteration.
    """

    name: str
    dtype: torch.dtype

    @abstractmethod
    def __init__(self, a: Tensor, b: Tensor, dtype: torch.dtype) -> None: ...

    @abstractmethod
    def begin(self, exponents: Exponents, g: Tensor) -> None:
        """Starts from the potential g (m,), float64, at the epsilon of these exponents."""

    @abstractmethod
    def sweep(self, omega: float) -> float:
        """Moves f towards the transform of g, relaxed by omega; returns |P' 1 - b|_1 after the update."""

    @abstractmethod
    def step(self, omega: float) -> None:
        """Moves g towards the transform of f, relaxed by omega, by the column sums of the last sweep."""

    @abstractmethod
    def potentials(self) -> Tensor:
        """g (m,) in float64."""

    @abstractmethod
    def transform(self, g: Tensor) -> Tensor:
        """f (n,), the soft transform of g (m,): float64 numbers, as accurate as the form's own precision."""

    @abstractmethod
    def measured(self) -> tuple[Tensor, float]:
        """f (n,), the transform of g, and the error of the columns, summed in float64; the rows are exact."""

    def plan(self, f: Tensor, g: Tensor) -> Tensor | None:
        """P (n, m) of potentials in float64, in the memory of the kernel, which is lost; None where none is stored."""
        return None


class Stream(Form):
    """Exponents recomputed in each pass: memory O(n + m), one exponential a pair and pass."""

    name = "stream"

    def __init__(self, a: Tensor, b: Tensor, dtype: torch.dtype) -> None:
        self.a, self.b, self.dtype = a, b, dtype

    def begin(self, exponents: Exponents, g: Tensor) -> None:
        self.exponents, self.g = exponents, g
        self.f: Tensor | None = None

    def sweep(self, omega: float) -> float:
        before = self.f
        relaxed = None if omega == 1.0 or before is None else lambda f, part: (omega - 1.0) * (f - before[part])
        self.f, self.ratios = sweep(self.exponents, self.a, self.b, self.g, relaxed)
        return float((self.b * (self.ratios - 1.0)).abs().sum())

    def step(self, omega: float) -> None:
        assert self.f is not None  # a sweep comes before each step
        g = self.g - (omega * self.exponents.epsilon) * self.ratios.log()
        self.g = _columns_in_logs(self.exponents, self.a, self.f, g, self.ratios)

    def potentials(self) -> Tensor:
        return self.g

    def transform(self, g: Tensor) -> Tensor:
        return sweep(self.exponents, self.a, self.b, g)[0]

    def measured(self) -> tuple[Tensor, float]:
        exponents = Exponents(self.exponents.geometry, self.exponents.epsilon, torch.float64)
        f, ratios = sweep(exponents, self.a, self.b, self.g)
        return f, float((self.b * (ratios - 1.0)).abs().sum())


class Kernel(Form):
    """exp((f_i + g_j - c_ij) / epsilon) stored (n, m), read once an iteration; it absorbs scalings that drift."""

    name = "kernel"

    def __init__(self, a: Tensor, b: Tensor, dtype: torch.dtype) -> None:
        self.masses, self.dtype = (a, b), dtype
        self.a, self.b = a.to(dtype), b.to(dtype)
        n, m = len(a), len(b)
        self.stored = torch.empty(n, m, dtype=dtype, device=a.device)
        rows = max(1, CACHED // (m * self.stored.element_size())) if a.device.type == "cpu" and n * m > CACHED else n
        self.parts = [slice(i, min(i + rows, n)) for i in range(0, n, rows)]
        self.p, self.sums = torch.empty_like(self.a), torch.empty_like(self.b)

    def begin(self, exponents: Exponents, g: Tensor) -> None:
        """Computes the kernel at these potentials, with largest entry 1 in each row, and its first column sums."""
        self.exponents, self.g, self.q, self.reach, self.fresh = exponents, g, self.b.clone(), 0.0, True
        bias, tops = exponents.bias(g), []
        self.sums.zero_()
        for part in exponents.parts():
            kernel, top = exponents.shifted_exponentials(part, bias, self.stored[part])
            self.p[part] = self.a[part] / torch.mv(kernel, self.q)
            self.sums.addmv_(kernel.T, self.p[part])
            tops.append(exponents.potentials(top, torch.ones_like(top), part))
        self.f = torch.cat(tops)

    def sweep(self, omega: float) -> float:
        if self.fresh:  # `begin` has computed the sums
            self.fresh = False
        else:
            self.sums.zero_()
            for part in self.parts:
                kernel = self.stored[part]
                p = self.a[part] / torch.mv(kernel, self.q)
                if omega != 1.0:
                    p = self.p[part] * (p / self.p[part]).pow_(omega)
                self.p[part] = p
                self.sums.addmv_(kernel.T, p)
        self.arrived = self.q * self.sums
        return float((self.arrived - self.b).abs_().sum())

    def step(self, omega: float) -> None:
        ratios = self.b / self.arrived
        low, high = torch.aminmax(ratios)
        self.reach += omega * max(-math.log(max(float(low), 1e-38)), math.log(max(float(high), 1e-38)))
        if not self.reach <= REACH:
            sums = (self.arrived / self.b).double()
            g = self.potentials() - (omega * self.exponents.epsilon) * sums.log()
            f = self.f + self.exponents.epsilon * (self.p / self.a).double().log()
            self.begin(self.exponents, _columns_in_logs(self.exponents, self.masses[0], f, g, sums))
        else:
            self.q *= ratios if omega == 1.0 else ratios.pow_(omega)

    def potentials(self) -> Tensor:
        return self.g + self.exponents.epsilon * (self.q / self.b).double().log()

    def transform(self, g: Tensor) -> Tensor:
        moved = (g - self.g) / self.exponents.epsilon
        if float(moved.abs().max()) > REACH:
            self.begin(self.exponents, g)
            moved = torch.zeros_like(g)
        return (
            self.f - self.exponents.epsilon * torch.mv(self.stored, self.b * moved.exp().to(self.dtype)).double().log()
        )

    def measured(self) -> tuple[Tensor, float]:
        a, b = self.masses
        q = b * ((self.potentials() - self.g) / self.exponents.epsilon).exp()
        sums, arrived = torch.empty_like(a), torch.zeros_like(b)
        for part in self.parts:
            kernel = self.stored[part].double()
            sums[part] = torch.mv(kernel, q)
            arrived.addmv_(kernel.T, a[part] / sums[part])
        return self.f - self.exponents.epsilon * sums.log(), float((q * arrived - b).abs().sum())

    def plan(self, f: Tensor, g: Tensor) -> Tensor | None:
        if self.dtype != torch.float64:
            return None
        p = self.a * ((f - self.f) / self.exponents.epsilon).exp_()
        q = self.b * ((g - self.g) / self.exponents.epsilon).exp_()
        for part in self.parts:  # entries at the clamp are 0: times an enormous cost they would count
            torch.threshold_(self.stored[part], LEAST, 0.0).mul_(p[part, None]).mul_(q)
        return self.stored


def _columns_in_logs(exponents: Exponents, a: Tensor, f: Tensor, g: Tensor, ratios: Tensor) -> Tensor:
    """g with the exact soft transform of f at the columns whose sums are too small for the kernel to show."""
    small = ratios < UNDERFLOW
    if not bool(small.any()):
        return g
    part = exponents.geometry.part(torch.ones_like(a, dtype=torch.bool), small).flipped()
    masses = torch.ones_like(g[small])
    return g.masked_scatter(small, transformed(Problem(masses, a, part, (masses, a)), f, exponents.epsilon))


class Relaxation:
    """Over-relaxation: the factor omega of a step, from the rate at which the errors fall.

    The rate theta of the plain iteration gives the best omega = 2 / (1 + sqrt(1 - theta)). A rate rho measured under
    omega gives theta again: theta = (rho + omega - 1)^2 / (rho omega^2).

    Source: Thibault, Chizat, Dossal, Papadakis (2021), Overrelaxed Sinkhorn-Knopp, arXiv 1711.01851.
    """

    WAIT, SPAN, MOST = 10, 5, 1.98

    def __init__(self) -> None:
        self.omega = 1.0
        self.errors: list[float] = []
        self.since = 0
        self.least = math.inf

    def resume(self) -> None:
        """Keeps omega for a new sequence of errors."""
        self.since, self.least = 0, math.inf

    def update(self, error: float) -> None:
        """Records the next error and sets omega."""
        self.errors.append(error)
        self.since += 1
        self.least = min(self.least, error)
        if self.omega > 1.0 and self.since > self.SPAN and error > 10.0 * self.least:
            self._restart(1.0 + 0.7 * (self.omega - 1.0))
            self.least = error
        elif self.since >= (self.WAIT if self.omega == 1.0 else 4 * self.WAIT):
            self._estimate()

    def _estimate(self) -> None:
        if self.omega == 1.0:
            rate = (self.errors[-1] / max(self.errors[-1 - self.SPAN], 1e-300)) ** (1.0 / self.SPAN)
        else:
            # A new omega first raises the errors, then they oscillate: compare the last two thirds of the window.
            third = self.since // 3
            logs = [math.log(max(error, 1e-300)) for error in self.errors[-2 * third :]]
            rate = math.exp((sum(logs[third:]) - sum(logs[:third])) / third**2)
        fastest = self.omega - 1.0  # the best rate of this omega on any problem
        if rate >= 1.0 or rate <= fastest + 0.25 * (1.0 - fastest) * (self.omega > 1.0):
            self.since = 0
            return
        theta = (rate + fastest) ** 2 / (rate * self.omega**2)
        self._restart(min(2.0 / (1.0 + math.sqrt(max(1.0 - theta, 0.0))), self.MOST))

    def _restart(self, omega: float) -> None:
        self.omega, self.since = omega, 0


PATIENCE = 200
"""Iterations in which the error must fall by a third; otherwise the iteration is stuck."""


def iterate(
    form: Form, target: float, limit: int, patient: bool = False, relaxation: Relaxation | None = None
) -> tuple[float, int]:
    """Iterates until the error is at most the target, the limit is reached or, unless `patient`, the error is stuck.

    Returns the last error and the number of iterations. Where the error is at most the target, the last sweep was a
    plain one, so the rows are exact. A `relaxation` keeps its omega from earlier calls.
    """
    relaxation = relaxation or Relaxation()
    relaxation.resume()
    milestone = math.inf
    for k in range(1, limit + 1):
        error = form.sweep(relaxation.omega)
        # Under relaxation the error is up to 1 / (2 - omega) times that after a plain sweep.
        if relaxation.omega > 1.0 and error * (2.0 - relaxation.omega) <= target and (error <= target or k % 4 == 0):
            error = form.sweep(1.0)
        if error <= target:
            return error, k
        if k % PATIENCE == 0:
            best = min(relaxation.errors[-PATIENCE // 2 :])
            if not patient and best > 0.7 * milestone:
                return error, k
            milestone = best
        if k < limit:
            form.step(relaxation.omega)
            relaxation.update(error)
    return error, limit
