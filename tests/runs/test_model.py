"""A trained model takes and gives arrays in the data's own range and layout."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import remblai
from remblai.data import Dataset, load
from remblai.runs.chunks import CHUNK
from remblai.runs.load import eval_copy
from remblai.runs.model import Trained

MLP = {"name": "mlp", "width": 16}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    np.savez(folder / "colour.npz", images=rng.integers(0, 256, (60, 9, 7, 3), dtype=np.uint8))
    np.save(folder / "points.npy", rng.normal([100, -5, 7], [10, 0.1, 1], (200, 3)))
    return {"grey": "digits", "colour": str(folder / "colour.npz"), "points": str(folder / "points.npy")}


@pytest.fixture(scope="module", params=["grey", "colour", "points"])
def pair(
    request: pytest.FixtureRequest, files: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Trained, Dataset]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("remblai.runs.train.write_report", lambda *_: None)
        patch.setattr("remblai.runs.train.measure", lambda *_: None)
        out = tmp_path_factory.mktemp("runs") / request.param
        options: dict[str, Any] = {"latent": 3, "network": MLP, "steps": 30, "batch_size": 20, "device": "cpu"}
        options["encoder"] = "deterministic"
        spec = files[request.param]
        yield remblai.train("wae-mmd", data=spec, out=out, quiet=True, evaluate_every=0, **options), load(spec)


SHAPES = {(1, 8, 8): (8, 8), (3, 9, 7): (9, 7, 3), (3,): (3,)}


def valid(trained: Trained, values: Any, n: int) -> None:
    assert values.shape == (n, *SHAPES[trained.units.shape])
    assert values.dtype == (np.uint8 if trained.units.range else np.float64)
    assert np.isfinite(values).all()


def test_samples_are_the_datas_kind(pair: tuple[Trained, Dataset]) -> None:
    trained, _ = pair
    valid(trained, trained.sample(7), 7)
    valid(trained, trained.sample(), 64)
    if trained.units.range is None:
        assert np.allclose(trained.sample(500).mean(0), [100, -5, 7], atol=6), "not in the data's units"


def test_codes_and_back(pair: tuple[Trained, Dataset]) -> None:
    trained, data = pair
    x = data.units.restore(data.test[:6])
    z = trained.encode(x)
    assert z.shape == (6, 3)
    assert z.dtype == np.float32
    valid(trained, trained.decode(z), 6)
    assert np.array_equal(trained.decode(z), trained.reconstruct(x))
    assert np.array_equal(trained.decode(torch.tensor(z, requires_grad=True)), trained.decode(z))
    assert np.allclose(trained.decode(z.tolist()), trained.decode(z))
    assert np.array_equal(trained.encode(torch.as_tensor(x)), z)
    assert np.allclose(trained.codes(data.test[:6]).numpy(), z, atol=1e-4)


def test_interpolation_goes_from_one_datum_to_the_other(pair: tuple[Trained, Dataset]) -> None:
    trained, data = pair
    x = data.units.restore(data.test[:2])
    path = trained.interpolate(x[0], x[1], steps=5)
    valid(trained, path, 5)
    ends = trained.reconstruct(x)
    assert np.allclose(path[[0, -1]].astype(float), ends.astype(float), atol=1.0 if trained.units.range else 1e-3)
    middle = trained.encode(x).mean(0, keepdims=True)
    assert np.allclose(path[2].astype(float), trained.decode(middle)[0].astype(float), atol=1.0)
    assert np.array_equal(trained.interpolate(torch.as_tensor(x[0]), torch.as_tensor(x[1]), 5), path)


def test_draws_are_a_function_of_the_seed(pair: tuple[Trained, Dataset]) -> None:
    trained, _ = pair
    assert np.array_equal(trained.sample(5, seed=3), trained.sample(5, seed=3))
    assert not np.array_equal(trained.sample(5, seed=3), trained.sample(5, seed=4))
    assert np.array_equal(trained.prior_sample(4).numpy(), trained.prior_sample(4).numpy())
    torch.manual_seed(0)
    assert not np.array_equal(trained.sample(5, seed=None), trained.sample(5, seed=None))


def test_the_global_generators_and_the_weights_stay_as_they_are(pair: tuple[Trained, Dataset]) -> None:
    trained, data = pair
    torch.manual_seed(5)
    before, weights = torch.get_rng_state(), {k: v.clone() for k, v in trained.objective.state_dict().items()}
    x = data.units.restore(data.test[:3])
    trained.sample(3)
    trained.reconstruct(x)
    trained.interpolate(x[0], x[1])
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(value, weights[key]) for key, value in trained.objective.state_dict().items())


def test_what_is_not_of_the_datas_kind_is_refused(pair: tuple[Trained, Dataset]) -> None:
    trained, data = pair
    x = data.units.restore(data.test[:2])
    for wrong in (x[0], x[:, :-1], x.astype(str), np.zeros((2, 5, 5, 5, 5))):
        with pytest.raises(ValueError, match="expected"):
            trained.encode(wrong)
    with pytest.raises(ValueError, match=r"got str: read it with remblai\.data\.load"):
        trained.encode("pictures/one.png")
    for codes in (np.zeros((2, 4)), np.zeros(3), np.zeros((1, 3, 1))):
        with pytest.raises(ValueError, match=r"expected codes \(n, 3\)"):
            trained.decode(codes)
    with pytest.raises(ValueError, match="NaN or infinite"):
        trained.decode(np.full((1, 3), np.nan))
    with pytest.raises(ValueError, match="expected a whole number, at least 1"):
        trained.sample(0)
    with pytest.raises(ValueError, match="at least 2"):
        trained.interpolate(x[0], x[1], steps=1)


def test_nothing_in_gives_nothing_out(pair: tuple[Trained, Dataset]) -> None:
    trained, data = pair
    none = data.units.restore(data.test[:0])
    assert trained.encode(none).shape == (0, 3)
    assert trained.reconstruct(none).shape == none.shape


def test_chunks_make_no_difference(pair: tuple[Trained, Dataset], monkeypatch: pytest.MonkeyPatch) -> None:
    trained, data = pair
    whole = trained.codes(data.test[:20])
    monkeypatch.setattr("remblai.runs.chunks.CHUNK", 7)
    assert torch.allclose(trained.codes(data.test[:20]), whole, atol=1e-5)
    assert torch.equal(trained.codes(data.test)[:20], trained.codes(data.test[:20]))
    assert len(trained.draws(CHUNK // 20)) == CHUNK // 20


def test_a_loaded_run_answers_as_the_trained_one(pair: tuple[Trained, Dataset]) -> None:
    trained, data = pair
    again = remblai.load(trained.folder, device="cpu")
    assert np.array_equal(again.sample(5), trained.sample(5))
    assert np.array_equal(again.codes(data.test[:5]).numpy(), trained.codes(data.test[:5]).numpy())
    assert repr(again) == repr(trained)
    assert again.encodes
    assert not any(part.training for part in again.objective.modules())
    assert not any(p.requires_grad for p in again.objective.parameters())


def test_the_averaged_weights_are_shown(pair: tuple[Trained, Dataset]) -> None:
    trained, _ = pair
    checkpoint = trained.run.load()
    assert checkpoint is not None
    assert checkpoint.average
    for name, value in trained.objective.state_dict().items():
        assert torch.equal(value, checkpoint.average.get(name, checkpoint.weights[name])), name
    model = eval_copy(trained.objective, checkpoint.weights)
    assert all(torch.equal(value, checkpoint.weights[name]) for name, value in model.state_dict().items())


def test_a_code_does_not_depend_on_the_rows_beside_it(tmp_path: Path) -> None:
    options = {"latent": 2, "network": MLP, "steps": 20, "encoder": "gaussian", "device": "cpu", "quiet": True}
    run = remblai.train("wae-mmd", data="ring", out=tmp_path / "run", evaluate_every=0, **options)
    x = np.random.default_rng(0).normal(size=(20, 2))
    codes = run.encode(x)
    assert np.allclose(np.concatenate([run.encode(row[None]) for row in x]), codes, atol=1e-5)
    assert np.allclose(run.log_prob(x), np.concatenate([run.log_prob(row[None]) for row in x]), atol=1e-4)
    assert np.allclose(run.reconstruct(x), run.decode(codes), atol=1e-5)
    assert np.array_equal(run.encode(x, seed=1), run.encode(x, seed=1))
    assert np.abs(run.encode(x, seed=1) - codes).max() > 1e-2
