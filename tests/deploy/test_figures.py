"""The figures of a card are those of the step and the law that leave the folder, or it says of which they are."""

from pathlib import Path
from typing import Any

import pytest
from tests.small import SMALL, train

import remblai
from remblai.data import load
from remblai.deploy.figures import figures_of_export, figures_of_run
from remblai.deploy.hub import write_published
from remblai.metrics.reading import number

OF_THE_RUN = {"w2": {"value": 0.731, "floor": 0.25, "spread": 0.1, "n": 40}}


@pytest.fixture
def run(tmp_path: Path, bare: None) -> remblai.Trained:
    run = train(tmp_path / "run", data="ring", checkpoint_every=10, keep=4)
    run.run.write_metrics(OF_THE_RUN, 20, {"sampler": "prior"})
    return run


def test_figures_of_another_step_are_not_published(run: remblai.Trained, tmp_path: Path) -> None:
    run.run.mark_best(10)
    for which, step in (("last", 20), ("best", 10)):
        (tmp_path / which).mkdir()
        trained = remblai.load(run.folder, which=which)
        write_published(tmp_path / which, trained, "a/b")
        published = remblai.load(tmp_path / which)
        card = (tmp_path / which / "README.md").read_text()
        assert (trained.step, published.step) == (step, step)
        assert published.run.metrics() == (OF_THE_RUN if which == "last" else None)
        assert ("0.731" in card) == (which == "last")
    assert "None were measured of step 10: those that the run keeps are of step 20. `remblai evaluate`" in card
    assert figures_of_export(trained) == figures_of_run(trained)
    run.run.write_metrics(OF_THE_RUN)
    assert "of a step that they do not say" in figures_of_run(run)


def test_a_sampler_of_another_law_has_its_own_figures(run: remblai.Trained) -> None:
    remblai.fit(run, "gaussian")
    own = figures_of_export(run)
    assert "0.731" in own and own == figures_of_export(run, "prior", load("ring")) == figures_of_run(run)
    unmeasured = figures_of_export(run, "gaussian")
    assert "figures of samples of the law `prior`. The sampler here draws of the law `gaussian`, of which" in unmeasured
    assert "0.731" in unmeasured
    assert figures_of_export(run, "gaussian", load("two-moons")) == unmeasured, (
        "figures on other data are not the run's"
    )
    measured = figures_of_export(run, "gaussian", load("ring"))
    value = remblai.evaluate(run, sampler="gaussian")["w2"]["value"]
    assert f"| {number(value)} |" in measured and "0.731" not in measured
    assert run.run.metrics() == OF_THE_RUN, "the run keeps those of its own law"


def test_a_flow_that_draws_otherwise_says_how_the_figures_were_taken(tmp_path: Path, bare: None) -> None:
    shared = ("steps", "batch_size", "quiet", "device", "evaluate_every")
    options: dict[str, Any] = {name: SMALL[name] for name in shared} | {"velocity.width": 8, "sampling_steps": 3}
    run = remblai.train("flow-matching", data="ring", out=tmp_path / "run", **options)
    run.run.write_metrics(OF_THE_RUN, 20)
    assert "These are figures" not in figures_of_export(run)
    run.take_sampling_steps(7)
    assert "law `prior` in 3 steps with guidance 1. The sampler here draws of the law `prior` in 7 steps" in (
        figures_of_export(run)
    )
    assert "7 steps" not in figures_of_run(run), "what is published draws as run.json says"


def test_an_export_through_another_law_has_figures_of_it(run: remblai.Trained, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    remblai.fit(run, "gaussian")
    remblai.export(run, tmp_path / "out", sampler="gaussian")
    card = (tmp_path / "out" / "README.md").read_text()
    assert "draws of the law `gaussian`" in card and "| Wasserstein distance W2 |" in card
    assert "0.731" not in card
