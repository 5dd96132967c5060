"""Theorem 3 of the Wasserstein GAN: the gradient of W in the generator, and the potentials that do not give it."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from remblai.costs import Euclidean
from remblai.distances import emd, transport
from remblai.gallery.entry import Entry, between, equal
from remblai.report import Picture
from remblai.report.style import Theme, chart, png, typeset

POINTS, HIDDEN, PROBLEMS = 8, 8, 50
STEP = 1e-6
"""Of the finite differences in theta: their error is some 1e-9, of those taken on one side some 1e-6."""
TIGHT = 1e-9
WAY = (0.0, 1.0)
DISTANCE = Euclidean()


def envelope() -> Entry:
    """The plan's gradient is the derivative of W; a vertex of the dual has kinks where the generated points lie."""
    slopes = [Case(seed).slopes() for seed in range(PROBLEMS)]
    plan, centre, vertex = (np.array([abs(one[name] - one["true"]) for one in slopes]) for name in KINDS)
    wrong = int((vertex > 1e-4).sum())
    checks = (
        between("largest error of the plan's gradient", plan.max(), high=1e-6),
        between("largest error of the central potential's gradient", centre.max(), high=1e-6),
        between("problems, of 50, in which the vertex's is wrong", wrong, 40, 50),
        equal("tight pairs at a vertex, fewest", min(one["tight at the vertex"] for one in slopes), 2 * POINTS - 1),
        equal("tight pairs at a vertex, most", max(one["tight at the vertex"] for one in slopes), 2 * POINTS - 1),
        equal("tight pairs of the central potential, most", max(one["tight at the centre"] for one in slopes), POINTS),
    )
    picture = Picture.chart(
        "envelope",
        "A potential that touches, and one that only corners",
        "Left: one generated point is moved; W is solved again at each place. Both potentials prove a lower bound that "
        "touches W where the point was, but only the central one has W's slope there: the vertex has a corner. Right: "
        "the derivative along a random direction of the generator's weights, against finite differences.",
        "Left, W and two optimal potentials along a line through a generated point; right, errors of the gradients",
        draw,
        cut=Case(8).cut(),
        errors={"plan": plan, "central potential": centre, "vertex": vertex},
    )
    return Entry(
        title="The gradient of W through its potential",
        words="A small network generates eight points, and their exact distance to eight data points is differentiated "
        "in its weights. The gradient of the optimal plan's cost agrees with finite differences, and so does that of a "
        "potential from the middle of the optimal ones; that of a vertex of the dual, which a simplex may return, is "
        f"wrong in {wrong} of {PROBLEMS} random problems. A vertex makes 15 pairs tight where the plan uses 8, and so "
        "has corners exactly at the generated points, where the theorem differentiates: its proviso that both "
        "gradients exist is not idle.",
        checks=checks,
        pictures=(picture,),
        source="Arjovsky, Chintala, Bottou, “Wasserstein GAN”, theorem 3, arXiv 1701.07875",
    )


KINDS = ("plan", "centre", "vertex")


@dataclass(frozen=True)
class Cut:
    """W, and two lower bounds of it, when one generated point is moved by t: differences to t = 0, times its mass."""

    t: np.ndarray
    true: np.ndarray
    centre: np.ndarray
    vertex: np.ndarray


class Case:
    """One random problem: data x (n, 2), noise z (n, 2), weights theta, and a direction to move them in."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.x, self.z = (torch.from_numpy(rng.standard_normal((POINTS, 2))) for _ in range(2))
        self.theta, self.direction = (torch.from_numpy(rng.standard_normal(4 * HIDDEN)) for _ in range(2))
        self.vertices = [self.vertex(favoured) for favoured in range(POINTS)]
        self.centre = sum(self.vertices, torch.zeros(POINTS, dtype=torch.float64)) / POINTS

    def points(self, theta: Tensor) -> Tensor:
        """g_theta(z) (n, 2): a network of one hidden layer."""
        first, second = theta.view(2, 2, HIDDEN)
        found: Tensor = torch.tanh(self.z @ first) @ second.T
        return found

    def moved(self, step: float) -> Tensor:
        """The generated points after a step along the direction."""
        return self.points(self.theta + step * self.direction)

    def vertex(self, favoured: int) -> Tensor:
        """The potential g (n,) of the data at one vertex of the optimal duals.

        A little more mass on one generated point breaks the tie: of the optimal duals the one with the largest f there
        stays optimal. The mean of these, over the points, keeps every pair slack that the plan does not use.
        """
        masses = np.full(POINTS, (1.0 - 0.01) / POINTS)
        masses[favoured] += 0.01
        return torch.as_tensor(emd(masses, None, self.costs().numpy()).g)

    def costs(self) -> Tensor:
        """|g_theta(z_i) - x_j| (n, n)."""
        return DISTANCE.matrix(self.points(self.theta), self.x)

    def transformed(self, g: Tensor, points: Tensor) -> Tensor:
        """The c-transform min_j |y - x_j| - g_j at points y (k, 2): -f* of the theorem."""
        return (DISTANCE.matrix(points, self.x) - g).amin(1)

    def tight(self, g: Tensor) -> int:
        """How many pairs have f_i + g_j = c_ij."""
        slack = self.costs() - g
        return int((slack - slack.amin(1, keepdim=True) < TIGHT).sum())

    def slopes(self) -> dict[str, float]:
        """The derivative of W along the direction: by differences of W, by the plan and by two potentials."""
        theta = self.theta.clone().requires_grad_()
        by_plan = transport(self.points(theta), self.x, "euclidean").value
        by_centre = self.transformed(self.centre, self.points(theta)).mean()
        vertex = self.vertices[0]
        ahead, here = (self.transformed(vertex, self.moved(step)).mean() for step in (STEP, 0.0))
        return {
            "true": (self.distance(self.moved(STEP)) - self.distance(self.moved(-STEP))) / (2.0 * STEP),
            "plan": self.along(by_plan, theta),
            "centre": self.along(by_centre, theta),
            "vertex": float(ahead - here) / STEP,  # it has no derivative: this is the one to the right
            "tight at the centre": self.tight(self.centre),
            "tight at the vertex": self.tight(vertex),
        }

    def along(self, value: Tensor, theta: Tensor) -> float:
        """The derivative of a value in theta, along the direction."""
        (gradient,) = torch.autograd.grad(value, theta)
        return float(gradient @ self.direction)

    def distance(self, points: Tensor) -> float:
        """The exact W1 from points (n, 2) to the data."""
        return float(transport(points, self.x, "euclidean").value)

    def cut(self) -> Cut:
        """Moves, along a line, the generated point around which the central potential is smooth the farthest."""
        start = self.points(self.theta)
        slack = self.costs() - self.centre
        one = int((slack - slack.amin(1, keepdim=True)).sort(1).values[:, 1].argmax())
        t = np.linspace(-0.6, 0.6, 121)
        places = start[one] + torch.from_numpy(t)[:, None] * torch.tensor(WAY, dtype=torch.float64)
        true = []
        for place in places:
            points = start.clone()
            points[one] = place
            true.append(self.distance(points))
        potentials = self.centre, self.vertices[one]
        bounds = [self.transformed(g, places) - self.transformed(g, start[one : one + 1]) for g in potentials]
        return Cut(t, POINTS * (np.array(true) - self.distance(start)), *(one.numpy() for one in bounds))


def draw(cut: Cut, errors: dict[str, np.ndarray], *, theme: Theme) -> bytes:
    """The cut, and the errors of the three gradients in all problems."""
    colours = {"plan": theme.ink, "central potential": theme.data, "vertex": theme.model}
    with typeset():
        figure, (left, right) = chart(3.5, columns=2, theme=theme, width=9.8)
        curves = {
            "W, solved again": (cut.true, theme.ink, (0.235, 0.075), "left"),
            "central potential": (cut.centre, theme.data, (-0.6, -0.16), "left"),
            "vertex": (cut.vertex, theme.model, (0.27, -0.29), "right"),
        }
        for name, (values, colour, place, side) in curves.items():
            left.plot(cut.t, values, color=colour, linewidth=1.6)
            left.text(*place, name, color=colour, size=9, ha=side)
        left.plot(0, 0, "o", color=theme.ink, markersize=5)
        left.set(xlabel="displacement of one generated point", ylabel="change of W and of its bounds, times 8")
        left.set(xticks=(-0.5, 0.0, 0.5), yticks=(-0.4, -0.2, 0.0))
        for column, (name, error) in enumerate(errors.items()):
            spread = column + np.random.default_rng(0).uniform(-0.25, 0.25, len(error))
            right.semilogy(spread, error, ".", color=colours[name], markersize=5, alpha=0.8)
        right.set(xlim=(-0.6, 2.6), ylabel="error of the derivative along θ", yticks=(1e-12, 1e-9, 1e-6, 1e-3, 1))
        right.set_xticks(range(3), list(errors))
        return png(figure)
