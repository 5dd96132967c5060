"""Theorem 1 of the Wasserstein auto-encoder: transport to the generated law, or coding, are one problem."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from remblai.distances import emd
from remblai.gallery.entry import Entry, between, equal
from remblai.report import Picture
from remblai.report.style import Theme, chart, png, typeset

POINTS, CODES, IMAGES, CASES = 5, 7, 4, 20
NOISES = np.linspace(0.0, 1.0, 21)
Floats = NDArray[np.float64]


def gluing() -> Entry:
    """W_c(P_X, G#P_Z) = inf over Q with Q_Z = P_Z of E c(X, G(Z)), by two linear programs."""
    cases = [Case.random(seed) for seed in range(CASES)]
    case = cases[0]
    transported, encoder = case.transport(), case.encoder()
    glued = case.glued(transported)
    apart = max(abs((one.transport() * one.to_images).sum() - one.cost_of(one.encoder())) for one in cases)
    bounds, true = np.array([case.with_noise(sigma) for sigma in NOISES]).T
    value = float((transported * case.to_images).sum())
    checks = (
        equal("cost by codes, the program over Q(Z|X)", case.cost_of(encoder), value, 1e-9),
        equal("cost by images, with Q glued from the plan", case.cost_of(glued), value, 1e-9),
        equal("|Q_Z - P_Z| of the glued Q", float(np.abs(case.p @ glued - case.codes).sum()), 0.0, 1e-12),
        equal(f"largest difference of the two programs in {CASES} cases", apart, 0.0, 1e-9),
        equal("what noise of sigma = 0.5 adds to the cost by codes", bounds[10] - value, 2 * 0.25, 1e-9),
        between("least slack of that bound of W for sigma > 0", (bounds - true)[1:].min(), low=1e-3),
        equal("its slack for sigma = 0", bounds[0] - true[0], 0.0, 1e-9),
    )
    picture = Picture.chart(
        "gluing",
        "A plan to the images, and an encoder",
        "Left: the best plan from five points to the four images of seven codes. Middle: the best Q(Z | X), by mass; "
        "codes are grouped by their image, and the mass in a group is that of the plan. Right: the decoder moves each "
        "coordinate by +σ or −σ at random, which adds 2σ² to the cost by codes and makes it an upper bound only.",
        "Two couplings as squares of the mass that they carry, and two curves over the decoder's noise",
        draw,
        case=case,
        transported=transported,
        coded=case.p[:, None] * encoder,
        bounds=bounds,
        true=true,
    )
    return Entry(
        title="Coding is transport: the gluing lemma",
        words="Five points are carried to the images G(z) of seven codes, once by the transport problem to the law of "
        "the images and once by the best encoder Q(Z | X) whose codes have the law P_Z: two different linear "
        "programs, one value. A plan to the images becomes an encoder when each image's mass is shared out among the "
        "codes that have it: the gluing lemma, and the reason why a Wasserstein auto-encoder may train an encoder "
        "instead of a plan. With a random decoder the second program is only an upper bound: for the squared "
        "distance, noise of mean 0 and variance σ² in each of d coordinates, such as a Gaussian decoder's, adds d σ² "
        "to it and leaves its minimiser where it was.",
        checks=checks,
        pictures=(picture,),
        source="Tolstikhin, Bousquet, Gelly, Schoelkopf, “Wasserstein Auto-Encoders”, theorem 1, arXiv 1711.01558; "
        "Bousquet et al., “From optimal transport to generative modeling: the VEGAN cookbook”, arXiv 1705.07642",
    )


@dataclass(frozen=True)
class Case:
    """Points x (n, 2) of masses p (n,); codes of masses (k,), each with the number of its image among (m, 2)."""

    x: Floats
    p: Floats
    codes: Floats
    image: NDArray[np.int64]
    images: Floats

    @staticmethod
    def random(seed: int) -> "Case":
        """Random points, images and masses; seven codes on four images, sorted by image."""
        rng = np.random.default_rng(seed)
        image = np.sort(np.concatenate([np.arange(IMAGES), rng.integers(IMAGES, size=CODES - IMAGES)]))
        masses = rng.dirichlet(np.full(POINTS, 2.0)), rng.dirichlet(np.full(CODES, 2.0))
        return Case(rng.normal(size=(POINTS, 2)), *masses, image, rng.normal(size=(IMAGES, 2)))

    @property
    def pushed(self) -> Floats:
        """The law of the images, G#P_Z (m,)."""
        return np.bincount(self.image, self.codes, minlength=IMAGES).astype(np.float64)

    @property
    def to_images(self) -> Floats:
        """|x_i - y_j|^2 (n, m)."""
        return squares(self.x, self.images)

    @property
    def to_codes(self) -> Floats:
        """|x_i - G(z_k)|^2 (n, k)."""
        return self.to_images[:, self.image]

    def transport(self) -> Floats:
        """The best coupling (n, m) of P_X and G#P_Z."""
        return np.asarray(emd(self.p, self.pushed, self.to_images).coupling)

    def encoder(self) -> Floats:
        """The best Q(z | x) (n, k): each row sums to 1, and sum_x P_X(x) Q(z | x) = P_Z(z)."""
        n, k = self.to_codes.shape
        rows, codes = np.kron(np.eye(n), np.ones(k)), np.kron(self.p, np.eye(k))
        program = linprog(
            (self.p[:, None] * self.to_codes).ravel(),
            A_eq=np.vstack([rows, codes]),
            b_eq=np.concatenate([np.ones(n), self.codes]),
            method="highs",
        )
        return np.asarray(program.x).reshape(n, k)

    def glued(self, coupling: Floats) -> Floats:
        """Q(z | x) = sum_y P(y | x) P_Z(z | G(z) = y) from a coupling (n, m) of points and images."""
        share = self.codes / self.pushed[self.image]
        return coupling[:, self.image] * share / self.p[:, None]

    def cost_of(self, encoder: Floats) -> float:
        """E c(X, G(Z)) for Q(z | x) (n, k)."""
        return float((self.p[:, None] * encoder * self.to_codes).sum())

    def with_noise(self, sigma: float) -> tuple[float, float]:
        """With a decoder of four equally likely outcomes G(z) + (+-sigma, +-sigma), whose variance is sigma^2 an axis.

        Gives the least E c(X, Y) over Q with Q_Z = P_Z, and W_c(P_X, P_Y).
        """
        noise = sigma * np.array([(-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0)])
        places = (self.images[:, None] + noise).reshape(-1, 2)
        costs = squares(self.x, places)
        expected = costs.reshape(POINTS, IMAGES, 4).mean(2)[:, self.image]
        by_codes = emd(self.p, self.codes, expected).value
        return float(by_codes), float(emd(self.p, np.repeat(self.pushed / 4, 4), costs).value)


def squares(x: Floats, y: Floats) -> Floats:
    """|x_i - y_j|^2 (n, m)."""
    return np.asarray(((x[:, None] - y) ** 2).sum(-1))


def draw(case: Case, transported: Floats, coded: Floats, bounds: Floats, true: Floats, *, theme: Theme) -> bytes:
    """The two couplings as squares whose area is the mass, coloured by image, and the curves over the noise."""
    with typeset():
        figure, (left, middle, right) = chart(3.4, columns=3, theme=theme, width=9.8)
        for axes, plan, image in ((left, transported, np.arange(IMAGES)), (middle, coded, case.image)):
            rows, columns = np.nonzero(plan > 1e-9)
            colours = [theme.classes[image[column]] for column in columns]
            axes.scatter(columns, rows, s=1500 * plan[rows, columns], marker="s", color=colours, linewidths=0)
            axes.set(xlim=(-0.6, len(image) - 0.4), ylim=(POINTS - 0.4, -0.6), yticks=range(POINTS), ylabel="point x")
            axes.set_yticks(range(POINTS), [str(i + 1) for i in range(POINTS)])
            axes.set_xticks(range(len(image)), [f"{j + 1}" for j in range(len(image))])
            for tick, one in zip(axes.get_xticklabels(), image, strict=True):
                tick.set_color(theme.written(theme.classes[one]))
        left.set(xlabel="image y")
        middle.set(xlabel="code z, coloured by G(z)")
        for name, curve, colour, place, side in (
            ("cost by codes", bounds, theme.model, (0.64, 4.85), "right"),
            ("transport to the law", true, theme.data, (1.0, 3.65), "right"),
        ):
            right.plot(NOISES, curve, color=colour, linewidth=1.6)
            right.text(*place, name, color=colour, size=9, ha=side)
        right.set(
            xlabel="noise σ of the decoder",
            ylabel="least cost",
            xticks=(0.0, 0.5, 1.0),
            yticks=(4.0, 5.0, 6.0),
            ylim=(3.5, 6.1),
        )
        return png(figure)
