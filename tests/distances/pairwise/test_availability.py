import pytest
import torch

from remblai.distances.pairwise import availability
from remblai.distances.pairwise.availability import attempt, available, usable

CPU = torch.device("cpu")


@pytest.fixture
def everywhere(monkeypatch):
    monkeypatch.setattr(availability, "DEVICES", ["cpu"])
    monkeypatch.setattr(availability, "_installed", lambda: True)
    for known in ("_verified", "_refused", "_warned"):
        monkeypatch.setattr(availability, known, set())


class Check:
    def __init__(self, problem=None):
        self.calls, self.problem = 0, problem

    def __call__(self):
        self.calls += 1
        if self.problem is not None:
            raise self.problem


def test_a_cpu_runs_no_kernels():
    assert not available(CPU)
    check = Check()
    assert attempt("kernel", CPU, check, lambda: 1) is None
    assert check.calls == 0


def test_a_configuration_is_checked_once(everywhere):
    check = Check()
    assert [attempt("kernel", CPU, check, lambda: 7) for _ in range(3)] == [7, 7, 7]
    assert check.calls == 1
    assert usable("another", CPU, check)
    assert check.calls == 2


def test_one_that_fails_its_check_is_refused_and_said_once(everywhere):
    check = Check(ArithmeticError("sums are off by 0.5"))
    with pytest.warns(
        UserWarning, match="expected a kernel that runs on cpu, got ArithmeticError: sums are off"
    ) as found:
        assert [attempt("kernel", CPU, check, lambda: 7) for _ in range(3)] == [None, None, None]
        assert not usable("another", CPU, check)  # for the same reason
    assert len(found) == 1
    assert check.calls == 2


def test_one_that_fails_later_is_refused_from_then_on(everywhere):
    def broken():
        raise RuntimeError("no compiler\nand many lines more")

    with pytest.warns(UserWarning, match="RuntimeError: no compiler: torch computes"):
        assert attempt("kernel", CPU, Check(), broken) is None
    assert attempt("kernel", CPU, Check(), lambda: 7) is None


def test_a_lack_of_memory_is_no_reason_to_refuse(everywhere):
    def large():
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        attempt("kernel", CPU, Check(), large)
    assert attempt("kernel", CPU, Check(), lambda: 7) == 7
