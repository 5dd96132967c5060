"""`--latent auto`: the number, where it is kept, and who refuses it."""

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.small import NARROW, last, settled, train

from remblai import data
from remblai.config.registry import own_options
from remblai.recipes import RECIPES
from remblai.recipes.parts import Latent
from remblai.runs import latent as latent_module
from remblai.runs.folder import Run
from remblai.runs.latent import chosen_latent, latent_in_words
from remblai.runs.resolve import resolve

TAKES = {"wae-mmd", "wae-gan", "pot", "aae", "sinkhorn-ae", "swae", "cwae", "vae", "beta-vae", "info-vae", "mmd-vae",
         "avb", "ae", "rae"}  # fmt: skip
CPU = torch.device("cpu")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latent_module, "PROBE", 3)
    monkeypatch.setattr(latent_module, "ROWS", 300)


def curve(n: int = 200) -> torch.Tensor:
    """A closed curve in six dimensions."""
    t = 6.2832 * torch.rand(n, generator=torch.Generator().manual_seed(0))
    return torch.stack([f(k * t) for k in (1, 2, 3) for f in (torch.sin, torch.cos)], 1)


@pytest.mark.usefixtures("bare", "short")
def test_the_choice_is_kept_said_and_resumed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options: dict[str, Any] = {"data": "digits", "latent": "auto", "schedule": "constant", "checkpoint_every": 5}
    torch.manual_seed(5)
    train(tmp_path / "whole", steps=12, quiet=False, **options)
    facts = Run.open(tmp_path / "whole").settings["latent_choice"]
    told = capsys.readouterr().err
    assert f"latent auto: {latent_in_words(facts)}" in told
    assert Run.open(tmp_path / "whole").settings["arguments"]["latent"] == facts["latent"]
    assert f"latent: {facts['latent']}" in (tmp_path / "whole/config.yaml").read_text()
    train(tmp_path / "parts", steps=7, **options)
    train(tmp_path / "parts", steps=12, resume=True, **options)
    assert last(tmp_path / "whole") == last(tmp_path / "parts")
    train(tmp_path / "number", steps=12, **options | {"latent": facts["latent"]})
    assert last(tmp_path / "whole") == last(tmp_path / "number"), "the choice moves no generator"


@pytest.mark.usefixtures("short")
def test_a_curve_has_one_coordinate() -> None:
    resolved = resolve("wae-mmd", {"latent": "auto", "network": "mlp", "network.width": 8, "batch_size": 20})
    facts = chosen_latent(None, resolved, data.load(curve()), CPU)
    assert facts is not None
    assert (facts["wanted"], facts["latent"], resolved.arguments["latent"]) == (1, 1, 1)


@pytest.mark.usefixtures("short")
def test_a_rank_below_the_dimension_lowers_the_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latent_module, "_probe", lambda *_: (2.3, 3))
    facts = chosen_latent(None, resolve("ae", {"latent": "auto"}), data.load("digits"), CPU)
    assert facts is not None
    assert facts["wanted"] > 3
    assert facts["latent"] == 3
    assert latent_in_words(facts).startswith("3 coordinates, by the codes' effective rank: nearest neighbours give")


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(
    "name", [n for n, one in RECIPES.items() if "latent" in [o.name for o in own_options(one.function)]]
)
def test_every_recipe_with_a_code_takes_it_or_refuses_in_a_line(name: str) -> None:
    if name not in TAKES:
        with pytest.raises(ValueError, match="latent: expected a whole number, got 'auto'") as problem:
            resolve(name, {"latent": "auto"})
        assert "\n" not in str(problem.value)
        return
    annotation = next(o.annotation for o in own_options(RECIPES[name].function) if o.name == "latent")
    assert annotation == Latent.__origin__  # type: ignore[attr-defined]  # what `Annotated` keeps
    resolved = settled(name, {**NARROW, "batch_size": 20}, latent="auto")
    with pytest.raises(ValueError, match=r"latent: expected a number, got 'auto', which only `remblai\.train` knows"):
        resolved.build((6,))
    facts = chosen_latent(None, resolved, data.load(curve()), CPU)
    assert facts is not None
    assert resolved.arguments["latent"] == facts["latent"] == 1
