"""The two forms in which Sinkhorn's iteration runs: over a stored kernel, or streamed; and the loop over either."""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor

from remblai.distances.entropic.softmin import Exponents, sweep

REACH = 30.0
"""How far, in logarithms, the scalings may drift from the stored kernel before it is made anew."""

CACHED = 2**20
"""Bytes of a kernel that are passed over at a time: rows are read for both products while they are in the cache."""


class Form(ABC):
    """The interface: potentials of a problem with positive masses, moved by sweeps and steps.

    Attributes:
        name: what a plan's method calls it.
        dtype: in which it runs.
    """

    name: str
    dtype: torch.dtype

    @abstractmethod
    def __init__(self, a: Tensor, b: Tensor, dtype: torch.dtype) -> None: ...

    @abstractmethod
    def begin(self, exponents: Exponents, g: Tensor) -> None:
        """Goes on from the potentials g (m,), float64, at the epsilon of these exponents."""

    @abstractmethod
    def sweep(self, omega: float) -> float:
        """Moves f towards the transform of g, by omega: |P' 1 - b|_1 after it."""

    @abstractmethod
    def step(self, omega: float) -> None:
        """Moves g towards the transform of f, by omega, from what the sweep summed."""

    @abstractmethod
    def potentials(self) -> Tensor:
        """g (m,) in float64."""

    @abstractmethod
    def transform(self, g: Tensor) -> Tensor:
        """f (n,), the soft transform of g (m,), in float64 as far as the form's precision goes."""

    @abstractmethod
    def judged(self) -> tuple[Tensor, float]:
        """f (n,), the transform of g, and the marginal error of the two, summed in float64: all of it is b's."""


class Stream(Form):
    """Exponents made anew for each pass: memory O(n + m), one exp a pair and pass."""

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
        self.g = self.g - (omega * self.exponents.epsilon) * self.ratios.log()

    def potentials(self) -> Tensor:
        return self.g

    def transform(self, g: Tensor) -> Tensor:
        return sweep(self.exponents, self.a, self.b, g)[0]

    def judged(self) -> tuple[Tensor, float]:
        judge = Exponents(self.exponents.geometry, self.exponents.epsilon, torch.float64)
        f, ratios = sweep(judge, self.a, self.b, self.g)
        return f, float((self.b * (ratios - 1.0)).abs().sum())


class Kernel(Form):
    """exp((f_i + g_j - c_ij) / epsilon) stored (n, m), read once an iteration; drifting scalings are absorbed in it."""

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
        """Makes the kernel at these potentials, each row's largest entry 1, and sums it on the way."""
        self.exponents, self.g, self.q, self.reach, self.fresh = exponents, g, self.b.clone(), 0.0, True
        bias, tops = exponents.bias(g), []
        self.sums.zero_()
        for part in exponents.parts():
            kernel, top = exponents.peaked(part, bias, self.stored[part])
            self.p[part] = self.a[part] / torch.mv(kernel, self.q)
            self.sums.addmv_(kernel.T, self.p[part])
            tops.append(exponents.potentials(top, torch.ones_like(top), part))
        self.f = torch.cat(tops)

    def sweep(self, omega: float) -> float:
        if self.fresh:  # summed when the kernel was made
            self.fresh = False
        else:
            self.sums.zero_()
            for part in self.parts:
                kernel = self.stored[part]
                wanted = self.a[part] / torch.mv(kernel, self.q)
                if omega != 1.0:
                    wanted = self.p[part] * (wanted / self.p[part]).pow_(omega)
                self.p[part] = wanted
                self.sums.addmv_(kernel.T, wanted)
        self.arrived = self.q * self.sums
        return float((self.arrived - self.b).abs_().sum())

    def step(self, omega: float) -> None:
        ratios = self.b / self.arrived
        low, high = torch.aminmax(ratios)
        self.reach += omega * max(-math.log(max(float(low), 1e-38)), math.log(max(float(high), 1e-38)))
        if not self.reach <= REACH:
            moved = (omega * self.exponents.epsilon) * (self.arrived / self.b).double().log()
            self.begin(self.exponents, self.potentials() - moved)
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

    def judged(self) -> tuple[Tensor, float]:
        a, b = self.masses
        q = b * ((self.potentials() - self.g) / self.exponents.epsilon).exp()
        sums, arrived = torch.empty_like(a), torch.zeros_like(b)
        for part in self.parts:
            kernel = self.stored[part].double()
            sums[part] = torch.mv(kernel, q)
            arrived.addmv_(kernel.T, a[part] / sums[part])
        return self.f - self.exponents.epsilon * sums.log(), float((q * arrived - b).abs().sum())


class Relaxation:
    """Over-relaxation: how far beyond a plain step to go, from how fast the errors fall.

    The plain iteration's rate theta gives the best omega = 2 / (1 + sqrt(1 - theta)); a rate rho seen under omega
    tells theta again, as (rho + omega - 1)^2 / (rho omega^2).

    Source: Thibault, Chizat, Dossal, Papadakis (2021), Overrelaxed Sinkhorn-Knopp, arXiv 1711.01851.
    """

    WAIT, SPAN, MOST = 10, 5, 1.98

    def __init__(self) -> None:
        self.omega = 1.0
        self.errors: list[float] = []
        self.since = 0
        self.least = math.inf

    def resume(self) -> None:
        """Goes on with this omega on errors that have nothing to do with those before."""
        self.since, self.least = 0, math.inf

    def saw(self, error: float) -> None:
        """Takes the next error and sets omega."""
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
            # a new omega first raises errors, and then they swing: the last two thirds of the window are compared
            third = self.since // 3
            logs = [math.log(max(error, 1e-300)) for error in self.errors[-2 * third :]]
            rate = math.exp((sum(logs[third:]) - sum(logs[:third])) / third**2)
        fastest = self.omega - 1.0  # of this omega, whatever the problem
        if rate >= 1.0 or rate <= fastest + 0.25 * (1.0 - fastest) * (self.omega > 1.0):
            self.since = 0
            return
        theta = (rate + fastest) ** 2 / (rate * self.omega**2)
        self._restart(min(2.0 / (1.0 + math.sqrt(max(1.0 - theta, 0.0))), self.MOST))

    def _restart(self, omega: float) -> None:
        self.omega, self.since = omega, 0


PATIENCE = 200
"""Iterations after which an error that has not fallen by a third is taken as stuck."""


def iterate(
    form: Form, target: float, limit: int, patient: bool = False, relaxation: Relaxation | None = None
) -> tuple[float, int]:
    """Iterates until the error is at most the target, the limit is reached or, unless patient, nothing moves.

    Returns the last error, after a sweep that made the rows exact where it is at most the target, and the number of
    iterations. A relaxation that is given goes on from what it has learnt.
    """
    relaxation = relaxation or Relaxation()
    relaxation.resume()
    mark = math.inf
    for k in range(1, limit + 1):
        error = form.sweep(relaxation.omega)
        # relaxed, the error is up to 1 / (2 - omega) times what a plain sweep leaves
        if relaxation.omega > 1.0 and error * (2.0 - relaxation.omega) <= target and (error <= target or k % 4 == 0):
            error = form.sweep(1.0)
        if error <= target:
            return error, k
        if k % PATIENCE == 0:
            best = min(relaxation.errors[-PATIENCE // 2 :])
            if not patient and best > 0.7 * mark:
                return error, k
            mark = best
        if k < limit:
            form.step(relaxation.omega)
            relaxation.saw(error)
    return error, limit
