"""What is known of a device."""

import json
import subprocess
import sys
from types import SimpleNamespace

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


@pytest.mark.parametrize(
    ("setting", "products", "convolutions"),
    [
        ("pass", "ieee", "tf32"),
        ("torch.backends.cuda.matmul.allow_tf32 = True", "tf32", "tf32"),
        ("torch.backends.cuda.matmul.fp32_precision = 'tf32'", "tf32", "tf32"),
        ("torch.backends.cudnn.conv.fp32_precision = 'ieee'", "ieee", "ieee"),
        ("torch.backends.fp32_precision = 'ieee'", "ieee", "ieee"),
    ],
)
def test_the_arithmetic_is_known_whichever_way_it_was_set(setting: str, products: str, convolutions: str) -> None:
    """In a process of its own: torch does not take back a setting of both its interfaces."""
    if "fp32_precision" in setting and not hasattr(torch.backends.cuda.matmul, "fp32_precision"):
        pytest.skip("this torch has only allow_tf32")
    code = f"import json, torch; {setting}; from remblai.runtime import devices; "
    code += "print(json.dumps(devices.arithmetic(torch.device('cuda'))))"
    found = json.loads(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout)
    assert (found["products"], found["convolutions"]) == (products, convolutions)


def test_the_arithmetic_is_known_of_a_torch_with_flags_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cuda, "matmul", SimpleNamespace(allow_tf32=True))
    monkeypatch.setattr(torch.backends, "cudnn", SimpleNamespace(allow_tf32=False, benchmark=True))
    told = {"products": "tf32", "convolutions": "ieee", "cudnn_benchmark": True}
    assert devices.arithmetic(torch.device("cuda")) == told


@pytest.mark.parametrize(("major", "hip", "has"), [(7, None, False), (8, None, True), (12, None, True), (7, "6", True)])
def test_bfloat16_is_that_of_the_card_that_is_asked_about(
    major: int, hip: str | None, has: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    capabilities = {0: (8 if major < 8 else 7, 0), 1: (major, 5)}
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capabilities[device.index])
    monkeypatch.setattr(torch.version, "hip", hip)
    assert devices.has_bfloat16(torch.device("cuda", 1)) is has
