import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

import remblai
from remblai.distances import emd
from remblai.estimators import (
    Generator,
    LatentDensity,
    OutlierDetector,
    TransportMap,
    VariationalAutoEncoder,
    WassersteinAutoEncoder,
)
from remblai.laws import FITTED

NARROW = {"options": {"network": {"name": "mlp", "width": 8, "depth": 1}}, "steps": 2, "random_state": 0}


@pytest.fixture(scope="module")
def iris():
    return load_iris().data


@parametrize_with_checks(
    [
        WassersteinAutoEncoder(n_components=1, **NARROW),
        VariationalAutoEncoder(n_components=1, **NARROW),
        Generator("gmmn", **NARROW),
        LatentDensity("gaussian"),
        OutlierDetector(n_components=1, **NARROW),
        TransportMap(),
    ]
)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def test_a_pipeline_scores_anomalies_lower_and_names_its_codes(iris):
    rng = np.random.default_rng(0)
    codes = WassersteinAutoEncoder(n_components=2, steps=150, random_state=0)
    model = make_pipeline(codes, LatentDensity("gaussian", random_state=0)).fit(iris)
    odd = iris[:50] + 8.0 * rng.choice([-1.0, 1.0], size=(50, 4))
    assert np.median(model.score_samples(odd)) < np.quantile(model.score_samples(iris), 0.05)
    assert np.median(codes.score_samples(odd)) < np.quantile(codes.score_samples(iris), 0.05)
    frame = codes.set_output(transform="pandas").transform(iris)
    assert list(frame.columns) == ["wassersteinautoencoder0", "wassersteinautoencoder1"]


def test_reconstructions_are_nearer_than_the_mean_row(iris):
    model = WassersteinAutoEncoder(n_components=2, steps=150, random_state=0).fit(iris)
    back = model.inverse_transform(model.transform(iris))
    assert np.mean((back - iris) ** 2) < 0.3 * iris.var(0).mean()
    errors = ((model.scaler_.transform(back) - model.scaler_.transform(iris)) ** 2).mean(1)
    np.testing.assert_allclose(model.score_samples(iris), -errors, rtol=1e-9)


def test_the_score_ranks_a_trained_generator_above_one_that_is_not(iris):
    search = GridSearchCV(Generator("gmmn", random_state=0), {"steps": [1, 150]}, cv=2).fit(iris)
    assert search.best_params_ == {"steps": 150}
    assert search.best_estimator_.score(iris) > -0.5


def test_samples_repeat_and_differ_by_random_state(iris):
    model = clone(VariationalAutoEncoder(n_components=1, **NARROW)).fit(iris)
    np.testing.assert_array_equal(model.sample(4), model.sample(4))
    assert not np.array_equal(model.sample(4), model.sample(4, random_state=1))


def test_the_map_of_a_gaussian_is_the_closed_form():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 2))
    factor = np.array([[2.0, 0.0], [0.5, 1.0]])
    symmetric = np.linalg.cholesky(factor @ factor.T)
    y = rng.normal(size=(400, 2)) @ symmetric.T
    model = TransportMap(target=y, epsilon=0.5).fit(x)
    # between N(0, I) and N(0, S) the optimal map is the root of S
    values, vectors = np.linalg.eigh(symmetric @ symmetric.T)
    root = vectors * np.sqrt(values) @ vectors.T
    inner = x[np.linalg.norm(x, axis=1) < 1.0]
    assert np.abs(model.transform(inner) - inner @ root).mean() < 0.35
    assert np.abs(model.inverse_transform(model.transform(inner)) - inner).mean() < 0.35


def test_the_exact_map_sends_the_rows_of_fit_to_those_of_the_target():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 3)), rng.normal(size=(30, 3))
    moved = TransportMap(target=y).fit_transform(x)
    costs = ((x[:, None] - y) ** 2).sum(2)
    assert ((moved - x) ** 2).sum(1).mean() == pytest.approx(float(emd(None, None, costs).value))


def test_without_a_target_columns_become_normal_and_independent():
    rng = np.random.default_rng(0)
    x = np.exp(rng.normal(size=(300, 1)) + 0.1 * rng.normal(size=(300, 2)))
    moved = TransportMap().fit_transform(x)
    np.testing.assert_allclose(np.cov(moved.T), np.eye(2), atol=0.1)


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (WassersteinAutoEncoder(recipe="wgan"), "use Generator"),
        (Generator("wgn"), "wgan"),
        (LatentDensity("gausian"), "gaussian"),
        (TransportMap(target=[[1.0], [2.0]]), "expected the 4 columns"),
    ],
)
def test_bad_parameters_are_refused_at_fit(estimator, message, iris):
    with pytest.raises(ValueError, match=message):
        estimator.fit(iris)


def test_rows_in_any_memory_are_read_and_masked_ones_refused(iris):
    rows = np.ascontiguousarray(iris[:20, :2])
    model = TransportMap(target=rows[::-1] + 1.0).fit(rows[::-1])
    backwards = rows[::-1].copy()
    for same in (rows[::-1], np.asfortranarray(backwards), torch.tensor(backwards, requires_grad=True)):
        np.testing.assert_array_equal(model.transform(same), model.transform(backwards))
    gap = np.ma.masked_array(rows, mask=np.arange(40).reshape(20, 2) == 3)
    for use in (model.transform, TransportMap().fit):
        with pytest.raises(ValueError, match=r"X: expected .*1 of 40 places masked"):
            use(gap)
    with pytest.raises(ValueError, match=r"target: expected .*1 of 40 places masked"):
        TransportMap(target=gap).fit(rows)


def test_codes_and_counts_are_checked(iris):
    model = WassersteinAutoEncoder(n_components=1, **NARROW).fit(iris)
    for codes, message in ([[np.nan]], "finite"), ([[1.0, 2.0]], r"\(n, 1\)"), (np.zeros((0, 1)), "n >= 1"):
        with pytest.raises(ValueError, match=f"codes: expected .*{message}"):
            model.inverse_transform(codes)
    assert model.inverse_transform(np.zeros((4, 1))[::-1]).shape == (4, 4)
    with np.errstate(over="ignore"), pytest.raises(ValueError, match="codes of X: expected finite"):
        model.transform(np.full((1, 4), 1e308))
    assert model.sample(2.0).shape == (2, 4)
    for count in (0, 2.5, "many", None):
        for one in (model, LatentDensity().fit(iris)):
            with pytest.raises(ValueError, match="n_samples: expected a "):
                one.sample(count)


def test_they_are_names_of_the_package():
    assert remblai.WassersteinAutoEncoder is WassersteinAutoEncoder


@pytest.mark.parametrize("law", [*FITTED, "prior"])
def test_every_law_of_codes_is_sampled(law, iris):
    if law != "prior":
        density = LatentDensity(law, options={"iterations": 10} if law in ("flow", "two-stage") else None).fit(iris)
        assert np.isfinite(density.sample(5)).all() and density.sample(5).shape == (5, 4)
    model = WassersteinAutoEncoder(2, steps=3, options={"sampler": law}).fit(iris)
    assert model.sample(5).shape == (5, 4)


def test_densities_do_not_depend_on_the_columns_units():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1000, 2))
    moved = np.array([5e4, 1e-6]) * x + np.array([1.7e9, 0.0])
    for law in ("gaussian", "mixture", "transport"):
        own, other = (LatentDensity(law, random_state=0).fit(table) for table in (x, moved))
        drawn = other.sample(2000)
        assert np.allclose(drawn.std(0), moved.std(0), rtol=0.1), law
        if law != "transport":
            assert other.score(moved) == pytest.approx(own.score(x) - np.log(5e4) - np.log(1e-6), abs=1e-3)


def test_a_constant_column_is_drawn_as_that_constant():
    x = np.c_[np.random.default_rng(0).normal(size=50), np.full(50, 3.0)]
    assert (LatentDensity().fit(x).sample(5)[:, 1] == 3.0).all()


@remblai.recipe(lr=1e-3, steps=2)
def own_recipe(shape, width: int = 8):
    """A recipe of one's own."""
    return remblai.recipes.gmmn(shape=shape, network={"name": "mlp", "width": width, "depth": 1})


def test_recipes_clone_and_pickle(iris):
    for recipe in (own_recipe, remblai.recipes.wgan):
        assert pickle.loads(pickle.dumps(recipe)) is recipe
        assert clone(Generator(recipe)).recipe is recipe
    found = GridSearchCV(Generator(own_recipe, random_state=0), {"lr": [1e-3]}, cv=2).fit(iris)
    assert found.best_estimator_.sample(2).shape == (2, 4)


@pytest.mark.parametrize(
    ("recipe", "options"),
    [("sn-gan", {}), ("wgan-gp", {"lipschitz": "orthogonal"}), ("rae", {"regulariser": "spectral"})],
)
def test_models_of_constrained_weights_pickle(iris, recipe, options):
    fitted = Generator(recipe, options=options, steps=2, random_state=0).fit(iris)
    assert np.array_equal(pickle.loads(pickle.dumps(fitted)).sample(3), fitted.sample(3))


def test_fit_leaves_live_parts_as_they_are(iris):
    critic = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
    before = [p.clone() for p in critic.parameters()]
    model = Generator("sn-gan", options={"critic": critic}, steps=2, random_state=0)
    first = model.fit(iris).sample(3)
    assert np.array_equal(model.fit(iris).sample(3), first)
    assert all(torch.equal(p, q) for p, q in zip(critic.parameters(), before, strict=True))


def test_a_fit_that_fails_leaves_nothing_of_two_fits(iris):
    model = Generator("gmmn", **NARROW)
    with pytest.raises(remblai.training.Diverged):
        clone(model).set_params(lr=1e30, steps=50).fit(iris)
    fresh = clone(model).set_params(lr=1e30, steps=50)
    with pytest.raises(remblai.training.Diverged):
        fresh.fit(iris)
    with pytest.raises(NotFittedError):
        fresh.sample(2)
    first = model.fit(iris).sample(3)
    with pytest.raises(remblai.training.Diverged):
        model.set_params(lr=1e30, steps=50).fit(1000 + 1000 * iris)
    assert np.array_equal(model.sample(3), first)


def test_a_refit_that_fails_changes_nothing(iris):
    detector = OutlierDetector(2, steps=2, random_state=0).fit(iris)
    scores, state = detector.score_samples(iris), set(vars(detector))
    with pytest.raises(ValueError, match="X: expected rows that differ"):
        detector.fit(np.ones((60, 3)))
    np.testing.assert_array_equal(detector.score_samples(iris), scores)
    moves = TransportMap(target=iris[::-1] + 1.0).fit(iris)
    moved, back = moves.transform(iris), moves.inverse_transform(iris)
    with pytest.raises(ValueError, match="foo"):
        moves.set_params(cost="foo").fit(2.0 * iris)
    for one in (moves, moves.set_params(epsilon=5.0, cost="euclidean")):
        np.testing.assert_array_equal(one.transform(iris), moved)
        np.testing.assert_array_equal(one.inverse_transform(iris), back)
    fresh = OutlierDetector(2, steps=2, random_state=0)
    with pytest.raises(ValueError, match="X: expected rows that differ"):
        fresh.fit(np.ones((60, 3)))
    with pytest.raises(NotFittedError):
        fresh.predict(iris)
    assert set(vars(fresh)) < state


def test_a_law_of_codes_takes_its_options(iris):
    given = {"name": "mixture", "components": 3}
    detector = OutlierDetector(2, law=given, steps=2, random_state=0).fit(iris)
    assert detector._density.components == 3 and np.isfinite(detector.score_samples(iris)).all()
    with pytest.raises(ValueError, match="unknown option of law 'mixture'"):
        OutlierDetector(law={"name": "mixture", "component": 3}).fit(iris)
    with pytest.raises(ValueError, match="expected one with a density to score rows, got 'transport'"):
        LatentDensity("transport").fit(iris).score_samples(iris)


def test_codes_are_as_wide_as_those_of_the_fit(iris):
    model = WassersteinAutoEncoder(2, **NARROW).fit(iris).set_params(n_components=1)
    assert len(model.get_feature_names_out()) == model.transform(iris).shape[1] == 2


def test_outliers_are_found_and_named_and_false_alarms_are_as_asked():
    rng = np.random.default_rng(0)
    line = rng.normal(size=(1600, 1))
    x = np.c_[line, 100 * line, rng.normal(size=(1600, 1))] + np.c_[0.1, 10.0, 0.1] * rng.normal(size=(1600, 3))
    detector = OutlierDetector(2, false_alarms=0.1, steps=300, random_state=0).fit(x[:800])
    assert 0.03 < (detector.predict(x[800:]) == -1).mean() < 0.17  # 200 held-out rows know it to 2 % each way
    broken = x[800:].copy()
    broken[:, 1] = rng.permutation(broken[:, 1])
    assert (detector.predict(broken) == -1).mean() > 0.35  # each column by itself is as before
    assert (detector.column_gains(broken)[:, :2].max(1) > detector.column_gains(broken)[:, 2]).mean() > 0.7
    assert (detector.p_values(broken) <= 0.1).tolist() == (detector.predict(broken) == -1).tolist()
    with pytest.warns(UserWarning, match="0.001 cannot be told from 25 held-out rows, of which 0.038 is taken"):
        OutlierDetector(2, false_alarms=0.001, steps=2).fit(x[:100])
    with pytest.raises(ValueError, match="law: expected one with a density"):
        OutlierDetector(law="transport").fit(x)
