"""Parameters of estimators: refused at `fit` as scikit-learn refuses its own, and none without an effect."""

import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import check_param_validation

import remblai
from remblai.estimators import (
    Generator,
    LatentDensity,
    TransportMap,
    VariationalAutoEncoder,
    WassersteinAutoEncoder,
)
from remblai.objectives import AutoEncoder
from remblai.runtime.rng import seeded

NETWORK = {"name": "mlp", "width": 8, "depth": 1}
NARROW = {"options": {"network": NETWORK}, "steps": 2, "random_state": 0}
X = load_iris().data[::5]


def narrow(**given):
    return WassersteinAutoEncoder(**{**NARROW, **given})


@pytest.mark.parametrize(
    "estimator",
    [narrow(), VariationalAutoEncoder(**NARROW), Generator("gmmn", **NARROW), LatentDensity()],
    ids=lambda one: type(one).__name__,
)
def test_scikit_learns_check_of_parameters(estimator):
    check_param_validation(type(estimator).__name__, estimator)


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (narrow(steps="3"), "'steps' parameter of WassersteinAutoEncoder must be an int .* Got '3'"),
        (narrow(n_components=2.5), "'n_components' .* Got 2.5"),
        (narrow(n_components=True), "n_components: expected a whole number, got True"),
        (narrow(lr=True), "lr: expected a number, got True"),
        (narrow(random_state=np.random.default_rng(0)), "'random_state' .* Got Generator"),
        (narrow(options={"wieght": 3}), "'wieght'. Did you mean 'weight'"),
        (narrow(options={"network": {"name": "mlp", "widht": 3}}), "'network.widht'. Did you mean 'network.width'"),
        (narrow(options={"network": {"name": "mlp", "width": 2.5}}), "network.width: expected a whole number"),
        (narrow(options={"latent": 7}), "got 'latent': pass n_components"),
        (narrow(options={"steps": 7}), "got 'steps': pass steps="),
        (narrow(options={1: 2}), "options: expected their names as keys, got 1"),
        (narrow(options="width"), "'options' .* Got 'width'"),
        (narrow(recipe="WAE-MMD"), "Did you mean 'wae-mmd'"),
        (WassersteinAutoEncoder(recipe="wgan"), "recipe: .*use Generator"),
        (WassersteinAutoEncoder(recipe="gmmn-ae"), "recipe: .*use Generator"),
        (Generator("rbm"), r"machine of bits: train it by remblai.train"),
        (LatentDensity("mixture", options={"components": True}), "components: expected a whole number, got True"),
        (LatentDensity("mixture", options={"componets": 2}), "'componets'. Did you mean 'components'"),
    ],
)
def test_bad_parameters_say_what_was_expected(estimator, message):
    with pytest.raises(ValueError, match=message):
        estimator.fit(X)


def test_more_memory_than_there_is():
    with pytest.raises(MemoryError, match=r"out of memory: .* GiB were asked for; .*'latent': 1000000000000"):
        narrow(n_components=10**12).fit(X)


def test_a_rate_that_diverges_says_which_to_try():
    with pytest.raises(remblai.training.Diverged, match="not a finite number") as raised:
        narrow(lr=1e30).fit(X)
    assert re.search(r"smaller lr than 1e\+30", raised.value.__notes__[0])


@pytest.mark.parametrize("options", [{"network.width": 8, "network.depth": 1}, {"network": NETWORK}])
def test_options_may_be_dotted_or_nested(options):
    model = narrow(options=options).fit(X)
    np.testing.assert_array_equal(model.transform(X), narrow().fit(X).transform(X))


def test_a_recipe_of_your_own():
    @remblai.recipe(steps=2)
    def mine(shape, latent: int = 2, width: int = 4) -> AutoEncoder:
        """A small one."""
        return remblai.recipes.wae_mmd(shape=shape, latent=latent, network={"name": "mlp", "width": width})

    assert WassersteinAutoEncoder(3, recipe=mine, random_state=0).fit(X).transform(X).shape == (30, 3)


def test_a_recipe_that_does_not_say_how_long_needs_steps():
    @remblai.recipe()
    def endless(shape, latent: int = 2) -> AutoEncoder:
        """Without an end."""
        return remblai.recipes.wae_mmd(shape=shape, latent=latent)

    with pytest.raises(ValueError, match="steps: the recipe endless has no default"):
        WassersteinAutoEncoder(recipe=endless).fit(X)


def test_samples_are_decoded_from_the_law_that_the_recipe_fits():
    for recipe, options in ("rae", {}), ("ae", {"sampler": "gaussian"}):
        model = narrow(recipe=recipe, options={"network": NETWORK, **options}).fit(X)
        with seeded(model.seed_):
            codes = model.law_.sample(5)
        np.testing.assert_allclose(model.sample(5), model.inverse_transform(codes))
        if recipe == "ae":  # the law's moments are those of the codes
            drawn = model.law_.sample(20_000).numpy()
            z = model.transform(X)
            np.testing.assert_allclose(drawn.mean(0), z.mean(0), atol=0.05 * z.std())
    assert narrow().fit(X).law_ is None


def test_the_seed_of_a_law_is_that_of_the_estimator():
    assert LatentDensity("mixture", random_state=3).fit(X).law_.options["seed"] != 0
    assert LatentDensity("mixture", options={"seed": 5}).fit(X).law_.options["seed"] == 5


@pytest.mark.parametrize("recipe", ["flow-matching", "drifting"])
def test_generators_without_a_network_option_train(recipe):
    assert Generator(recipe, steps=2, random_state=0).fit(X).sample(3).shape == (3, 4)


def test_threads_train_what_they_train_alone():
    def train(seed):
        return narrow(random_state=seed, steps=20).fit(X).sample(3)

    alone = [train(seed) for seed in range(4)]
    before = torch.get_rng_state()
    with ThreadPoolExecutor(4) as pool:
        np.testing.assert_array_equal(list(pool.map(train, range(4))), alone)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("estimator", [narrow(), Generator(), LatentDensity(), TransportMap()])
def test_nothing_is_computed_before_fit(estimator):
    methods = ("transform", "inverse_transform", "score_samples", "score", "sample")
    for name in (name for name in methods if hasattr(estimator, name)):
        with pytest.raises(NotFittedError):
            getattr(estimator, name)(*([2] if name == "sample" else [X]))


def test_a_draw_refuses_other_generators():
    with pytest.raises(ValueError, match=r"'random_state' parameter of LatentDensity.sample must be .* Got 'a'"):
        LatentDensity().fit(X).sample(2, random_state="a")


@pytest.mark.parametrize("name", ["num_epochs", "epochs", "output", "out", "label", "labels", "classes", "workers"])
def test_options_of_other_functions_are_answered_with_what_an_estimator_has(name):
    with pytest.raises(ValueError, match=f"options: gan has no '{name}'") as caught:
        Generator("gan", options={name: 1}).fit(np.eye(3))
    says = str(caught.value)
    assert not any(word in says for word in ("--", "Use epochs", "Use out", "data_options"))


def test_errors_of_python_calls_name_no_option_of_the_command_line_alone():
    for recipe, words in (("cgan", "conditional=True"), ("fid", "metric='fid'")):
        with pytest.raises(ValueError, match=words):
            Generator(recipe).fit(np.eye(3))
    with pytest.raises(ValueError, match="use the device cpu"):
        Generator(device="cuda:9999").fit(np.eye(3))


def test_a_target_that_is_a_law_says_what_to_pass():
    for law in (torch.distributions.Normal(0.0, 1.0), "normal"):
        with pytest.raises(ValueError, match="target: expected rows"):
            TransportMap(law).fit(np.eye(3))


def test_samples_are_counted_by_numbers():
    with pytest.raises(ValueError, match="n_samples: expected a number, got '3'"):
        LatentDensity().fit(np.eye(3) + np.random.default_rng(0).random((3, 3))).sample("3")
