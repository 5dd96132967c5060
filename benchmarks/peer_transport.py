"""What is timed in `transport.py`: problems, and each contender's answer to them, from the points."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

Array = NDArray[np.float64]
Answer = dict[str, Any]
LADDERS: dict[str, tuple[float | None, ...]] = {
    "none": (None,),
    "l2": (1.5e-4, 1e-4, 5e-5),
    "l1": (1e-4, 5e-5, 2.5e-5),
    "epochs": (10, 20, 40, 80, 160, 320, 640, 1280),
    "scaling": (0.5, 0.7, 0.9, 0.95, 0.98),
}
"""Stopping values from loose to tight: a peer gets the loosest that reaches the marginal error."""


@dataclass
class Problem:
    """Two clouds of points, masses, and what is asked.

    Attributes:
        n: points of each. d: coordinates. weights: "even" or "random". relative: epsilon over the mean cost.
        extra: whatever else a task wants.
    """

    n: int
    d: int
    weights: str = "even"
    relative: float = 0.0
    extra: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(0)
        self.x, self.y = rng.standard_normal((self.n, self.d)), rng.standard_normal((self.n, self.d)) * 0.8 + 0.5
        self.a = self.b = np.full(self.n, 1 / self.n)
        if self.weights == "random":
            self.a, self.b = (one / one.sum() for one in rng.random((2, self.n)) + 0.05)
        x, y = self.x, self.y
        mean = (x**2).sum(1).mean() + (y**2).sum(1).mean() - 2 * x.mean(0) @ y.mean(0)
        self.epsilon = self.relative * mean

    def masses(self) -> tuple[Any, Any]:
        """The masses as a user would give them: none when they are even."""
        return (None, None) if self.weights == "even" else (self.a, self.b)


@dataclass(frozen=True)
class Contender:
    """A side: `answer(problem, stop)` gives {"value": ...}, or Sinkhorn's {"f": ..., "g": ...}."""

    answer: Callable[[Problem, Any], Answer]
    ladder: str = "none"
    ours: bool = False
    even_only: bool = False


CONTENDERS: dict[str, dict[str, Contender]] = {}


def contender(task: str, name: str, **options: Any) -> Callable[[Callable[[Problem, Any], Answer]], None]:
    """Puts a function on the list of a task."""

    def keep(answer: Callable[[Problem, Any], Answer]) -> None:
        CONTENDERS.setdefault(task, {})[name] = Contender(answer, **options)

    return keep


def floats(*arrays: Array, dtype: torch.dtype = torch.float32) -> list[torch.Tensor]:
    return [torch.tensor(one, dtype=dtype) for one in arrays]


def marginal_error(p: Problem, f: Array, g: Array) -> float:
    """|P 1 - a|_1 + |P' 1 - b|_1 of P = a b exp((f + g - C) / epsilon), in float64, whoever made f and g."""
    columns, error = np.zeros(p.n), 0.0
    for rows in np.array_split(np.arange(p.n), max(1, p.n // 500)):
        costs = cdist(p.x[rows], p.y, "sqeuclidean")
        with np.errstate(over="ignore", invalid="ignore"):
            plan = np.exp((f[rows, None] + g - costs) / p.epsilon) * p.a[rows, None] * p.b
        error += float(np.abs(plan.sum(1) - p.a[rows]).sum())
        columns += plan.sum(0)
    return error + float(np.abs(columns - p.b).sum())


# --- exact ---------------------------------------------------------------------------------------------------------


@contender("exact", "POT emd2")
def _(p: Problem, _: Any) -> Answer:
    import ot

    return {"value": ot.emd2(p.a, p.b, ot.dist(p.x, p.y), numItermax=10**8)}


@contender("exact", "scipy linear_sum_assignment", even_only=True)
def _(p: Problem, _: Any) -> Answer:
    from scipy.optimize import linear_sum_assignment

    costs = cdist(p.x, p.y, "sqeuclidean")
    rows, columns = linear_sum_assignment(costs)
    return {"value": costs[rows, columns].mean()}


@contender("exact", "lapx lapjv", even_only=True)
def _(p: Problem, _: Any) -> Answer:
    import lap

    return {"value": lap.lapjv(cdist(p.x, p.y, "sqeuclidean"), return_cost=True)[0] / p.n}


# --- the line ------------------------------------------------------------------------------------------------------


@contender("line", "POT wasserstein_1d")
def _(p: Problem, _: Any) -> Answer:
    import ot

    return {"value": ot.wasserstein_1d(p.x[:, 0], p.y[:, 0], *p.masses(), p=p.extra["p"])}


@contender("line", "POT emd2_1d")
def _(p: Problem, _: Any) -> Answer:
    import ot

    metric = {"metric": "sqeuclidean"} if p.extra["p"] == 2 else {"metric": "minkowski", "p": p.extra["p"]}
    return {"value": ot.emd2_1d(p.x[:, 0], p.y[:, 0], *p.masses(), **metric)}


@contender("line", "scipy wasserstein_distance")
def _(p: Problem, _: Any) -> Answer:
    from scipy.stats import wasserstein_distance

    return {"value": wasserstein_distance(p.x[:, 0], p.y[:, 0], *p.masses())} if p.extra["p"] == 1 else {}


# --- Sinkhorn ------------------------------------------------------------------------------------------------------


def pot_sinkhorn(method: str, dtype: torch.dtype | None) -> Callable[[Problem, Any], Answer]:
    def answer(p: Problem, stop: Any) -> Answer:
        import ot

        x, y, a, b = (p.x, p.y, p.a, p.b) if dtype is None else floats(p.x, p.y, p.a, p.b, dtype=dtype)
        options = {"stopThr": stop / np.sqrt(p.n), "numItermax": 20_000, "log": True, "warn": False}
        _, log = ot.sinkhorn(a, b, ot.dist(x, y), p.epsilon, method=method, **options)
        scaled = ("log_u", "log_v") if "log_u" in log else ("u", "v")
        u, v = (np.asarray(log[name], float) for name in scaled)
        with np.errstate(divide="ignore", invalid="ignore"):
            u, v = (u, v) if scaled[0] == "log_u" else (np.log(u), np.log(v))
        return {"f": p.epsilon * (u - np.log(p.a)), "g": p.epsilon * (v - np.log(p.b))}

    return answer


for _name, _method, _dtype in (
    ("POT sinkhorn numpy", "sinkhorn", None),
    ("POT sinkhorn torch float32", "sinkhorn", torch.float32),
    ("POT sinkhorn_log torch float32", "sinkhorn_log", torch.float32),
):
    contender("sinkhorn", _name, ladder="l2")(pot_sinkhorn(_method, _dtype))


def ott_sinkhorn(momentum: bool) -> Callable[[Problem, Any], Answer]:
    compiled: dict[Any, Any] = {}

    def answer(p: Problem, stop: Any) -> Answer:
        import jax
        import jax.numpy as jnp
        from ott.geometry import pointcloud
        from ott.solvers import linear
        from ott.solvers.linear import acceleration

        more = {"momentum": acceleration.Momentum(value=1.0, start=50)} if momentum else {}

        def go(x: Any, y: Any, a: Any, b: Any) -> Any:
            cloud = pointcloud.PointCloud(x, y, epsilon=p.epsilon)
            out = linear.solve(cloud, a, b, lse_mode=True, threshold=stop, max_iterations=20_000, **more)
            return out.f, out.g

        run = compiled.setdefault((stop, p.epsilon), jax.jit(go))
        given = (jnp.asarray(one, jnp.float32) for one in (p.x, p.y, p.a, p.b))
        f, g = (np.asarray(one, float) for one in jax.block_until_ready(run(*given)))
        return {"f": f - p.epsilon * np.log(p.a), "g": g - p.epsilon * np.log(p.b)}

    return answer


contender("sinkhorn", "OTT-JAX float32", ladder="l1")(ott_sinkhorn(momentum=False))
contender("sinkhorn", "OTT-JAX float32, momentum", ladder="l1")(ott_sinkhorn(momentum=True))


@contender("sinkhorn", "GeomLoss SamplesLoss float32", ladder="scaling")
def _(p: Problem, stop: Any) -> Answer:
    import geomloss

    x, y, a, b = floats(p.x, p.y, p.a, p.b)
    loss = geomloss.SamplesLoss(
        "sinkhorn",
        p=2,
        blur=float(np.sqrt(p.epsilon / 2)),
        scaling=stop,
        debias=False,
        potentials=True,
        backend="tensorized",
    )
    f, g = (2 * one.numpy().ravel().astype(float) for one in loss(a, x, b, y))
    return {"f": f, "g": g}


# --- sliced, MMD, semi-dual ----------------------------------------------------------------------------------------


def directions(p: Problem) -> Array:
    """The same for every side: (d, L), of length 1."""
    found = np.random.default_rng(1).standard_normal((p.d, p.extra["directions"]))
    unit: Array = found / np.linalg.norm(found, axis=0)
    return unit


@contender("sliced", "POT numpy")
def _(p: Problem, _: Any) -> Answer:
    import ot

    if p.extra["gradient"]:
        return {}
    return {"value": ot.sliced_wasserstein_distance(p.x, p.y, projections=directions(p)) ** 2}


@contender("sliced", "POT torch float32")
def _(p: Problem, _: Any) -> Answer:
    import ot

    x, y, slices = floats(p.x, p.y, directions(p))
    value = ot.sliced_wasserstein_distance(x.requires_grad_(p.extra["gradient"]), y, projections=slices) ** 2
    if p.extra["gradient"]:
        value.backward()
    return {"value": float(value.detach())}


@contender("mmd", "torch, as one writes it")
def _(p: Problem, _: Any) -> Answer:
    x, y = floats(p.x, p.y)
    x.requires_grad_()

    def kernel(u: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        squares = u.square().sum(1)[:, None] + v.square().sum(1) - 2 * u @ v.T
        return torch.exp(-squares / (2 * p.d))

    within = [(k.sum() - k.diagonal().sum()) / (p.n * (p.n - 1)) for k in (kernel(x, x), kernel(y, y))]
    value = within[0] + within[1] - 2 * kernel(x, y).mean()
    value.backward()
    return {"value": float(value.detach())}


@contender("mmd", "GeomLoss gaussian (biased)")
def _(p: Problem, _: Any) -> Answer:
    import geomloss

    x, y = floats(p.x, p.y)
    value = 2 * geomloss.SamplesLoss("gaussian", blur=float(np.sqrt(p.d)), backend="tensorized")(x.requires_grad_(), y)
    value.backward()
    return {"value": float(value.detach())}
