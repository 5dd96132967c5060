"""The best validation score of a run, and whether it has stayed the best for too long."""

from collections.abc import Mapping
from typing import Any

USUAL = {"checkpoint_every": 1000, "keep": 2}
"""Steps between checkpoints and how many stay, where neither the user nor an earlier run says."""
LEAST, MOST, POINTS = 50, 1000, 10
"""Of the steps between evaluations, the least and the most; so many points a curve of the scores should have."""


class Plateau:
    """Follows the scores of a run, of which the least is the best.

    Args:
        patience: evaluations in a row without a better score after which the training stops; None never stops it.

    Attributes:
        best: the least score so far, None before the first.
        waited: evaluations since that score.
        improved: whether the newest score is the best.
    """

    def __init__(self, patience: int | None) -> None:
        self.patience = patience
        self.best: float | None = None
        self.waited, self.improved = 0, False

    @property
    def reached(self) -> bool:
        """Whether the score has not improved for as many evaluations as `patience` says."""
        return self.patience is not None and self.waited >= self.patience

    def observe(self, score: float) -> None:
        """Notes the score of one evaluation."""
        self.improved = self.best is None or score < self.best
        self.best = score if self.improved else self.best
        self.waited = 0 if self.improved else self.waited + 1

    def pass_over(self) -> None:
        """Notes a step without an evaluation."""
        self.improved = False

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        return {"best": self.best, "improved": self.improved, "waited": self.waited}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Continues from what `state_dict` gave; checkpoints of version 0.1 do not know `waited`."""
        self.best, self.improved, self.waited = saved["best"], saved["improved"], saved.get("waited", 0)

    def stop_of(self, step: int, best_step: int) -> dict[str, Any]:
        """What run.json keeps of a training that stopped at this step."""
        return {"step": step, "best_step": best_step, "best": self.best, "patience": self.patience}


def stop_in_words(stop: dict[str, Any]) -> str:
    """A line on a training that stopped early, from what `Plateau.stop_of` gave."""
    return (
        f"stopped at step {stop['step']:,}: {stop['patience']} evaluations in a row had no smaller energy distance to "
        f"the validation data than {stop['best']:.4g} at step {stop['best_step']:,}, whose checkpoint is kept as best"
    )


def asked_or_earlier(asked: Mapping[str, int | None], earlier: Mapping[str, Any] | None) -> dict[str, int | None]:
    """Settings as they were asked for, else those of the run that is resumed or repeated, else the usual ones.

    Args:
        asked: by their names in run.json; None leaves one open.
        earlier: the settings of that run; None of a new one.
    """
    found = {name: (earlier or {}).get(name) if value is None else value for name, value in asked.items()}
    return {name: USUAL.get(name) if value is None else value for name, value in found.items()}


def evaluation_interval(evaluate_every: int | None, steps: int) -> int:
    """Steps between evaluations: as asked for, else a tenth of the training, at least 50 and at most 1000."""
    return min(MOST, max(LEAST, steps // POINTS)) if evaluate_every is None else evaluate_every


def check_patience(patience: int | None, evaluate_every: int | None, validation: int) -> None:
    """Refuses a patience where nothing is evaluated.

    Args:
        patience: of the run.
        evaluate_every: steps between its evaluations; None leaves them to `evaluation_interval`.
        validation: validation data that there are.

    Raises:
        ValueError: there are no evaluations, or too few data for one.
    """
    if patience is None:
        return
    if evaluate_every == 0:
        raise ValueError(
            f"patience: expected evaluations to wait for, got patience {patience} with evaluate_every 0: give "
            "evaluate_every of at least 1, or leave patience out."
        )
    if validation < 2:
        raise ValueError(
            f"patience: expected at least 2 validation data, got {validation}: add more, or leave patience out."
        )
