"""Runs that the tests of the page share."""

from pathlib import Path

import pytest
from tests.small import train

import remblai
from remblai.explorer.explored import Explored
from remblai.runs.data import data_like


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, remblai.Trained]:
    """Auto-encoders of digits with two priors, and a generator of points without an encoder."""
    folder = tmp_path_factory.mktemp("explored")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("remblai.runs.train.write_report", lambda *_: None)
        patch.setattr("remblai.runs.train.measure", lambda *_: None)
        critic = {"critic": {"name": "mlp", "width": 8}}
        return {
            "digits": train(folder / "digits", latent=3),
            "sphere": train(folder / "sphere", latent=4, prior="sphere"),
            "points": train(folder / "points", "gan", data="ring", **critic),
            "classes": train(folder / "classes", latent=3, encoder="deterministic", conditional=True),
        }


@pytest.fixture(scope="session")
def digits(models: dict[str, remblai.Trained]) -> Explored:
    return explored(models["digits"])


@pytest.fixture(scope="session")
def sphere(models: dict[str, remblai.Trained]) -> Explored:
    return explored(models["sphere"])


@pytest.fixture(scope="session")
def points(models: dict[str, remblai.Trained]) -> Explored:
    return explored(models["points"])


@pytest.fixture(scope="session")
def classes(models: dict[str, remblai.Trained]) -> Explored:
    return explored(models["classes"])


@pytest.fixture(scope="session")
def digits_folder(models: dict[str, remblai.Trained]) -> Path:
    return models["digits"].folder


def explored(trained: remblai.Trained) -> Explored:
    return Explored(trained, data_like(trained.run.settings, trained.units))
