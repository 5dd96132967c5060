import time
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from remblai.gallery.distances import cost_against_n as module
from remblai.gallery.distances.cost_against_n import EPSILON, methods, pairs_read, samples, spread


def test_threads_are_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SIZES", (16, 32, 64))
    before = torch.get_num_threads()
    runs = module.timed()
    assert torch.get_num_threads() == before
    assert {len(run.seconds) for run in runs.values()} == {len(run.answers) for run in runs.values()} == {3}


def test_each_method_answers_its_own_question() -> None:
    """Against an assignment, a plain Sinkhorn iteration and a loop over the pairs."""
    x, y = samples(64)
    costs = (x[:, None] - y).square().sum(2).numpy()
    found = {name: solve(x, y) for name, solve in methods().items()}
    rows, columns = linear_sum_assignment(costs)
    assert found["exact"].value == pytest.approx(costs[rows, columns].mean(), rel=1e-9)
    u, kernel = np.ones(64), np.exp(-costs / EPSILON)
    for _ in range(2000):
        v = 64 / (kernel.T @ u)
        u = 64 / (kernel @ v)
    value = EPSILON * (np.log(u).mean() + np.log(v).mean())
    for name in ("Sinkhorn", "stochastic semi-dual"):
        assert found[name].value == pytest.approx(value, rel=1e-3), name
        assert found[name].marginal_error <= 1e-2
    squared = 0.0
    for i in range(64):
        for j in range(64):
            pairs = ((x[i], x[j], i != j), (y[i], y[j], i != j), (x[i], y[j], True))
            a, b, c = (float(torch.exp(-(p - q).square().sum() / 8)) * counts for p, q, counts in pairs)
            squared += (a + b) / (64 * 63) - 2 * c / 64**2
    assert found["MMD"] == pytest.approx(squared, abs=1e-12)


def test_times_are_those_of_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting, as for another program that has the processor, is no part of a method's time."""
    monkeypatch.setattr(module, "SIZES", (16, 32))
    monkeypatch.setattr(module, "REPEATS", 2)
    monkeypatch.setattr(module, "methods", lambda: {"waits": lambda x, y: time.sleep(0.05)})
    assert max(module.timed()["waits"].seconds) < 0.025


def test_each_round_of_the_repeats_has_every_method_at_every_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or a busy moment would hit one size alone, and the slope of a curve would be the machine's."""
    calls: list[tuple[str, int]] = []
    monkeypatch.setattr(module, "SIZES", (16, 32, 64))
    names = ("one", "other")
    monkeypatch.setattr(
        module, "methods", lambda: {name: lambda x, y, name=name: calls.append((name, len(x))) for name in names}
    )
    module.timed()
    timed = calls[len(names) :]
    every = sorted((name, n) for name in names for n in (16, 32, 64))
    rounds = [sorted(timed[start : start + len(every)]) for start in range(0, len(timed), len(every))]
    assert rounds == [every] * module.REPEATS


def test_labels_keep_their_order_and_their_distance() -> None:
    told = spread({"a": 1.0, "b": 0.9, "c": 1.1, "d": 50.0})
    assert sorted(told, key=told.__getitem__) == ["b", "a", "c", "d"]
    heights = sorted(told.values())
    assert all(high >= 1.8 * low * (1 - 1e-12) for low, high in pairwise(heights))
    assert told["b"] == 0.9 and told["d"] == 50.0


def test_a_stochastic_step_reads_n_pairs_a_sample() -> None:
    """What measures convergence on the way reads more, and is no part of a step."""
    assert pairs_read(64) == 64
