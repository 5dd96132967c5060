"""Laws fitted to a run's codes: kept with it, drawn from, told apart from stale ones."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.small import train

import remblai
from remblai.config.registry import make
from remblai.laws import FITTED
from remblai.laws.fitted import Auto, FittedLaw, Gaussian, Mixture
from remblai.runs.checkpoints import Checkpoint
from remblai.runs.folder import Run
from remblai.runs.laws import keep_law


@pytest.mark.usefixtures("bare")
def test_a_fitted_law_is_kept_and_drawn_from(tmp_path: Path) -> None:
    trained = train(tmp_path / "run")
    before = trained.sample(40)
    law = remblai.fit(trained, {"name": "mixture", "components": 3})
    assert isinstance(law, Mixture)
    assert law.weights is not None
    assert len(law.weights) == 3
    loaded = remblai.load(tmp_path / "run")
    assert np.array_equal(before, loaded.sample(40)), "the recipe's own stays the prior"
    assert np.array_equal(before, loaded.sample(40, sampler="prior"))
    drawn = loaded.sample(40, sampler="mixture")
    assert np.array_equal(drawn, trained.sample(40, sampler="mixture"))
    assert not np.array_equal(drawn, before)
    torch.manual_seed(0)
    assert np.array_equal(drawn, loaded.decode(law.sample(40))), "what is drawn is the law's codes, decoded"
    figures = {name: remblai.evaluate(loaded, sampler=name) for name in ("prior", "mixture")}
    assert figures["prior"]["w2"] != figures["mixture"]["w2"]
    assert figures["prior"]["reconstruction_mse"] == figures["mixture"]["reconstruction_mse"]


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("name", ["ae", "rae"])
def test_a_recipe_of_free_codes_fits_its_own_law(tmp_path: Path, name: str) -> None:
    trained = train(tmp_path / "run", name, sampler={"name": "mixture", "components": 4}, evaluate_every=10)
    assert trained.sampler == "mixture"
    law = trained.law()
    assert isinstance(law, Mixture)
    assert law.weights is not None
    assert len(law.weights) == 4
    assert np.array_equal(trained.sample(9), remblai.load(tmp_path / "run").sample(9))
    assert np.array_equal(trained.sample(9), trained.sample(9, sampler="mixture"))
    codes = trained.codes(remblai.data.load("digits").train)
    torch.testing.assert_close(law().mean, codes.mean(0), atol=1e-3, rtol=0)  # expectation maximisation keeps the mean
    scores = [line["validation"] for line in trained.run.terms() if "validation" in line]
    assert len(scores) == 2
    assert all(np.isfinite(score["energy_distance_squared"]) for score in scores)
    again = train(tmp_path / "again", None, from_run=tmp_path / "run", sampler="prior")
    assert again.sampler == "prior"
    assert not (tmp_path / "again" / "samplers").exists()


@pytest.mark.usefixtures("bare")
def test_a_law_of_other_codes_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    remblai.fit(train(folder, "ae"), "gaussian")
    longer = train(folder, "ae", steps=40, resume=True)
    assert len(longer.sample(3)) == 3, "the recipe's own is fitted anew"
    with pytest.raises(
        ValueError,
        match=r"no law 'gaussian' has been fitted to the codes of step 40: `remblai fit .* --sampler gaussian`",
    ):
        longer.sample(3, sampler="gaussian")
    remblai.fit(longer, "gaussian")
    assert len(remblai.load(folder).sample(3, sampler="gaussian")) == 3


@pytest.mark.usefixtures("bare")
def test_each_checkpoint_has_laws_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    last = train(folder, "ae", checkpoint_every=10)
    last.run.mark_best(10)
    best = remblai.load(folder, which="best")
    assert (best.step, last.step) == (10, 20)
    with pytest.raises(ValueError, match=r"to the codes of step 10: `remblai.fit\(trained\)` fits it"):
        best.sample(3)
    remblai.fit(best)  # marked by hand: training itself fits the best's too
    shown = last.sample(9)
    assert not np.array_equal(best.sample(9), shown)
    assert np.array_equal(remblai.load(folder).sample(9), shown)
    train(folder, "ae", steps=60, checkpoint_every=10, resume=True)
    kept = {path.name for path in (folder / "samplers" / "mixture").iterdir()}
    assert kept == {"00000010", "00000060"}, "the best's and the last's"


@pytest.mark.usefixtures("bare")
def test_a_sampler_of_ones_own_is_taken_alive(tmp_path: Path) -> None:
    class Doubled(FittedLaw):
        """A law without a density, whose labels' number is its only fact."""

        name = "doubled"

        def __init__(self) -> None:
            super().__init__()
            self.gaussian, self.classes = Gaussian(), 0

        def fit(self, codes: torch.Tensor, labels: torch.Tensor | None = None) -> "Doubled":
            assert labels is not None, "the digits have labels"
            assert len(labels) == len(codes)
            self.gaussian.fit(2.0 * codes)
            self.classes = len(labels.unique())
            return self

        def sample(self, n: int) -> torch.Tensor:
            return self.gaussian.sample(n)

        def state(self) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
            return {"classes": self.classes}, self.gaussian.state()[1]

        def restore(self, facts: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> "Doubled":
            self.classes = facts["classes"]
            self.gaussian.restore({}, tensors)
            return self

    trained = train(tmp_path / "run", "ae", sampler=Doubled())
    assert trained.sampler == "doubled"
    again = remblai.load(tmp_path / "run", sampler=Doubled())
    assert np.array_equal(again.sample(5), trained.sample(5))
    codes = trained.codes(remblai.data.load("digits").train)
    law = again.law()
    assert isinstance(law, Doubled)
    assert law.classes == 10
    torch.testing.assert_close(law.gaussian().mean, 2.0 * codes.mean(0), atol=1e-3, rtol=0)
    with pytest.raises(ValueError, match="known through its samples only"):
        law.log_prob(codes)
    with pytest.raises(ValueError, match="sampler"):
        remblai.load(tmp_path / "run")


@pytest.mark.usefixtures("bare")
def test_what_is_missing_damaged_or_unknown_is_told(tmp_path: Path) -> None:
    trained = train(tmp_path / "run")
    with pytest.raises(ValueError, match="no law 'gaussian' has been fitted to the codes of step 20: `remblai fit"):
        trained.sample(3, sampler="gaussian")
    with pytest.raises(ValueError, match=r"unknown sampler 'gausian'\. Did you mean 'gaussian'"):
        trained.sample(3, sampler="gausian")
    with pytest.raises(ValueError, match="the prior is not fitted"):
        remblai.fit(trained)
    remblai.fit(trained, "gaussian")
    place = tmp_path / "run" / "samplers" / "gaussian" / "00000020"
    for name in ("law.json", "tensors.safetensors"):
        whole = (place / name).read_bytes()
        damages = [whole[:-2], b"not this", whole[:-30] + bytes([whole[-30] ^ 1]) + whole[-29:]]
        for damaged in damages:
            (place / name).write_bytes(damaged)
            with pytest.raises(ValueError, match=r"gaussian/00000020 cannot be read .*: `remblai fit .* fits it"):
                remblai.load(tmp_path / "run").sample(3, sampler="gaussian")
        (place / name).write_bytes(whole)
    assert len(remblai.load(tmp_path / "run").sample(3, sampler="gaussian")) == 3


@pytest.mark.usefixtures("bare")
def test_a_generator_has_no_codes_to_fit(tmp_path: Path) -> None:
    trained = train(tmp_path / "run", "gmmn")
    assert np.array_equal(trained.sample(3), trained.sample(3, sampler="prior"))
    for asked in (lambda: remblai.fit(trained, "mixture"), lambda: trained.sample(3, sampler="mixture")):
        with pytest.raises(ValueError, match="gmmn has no encoder"):
            asked()


@pytest.mark.usefixtures("bare")
def test_codes_are_decoded_from_the_priors_support(tmp_path: Path) -> None:
    trained = train(tmp_path / "run", prior="sphere")
    remblai.fit(trained, "gaussian")
    seen: list[torch.Tensor] = []
    decoder = trained.objective.decoder
    assert isinstance(decoder, torch.nn.Module)
    decoder.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    trained.sample(50, sampler="gaussian")
    torch.testing.assert_close(seen[0].norm(dim=1), torch.ones(50))


@pytest.mark.usefixtures("bare")
def test_the_best_checkpoint_has_its_law_after_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = iter([{"energy_distance_squared": 1.0}, {"energy_distance_squared": 2.0}])
    monkeypatch.setattr("remblai.runs.processes.validation_scores", lambda *_: next(scores))
    last = train(tmp_path / "run", "ae", evaluate_every=10, checkpoint_every=10)
    best = remblai.load(tmp_path / "run", which="best")
    assert (best.step, last.step) == (10, 20)
    assert not np.array_equal(best.sample(9), last.sample(9))


@pytest.mark.usefixtures("bare")
def test_the_runs_own_law_is_fitted_again_as_the_run_says(tmp_path: Path) -> None:
    trained = train(tmp_path / "run", "ae", sampler={"name": "mixture", "components": 3})
    shown = trained.sample(9)
    shutil.rmtree(tmp_path / "run" / "samplers")
    with pytest.raises(ValueError, match=r"step 20: `remblai fit \S*` fits it"):
        remblai.load(tmp_path / "run").sample(9)
    again = remblai.load(tmp_path / "run")
    remblai.fit(again)
    assert np.array_equal(again.sample(9), shown)
    for bare in ("mixture", {"name": "mixture"}):
        assert remblai.fit(again, bare).options["components"] == 3
    with pytest.raises(ValueError, match=r"'mixture' is the run's own law, with the options \{'components': 3"):
        remblai.fit(again, {"name": "mixture", "components": 4})


@pytest.mark.usefixtures("bare")
def test_a_generator_of_codes_has_a_law_without_a_formula(tmp_path: Path) -> None:
    trained = train(tmp_path / "run", "gmmn-ae", code=2)
    assert trained.sampler == "generator"
    assert np.array_equal(trained.sample(9), trained.sample(9, sampler="generator"))
    assert trained.law("generator").sample(5).shape == (5, 2)
    with pytest.raises(ValueError, match="a generator learned their law"):
        trained.law("prior")
    remblai.fit(trained, "gaussian")
    assert trained.sample(9, sampler="gaussian").shape == (9, 8, 8)


@pytest.mark.usefixtures("bare")
def test_other_data_or_codes_are_refused(tmp_path: Path) -> None:
    trained = train(tmp_path / "run")
    with pytest.raises(ValueError, match=r"expected images of shape \(1, 8, 8\), ring holds points of \(2,\)"):
        remblai.fit(trained, "gaussian", remblai.data.load("ring"))


def test_a_law_that_is_called_prior_or_is_none_is_refused() -> None:
    class Named(Gaussian):
        name = "prior"

    with pytest.raises(ValueError, match="give your law another"):
        remblai.recipes.ae.latent_law({"sampler": Named()})
    with pytest.raises(ValueError, match="or a FittedLaw, got int: derive"):
        remblai.recipes.ae.latent_law({"sampler": 3})
    with pytest.raises(ValueError, match="at least 1 component, got 0"):
        remblai.recipes.ae.latent_law({"sampler": {"name": "mixture", "components": 0}})


def test_a_run_keeps_each_law_for_as_long_as_its_step(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", {})
    few = {"flow": {"iterations": 5}, "two-stage": {"iterations": 5}, "auto": {"candidates": ("gaussian",)}}
    laws = [make(FITTED, {"name": name, **few.get(name, {})}).fit(torch.randn(30, 2)) for name in FITTED]
    for step in (10, 20):
        run.save(Checkpoint(step, {"w": torch.zeros(1)}, None, {}), keep=1)
        for law in laws:
            keep_law(run, law, step)
    kept = {str(path.relative_to(tmp_path / "run" / "samplers")) for path in (tmp_path / "run").glob("samplers/*/*")}
    assert kept == {f"{name}/00000020" for name in FITTED}


@pytest.mark.usefixtures("bare")
def test_auto_is_chosen_by_validation_data_and_never_sees_the_test_split(tmp_path: Path) -> None:
    own = {"name": "auto", "candidates": ("gaussian", "mixture-10")}
    trained = train(tmp_path / "run", sampler=own, evaluate_every=10)
    assert (trained.sampler, trained.prior is not None) == ("auto", True), "its codes follow the prior all the same"
    law = trained.law()
    assert isinstance(law, Auto)
    dataset = remblai.data.load("digits")
    assert (law.facts["by"], law.facts["held_out"]) == ("reconstructions of held-out data", len(dataset.validation))
    again = remblai.fit(trained, None, replace(dataset, test=dataset.test[:0]))  # type: ignore[arg-type]  # none at all
    assert isinstance(again, Auto)
    assert again.facts["distances"] == law.facts["distances"]
    assert np.array_equal(trained.sample(9), remblai.load(tmp_path / "run").sample(9))
    scores = [line["validation"] for line in trained.run.terms() if "validation" in line]
    assert all("latent_mmd_squared" in score for score in scores), "while it trains the prior is decoded"
