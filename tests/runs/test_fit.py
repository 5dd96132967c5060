"""Laws fitted to a run's codes: kept with it, drawn from, told apart from stale ones."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.small import train

import remblai
from remblai.laws.fitted import Gaussian, NormalMixture
from remblai.runs import train as train_module
from remblai.runs.folder import Checkpoint, Run


@pytest.mark.usefixtures("bare")
def test_a_fitted_law_is_kept_and_drawn_from(tmp_path: Path) -> None:
    trained = train(tmp_path / "run")
    before = trained.sample(40)
    law = remblai.fit(trained, {"name": "mixture", "components": 3})
    assert isinstance(law, NormalMixture)
    assert len(law.weights) == 3
    loaded = remblai.load(tmp_path / "run")
    assert np.array_equal(before, loaded.sample(40)), "the recipe's own stays the prior"
    assert np.array_equal(before, loaded.sample(40, sampler="prior"))
    drawn = loaded.sample(40, sampler="mixture")
    assert np.array_equal(drawn, trained.sample(40, sampler="mixture"))
    assert not np.array_equal(drawn, before)
    torch.manual_seed(0)
    assert np.array_equal(drawn, loaded.decode(law().sample((40,)))), "what is drawn is the law's codes, decoded"
    figures = {name: remblai.evaluate(loaded, sampler=name) for name in ("prior", "mixture")}
    assert figures["prior"]["w2"] != figures["mixture"]["w2"]
    assert figures["prior"]["reconstruction_mse"] == figures["mixture"]["reconstruction_mse"]


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("name", ["ae", "rae"])
def test_a_recipe_of_free_codes_fits_its_own_law(tmp_path: Path, name: str) -> None:
    trained = train(tmp_path / "run", name, sampler={"name": "mixture", "components": 4}, evaluate_every=10)
    assert trained.sampler == "mixture"
    law = trained.law()
    assert isinstance(law, NormalMixture)
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
    kept = {path.name for path in (folder / "samplers").iterdir()}
    assert kept == {"mixture-00000010.safetensors", "mixture-00000060.safetensors"}, "the best's and the last's"


@pytest.mark.usefixtures("bare")
def test_a_sampler_of_ones_own_is_taken_alive(tmp_path: Path) -> None:
    class Doubled:
        name = "doubled"

        def __call__(self, codes: torch.Tensor) -> NormalMixture:
            return Gaussian()(2.0 * codes)

    trained = train(tmp_path / "run", "ae", sampler=Doubled())
    assert trained.sampler == "doubled"
    again = remblai.load(tmp_path / "run", sampler=Doubled())
    assert np.array_equal(again.sample(5), trained.sample(5))
    codes = trained.codes(remblai.data.load("digits").train)
    torch.testing.assert_close(again.law()().mean, 2.0 * codes.mean(0), atol=1e-3, rtol=0)
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
    (tmp_path / "run" / "samplers" / "gaussian-00000020.safetensors").write_bytes(b"not this")
    with pytest.raises(ValueError, match=r"gaussian-00000020.safetensors cannot be read .*: `remblai fit .* fits it"):
        remblai.load(tmp_path / "run").sample(3, sampler="gaussian")


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
    decoder = trained.auto_encoder.decoder
    decoder.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    trained.sample(50, sampler="gaussian")
    torch.testing.assert_close(seen[0].norm(dim=1), torch.ones(50))


@pytest.mark.usefixtures("bare")
def test_the_best_checkpoint_has_its_law_after_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = iter([{"energy_distance_squared": 1.0}, {"energy_distance_squared": 2.0}])
    monkeypatch.setattr(train_module, "validation_scores", lambda *_: next(scores))
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
    assert again.objective.sample(9).shape == (9, 1, 8, 8), "the objective knows its law too"
    with pytest.raises(ValueError, match=r"'mixture' is the run's own law, as Mixture\(components=3"):
        remblai.fit(again, "mixture")


@pytest.mark.usefixtures("bare")
def test_a_generator_of_codes_has_a_law_without_a_formula(tmp_path: Path) -> None:
    trained = train(tmp_path / "run", "gmmn-ae", code=2)
    assert trained.sampler == "generator"
    assert np.array_equal(trained.sample(9), trained.sample(9, sampler="generator"))
    for name in ("prior", "generator"):
        with pytest.raises(ValueError, match="a generator learned the codes' law"):
            trained.law(name)
    remblai.fit(trained, "gaussian")
    assert trained.sample(9, sampler="gaussian").shape == (9, 8, 8)


@pytest.mark.usefixtures("bare")
def test_other_data_or_codes_are_refused(tmp_path: Path) -> None:
    trained = train(tmp_path / "run")
    with pytest.raises(ValueError, match=r"expected data of shape \(1, 8, 8\), ring has \(2,\)"):
        remblai.fit(trained, "gaussian", remblai.data.load("ring"))
    model = remblai.recipes.ae(shape=(2,), latent=2)
    with pytest.raises(ValueError, match=r"expected codes \(n, 2\), got \(5, 3\)"):
        model.fit(torch.zeros(5, 3))


def test_a_sampler_that_is_called_prior_is_refused() -> None:
    class Named(Gaussian):
        name = "prior"

    with pytest.raises(ValueError, match="give your sampler another"):
        remblai.recipes.ae(shape=(2,), sampler=Named())


def test_a_run_keeps_each_law_for_as_long_as_its_step(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", {})
    for step in (10, 20):
        run.save(Checkpoint(step, {"w": torch.zeros(1)}, None, {}), keep=1)
        for name in ("mixture", "mixture-mine"):
            run.keep_law(name, step, {"weights": torch.ones(1)})
    kept = {path.name for path in (tmp_path / "run" / "samplers").iterdir()}
    assert kept == {"mixture-00000020.safetensors", "mixture-mine-00000020.safetensors"}
