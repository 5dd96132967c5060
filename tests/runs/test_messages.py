"""What a training says before it starts."""

from pathlib import Path

import pytest
from tests.small import train

from remblai.runs import messages


@pytest.mark.parametrize(
    ("precision", "times", "said"),
    [("bfloat16", 20.4, True), ("bfloat16", 1.2, False), ("float32", 20.4, False)],
)
def test_a_cpu_that_is_slow_in_bfloat16_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    precision: str,
    times: float,
    said: bool,
) -> None:
    monkeypatch.setattr(messages.devices, "bfloat16_slowdown", lambda device: times)
    train(tmp_path / "run", "ae", precision=precision, quiet=False)
    shown = capsys.readouterr().err
    assert ("20 times as long in bfloat16" in shown and "--precision float32" in shown) is said
