"""Log-densities of codes as anomaly scores, steps of a flow, and what `fit` says of its choice, on the command line."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from tests.small import train

import remblai
from remblai.cli.main import main


def called(*words: object) -> int:
    """The exit code of the command."""
    with pytest.raises(SystemExit) as done:
        main([str(word) for word in words])
    return int(done.value.code or 0)


@pytest.mark.usefixtures("bare")
def test_codes_have_the_density_of_the_law_and_noise_a_lower_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = train(tmp_path / "run", steps=60)
    out, chosen = tmp_path / "codes.npz", ("--sampler", "mixture")
    assert called("encode", trained.folder, "--data", "digits:test", "--out", out, *chosen) == 2
    assert f"`remblai fit {trained.folder} --sampler mixture` fits it" in capsys.readouterr().err
    assert not out.exists()
    assert called("fit", trained.folder, "--sampler", "mixture") == 0
    assert "components have the highest held-out log-likelihood (1: " in capsys.readouterr().out
    assert called("encode", trained.folder, "--data", "digits:test", "--out", out, *chosen) == 0
    found = np.load(out)
    law = remblai.load(trained.folder).law("mixture")
    parts = zip(law.weights, law.means, law.factors, strict=True)  # type: ignore[union-attr]
    each = [
        np.log(float(w)) + multivariate_normal(m.numpy(), (f @ f.T).double().numpy()).logpdf(found["codes"])
        for w, m, f in parts
    ]
    np.testing.assert_allclose(found["log_prob"], logsumexp(each, 0), atol=1e-3)
    x = remblai.data.load("digits").units.restore(remblai.data.load("digits").test[:50])
    scores = trained.log_prob(x, "mixture")
    np.testing.assert_allclose(scores, found["log_prob"][:50], atol=1e-5)
    noise = np.random.default_rng(0).integers(0, 256, x.shape).astype(x.dtype)
    assert np.median(trained.log_prob(noise, "mixture")) < np.median(scores)


@pytest.mark.usefixtures("bare")
def test_a_row_of_a_known_class_has_the_density_of_its_class(tmp_path: Path) -> None:
    run, out = train(tmp_path / "run", "ae", conditional=True, steps=60), tmp_path / "codes.npz"
    fitted = remblai.fit(run, "gaussian")
    assert called("encode", run.folder, "--data", "digits:test", "--out", out, "--sampler", "gaussian") == 0
    found = np.load(out)
    train_rows = remblai.data.load("digits").train
    codes, labels = run.codes(train_rows).double().numpy(), train_rows.labels.numpy()  # type: ignore[union-attr]
    laws = [multivariate_normal(codes[labels == c].mean(0), np.cov(codes[labels == c].T)) for c in range(10)]
    own = np.array([laws[label].logpdf(code) for code, label in zip(found["codes"], found["labels"], strict=True)])
    np.testing.assert_allclose(found["log_prob"], own, atol=0.05)
    x, given = run.sample(20, labels="7"), ["7"] * 20
    at = run.encode(x, labels=given)
    np.testing.assert_allclose(run.log_prob(x, "gaussian", labels=given), laws[7].logpdf(at), atol=0.05)
    mixture = fitted.log_prob(torch.from_numpy(at)).numpy()
    assert np.array_equal(run.code_log_prob(torch.from_numpy(at), "gaussian").numpy(), mixture), "of no known class"
    assert np.abs(mixture - laws[7].logpdf(at)).max() > 0.5
    assert (
        called("encode", run.folder, "--data", "digits:test", "--out", out, "--sampler", "gaussian", "--class", "3")
        == 0
    )
    found = np.load(out)
    np.testing.assert_allclose(found["log_prob"], laws[3].logpdf(found["codes"]), rtol=0.01, atol=0.05)


@pytest.mark.usefixtures("bare")
def test_a_flow_is_sampled_with_other_numbers_of_steps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = {"steps": 5, "batch_size": 20, "velocity": {"name": "mlp", "width": 16}, "sampling_steps": 8}
    run = remblai.train("flow-matching", out=tmp_path / "run", quiet=True, device="cpu", evaluate_every=0, **options)
    out = tmp_path / "few.npz"
    assert called("sample", run.folder, "-n", 7, "--sampling-steps", "2", "--out", out) == 0
    few = np.load(out)["images"]
    assert few.shape == (7, 8, 8, 1)
    assert not np.array_equal(few[..., 0], run.sample(7))
    run.take_sampling_steps(2)
    assert np.array_equal(few[..., 0], run.sample(7))
    assert called("sample", run.folder, "--sampling-steps", "0") == 2
    assert called("fit", run.folder, "--sampler", "auto") == 2
    assert "flow-matching has no encoder" in capsys.readouterr().err


@pytest.mark.usefixtures("bare")
def test_a_model_of_one_step_refuses_steps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trained = train(tmp_path / "run", "gmmn", network={"name": "mlp", "width": 8}, steps=3)
    assert called("sample", trained.folder, "--sampling-steps", "3") == 2
    assert "a sample of this model takes one step" in capsys.readouterr().err
