"""From names to one flat signature, and back through run.json."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from remblai.config.registry import options
from remblai.laws import Prior
from remblai.recipes import RECIPES
from remblai.runs.resolve import Resolved, customs, find, from_json, recipe_of, resolve


def through_json(resolved: Resolved) -> dict[str, Any]:
    return json.loads(json.dumps(resolved.to_json(), allow_nan=False))


def choices_below(recipe: str, chosen: dict[str, str], prefix: str = "") -> Iterator[dict[str, str]]:
    """Each name of each table below the prefix, one choice at a time, at any depth."""
    for option in options(RECIPES[recipe].function, chosen):
        inner = option.name.removeprefix(prefix)
        if option.table is not None and option.name.startswith(prefix) and "." not in inner:
            for name in option.table:
                one = chosen | {option.name: name}
                yield one
                yield from choices_below(recipe, one, option.name + ".")


def same(one: Resolved, other: Resolved) -> bool:
    names = ("spec", "recipe", "signature", "loop_signature", "arguments", "loop")
    return all(getattr(one, name) == getattr(other, name) for name in names)


def test_every_choice_comes_back_through_json_and_every_option_has_a_meaning() -> None:
    """One test of both, so that the choices, which are many, are resolved once."""
    choices = [(recipe, one) for recipe in RECIPES for one in [{}, *choices_below(recipe, {})]]
    assert len(choices) > 1000
    mute = set()
    for recipe, given in choices:
        resolved = resolve(recipe, given)
        assert same(from_json(through_json(resolved)), resolved), (recipe, given)
        mute |= {o.name for o in [*resolved.signature, *resolved.loop_signature] if not o.help.strip()}
    assert not mute


@pytest.mark.parametrize(
    ("recipe", "given"),
    [
        ("wae-mmd", {"penalty": {"name": "mmd", "kernel": {"name": "gaussian", "scales": [1, 2]}}, "latent": "3"}),
        ("wae-mmd", {"penalty.kernel.scale": "0.5", "penalty.biased": "true", "betas": "0.1,0.2", "steps": "1e3"}),
        ("wae-gan", {"penalty.game": "hinge", "penalty.lipschitz": "gradient-penalty", "critic_lr": 1}),
        ("wae-gan", {"penalty": "mmd", "prior": {"name": "mixture", "components": 3}}),
        ("vae", {"decoder.variance": 0.5, "decoder.learned": False, "clip": 1.0}),
        ("vae", {"decoder": "bernoulli", "average": None}),
    ],
)
def test_options_flat_nested_and_as_text_come_back(recipe: str, given: dict[str, Any]) -> None:
    resolved = resolve(recipe, given)
    again = from_json(through_json(resolved))
    assert same(again, resolved)
    assert again.to_json() == resolved.to_json()
    assert all(type(again.loop[name]) is type(value) for name, value in resolved.loop.items())


@pytest.mark.parametrize(
    ("spec", "given", "words"),
    [
        ("wae-mdm", {}, "Did you mean 'wae-mmd'"),
        ("wae-mmd", {"latnet": 3}, "Did you mean 'latent'"),
        ("wae-mmd", {"penalty.kernel.scael": 3}, "Did you mean 'penalty.kernel.scale'"),
        ("wae-mmd", {"batchsize": 3}, "Did you mean 'batch_size'"),
        ("wae-mmd", {"penalty": "mmmd"}, "Did you mean 'mmd'"),
        ("wae-mmd", {"penalty": "adversarial", "penalty.kernel": "imq"}, "unknown option of wae-mmd"),
        ("ae", {"size": 32}, "one of the data, not of a recipe: give data_options={'size': ...}"),
        ("wae-mmd", {"latent": "many"}, "latent: expected a whole number, got 'many'"),
        ("wae-mmd", {"schedule": "stairs"}, "Known: constant, cosine, step"),
        ("wae-mmd", {"steps": True}, "whole number"),
        ("nothing.py:f", {}, "no file nothing.py"),
        ("nothing.py", {}, "name the function in the file too, as in nothing.py:my_function"),
    ],
)
def test_unknown_names_and_wrong_values_are_refused_with_the_nearest(spec: str, given: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        resolve(spec, given)


def test_a_live_part_is_recorded_as_custom_and_must_be_passed_again() -> None:
    part = RECIPES["wae-mmd"]((2,), latent=2).penalty
    saved = through_json(resolve("wae-mmd", {"penalty": part}))
    assert saved["arguments"]["penalty"] == "custom:Marginal"
    assert customs(saved) == {"penalty": "custom:Marginal"}
    with pytest.raises(ValueError, match="live part for 'penalty'"):
        from_json(saved)
    again = from_json(saved, penalty=part)
    assert again.arguments["penalty"] is part
    assert again.build((2,)).penalty is part


FILE = """
from pathlib import Path
from remblai.recipes import recipe, wae_mmd
Path(__file__).with_name("executed").touch()

def turns(step):
    return 1

@recipe(lr=0.5, steps=7, critic_steps=turns)
def mine(shape, latent: int = 2, width: int = 16):
    "My own model."
    return wae_mmd(shape, latent=latent, network={"name": "mlp", "width": width})

not_a_recipe = 3
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "own.py").write_text(FILE)
    return tmp_path / "own.py"


def test_a_recipe_of_a_file_brings_its_loop_and_its_options(file: Path) -> None:
    resolved = resolve(f"{file}:mine", {"width": 8})
    assert (resolved.loop["lr"], resolved.loop["steps"], resolved.arguments["width"]) == (0.5, 7, 8)
    assert resolved.recipe.summary == "My own model."
    saved = through_json(resolved)
    assert saved["loop"]["critic_steps"] == "custom:function"
    again = from_json(saved, find(f"{file}:mine"))
    assert again.spec == resolved.spec
    assert callable(again.loop["critic_steps"])
    assert isinstance(again.build((3,)), torch.nn.Module)


def test_what_a_run_names_is_never_executed(file: Path) -> None:
    saved = {"recipe": f"{file}:mine", "arguments": {}, "loop": {}}
    saved_by_name = through_json(resolve("wae-mmd"))
    with pytest.raises(ValueError, match=r"recipe: this run was made by wae-mmd, .* got ae: leave it out"):
        from_json(saved_by_name, "ae")
    for read in (recipe_of, from_json):
        with pytest.raises(ValueError, match="not run unasked"):
            read(saved)
    assert not file.with_name("executed").exists()


def test_a_file_without_that_recipe_says_how_to_make_one(file: Path) -> None:
    for name, words in (
        ("yours", "unknown name in .*'yours'"),
        ("not_a_recipe", "decorate the function with @remblai"),
    ):
        with pytest.raises(ValueError, match=words):
            find(f"{file}:{name}")


def test_a_recipe_is_also_found_by_the_name_of_its_function() -> None:
    assert find("wae_mmd") is find("wae-mmd")


@pytest.mark.parametrize("spec", [Path("own.py:mine"), ["wae-mmd"], len, None])
def test_what_is_no_recipe_is_refused(spec: Any) -> None:
    with pytest.raises(ValueError, match=r"recipe: expected a name, .* decorated with @remblai.recipe\(\), got"):
        find(spec)


@pytest.mark.parametrize("words", ["x = (", "import nothing_of_that_name", "1 / 0"])
def test_a_file_that_fails_is_bad_input(file: Path, words: str) -> None:
    file.write_text(words)
    with pytest.raises(ValueError, match=r"fails when it is run: (SyntaxError|ModuleNotFoundError|ZeroDivisionError)"):
        find(f"{file}:mine")
    file.write_text("raise ValueError('a sentence.')")
    with pytest.raises(ValueError, match=r"ValueError: a sentence \(\S*own.py:1\)\.$"):
        find(f"{file}:mine")
    file.write_text("def inner():\n    return 1 / 0\n\ninner()\n")
    with pytest.raises(ValueError, match=r"own.py fails when it is run: ZeroDivisionError: .* \(\S*own.py:2\)\."):
        find(f"{file}:mine")


def test_a_recipe_that_makes_no_objective_is_refused(file: Path) -> None:
    file.write_text("import remblai\n@remblai.recipe(steps=1)\ndef mine(shape):\n    return 3\n")
    with pytest.raises(ValueError, match="expected an Objective from it, got int"):
        resolve(f"{file}:mine").build((2,))


def test_a_loop_option_that_the_loop_does_not_have_is_refused(file: Path) -> None:
    file.write_text(FILE.replace("lr=0.5", "rate=0.5"))
    with pytest.raises(ValueError, match="unknown loop option of recipe 'mine'"):
        resolve(f"{file}:mine")


def test_given_tells_what_was_asked_for() -> None:
    resolved = resolve("wae-mmd", {"latent": 8, "penalty": {"name": "mmd", "biased": True}})
    assert resolved.given == {"latent", "penalty", "penalty.biased"}
    assert isinstance(resolved.build((4,)).prior, Prior)
