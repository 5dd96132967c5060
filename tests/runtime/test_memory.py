"""A lack of memory is recognised, and nothing else is taken for one."""

import pytest
import torch

from remblai.runtime.memory import available, out_of_memory


def test_what_is_available_is_positive() -> None:
    found = available()
    assert found is None or found > 2**20


def test_a_tensor_that_is_too_large() -> None:
    with pytest.raises(RuntimeError) as problem:
        torch.empty(2**50)
    assert "4,194,304.0 GiB were asked for" in str(out_of_memory(problem.value))


@pytest.mark.parametrize("problem", [ValueError("out of memory"), RuntimeError("sizes differ"), KeyError("a")])
def test_other_problems(problem: Exception) -> None:
    assert out_of_memory(problem) is None
