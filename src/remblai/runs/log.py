"""What a run says of itself while it trains: a step's terms, and the scores of its samples."""

import copy
import math
from typing import Any

import torch
from torch import Tensor

from remblai.data import Dataset
from remblai.laws import FittedLaw
from remblai.metrics import SCORED, energy_distance, latent_mmd_squared
from remblai.objectives import Objective
from remblai.runs.feed import rows_of
from remblai.runs.load import restore_average
from remblai.runtime import rng
from remblai.training import Diverged, State, Step, gradient_norms


def log_line(state: State, step: Step) -> dict[str, Any]:
    """One line of `terms.jsonl`.

    The terms are those of training batches in training mode. Under batch normalisation the codes of a batch depend on
    each other, so an unbiased MMD of them is biased (by -.0118 +- .0001 where evaluation has +.0020, on MNIST): the
    figure without that bias is `latent_mmd_squared` of `validation_scores`.
    """
    weights = state.objective.weights()
    terms = {}
    for name, term in step.terms.items():
        weighted, weight = term.item(), weights.get(name, 1.0)
        terms[name] = {"weighted": weighted, "raw": weighted / weight if weight else None}
    norms = gradient_norms(state)
    for name, norm in norms.items():
        if not math.isfinite(norm):
            raise Diverged(step.number, f"gradient of the {name}")
    rates = {"model": state.rate(state.model)} | ({"critics": state.rate(state.critics)} if state.critics else {})
    held = state.objective.held_weight()
    return {
        "step": step.number,
        "seconds": round(state.seconds, 3),
        "images": state.batches_drawn * state.batch_size,
        "terms": terms,
        "gradient_norms": norms,
        "lr": rates,
    } | ({} if held is None else {"weight": held})


def validation_scores(
    state: State, model: Objective, dataset: Dataset, latent_law: FittedLaw | None = None
) -> dict[str, float]:
    """Scores on validation data; they change neither the state nor the model.

    Of the averaged model: the unbiased squared energy distance of its samples, and, where its codes should follow a
    prior, the unbiased squared MMD of evaluation-mode codes and draws of it. Of the newest weights, which the critic
    plays against: the objective's own estimate, where it has one.

    Args:
        state: that is trained.
        model: its `averaged_copy`.
        dataset: of the training.
        latent_law: that samples are decoded from, fitted to codes of training data for this score alone; None where
            they are decoded from the objective's own law.
    """
    held_out = rows_of(dataset.validation, SCORED, state.objective)
    x, n = held_out[0], len(held_out[0])
    where = next(state.objective.parameters()).device
    there = [part.to(where) for part in held_out]
    with rng.seeded(0, where):
        latent = _latent_score(model, *there) if latent_law is None else {}
    with rng.seeded(0, where):
        scores = {"energy_distance_squared": energy_distance(x, _samples(model, dataset, latent_law, n).cpu())} | latent
        model.load_state_dict(state.objective.state_dict())
        own = model.train().estimate(*there)  # with batch statistics, as in the game
    restore_average(model, state)
    # a bound may be infinite, of which JSON and a curve know nothing
    return scores | {"estimate": float(own)} if own is not None and torch.isfinite(own) else scores


@torch.no_grad()
def _latent_score(model: Objective, *x: Tensor) -> dict[str, float]:
    if not model.encodes or model.latent_name != "prior":
        return {}
    return {"latent_mmd_squared": latent_mmd_squared(model.encode(*x).z, model.prior)}


@torch.no_grad()
def _samples(model: Objective, dataset: Dataset, latent_law: FittedLaw | None, n: int) -> Tensor:
    if latent_law is None:
        return model.sample(n)
    m, where = min(SCORED, len(dataset.train)), next(model.parameters()).device
    labels = dataset.train.labels
    codes = model.encode(*(part.to(where) for part in rows_of(dataset.train, SCORED, model))).z
    law = copy.deepcopy(latent_law).fit(codes, None if labels is None else labels[:m]).to(where)
    return model.decode_from(law, n)
