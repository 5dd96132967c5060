"""What is known of a device."""

import pytest
import torch

from remblai.runtime import devices


def test_bfloat16_is_timed_beside_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = {torch.float32: 1.0, torch.bfloat16: 20.0}
    now = [0.0]

    def product(factor: torch.Tensor, _: torch.Tensor) -> None:
        now[0] += seconds[factor.dtype]

    monkeypatch.setattr(devices.torch, "mm", product)
    monkeypatch.setattr(devices.time, "perf_counter", lambda: now[0])
    assert devices.bfloat16_slowdown(torch.device("cpu")) == 20.0
    assert devices.bfloat16_slowdown(torch.device("cuda")) == 1.0


def test_the_time_of_bfloat16_is_real() -> None:
    assert devices.bfloat16_slowdown(torch.device("cpu")) > 0
