"""A weight held by dual ascent: its null, its step, its fixed point; and which recipes take it."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.small import NARROW, last, settled, train

from remblai.config.registry import own_options
from remblai.discrepancies import Custom
from remblai.laws import PRIORS
from remblai.objectives import Code, Marginal
from remblai.objectives.penalties import CodeNorm
from remblai.objectives.weights import RANGE, RATE, HeldWeight, is_reached, parse_weight, weight_in_words
from remblai.recipes import RECIPES
from remblai.recipes.parts import Weight
from remblai.runs.folder import Run
from remblai.training import State, steps

SQUARES = Custom(lambda x, y: y.square().mean())
TAKES = {"wae-mmd", "wae-gan", "pot", "aae", "sinkhorn-ae", "swae", "cwae"}
"""Recipes that hold their weight."""
WEIGHED = [n for n, one in RECIPES.items() if "weight" in {o.name for o in own_options(one.function)}]


def held(multiple: float = 2.0, n: int = 200) -> HeldWeight:
    weight = HeldWeight(Marginal(SQUARES), PRIORS["normal"](latent=1), multiple=multiple)
    weight.calibrate(n)
    return weight


def note(weight: HeldWeight, penalty: float, transport: float = 6.0) -> None:
    z = torch.zeros(4, 1)
    weight.observe(Code(z, PRIORS["normal"](latent=1)(), z), torch.tensor(transport), torch.tensor(penalty))
    weight.ascend()


def test_the_null_is_that_of_draws_of_the_prior() -> None:
    before = torch.get_rng_state()
    mean, deviation = held(n=200).null.tolist()  # of a mean of 200 squares of normal numbers: 1 and sqrt(2 / 200)
    assert mean == pytest.approx(1.0, abs=0.04)
    assert deviation == pytest.approx(0.1, rel=0.3)
    assert torch.equal(before, torch.get_rng_state())


def test_the_weight_starts_at_the_cost_over_the_excess_and_moves_by_the_rate() -> None:
    weight = held()
    note(weight, penalty=4.0)
    first = 6.0 / (4.0 - float(weight.null[0]))
    assert weight.last() == 1.0, "the first step has no other weight yet"
    assert float(weight()) == pytest.approx(first * math.exp(RATE), rel=1e-5)
    at = held()
    note(at, penalty=float(at.null[0] + 2.0 * at.null[1]))
    assert float(at.log) == pytest.approx(float(at.first), abs=1e-6)


def test_the_weight_stays_below_its_cap_and_what_is_not_reached_is_said() -> None:
    weight = held()
    for _ in range(round(math.log(RANGE) / RATE) + 20):
        note(weight, penalty=9.0)
    facts = weight.facts()
    assert facts["value"] == pytest.approx(facts["cap"], rel=1e-3)
    assert not is_reached(facts)
    assert "not reached, the weight is at its cap" in weight_in_words(facts)
    assert "it was still rising" in weight_in_words(facts | {"value": 1.0})


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_under_batch_normalisation_the_level_is_that_of_the_codes_in_evaluation_mode(compiled: bool) -> None:
    torch.manual_seed(0)
    network = {"name": "dcgan", "width": 2, "hidden": 8}
    objective = RECIPES["wae-mmd"]((1, 28, 28), latent=2, weight="auto", network=network)
    state, x = State(objective, compile=compiled), torch.rand(32, 1, 28, 28)
    objective.prepare(32)
    training = float(state.terms(x)["penalty"].detach())  # the weight of the first step is 1
    modes = {layer.training for layer in objective.encoder.modules()}
    with torch.no_grad():
        objective.encoder.eval()
        law = objective.encoder(x)
        expected = float(objective.penalty(Code(x, law, law.rsample()), objective.prior()))
    assert modes == {True}, "training goes on as before"
    assert float(objective.weight.value[0]) == pytest.approx(expected, rel=1e-4)
    assert abs(training - expected) > 0.001
    assert not state.terms.fell_back


def test_the_ascent_ends_at_the_multiplier_of_the_constrained_problem() -> None:
    weight, z = held(n=200), torch.tensor(3.0)
    for _ in range(1500):  # minimise (z - 3)^2 subject to z^2 <= level, one step of descent for each of the ascent's
        z = z - 0.1 * (2.0 * (z - 3.0) + 2.0 * weight().clamp_max(4.0) * z)
        note(weight, penalty=float(z.square()))
    level = float(weight.null[0] + 2.0 * weight.null[1])
    assert float(z.square()) == pytest.approx(level, rel=0.02)
    assert float(weight()) == pytest.approx(3.0 / math.sqrt(level) - 1.0, rel=0.03)
    assert is_reached(weight.facts())


@pytest.mark.parametrize("name", WEIGHED)
def test_every_recipe_with_a_weight_holds_it_or_refuses_in_a_line(name: str) -> None:
    torch.manual_seed(0)
    shape = (6,)
    if name not in TAKES:
        with pytest.raises(ValueError, match=r"weight( auto)?: expected a (number|penalty that compares)") as problem:
            settled(name, NARROW, weight="auto").build(shape)
        assert "\n" not in str(problem.value)
        return
    annotation = next(o.annotation for o in own_options(RECIPES[name].function) if o.name == "weight")
    assert annotation == Weight.__origin__  # type: ignore[attr-defined]  # what `Annotated` keeps
    resolved = settled(name, NARROW | {"batch_size": 20}, weight="auto:3")
    objective = resolved.build(shape)
    state = State(objective, **resolved.loop | {"steps": 3})
    for _ in steps(state, [torch.rand(20, *shape) for _ in range(9)]):
        pass
    facts = objective.held_weight()
    assert facts is not None
    assert facts["asked"] == 3.0
    assert all(math.isfinite(value) for value in facts.values())
    assert facts["null_deviation"] > 0.0
    assert facts["value"] != 1.0


@pytest.mark.usefixtures("bare")
def test_a_resumed_run_equals_one_without_a_break_and_its_log_has_the_weight(tmp_path: Path) -> None:
    options: dict[str, Any] = {"weight": "auto", "schedule": "constant", "checkpoint_every": 5}
    train(tmp_path / "whole", steps=12, **options)
    train(tmp_path / "parts", steps=7, **options)
    train(tmp_path / "parts", steps=12, resume=True, **options)
    assert last(tmp_path / "whole") == last(tmp_path / "parts")
    run = Run.open(tmp_path / "parts")
    assert run.settings["arguments"]["weight"] == "auto"
    line = run.terms()[-1]
    penalty = line["terms"]["penalty"]
    assert penalty["raw"] * line["weight"]["value"] == pytest.approx(penalty["weighted"], rel=1e-5)
    assert run.settings["held_weight"] == line["weight"]


@pytest.mark.parametrize("word", ["auto:", "auto:x", "automatic", "auto2"])
def test_other_words_are_refused(word: str) -> None:
    with pytest.raises(ValueError, match="weight: expected a number, auto, or auto:MULTIPLE"):
        parse_weight(word)
    assert (parse_weight("auto"), parse_weight("auto:0.5")) == (2.0, 0.5)


def test_a_penalty_without_a_level_and_a_multiple_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="got CodeNorm, which has no level"):
        HeldWeight(CodeNorm(), PRIORS["normal"](latent=2))
    with pytest.raises(ValueError, match="expected a positive, finite multiple"):
        held(multiple=0.0)


def test_a_held_weight_of_a_conditional_model_is_refused() -> None:
    with pytest.raises(ValueError, match="weight: expected a number for a conditional model, got auto"):
        RECIPES["wae-mmd"]((2,), latent=2, weight="auto", classes=3)
