"""Recipes of one's own: their names, their files, and what resume makes of a file that changed or moved."""

import shutil
import warnings
from pathlib import Path

import pytest
import torch

import remblai
from remblai.recipes import wae_mmd as builtin

SOURCE = """
import remblai

@remblai.recipe(steps=6)
def mine(shape, weight: float = {weight}, latent: int = 2):
    \"\"\"A WAE of my own.\"\"\"
    return remblai.recipes.wae_mmd(shape, latent=latent, weight=weight, network={{"name": "mlp", "width": 8}})
"""


@remblai.recipe(steps=4)
def wae_mmd(shape: tuple[int, ...], latent: int = 2) -> remblai.objectives.Objective:
    """Called as one of remblai's own."""
    return builtin(shape, latent=latent, prior="sphere", network={"name": "mlp", "width": 8})


def written(path: Path, weight: float = 5.0) -> str:
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(SOURCE.format(weight=weight))
    return f"{path}:mine"


def test_the_name_of_one_of_remblai_s_own_does_not_load_as_that(tmp_path: Path) -> None:
    run = remblai.train(wae_mmd, data="ring", out=tmp_path / "run")
    assert type(run.prior).__name__ == "Sphere"
    assert run.run.settings["recipe"] == "custom:wae-mmd"
    with pytest.raises(ValueError, match="was made by 'custom:wae-mmd', which is not remblai's own"):
        remblai.load(tmp_path / "run")
    again = remblai.load(tmp_path / "run", recipe=wae_mmd)
    assert torch.equal(again.draws(5), run.draws(5))


def test_a_file_s_recipe_and_a_file_s_data_are_named_in_one_error(tmp_path: Path) -> None:
    source = "import numpy\n\ndef points():\n    return numpy.random.default_rng(0).normal(size=(60, 2))\n"
    (tmp_path / "data.py").write_text(source)
    remblai.train(written(tmp_path / "my.py"), data=f"{tmp_path}/data.py:points", steps=3, out=tmp_path / "run")
    with pytest.raises(ValueError, match=r"not remblai's own .*own too: name both \(--data \S+data.py:points\)"):
        remblai.load(tmp_path / "run")
    remblai.train(written(tmp_path / "my.py"), data="ring", steps=3, out=tmp_path / "other")
    with pytest.raises(ValueError, match=r"whose run `evaluate` takes\)\.$"):
        remblai.load(tmp_path / "other")


def test_an_option_called_as_one_of_the_data_is_refused() -> None:
    @remblai.recipe()
    def clash(shape: tuple[int, ...], channels: int = 2) -> remblai.objectives.Objective:
        """Its option would be that of the images."""
        return builtin(shape, latent=channels)

    with pytest.raises(ValueError, match=r"its option 'channels' is called as one of the data .*: rename"):
        remblai.train(clash, data="ring", steps=1)


def test_a_file_that_moved_is_the_same_recipe(tmp_path: Path) -> None:
    spec = written(tmp_path / "a" / "my.py")
    remblai.train(spec, data="ring", steps=3, out=tmp_path / "run")
    shutil.move(tmp_path / "a" / "my.py", tmp_path / "my.py")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = remblai.train(f"{tmp_path}/my.py:mine", data="ring", steps=6, out=tmp_path / "run", resume=True)
    assert run.step == 6


def test_a_file_that_changed_is_said(tmp_path: Path) -> None:
    spec = written(tmp_path / "my.py")
    remblai.train(spec, data="ring", steps=3, out=tmp_path / "run")
    (tmp_path / "my.py").write_text(SOURCE.format(weight=5.0).replace('"width": 8', '"width": 8 + 0'))
    with pytest.warns(UserWarning, match="the file is not as it was when the run began"):
        remblai.train(spec, data="ring", steps=6, out=tmp_path / "run", resume=True)
    (tmp_path / "my.py").write_text(SOURCE.format(weight=5.0) + "\n# another\n")
    with pytest.warns(UserWarning, match="the file is not as it was when the run began"):
        remblai.load(tmp_path / "run", recipe=spec)


def test_other_settings_lead_to_the_command_that_goes_on(tmp_path: Path) -> None:
    spec = written(tmp_path / "my.py")
    remblai.train(spec, data="ring", steps=3, seed=5, out=tmp_path / "a run")
    with pytest.raises(ValueError, match=r"seed was 5, now 0.*--config '.*a run/config\.yaml' --resume --out '"):
        remblai.train(spec, data="ring", steps=6, out=tmp_path / "a run", resume=True)


def test_an_option_that_is_infinite_is_named() -> None:
    @remblai.recipe(steps=2)
    def free(shape: tuple[int, ...], nu: float = 1.0) -> remblai.objectives.Objective:
        """With an option that run.json cannot hold where it is infinite."""
        return builtin(shape, latent=2, weight=min(nu, 10.0), network={"name": "mlp", "width": 8})

    with pytest.raises(ValueError, match=r"nu: expected a finite number, as run\.json can hold, got inf"):
        remblai.train(free, data="ring", nu=float("inf"))


def test_a_file_without_its_ending_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "my.py")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"Did you mean 'my\.py:mine'"):
        remblai.train("my:mine", data="ring", steps=3)


@remblai.recipe(steps=4)
def sized(
    shape: tuple[int, ...],
    sizes: list = [8, 4],  # noqa: B006  # what is tested
    options: dict = {"width": 8, "deep": {"er": [1, None]}},  # noqa: B006
    latent: int = 2,
) -> remblai.objectives.Objective:
    """Its options are lists and dicts."""
    return builtin(shape, latent=latent, network={"name": "mlp", "width": options["width"], "depth": len(sizes)})


def test_lists_and_dicts_are_options_that_a_run_records(tmp_path: Path) -> None:
    run = remblai.train(sized, data="ring", out=tmp_path / "run")
    assert run.run.settings["arguments"]["options"] == {"width": 8, "deep": {"er": [1, None]}}
    assert torch.equal(remblai.load(tmp_path / "run", recipe=sized).draws(3), run.draws(3))
    changed = remblai.train(sized, data="ring", sizes=[4], options={"width": 6}, out=tmp_path / "changed")
    assert changed.run.settings["arguments"]["options"] == {"width": 6}
    again = remblai.train(sized, data="ring", from_run=tmp_path / "changed")
    assert again.run.settings["arguments"] == changed.run.settings["arguments"]


def test_what_a_run_cannot_record_is_refused_before_it_begins(tmp_path: Path) -> None:
    @remblai.recipe(steps=4)
    def held(shape: tuple[int, ...], cost: object = torch.nn.ReLU()) -> remblai.objectives.Objective:
        """An option that only Python can hold."""
        return builtin(shape, latent=2, network={"name": "mlp", "width": 8})

    with pytest.raises(ValueError, match=r"option 'cost' of held: expected what run\.json can hold, .* got ReLU"):
        remblai.train(held, data="ring", out=tmp_path / "run")
