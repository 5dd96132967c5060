"""A lack of memory is recognised, and nothing else is taken for one."""

import pytest
import torch

from remblai.runtime.memory import available, batch_that_fits, out_of_memory, requested


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


CUDA = (
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 139.72 GiB of which 1.06 GiB is "
    "free. Including non-PyTorch memory, this process has 138.60 GiB memory in use."
)


def test_a_gpus_error_says_what_was_asked_what_is_free_and_which_batch_fits() -> None:
    problem = torch.OutOfMemoryError(CUDA)
    problem.add_note("A --batch-size of at most 300 would fit.")
    words = out_of_memory(problem)
    assert words is not None
    assert "2.00 GiB were asked for; 1.06 GiB of the GPU's are free. A --batch-size of at most 300 would fit." in words


@pytest.mark.parametrize(
    ("words", "found"),
    [(CUDA, 2 * 2**30), ("Tried to allocate 512.00 MiB.", 2**29), ("allocate 4000 bytes", 4000), ("no more", 0)],
)
def test_the_bytes_of_a_request(words: str, found: int) -> None:
    assert requested(RuntimeError(words)) == found


def test_the_batch_that_fits_is_smaller_and_at_least_one() -> None:
    assert batch_that_fits(1000, fixed=10, needed=210, total=110) == 500
    assert batch_that_fits(1000, fixed=10, needed=20, total=110) == 999
    assert batch_that_fits(1000, fixed=200, needed=300, total=100) == 1
