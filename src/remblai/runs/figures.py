"""The figures that a run keeps: of which step they are, of samples of which law, and which others replace them."""

import warnings
from typing import Any

from remblai.metrics import Figure
from remblai.objectives import Flow
from remblai.runs.model import Trained

OF_A_FLOW = ("sampling_steps", "guidance")
"""How a flow draws, beside the law that its samples start from."""


def law_of_samples(trained: Trained, sampler: str | None = None) -> dict[str, Any]:
    """What samples are drawn by: the name of the law of codes, of a flow its steps and its guidance too.

    Args:
        trained: the model.
        sampler: the law of the codes; None is the recipe's own.
    """
    flow = {name: getattr(trained.objective, name) for name in OF_A_FLOW} if isinstance(trained.objective, Flow) else {}
    return {"sampler": sampler or trained.sampler} | flow


def law_of_figures(trained: Trained) -> dict[str, Any]:
    """What the samples of the kept figures were drawn by; as the run says where metrics.json does not."""
    if (law := trained.run.measured_law()) is not None:
        return law
    own, arguments = law_of_samples(trained), trained.run.settings["arguments"]
    fixed = ("sampling_steps",) if getattr(trained.objective, "distilled", 0) else ()
    return own | {name: arguments[name] for name in own if name in arguments and name not in fixed}


def kept_figures(trained: Trained) -> dict[str, Any] | None:
    """The figures that the run keeps of the model's step, of samples of any law; None where there are none."""
    return trained.run.metrics() if trained.run.measured_step() == trained.step else None


def keep_figures(trained: Trained, card: dict[str, Figure], n: int | None = None) -> None:
    """Keeps figures with the run; those of fewer samples than the kept ones of the same step are not, with a warning.

    Args:
        trained: the model.
        card: figures of samples of the run's own law, on its own data.
        n: of samples that were asked for; None is as many as there are.

    Raises:
        UnwritableError: the run's folder cannot be written.
    """
    held = 0 if n is None else _largest(trained)
    if n is not None and n < held:
        warnings.warn(
            f"the figures are not kept: the run holds figures of n {held:,}, which the report and the card show",
            stacklevel=2,
        )
        return
    trained.run.write_metrics(card, trained.step, law_of_samples(trained))


def _largest(trained: Trained) -> int:
    """The largest n of the kept figures of the model's step."""
    try:
        kept = kept_figures(trained) or {}
    except ValueError:  # damaged: written anew
        return 0
    return max((figure.get("n") or 0 for figure in kept.values()), default=0)
