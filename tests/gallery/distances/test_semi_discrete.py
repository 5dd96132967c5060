import numpy as np
import ot
import pytest

from remblai.gallery.distances import semi_discrete as entry
from remblai.gallery.distances.semi_discrete import PLACES, WEIGHTS, Solver, best, checks, equals, semi_dual, truth


def solver(samples: list[float], gaps: list[float], held: list[float]) -> Solver:
    return Solver(np.array(samples), np.array([gaps] * 3), np.array(held))


ASCENT = solver([256, 1024, 4096, 65536], [0.5, 0.01, 1e-3, 1e-4], [400, 400, 400, 400])
PROGRAM = solver([256, 1024, 4096], [0.02, 4e-3, 5e-4], [100, 200, 400])


def missed(ascent: Solver, program: Solver) -> list[str]:
    return [check.what for check in checks(ascent, program) if not check.holds]


def test_w2_is_that_of_a_linear_program_on_a_fine_grid() -> None:
    line = (np.arange(30) + 0.5) / 30
    x = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
    value = ot.emd2(np.full(len(x), 1 / len(x)), WEIGHTS, ot.dist(x, PLACES))
    assert truth() == pytest.approx(value, rel=2e-3)


def test_semi_dual_is_w2_at_the_best_potential_and_less_elsewhere() -> None:
    assert semi_dual(best()) == pytest.approx(truth(), rel=2e-6)
    rng = np.random.default_rng(0)
    assert all(semi_dual(best() + 0.1 * rng.standard_normal(len(PLACES))) < truth() for _ in range(5))


def test_semi_dual_is_the_mean_over_points_written_out() -> None:
    g = np.random.default_rng(0).standard_normal(len(PLACES))
    x = np.random.default_rng(1).random((40_000, 2))
    mean = WEIGHTS @ g + (((x[:, None] - PLACES) ** 2).sum(2) - g).min(1).mean()
    assert semi_dual(g) == pytest.approx(mean, abs=0.01)


def test_comparisons_are_at_the_last_common_samples_and_where_the_program_fits_into_the_ascents_memory() -> None:
    assert equals(ASCENT, PROGRAM) == pytest.approx((0.5, 5.0))
    small = PROGRAM._replace(held=np.array([100.0, 200.0, 800.0]))
    assert equals(ASCENT, small) == pytest.approx((0.5, 40.0))
    assert missed(ASCENT, PROGRAM) == []


def test_checks_tell_an_ascent_that_makes_no_use_of_its_samples_or_needs_more_memory() -> None:
    stopped = ASCENT._replace(gaps=np.array([[0.5, 0.01, 1e-3, 1e-3]] * 3))
    assert missed(stopped, PROGRAM) == ["equal memory: the program's gap over the ascent's"]
    growing = ASCENT._replace(held=np.array([100.0, 200.0, 400.0, 800.0]))
    assert "costs that the ascent holds, most samples over fewest" in missed(growing, PROGRAM)


def test_the_ascent_holds_the_same_costs_whatever_its_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "SAMPLED", (64, 512))
    monkeypatch.setattr(entry, "SEEDS", 1)
    found = entry.stochastic_ascent()
    assert found.held[0] == found.held[1] >= 64 * len(PLACES)
    assert found.gap[1] < found.gap[0]
