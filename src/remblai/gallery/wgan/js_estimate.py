"""Whether the Jensen-Shannon estimate of a GAN leaves log 2, and whether it tracks the quality of samples."""

import math
from collections.abc import Mapping

import numpy as np

from remblai.critics import Logistic
from remblai.gallery.entry import Check, Entry, Finding, between
from remblai.gallery.wgan import drawn
from remblai.gallery.wgan.watched import GENERATORS, Floats, Run, rank_correlation, trained
from remblai.report import Picture

CEILING = math.log(2.0)
NEAR = 0.9
"""The share of log 2 that counts as near."""
BETTER, MISLED = "DCGAN", "MLP 512 × 4"
SATURATED = ("DCGAN", "no batch norm")
"""Generators whose samples the discriminator separates from data to the end."""
MOVED = 0.15
"""The least spread of a distance that moves: redraws of the samples of one model spread it by 0.07 of its mean."""
ROUNDING = 1e-6
"""Of log 2 in single precision."""
TRACKED = 0.7
"""The rank correlation that a Wasserstein estimate has to reach in the entry `tracking`."""


def js_estimate(rounds: int = 160, evaluations: int = 80) -> Entry:
    """Curves of estimate and energy distance, and their rank correlations, for the three generators in the GAN's game.

    Args:
        rounds: updates of each generator.
        evaluations: how often its samples are compared with held-out digits.
    """
    runs = {name: trained(name, Logistic(), "free", rounds, evaluations) for name in GENERATORS}
    pooled = rank_correlation(*runs.values())
    return Entry(
        title="Does the Jensen-Shannon estimate track the quality of samples?",
        words="Three generators, a DCGAN, the same without batch normalisation and a MLP, are trained against one "
        "critic in the GAN's game, where log 2 less half of the loss estimates the Jensen-Shannon divergence, "
        "which is at most log 2.",
        checks=checks(runs, pooled),
        pictures=(
            Picture.chart(
                "js-estimate",
                "The estimate, its ceiling log 2, and the samples' distance",
                "Above, the estimate on validation digits after each round, its running median over a tenth of the "
                "run, and the largest value that it can have. Below, the energy distance of 720 samples to 360 "
                "held-out digits.",
                "Three columns of two curves each, one a generator",
                drawn.curves,
                runs=runs,
                ceiling=CEILING,
                label="log 2",
            ),
            Picture.chart(
                "js-estimate-pooled",
                "One discriminator for all generators",
                "Estimate and energy distance in the last half of each run, a colour for each generator.",
                "Dots of three colours",
                drawn.against,
                runs=runs,
                correlation=pooled,
            ),
            drawn.samples("js-estimate-samples", runs),
        ),
        source="Arjovsky, Chintala, Bottou, “Wasserstein GAN”, section 4.2 and figure 4, arXiv 1701.07875",
        findings=(
            Finding(
                "The discriminator soon separates samples from data almost surely: the estimate stays near log 2 while "
                "the quality of the samples moves.",
                ("estimate over log 2", "the same in the last half", "spread of the energy distance"),
            ),
            Finding(
                f"Where it leaves log 2 it misleads as well: it is lower for {MISLED} than for {BETTER}, whose samples "
                "are nearer to the digits.",
                ("estimate in the last half", "and their energy distances"),
            ),
            Finding(
                "In the run that it orders worst its rank correlation with the distance is "
                f"{min(map(rank_correlation, runs.values())):.2f}, over all three {pooled:.2f}: it is no guide to when "
                "to stop, or to which generator is better.",
                ("least rank correlation", "rank correlation over the last halves"),
            ),
        ),
    )


def checks(runs: Mapping[str, Run], pooled: float) -> tuple[Check, ...]:
    """That the estimate saturates, that the quality moves all the same, and that the one does not order the other."""
    late = {name: run.late for name, run in runs.items()}
    estimates = {name: float(np.median(estimate)) for name, (estimate, _) in late.items()}
    distances = {name: float(np.median(distance)) for name, (_, distance) in late.items()}
    everywhere = float(np.median(np.concatenate([run.filtered for run in runs.values()])))
    return (
        between("estimate over log 2, median over all rounds of all runs", everywhere / CEILING, NEAR, 1.0 + ROUNDING),
        *(
            between(f"the same in the last half: {name}", estimates[name] / CEILING, NEAR, 1.0 + ROUNDING)
            for name in SATURATED
        ),
        *(
            between(
                f"spread of the energy distance there, over its mean (0.07 of redraws): {name}",
                spread(late[name][1]),
                MOVED,
            )
            for name in SATURATED
        ),
        between(f"estimate in the last half, {MISLED} over {BETTER}", estimates[MISLED] / estimates[BETTER], high=0.95),
        between("and their energy distances", distances[MISLED] / distances[BETTER], 1.05),
        between(
            "least rank correlation in the last half of a run", min(map(rank_correlation, runs.values())), high=0.0
        ),
        between("rank correlation over the last halves of all three", pooled, high=TRACKED),
    )


def spread(values: Floats) -> float:
    """The range of values over their mean."""
    return float(np.ptp(values) / values.mean())
