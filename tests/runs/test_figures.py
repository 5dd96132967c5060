"""Which figures a run keeps: those of its own step and law, on as many data as any that it held."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.small import SMALL, train

import remblai
from remblai.runs.figures import keep_figures, kept_figures, law_of_figures, law_of_samples


def card(n: int, value: float = 0.5) -> dict[str, Any]:
    return {"w2": {"value": value, "floor": 0.2, "spread": 0.1, "n": n}}


@pytest.fixture
def run(tmp_path: Path, bare: None) -> remblai.Trained:
    return train(tmp_path / "run", data="ring", checkpoint_every=10, keep=4)


def test_metrics_say_the_step_and_the_law_of_their_samples(run: remblai.Trained) -> None:
    keep_figures(run, card(40))
    kept = json.loads((run.folder / "metrics.json").read_text())
    assert (kept["step"], kept["law"]) == (20, {"sampler": "prior"})
    assert run.run.metrics() == kept_figures(run) == card(40)
    assert law_of_figures(run) == law_of_samples(run) != law_of_samples(run, "gaussian")


def test_figures_of_another_step_are_not_those_of_the_model(run: remblai.Trained) -> None:
    run.run.write_metrics(card(40), 10)
    assert kept_figures(run) is None
    run.run.write_metrics(card(40, 0.731))
    assert kept_figures(run) is None, "they do not say of which step they are"
    assert "0.731" not in remblai.write_report(run).read_text()
    run.run.write_metrics(card(40, 0.731), 20)
    assert "0.731" in remblai.write_report(run).read_text()


@pytest.mark.parametrize(("held", "n", "value"), [(40, 20, 0.5), (40, 40, 0.7), (20, 40, 0.7), (40, None, 0.7)])
def test_fewer_samples_do_not_replace_more(run: remblai.Trained, held: int, n: int | None, value: float) -> None:
    keep_figures(run, card(held))
    if value == 0.5:
        with pytest.warns(UserWarning, match=f"not kept: the run holds figures of n {held},"):
            keep_figures(run, card(n or 30, 0.7), n)
    else:
        keep_figures(run, card(n or 30, 0.7), n)
    assert (kept_figures(run) or {})["w2"]["value"] == value


def test_fewer_samples_replace_figures_of_another_step_and_damaged_ones(run: remblai.Trained) -> None:
    run.run.write_metrics(card(40), 10)
    keep_figures(run, card(20), 20)
    assert kept_figures(run) == card(20)
    (run.folder / "metrics.json").write_text("damaged")
    keep_figures(run, card(10), 10)
    assert kept_figures(run) == card(10)


def test_a_flow_says_its_steps_and_guidance_and_older_files_mean_those_of_the_run(tmp_path: Path, bare: None) -> None:
    options: dict[str, Any] = {
        name: SMALL[name] for name in ("steps", "batch_size", "quiet", "device", "evaluate_every")
    }
    options |= {"velocity.width": 8, "sampling_steps": 3, "guidance": 2.0, "conditional": True}
    run = remblai.train("flow-matching", data="ring", out=tmp_path / "run", **options)
    run.run.write_metrics(card(40), 20)
    run.take_sampling_steps(5)
    run.take_guidance(1.0)
    assert law_of_figures(run) == {"sampler": "prior", "sampling_steps": 3, "guidance": 2.0}
    assert law_of_samples(run) == {"sampler": "prior", "sampling_steps": 5, "guidance": 1.0}
    keep_figures(run, card(40))
    assert law_of_figures(run) == law_of_samples(run)
