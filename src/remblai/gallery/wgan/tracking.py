"""The Wasserstein estimate tracks the quality of samples: one critic, three generators, and a run that fails."""

from collections.abc import Mapping
from functools import partial

from remblai.critics import Kantorovich
from remblai.gallery.entry import Check, Entry, between
from remblai.gallery.wgan import drawn
from remblai.gallery.wgan.watched import (
    CONNECTED,
    CRITIC_RATE,
    GENERATORS,
    Floats,
    Run,
    objective,
    rank_correlation,
    trained,
    watch,
)
from remblai.report import Picture

FAILING = "MLP against MLP"
FAILING_RATE = 0.1
ENOUGH = 0.7


def tracking(rounds: int = 160, evaluations: int = 80) -> Entry:
    """Curves of estimate and energy distance, their rank correlations late in each run and over all of them.

    Args:
        rounds: updates of each generator.
        evaluations: how often its samples are compared with held-out digits.
    """
    runs = {name: trained(name, Kantorovich(), "gradient-penalty", rounds, evaluations) for name in GENERATORS}
    failing = failed(rounds, evaluations)
    pooled = rank_correlation(*runs.values())
    shown = {**runs, FAILING: failing}
    return Entry(
        title="The Wasserstein estimate tracks the quality of samples",
        words="One critic, a small DCGAN's, is trained against three generators of digits in turn, and each round's "
        "estimate is compared with a distance that no critic takes part in, the energy distance of samples to held-out "
        "digits. The two fall together, within the last half of each run and over all the runs, so that one can read "
        "from the loss whether training still improves; in a fourth run, of two MLPs at a rate that is far too high, "
        "the samples are the same from the start, and the estimate stays where it is. This asks for a critic near its "
        "optimum, here with long rounds at the start and 5 critic steps in the others, and for generators slow enough "
        "to improve to the end, which leaves their samples unfinished; the critic is constrained by a penalty, for "
        "with weights clipped as in the paper critics of this size tracked some of the runs tried, not others. Curves "
        "that fall are easily correlated: that not every estimate does it is shown by the entry on Jensen-Shannon.",
        checks=checks(runs, failing),
        pictures=(
            Picture.chart(
                "tracking",
                "The estimate falls as the samples improve",
                "Above, the critic's estimate on validation digits after each round, and its running median over a "
                "tenth of the run. Below, what it should follow: the energy distance of 720 samples to 360 held-out "
                "digits. The fourth run has another critic, so that its scale is its own.",
                "Four columns of two curves each: three fall together, the fourth pair stays high",
                drawn.curves,
                runs=shown,
            ),
            Picture.chart(
                "tracking-pooled",
                "One critic for all generators",
                "Estimate and energy distance in the last half of each run: one curve for three architectures.",
                "Dots of three colours that lie along one rising curve",
                drawn.against,
                runs=runs,
                correlation=pooled,
            ),
            drawn.samples("tracking-samples", shown),
        ),
        source="Arjovsky, Chintala, Bottou, “Wasserstein GAN”, section 4.2 and figure 3, arXiv 1701.07875",
    )


def checks(runs: Mapping[str, Run], failing: Run) -> tuple[Check, ...]:
    """Correlations late in the runs; that the runs improve there; that the failing run does not, and shows it."""
    return (
        *(
            between(f"rank correlation in the last half: {name}", rank_correlation(run), ENOUGH)
            for name, run in runs.items()
        ),
        between("rank correlation over the last halves of all three", rank_correlation(*runs.values()), ENOUGH),
        *(
            between(f"energy distance, end over middle of the run: {name}", fallen(run.late[1]), high=0.9)
            for name, run in runs.items()
        ),
        between(
            "filtered estimate at the end over its largest: the most of the three",
            max(map(kept, runs.values())),
            high=0.6,
        ),
        between("and of the failing run", kept(failing), 0.8),
        between(
            "energy distance at the end: the failing run's over the largest of the three",
            failing.distances[-1] / max(run.distances[-1] for run in runs.values()),
            3.0,
        ),
    )


def fallen(curve: Floats) -> float:
    """The mean of a curve's last fifth over that of its first fifth."""
    fifth = max(1, len(curve) // 5)
    return float(curve[-fifth:].mean() / curve[:fifth].mean())


def kept(run: Run) -> float:
    """The filtered estimate's last value over its largest."""
    return float(run.filtered[-1] / run.filtered.max())


def failed(rounds: int, evaluations: int) -> Run:
    """A run of fully connected networks, the generator's rate far too high for it."""
    build = partial(objective, CONNECTED, {"name": "mlp"}, Kantorovich(), "gradient-penalty")
    return watch(build, rounds, evaluations, 0, FAILING_RATE, CRITIC_RATE)
