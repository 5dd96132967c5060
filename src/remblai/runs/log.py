"""What a run says of itself while it trains: a step's terms, and the scores of its samples."""

import math
from typing import Any

import torch

from remblai.data import Dataset
from remblai.metrics import SCORED, energy_distance
from remblai.objectives import AutoEncoder
from remblai.runs.load import eval_copy
from remblai.runtime import rng
from remblai.training import Diverged, State, Step, gradient_norms


def log_line(state: State, step: Step) -> dict[str, Any]:
    """One line of `terms.jsonl`."""
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
    return {
        "step": step.number,
        "seconds": round(step.seconds, 3),
        "images": state.batches_drawn * state.batch_size,
        "terms": terms,
        "gradient_norms": norms,
        "lr": rates,
    }


def validation_scores(state: State, dataset: Dataset) -> dict[str, float]:
    """Of the averaged model's samples against validation data: the unbiased squared energy distance; and the
    objective's own estimate where it has one, of the model that its critic plays against. Changes nothing."""
    n = min(SCORED, len(dataset.validation))
    x = dataset.validation[:n]
    where = next(state.objective.parameters()).device
    with rng.seeded(0, where):
        model = eval_copy(state.objective, state.average.values if state.average else None)
        if isinstance(model, AutoEncoder) and model.law is None:
            seen = dataset.train[: min(SCORED, len(dataset.train))]
            with torch.no_grad():
                model.fit(model.encode(seen.to(where)).z)
        scores = {"energy_distance_squared": energy_distance(x, model.sample(n).cpu())}
        model.load_state_dict(state.objective.state_dict())
        own = model.train().estimate(x.to(where))  # with batch statistics, as in the game
    # a bound may be infinite, of which JSON and a curve know nothing
    return scores | {"estimate": float(own)} if own is not None and torch.isfinite(own) else scores
