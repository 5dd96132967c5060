"""Two walkers learn from an expert what it wants: adversarially, and by Kantorovich's potential as the reward."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from remblai.distances import emd, rubinstein
from remblai.gallery.entry import Check, Entry, Finding, between, equal
from remblai.gallery.walkers.adversarial import adversarial
from remblai.gallery.walkers.kantorovich import Learner, apart, kantorovich, together
from remblai.gallery.walkers.world import Answer, World
from remblai.report import Picture
from remblai.report.style import Theme, chart, png, typeset

GOAL, COLLISION = 2.0, 4.0
"""The expert's reward of a step at a goal, and what a collision costs it, for each nat of entropy of its moves."""

TEMPERATURE = 0.3
FAR = 3.0
"""Steps of the ground metric that it is from a collision to a state that is none."""

SCALE = 5.5
"""Of the maps of rewards: the largest that has a colour of its own."""

DRAWS = 4
"""Of walks, for the mean W1 of fresh ones."""

WITH, WITHOUT = ("AIRL", "Wasserstein"), ("AIRL, alone", "Wasserstein, alone")
STEPS = "Wasserstein, steps only"
"""The learners: with an interaction in the reward, with none, and with one that the metric hardly sees."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Study:
    """What was learnt from `seeds` sets of the expert's walks.

    Attributes:
        world: where.
        true: the expert's reward (S,).
        expert: the exact answer to it.
        metric: between states (S, S).
        sets: the occupancies of the sets of walks (seeds, S).
        floor: W1 of two independent sets, of many pairs: what W1 between sets of walks can come down to.
        own: W1 from such sets to the expert's own occupancy: the floor of W1 from a set to an occupancy.
        learners: by name, one of each set.
        curves: by name, W1 from its set to the occupancies on the way (seeds, rounds).
        fresh: by name, W1 from fresh sets of the expert to as many walks of the learner, a mean (seeds,).
    """

    world: World
    true: Floats
    expert: Answer
    metric: Floats
    sets: Floats
    floor: Floats
    own: Floats
    learners: dict[str, list[Learner]]
    curves: dict[str, Floats]
    fresh: dict[str, Floats]

    @property
    def band(self) -> tuple[float, float, float]:
        """The floor of the curves: 5 % of sets are below the first, half below the second, 95 % below the third."""
        low, middle, high = np.quantile(self.own, (0.05, 0.5, 0.95)).tolist()
        return low, middle, high

    def risk(self, name: str) -> Floats:
        """The share of walks that collide, of each learner of the name."""
        return np.array([self.world.collisions(one.answer.policy) for one in self.learners[name]])


def inverse_reinforcement() -> Entry:
    """W1 to the expert falls below its sampling floor, and only a reward with an interaction keeps them apart."""
    found = study()
    fresh = [float(np.median(found.fresh[name]) / np.median(found.floor)) for name in WITH]
    pictures = (
        Picture.chart(
            "inverse-reinforcement",
            "To the floor, and past each other",
            "Left: W1 from the expert's walks to each policy's occupancy, the median over sets of walks; the band is "
            "W1 from such sets to the expert's own occupancy, 5 to 95 % of sets. Alone: a sum of one term for each "
            "walker. Right: the probability that a walk meets a collision, a dot for each set.",
            "Curves of W1 that fall below a band with an interaction in the reward and stay above it without; beside "
            "them collisions: few for the expert and with the interaction, almost half without",
            draw,
            found=found,
        ),
        Picture.chart(
            "inverse-reinforcement-reward",
            "What they want",
            "The reward of walker 1's place, in the units of the expert's, while walker 2 is at the dot; the star is "
            "walker 1's goal. Each is known up to a constant, taken so that the median of the map is 0; means over the "
            "sets of walks. What was hardly ever seen, AIRL leaves near 0.",
            "Three maps of the grid, each low around walker 2 and high at the goal: the true reward, the potential, "
            "which is close to it, and that of AIRL, which is fainter",
            draw_rewards,
            found=found,
        ),
    )
    return Entry(
        title="Inverse reinforcement learning by transport",
        words="Two walkers on a grid must change places without being on the same or on adjacent cells; from sets of "
        "an expert's walks, learners look for a reward whose soft optimal policy has the expert's occupancy, by the "
        "logistic game of adversarial inverse reinforcement learning (AIRL) or by Kantorovich's potential between the "
        "occupancies of expert and policy. The reward has a term of both places, or is a sum of one term for each "
        f"walker. The potential's metric adds {FAR:g} steps between a collision and any other state, so that it is "
        "given what a collision is, which AIRL is not; one more learner measures in steps alone, where a collision is "
        "one step from safety.",
        checks=checks(found),
        pictures=pictures,
        source="The slides' outlook: Wasserstein inverse reinforcement learning with several agents; Fu, Luo, Levine, "
        "“Learning robust rewards with adversarial inverse reinforcement learning”, arXiv 1710.11248",
        findings=(
            Finding(
                "With a term of both places both bring W1 from the walks that they learn from below that to the "
                "expert's own policy, and collide about as rarely as the expert.",
                tuple(f"{name}: {what}" for name in WITH for what in ("last W1", "the same")),
            ),
            Finding(
                f"Fresh walks of theirs are {fresh[1]:.2f} and {fresh[0]:.2f} times as far from the expert's (by "
                "potential, by AIRL) as two sets of its own are from each other: the floor itself is not reached.",
                tuple(f"{name}: W1 of fresh walks" for name in WITH),
            ),
            Finding(
                "Where the reward is a sum, the walkers move independently, and a large share of the walks collide.",
                tuple(f"{name}: the same" for name in WITHOUT),
            ),
            Finding(
                "A potential sees what its metric sees: measured in steps alone, its policy still collides far more "
                "often than the expert.",
                (f"{STEPS}: the same",),
            ),
        ),
    )


def study(
    side: int = 5, seeds: int = 3, walks: int = 200, rounds: int = 20, answers: int = 200, pairs: int = 40
) -> Study:
    """Learns from sets of the expert's walks.

    Args:
        side: of the grid.
        seeds: sets of walks.
        walks: in each.
        rounds: of Frank and Wolfe's ascent.
        answers: rounds of the adversarial game.
        pairs: of sets, for the floor.
    """
    world, rng = World(side), np.random.default_rng(0)
    true = world.reward(GOAL, COLLISION)
    expert, metric = world.answer(true), world.metric(FAR)

    def walked(answer: Answer) -> Floats:
        return world.counted(world.walks(answer.policy, walks, rng)[0])

    def w1(a: Floats, b: Floats) -> float:
        return float(emd(a, b, metric).value)

    given = [world.walks(expert.policy, walks, rng) for _ in range(seeds)]
    sets = np.stack([world.counted(states) for states, _ in given])
    classes = {WITH[1]: together(metric), STEPS: together(world.metric()), WITHOUT[1]: apart(world.distances)}
    learners = {
        name: [kantorovich(world, one, best, rounds=rounds, temperature=TEMPERATURE) for one in sets]
        for name, best in classes.items()
    } | {
        name: [adversarial(world, one, name in WITH, rounds=answers, seed=k) for k, one in enumerate(given)]
        for name in (WITH[0], WITHOUT[0])
    }
    return Study(
        world, true, expert, metric, sets,
        floor=np.array([w1(walked(expert), walked(expert)) for _ in range(pairs)]),
        learners=learners,
        curves={
            name: np.array([[w1(one, d) for d in learner.occupancies] for one, learner in zip(sets, each, strict=True)])
            for name, each in learners.items()
        },
        fresh={name: np.array([np.mean([w1(walked(expert), walked(one.answer)) for _ in range(DRAWS)]) for one in each])
               for name, each in learners.items()},
        own=np.array([w1(walked(expert), expert.occupancy) for _ in range(pairs)]),
    )  # fmt: skip


def checks(found: Study) -> tuple[Check, ...]:
    """What exact dynamic programming, the floor, the interaction and duality have to give."""
    world, (_, middle, limit) = found.world, found.band
    ends = [found.expert, *(one.answer for each in found.learners.values() for one in each)]
    flow = max(world.flow(one.occupancy, one.policy) for one in ends)
    potential = rubinstein.of_matrix(found.sets[0], found.learners[WITH[1]][0].answer.occupancy, found.metric)
    dual = float(potential.f @ (found.sets[0] - found.learners[WITH[1]][0].answer.occupancy))
    expert = world.collisions(found.expert.policy)
    last = {name: float(np.median(curve[:, -1])) for name, curve in found.curves.items()}
    fresh = {name: float(np.median(each) / np.median(found.floor)) for name, each in found.fresh.items()}
    return (
        equal("mass of the expert's occupancy", float(found.expert.occupancy.sum()), 1.0, 1e-10),
        between("Bellman's flow: most by which any occupancy fails it", flow, high=1e-10),
        *(between(f"{name}: last W1, at most the expert's own", last[name], high=middle) for name in WITH),
        *(between(f"{name}: W1 of fresh walks, over that of two sets", fresh[name], high=1.5) for name in WITH),
        *(between(f"{name}: the same", fresh[name], low=1.75) for name in WITHOUT),
        *(between(f"{name}: last W1, above 95 % of the expert's own", last[name], low=limit) for name in WITHOUT),
        between("share of the expert's walks that collide", expert, high=0.05),
        *(between(f"{name}: the same", float(np.median(found.risk(name))), high=2 * expert) for name in WITH),
        *(between(f"{name}: the same", float(np.median(found.risk(name))), low=10 * expert) for name in WITHOUT),
        between(f"{STEPS}: the same", float(np.median(found.risk(STEPS))), low=3 * expert),
        between(f"{WITH[1]}: correlation of its reward with the expert's", float(np.median(alike(found))), low=0.8),
        between("slope of the last potential", potential.lipschitz, high=1 + 1e-9),
        between("slope of the learnt reward, times temperature", max(slopes(found)), high=1 + 1e-9),
        equal("the potential's value less W1", dual - potential.value, 0.0, 1e-9),
    )


def alike(found: Study) -> list[float]:
    """The correlations over all states of the expert's reward with those that are means of potentials."""
    return [float(np.corrcoef(found.true, one.reward)[0, 1]) for one in found.learners[WITH[1]]]


def slopes(found: Study) -> list[float]:
    """The largest |r(s) - r(s')| * temperature / distance of the rewards that are means of potentials."""
    off = found.metric > 0.0
    rewards = [TEMPERATURE * one.reward for one in found.learners[WITH[1]]]
    return [float((np.abs(r[:, None] - r)[off] / found.metric[off]).max()) for r in rewards]


def draw(found: Study, *, theme: Theme) -> bytes:
    """W1 against rounds with the floor's band; collisions beside it."""
    low, middle, high = found.band
    with typeset():
        figure, (left, right) = chart(4.0, columns=2, theme=theme, width=9.8)
        left.axhspan(low, high, color=theme.quiet, alpha=0.16, lw=0)
        left.axhline(middle, color=theme.quiet, lw=0.9, ls=(0, (4, 4)))
        left.text(3100, high * 1.04, "the expert's own policy", color=theme.quiet, size=9, ha="right")
        for name, curve in found.curves.items():
            rounds = np.maximum(found.learners[name][0].rounds, 0.5)  # the first policy's, 0, has no logarithm
            style = (0, (4, 2)) if name in WITHOUT else "-"
            colour, heights = colours(theme)[name], np.median(curve, axis=0)
            left.loglog(rounds, heights, color=colour, ls=style, lw=1.8)
            label = name.removeprefix("Wasserstein, ").replace(", ", ",\n")
            left.text(rounds[-1] * 1.1, heights[-1], label, color=colour, size=9, va="center", linespacing=1.0)
        left.set(xlabel="rounds", ylabel="W1 to the expert's walks", xlim=(0.47, 3300))
        left.set_xticks((0.5, 1, 10, 100), ("0", "1", "10", "100"))
        left.set_yticks((0.1, 0.3, 1, 3), ("0.1", "0.3", "1", "3"))
        _collisions(right, found, theme)
        return png(figure)


def colours(theme: Theme) -> dict[str, str]:
    """A colour for each way of learning; without an interaction its line is dashed and its dots are hollow."""
    adversarially, by_potential = dict.fromkeys((WITH[0], WITHOUT[0]), theme.data), (WITH[1], WITHOUT[1])
    return adversarially | dict.fromkeys(by_potential, theme.model) | {STEPS: theme.classes[4]}


def _collisions(axes: Axes, found: Study, theme: Theme) -> None:
    """A row for the expert and each learner, from the rarest to the most frequent."""
    risks = {"expert": np.array([found.world.collisions(found.expert.policy)])}
    risks |= {name: found.risk(name) for name in (*reversed(WITH), STEPS, *WITHOUT)}
    for height, (name, risk) in enumerate(reversed(risks.items())):
        colour = theme.ink if name == "expert" else colours(theme)[name]
        axes.hlines(height, 0.0, 100 * risk.max(), color=colour, lw=1.2, alpha=0.45)
        inside = theme.paper if name in WITHOUT else colour
        axes.plot(100 * risk, np.full(len(risk), height), "o", ms=6.5, color=colour, mfc=inside, zorder=3)
    axes.set_yticks(range(len(risks)), list(risks)[::-1])
    axes.set(xlabel="walks that collide, %", xlim=(0, 56), ylim=(-0.6, len(risks) - 0.4))
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0, labelcolor=theme.ink, labelsize=9.5)


def draw_rewards(found: Study, *, theme: Theme) -> bytes:
    """The true reward, the mean potential's and AIRL's, of walker 1's place for one place of walker 2."""
    side, cells = found.world.side, found.world.cells
    other, goal = cells[side + side // 2], cells[found.world.goals[0]]
    maps = {"the expert's": found.true} | {
        name: np.mean([one.reward for one in found.learners[name]], axis=0) for name in reversed(WITH)
    }
    shades = LinearSegmentedColormap.from_list("reward", (theme.model, theme.paper, theme.data))
    with typeset():
        figure, panels = chart(3.35, columns=3, theme=theme, width=9.8)
        for axes, (name, reward) in zip(panels, maps.items(), strict=True):
            shown = reward.reshape((side,) * 4)[:, :, *other]
            image = axes.pcolormesh(
                shown - np.median(shown), cmap=shades, vmin=-SCALE, vmax=SCALE, edgecolor=theme.line, lw=0.8
            )
            halo = [withStroke(linewidth=3, foreground=theme.paper)]
            for place, mark, size in ((other, "o", 9), (goal, "*", 14)):
                axes.plot(place[1] + 0.5, place[0] + 0.5, mark, ms=size, color=theme.ink, path_effects=halo)
            axes.set_title(name, color=theme.ink, size=10)
            axes.set(xticks=(), yticks=(), aspect="equal")
            axes.invert_yaxis()
            axes.spines[["left", "bottom"]].set_visible(False)
        bar = figure.colorbar(image, ax=panels, shrink=0.75, aspect=14, ticks=(-4, -2, 0, 2, 4))
        bar.outline.set_visible(False)
        bar.ax.tick_params(color=theme.line, labelcolor=theme.quiet, labelsize=8.5, length=3)
        return png(figure)
