"""The loop: players' steps, counters, schedules, accumulation, averages, the guard."""

import copy
import itertools
import math
import pickle
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from remblai import recipes
from remblai.critics import Adversarial, Clip, Kantorovich, Logistic
from remblai.objectives import Objective
from remblai.recipes import RECIPES
from remblai.training import Diverged, State, check, gradient_norms, steps
from remblai.training.players import Player, sides
from remblai.training.schedules import scheduled


class Line(Objective):
    """Fits x by a constant: the gradient is known."""

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(2))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return {"transport": (x - self.place).square().sum(1).mean()}


class Game(Objective):
    """A constant moved by a critic."""

    def __init__(self, game: object, lipschitz: object) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(2))
        self.discrepancy = Adversarial(
            nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)), game, lipschitz
        )  # type: ignore[arg-type]
        self.seen: list[tuple[str, float]] = []

    def model(self, x: Tensor) -> Tensor:
        return self.place + torch.zeros_like(x)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        self.seen.append(("model", x.sum().item()))
        return {"discrepancy": self.discrepancy(x, self.model(x))}

    def adversary_loss(self, x: Tensor) -> Tensor | None:
        self.seen.append(("critic", x.sum().item()))
        return self.discrepancy.adversary_loss(x, self.model(x))


def points(seed: int = 0, size: int = 8) -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    while True:
        yield torch.randn(size, 2, generator=generator)


def run(state: State, batches: Iterator[Tensor], n: int) -> State:
    for _ in itertools.islice(steps(state, batches), n):
        pass
    return state


def test_a_step_is_what_the_optimiser_says() -> None:
    state = State(Line(), optimiser="sgd", betas=(0.0, 0.9), lr=0.1)
    x = next(points())
    (step,) = itertools.islice(steps(state, iter([x])), 1)
    assert torch.allclose(state.objective.place, 0.1 * 2 * x.mean(0))  # type: ignore[arg-type]
    assert step.number == state.step == state.batches_drawn == 1
    assert step.terms["transport"].item() == pytest.approx(x.square().sum(1).mean().item())


def test_steps_end_at_the_total_and_go_on_from_it() -> None:
    state = State(Line(), steps=5)
    assert [step.number for step in steps(state, points())] == [1, 2, 3, 4, 5]
    assert list(steps(state, points())) == []


def test_accumulated_batches_equal_one_large_batch() -> None:
    parts = [next(points(seed)) for seed in range(4)]
    small, large = (State(Line(), optimiser="sgd", accumulate=k) for k in (4, 1))
    run(small, iter(parts), 1)
    run(large, iter([torch.cat(parts)]), 1)
    assert torch.allclose(small.objective.place, large.objective.place)  # type: ignore[arg-type]
    assert small.batches_drawn == 4


def test_clipping_bounds_the_step_and_the_log_tells_the_norm_before() -> None:
    state = run(State(Line(), optimiser="sgd", betas=(0.0, 0.9), lr=1.0, clip=0.5), iter([torch.full((4, 2), 10.0)]), 1)
    assert state.objective.place.norm().item() == pytest.approx(0.5, rel=1e-4)  # type: ignore[union-attr]
    assert gradient_norms(state)["model"] == pytest.approx(20 * 2**0.5, rel=1e-4)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [("constant", [1.0] * 4), ("step", [1.0, 1.0, 0.1, 0.1]), ("cosine", [1.0, 0.853553, 0.5, 0.146447])],
)
def test_learning_rates_are_a_function_of_the_step(schedule: str, expected: list[float]) -> None:
    state = State(Line(), lr=1.0, schedule=schedule, milestones=(0.3, 0.5), decays=(0.5, 0.2), steps=100)  # type: ignore[arg-type]
    found = []
    for number in (1, 26, 51, 76):  # the first step has the whole rate, and none has 0
        state.step = number
        found.append(state.rate(state.model))
    assert found == pytest.approx(expected, rel=1e-5)


def test_a_schedule_of_ones_own_is_a_factor_of_the_share_done() -> None:
    asked: list[float] = []

    def warmed_up(done: float) -> float:
        asked.append(done)
        return min(1.0, 4.0 * done)

    state = State(Game(Logistic(), Clip(0.1)), lr=0.5, critic_lr=0.25, schedule=warmed_up, steps=8)
    rates = [(group(state.model), group(state.critics)) for _ in steps(state, points())]  # type: ignore[arg-type]
    expected = [0.0, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    assert rates == [(0.5 * factor, 0.25 * factor) for factor in expected]
    assert sorted(set(asked)) == [number / 8 for number in range(8)]


def group(side: Player) -> float:
    return float(side.optimiser.param_groups[0]["lr"])


def test_an_optimiser_of_ones_own_is_given_the_options_that_it_names() -> None:
    """Against the same rule by its name, and torch's own steps."""

    def heavy(parameters: list[nn.Parameter], lr: float, betas: tuple[float, float]) -> torch.optim.Optimizer:
        return torch.optim.SGD(parameters, lr=lr, momentum=betas[0])

    def placed(**options: Any) -> list[float]:
        objective = run(State(Line(), lr=0.01, steps=6, schedule="cosine", **options), points(), 6).objective
        return [value for p in objective.parameters() for value in p.flatten().tolist()]

    assert placed(optimiser=heavy, betas=(0.9, 0.99)) == placed(optimiser="sgd", betas=(0.9, 0.99))
    decayed = {"weight_decay": 0.3}
    assert placed(optimiser=torch.optim.SGD, **decayed) == placed(optimiser="sgd", betas=(0.0, 0.9), **decayed)
    adams = placed(optimiser=partial(torch.optim.Adam, eps=1e-3), betas=(0.5, 0.9))
    assert adams != placed(optimiser="adam", betas=(0.5, 0.9))
    objective = Line()
    rule = torch.optim.Adam(objective.parameters(), lr=0.01, betas=(0.5, 0.9), eps=1e-3)
    for number, x in zip(range(6), points(), strict=False):
        rule.param_groups[0]["lr"] = 0.01 * 0.5 * (1 + math.cos(math.pi * number / 6))
        rule.zero_grad()
        sum(objective(x).values()).backward()  # type: ignore[union-attr]
        rule.step()
    assert adams == pytest.approx([value for p in objective.parameters() for value in p.flatten().tolist()], rel=1e-6)


def test_critics_step_on_the_models_batch_or_on_their_own() -> None:
    shared = run(State(Game(Logistic(), Clip(0.1)), critic_steps=2), points(), 2)
    assert [name for name, _ in shared.objective.seen] == ["critic", "critic", "model"] * 2  # type: ignore[union-attr]
    assert len({value for _, value in shared.objective.seen[:3]}) == 1  # type: ignore[index]
    own = run(
        State(Game(Kantorovich(), Clip(0.1)), critic_steps=lambda step: 3 if step == 1 else 1, own_batches=True),
        points(),
        2,
    )
    assert [name for name, _ in own.objective.seen] == ["critic"] * 3 + ["model", "critic", "model"]  # type: ignore[union-attr]
    assert len({value for _, value in own.objective.seen}) == 6  # type: ignore[union-attr]
    assert own.batches_drawn == 6


def test_nothing_of_the_critic_moves_in_the_models_step_and_clipping_holds_after_its_own() -> None:
    torch.manual_seed(0)
    objective = Game(Kantorovich(), Clip(0.01))
    state = State(objective, critic_steps=0)
    before = copy.deepcopy(objective.discrepancy.state_dict())
    run(state, points(), 3)
    assert all(torch.equal(before[name], value) for name, value in objective.discrepancy.state_dict().items())
    assert objective.place.abs().sum() > 0
    state.critic_steps = scheduled(1)
    run(state, points(), 3)
    assert max(p.abs().max().item() for p in objective.discrepancy.critic.parameters()) <= 0.01
    critics, model = sides(objective)
    assert set(model) == {"place"}
    assert all(name.startswith("discrepancy.critic.") for name in critics)


def test_the_average_follows_the_model_only() -> None:
    objective = Game(Logistic(), Clip(0.1))
    state = State(objective, average=0.5)
    assert state.average is not None
    assert set(state.average.values) == {"place"}
    by_hand = torch.zeros(2)
    for number, _ in enumerate(itertools.islice(steps(state, points()), 20), 1):
        weight = 1 - min(0.5, number / (number + 10))
        by_hand = torch.lerp(by_hand, objective.place.detach(), weight)
    assert torch.allclose(state.average.values["place"], by_hand)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_the_guard_names_the_first_bad_step_and_term(bad: float) -> None:
    batches = itertools.chain(itertools.islice(points(), 3), iter([torch.full((4, 2), bad)]), points())
    state = run(State(Line()), batches, 6)
    with pytest.raises(Diverged, match="the transport was not a finite number at step 4"):
        check(state)


@pytest.mark.parametrize(("total", "stopped"), [(3, 3), (150, 100), (None, 100)])
def test_a_loop_that_nobody_checks_stops_by_itself(total: int | None, stopped: int) -> None:
    state = State(Line(), steps=total)
    seen = []
    with pytest.raises(Diverged, match="the transport was not a finite number at step 1"):
        for step in steps(state, [torch.full((4, 2), math.nan)]):
            seen.append(step.number)
    assert seen[-1] == stopped


def test_warm_start_moves_the_encoder_only_and_towards_the_prior() -> None:
    torch.manual_seed(0)
    objective = RECIPES["wae-mmd"]((2,), latent=2)
    decoder = copy.deepcopy(objective.decoder.state_dict())  # type: ignore[union-attr]
    state = State(objective, warm_start=50, batch_size=64)
    made = list(itertools.islice(steps(state, (3 + 5 * x for x in points(size=64))), 50))
    assert set(made[0].terms) == {"mean", "covariance"}
    assert made[-1].terms["mean"] < 0.1 * made[0].terms["mean"]
    assert all(torch.equal(decoder[name], value) for name, value in objective.decoder.state_dict().items())  # type: ignore[union-attr]
    assert set(next(steps(state, points(size=64))).terms) == {"transport", "penalty"}


@pytest.mark.parametrize(
    ("asked", "steps", "found"), [(0.5, 31, 15), (0.01, 20, 0), (0, 20, 0), (7, 20, 7), (7.0, None, 7)]
)
def test_a_warm_start_is_steps_or_a_share_of_them(asked: float, steps: int | None, found: int) -> None:
    assert State(Line(), warm_start=asked, steps=steps).warm_start == found


def test_a_longer_run_does_not_begin_its_first_phase_again() -> None:
    def state(count: int) -> State:
        torch.manual_seed(0)
        return State(
            RECIPES["wae-mmd"](shape=(2,), latent=2, network="mlp"), warm_start=0.5, steps=count, batch_size=16
        )

    first = state(6)
    named = [set(step.terms) for step in steps(first, points())]
    longer = state(20)
    longer.load_state_dict(first.state_dict(), None)
    named += [set(step.terms) for step in steps(longer, points())]
    assert [index for index, each in enumerate(named) if "covariance" in each] == [0, 1, 2]
    assert len(named) == 20


def test_warm_start_of_an_objective_that_has_none_is_refused() -> None:
    with pytest.raises(ValueError, match="has no first phase"):
        run(State(Line(), warm_start=1), points(), 1)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"lr": 0.0}, "lr: expected a number above 0"),
        ({"critic_lr": float("inf")}, "critic_lr"),
        ({"clip": -1.0}, "clip"),
        ({"accumulate": 0}, "accumulate: expected a whole number of at least 1"),
        ({"steps": 0}, "steps"),
        ({"warm_start": -5}, "warm_start: expected a whole number of steps or a share below 1, got -5"),
        ({"warm_start": 1.5}, "a whole number of steps or a share below 1, got 1.5"),
        ({"warm_start": 0.5}, "0.5 is a share of the run's steps: give steps"),
        ({"average": 1.0}, r"decay in \[0, 1\)"),
        ({"milestones": (0.5,)}, "as many of each"),
        ({"milestones": (0.5, 0.3)}, "shares of the run from 0 to 1 that rise"),
        ({"decays": (-1.0, 2.0)}, r"decays\[0\]: expected a number above 0"),
        ({"betas": (0.5, 2.0)}, "betas: expected two numbers from 0 to below 1"),
        ({"weight_decay": -1.0}, "weight_decay: expected a finite number of at least 0"),
    ],
)
def test_settings_outside_their_range_are_refused(setting: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        State(Line(), **setting)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["wae-mmd", "wae-gan"])
def test_a_state_goes_on_bit_for_bit(name: str) -> None:
    def fresh() -> State:
        torch.manual_seed(0)
        return State(RECIPES[name]((2,), latent=2), average=0.9, schedule="cosine", steps=12)

    def stream(start: int) -> Iterator[Tensor]:
        return itertools.islice(points(), start, None)

    whole = run(fresh(), stream(0), 12)
    first = run(fresh(), stream(0), 5)
    saved = copy.deepcopy((first.objective.state_dict(), first.average.values, first.state_dict()))  # type: ignore[union-attr]
    torch.manual_seed(99)
    second = fresh()
    second.objective.load_state_dict(saved[0])
    second.load_state_dict(saved[2], saved[1])
    run(second, stream(second.batches_drawn), 7)
    for name_, value in whole.objective.state_dict().items():
        assert torch.equal(value, second.objective.state_dict()[name_]), name_
    assert all(torch.equal(value, second.average.values[key]) for key, value in whole.average.values.items())  # type: ignore[union-attr]


def test_a_critic_whose_slope_is_penalised_is_trained_uncompiled() -> None:
    """A compiled graph cannot be differentiated twice; the model's step is compiled all the same."""

    def compiled(name: str) -> tuple[bool, bool]:
        state = State(RECIPES[name]((2,), latent=2), compile=True)
        return tuple(part._call is not part.function for part in (state.terms, state.adversary))  # type: ignore[return-value]

    assert compiled("wgan-gp") == (True, False)
    assert compiled("gan") == (True, False)
    assert compiled("sn-gan") == (True, True)


def test_a_state_prints_in_a_line() -> None:
    state = State(RECIPES["ae"]((2,)), steps=3)
    next(steps(state, [torch.zeros(4, 2)]))
    assert repr(state) == "<state of AutoEncoder after step 1 of 3>"


@pytest.mark.parametrize("name", ["ae", "gan", "wgan"])
def test_a_state_pickles(name: str) -> None:
    state = State(RECIPES[name]((2,)), **RECIPES[name].loop | {"steps": 3})
    assert pickle.loads(pickle.dumps(state)).critic_steps(7) == state.critic_steps(7)


@pytest.mark.parametrize("recipe", [recipes.wae_mmd, recipes.wae_gan])
def test_what_a_user_froze_stays(recipe: Any) -> None:
    torch.manual_seed(0)
    model = recipe(shape=(2,), latent=2, network={"name": "mlp", "width": 8, "depth": 1})
    model.encoder.requires_grad_(False)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    run(State(model, lr=0.1), iter(torch.randn(3, 50, 2)), 3)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]) == name.startswith(("encoder.", "prior")), name
    flags = {name: p.requires_grad for name, p in model.named_parameters()}
    assert flags == {name: not name.startswith("encoder.") for name in flags}
    with pytest.raises(ValueError, match="got none that requires a gradient"):
        State(recipes.ae(shape=(2,)).requires_grad_(False))


def test_a_held_weight_knows_the_size_of_the_batches_that_come() -> None:
    nulls = []
    for size in (20, 200):
        model = recipes.wae_mmd(shape=(2,), latent=2, weight="auto", penalty="sliced")
        state = State(model, steps=1)
        next(steps(state, [torch.randn(size, 2)]))
        nulls.append(model.held_weight()["null_mean"])
    assert nulls[0] > 5 * nulls[1]
