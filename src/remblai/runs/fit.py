"""A law fitted to the codes of a trained model and kept with its run: samples can be decoded from it."""

from pathlib import Path

from torch import nn

from remblai.config.registry import Choice, make
from remblai.data import Dataset
from remblai.laws import SAMPLERS
from remblai.runs.evaluate import with_data
from remblai.runs.model import Trained


def fit(trained: Trained | str | Path, sampler: Choice | None = None, dataset: Dataset | None = None) -> nn.Module:
    """Fits a law to the codes of the training data; the run keeps it, and `sample` takes it by its name.

    Answers the law, () -> a torch Distribution of codes (k,).

    Args:
        trained: the model, or its run's folder; it needs an encoder.
        sampler: gaussian, mixture, or {"name": "mixture", "components": 20}; None is the recipe's own, of which the
            run says the options.
        dataset: its data, of which the training split is encoded; those of the run when None.

    Raises:
        ValueError: an unknown name, a model without an encoder, nothing to fit, other options under the name of the
            recipe's own, or data of another shape.
    """
    trained, dataset = with_data(trained, dataset)
    own = trained.auto_encoder.sampler
    found = own if sampler is None else make(SAMPLERS, sampler, "sampler")
    if found is None:
        raise ValueError("sampler: the prior is not fitted: name another, such as mixture.")
    if own is not None and found.name == own.name and found != own:
        raise ValueError(
            f"sampler: {found.name!r} is the run's own law, as {own}: fit that, without options, or train with others."
        )
    law = found(trained.codes(dataset.train))
    trained.keep(found.name, law)
    return law
