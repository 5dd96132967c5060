"""A law fitted to the codes of a trained model and kept with its run: samples can be decoded from it."""

import copy
from pathlib import Path

import torch
from torch import Tensor

from remblai.config.registry import Choice, make
from remblai.data import Dataset
from remblai.features import make_features
from remblai.laws import SAMPLERS, ByClass, FittedLaw
from remblai.laws.fitted import Auto, DecodedCodes
from remblai.networks.shapes import IMAGE
from remblai.runs.evaluate import with_data
from remblai.runs.labels import class_count
from remblai.runs.model import Trained

MOST_ROWS = 10_000
"""Data of a split whose reconstructions are compared with draws, at most."""
AT_ONCE = 1000
"""Codes that are decoded together."""


def fit_both(last: Trained, best: Trained, dataset: Dataset) -> None:
    """Fits the law that samples are decoded from to the codes of both checkpoints of a run."""
    fit(last, dataset=dataset)
    if best.step != last.step:
        fit(best, dataset=dataset)


def fit(trained: Trained | str | Path, sampler: Choice | None = None, dataset: Dataset | None = None) -> FittedLaw:
    """Fits a law to the codes of the training data; the run keeps it, and `sample` takes it by its name.

    Returns the law.

    Args:
        trained: the model, or its run's folder; it needs an encoder.
        sampler: gaussian, mixture, or {"name": "mixture", "components": 20}; None, or its bare name, is the recipe's
            own, of which the run says the options.
        dataset: its data, of which the training split is encoded; those of the run when None.

    Raises:
        ValueError: an unknown name, a model without an encoder, nothing to fit, other options under the name of the
            recipe's own, or data of another shape.
    """
    trained, dataset = with_data(trained, dataset)
    trained.check_encodes()
    own = trained.latent_law
    if sampler is None or (own is not None and sampler in (own.name, {"name": own.name})):
        law = own
    else:
        law = make(SAMPLERS, sampler, "sampler")
    if not isinstance(law, FittedLaw):
        raise ValueError("sampler: the prior is not fitted: name another, such as mixture.")
    if own is not None and law.name == own.name and law.options != own.options:
        raise ValueError(
            f"sampler: {law.name!r} is the run's own law, with the options {own.options}: fit that, without options, "
            "or train with others."
        )
    classes = class_count(trained.run.settings)
    if classes is not None and not isinstance(law, ByClass):
        law = ByClass(law, classes)
    fitted, codes = copy.deepcopy(law), trained.codes(dataset.train)
    if isinstance(fitted, Auto):
        fitted.fit(codes, dataset.train.labels, decoded_codes(trained, dataset, codes))
    else:
        fitted.fit(codes, dataset.train.labels)
    trained.keep(fitted)
    return fitted


def decoded_codes(trained: Trained, dataset: Dataset, codes: Tensor) -> DecodedCodes:
    """What the law `auto` compares decoded draws with: reconstructions of validation data, never of the test data.

    The draws are compared with what the decoder makes of the codes of data, not with data: all that it decodes is
    smoother than data, which would hide how laws differ, and make new draws look like copies of training data. Images
    are compared on random convolutions: the distance of pixels hardly sees what codes between clusters are decoded to.

    Args:
        trained: the model.
        dataset: its data.
        codes: (n, k), those of its training data.
    """
    objective, where = trained.objective, trained.device

    @torch.no_grad()
    def decode(codes: Tensor) -> Tensor:
        return objective.decode(objective.prior.nearest(codes.float().to(where))).cpu()

    held_out = trained.codes(dataset.validation[: min(len(dataset.validation), MOST_ROWS)])
    held_out, fitted = (
        torch.cat([decode(part) for part in torch.split(z, AT_ONCE)]) for z in (held_out, codes[:MOST_ROWS])
    )
    if len(dataset.shape) != IMAGE or len(held_out) < 2:
        return DecodedCodes(decode, held_out, fitted)
    features = make_features("random-convolutions", dataset)
    deviation = features.of(held_out).std(0)
    scale = torch.where(deviation > 0, deviation, 1.0)
    return DecodedCodes(decode, held_out, fitted, lambda x: features.of(x) / scale)
