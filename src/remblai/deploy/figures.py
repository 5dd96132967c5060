"""The figures of a card: of the step and the law that leave the folder, or in words of which they are."""

from collections.abc import Mapping
from typing import Any

from remblai.data import Dataset
from remblai.metrics import SMALLEST
from remblai.metrics.reading import read
from remblai.runs.evaluate import evaluate, is_of
from remblai.runs.figures import kept_figures, law_of_figures, law_of_samples
from remblai.runs.model import Trained
from remblai.runtime.text import printable
from remblai.runtime.timing import timed


def figures_of_run(trained: Trained) -> str:
    """The section of the figures that the run keeps of the model's step."""
    kept = kept_figures(trained)
    return _section(_table(kept)) if kept else _section(_none(trained))


def figures_of_export(trained: Trained, sampler: str | None = None, dataset: Dataset | None = None) -> str:
    """The section of the figures of the samples of an exported sampler.

    Those that the run keeps are of its own law. Of another law that is fitted to codes they are measured, where the
    run's own data are there; else the section says of which law the figures are.

    Args:
        trained: the model.
        sampler: the law of the codes; None is the recipe's own.
        dataset: that the files are compared on.
    """
    kept, law = kept_figures(trained), law_of_samples(trained, sampler)
    if kept and law_of_figures(trained) == law:
        return figures_of_run(trained)
    if law["sampler"] != trained.sampler and dataset is not None and _can_measure(trained, dataset):
        with timed(f"figures of the law {law['sampler']}"):
            return _section(_table(evaluate(trained, dataset, sampler=sampler)))
    if not kept:
        return figures_of_run(trained)
    return _section(
        f"These are figures of samples of {_words(law_of_figures(trained))}. The sampler here draws of {_words(law)}, "
        "of which none were measured.\n\n" + _table(kept)
    )


def _can_measure(trained: Trained, dataset: Dataset) -> bool:
    return is_of(trained, dataset) and min(len(dataset.test), len(dataset.train)) >= SMALLEST


def _words(law: Mapping[str, Any]) -> str:
    flow = f" in {law['sampling_steps']} steps with guidance {law['guidance']:g}" if "guidance" in law else ""
    return f"the law `{printable(str(law['sampler']))}`{flow}"


def _none(trained: Trained) -> str:
    """Why there are no figures, and how they are taken."""
    if not trained.run.metrics():
        return "None were measured: `remblai evaluate` measures a run.\n"
    step = trained.run.measured_step()
    of = "a step that they do not say" if step is None else f"step {step:,}"
    return (
        f"None were measured of step {trained.step:,}: those that the run keeps are of {of}. `remblai evaluate` "
        "measures the last checkpoint, `remblai.evaluate` in Python any.\n"
    )


def _section(text: str) -> str:
    return f"## Figures\n\n{text}"


def _table(metrics: Mapping[str, Any]) -> str:
    rows = ["| figure | value | floor | n | what it says |", "|---|---|---|---|---|"]
    for row in read(metrics):
        says = " ".join(part for part in (row.says, f"{row.cue[:1].upper()}{row.cue[1:]}." if row.cue else "") if part)
        rows.append(f"| {row.label} | {row.value} | {row.floor} | {row.n} | {_plain(says)} |")
    return (
        "A floor is the same figure, at the same n, between real data and held-out real data, where no other is "
        "named.\n\n" + "\n".join(rows) + "\n"
    )


def _plain(text: str) -> str:
    """Text in a cell of a table of Markdown, whatever names it holds."""
    return text.replace("|", "/").replace("&", "&amp;").replace("<", "&lt;")
