"""The auto-encoders: combinations of parts, settings of the papers, and the identities between the models."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from remblai.config.registry import make
from remblai.costs import COSTS, NegativeLogLikelihood, of_pairs, require_gradient
from remblai.critics import ALL_DISCREPANCIES, Adversarial, Logistic, LogRatio
from remblai.distances import transport
from remblai.kernels import KERNELS
from remblai.laws import DECODERS, ENCODERS, PRIORS
from remblai.laws.encoders import Deterministic, Gaussian
from remblai.networks import NETWORKS
from remblai.networks.mlp import mlp
from remblai.objectives import AutoEncoder, Joint, Marginal
from remblai.objectives.table import PARTS, PENALTIES, make_penalty
from remblai.recipes import RECIPES
from remblai.recipes.parts import CODES, SUITED
from remblai.runs.resolve import resolve
from remblai.training.players import sides

SMALL: dict[str, Any] = {"latent": 3, "network.width": 8}
CRITIC = {"penalty.width": 16, "penalty.depth": 2}


CRITIC_OF_FIVE = ALL_DISCREPANCIES["adversarial"](PRIORS["normal"](5), 5)


def small(name: str, **options: Any) -> AutoEncoder:
    critic = CRITIC if options.get("penalty", RECIPES[name].function.__name__) in ("wae_gan", "pot", "aae") else {}
    torch.manual_seed(0)
    objective = resolve(name, SMALL | critic | options).build((2,))
    assert isinstance(objective, AutoEncoder)
    return objective


REMEDY = r"(?i)\b(use|choose|expected|take)\b"
WIDE = [(2,), (1, 28, 28), (3, 64, 64), (1, 5, 40)]
COMBINATIONS = [
    *(("wae-mmd", shape, {"network": one}) for one in NETWORKS for shape in WIDE),
    *(("wae-mmd", (2,), {"penalty.kernel": one, "prior": prior}) for one in KERNELS for prior in PRIORS),
    *(("wae-mmd", shape, {"cost": one}) for one in COSTS for shape in [(2,), (1, 8, 8)]),
    *(("wae-mmd", (2,), {"penalty": one, "encoder": two}) for one in PENALTIES for two in ENCODERS),
    *(("pot", (2,), {"penalty": {"name": "sum", "first": one}, "encoder": "gaussian"}) for one in PARTS),
    *(
        (name, shape, {"encoder": one, "decoder": two, "prior": prior})
        for name in ("wae-mmd", "wae-gan", "vae")
        for one in ENCODERS
        for two in DECODERS
        for prior in PRIORS
        for shape in [(2,), (1, 4, 4)]
    ),
]


def fails(build: Callable[[], Any]) -> bool:
    try:
        build()
    except ValueError:
        return True
    return False


def refused(name: str, shape: tuple[int, ...], given: dict[str, Any]) -> bool:
    """Whether a part cannot be built alone, or what parts say of themselves does not go together."""
    x, chosen = torch.rand(4, *shape), {option.name: option.default for option in resolve(name).signature} | given
    network = chosen["network"] if "network" in given else "mlp"
    if fails(lambda: make(NETWORKS, network, "network", shape=shape, latent=3)):
        return True
    nets, law = make(NETWORKS, network, "network", shape=shape, latent=3), PRIORS[chosen["prior"]](3)
    pixels = (0.0, 1.0) if len(shape) == 3 else None
    cost = of_pairs(COSTS[chosen["cost"]]()) if "cost" in chosen else NegativeLogLikelihood()
    if any((
        fails(lambda: make(SUITED, chosen["encoder"], "encoder", network=nets, prior=law)),
        fails(lambda: make(DECODERS, chosen["decoder"], "decoder", network=nets, range=pixels, latent=3)),
        "cost" in given and not cost.reads_law and fails(lambda: cost(x, x)),
    )):  # fmt: skip
        return True
    encoder = make(SUITED, chosen["encoder"], "encoder", network=nets, prior=law)
    decoder = make(DECODERS, chosen["decoder"], "decoder", network=nets, range=pixels, latent=3)
    penalty = make_penalty(chosen.get("penalty", "conditional"), prior=law, latent=3, network=nets)
    likely = decoder.eval()(torch.zeros(4, 3))
    return any((
        penalty.needs_density and not encoder.has_density,
        penalty.needs_noise and not encoder.stochastic,
        cost.reads_law and fails(lambda: likely.log_prob(likely.mean)),
        not cost.reads_law and not likely.has_rsample,
        fails(lambda: require_gradient(cost, x)),
    ))  # fmt: skip


@pytest.mark.parametrize("which", range(8))
def test_every_combination_of_parts_trains_or_is_refused_where_it_must_be(which: int) -> None:
    for name, shape, given in COMBINATIONS[which::8]:
        width = {} if given.get("network") in ("resnet", "wae") else {"network.width": 8}
        critic = CRITIC if name == "wae-gan" or given.get("penalty") == "adversarial" else {}
        torch.manual_seed(0)
        resolved = resolve(name, {"latent": 3, "network": "mlp"} | width | critic | given)
        if refused(name, shape, given):
            with pytest.raises(ValueError, match=REMEDY):
                sum(resolved.build(shape)(torch.rand(4, *shape)).values())
            continue
        objective = resolved.build(shape)
        if given.get("network") in (None, "mlp", "auto"):
            loss = sum(objective(torch.rand(4, *shape)).values())
            assert torch.isfinite(loss), (name, shape, given)
            loss.backward()
            for key, value in sides(objective)[1].items():
                assert value.grad is not None and torch.isfinite(value.grad).all(), (name, shape, given, key)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("wae-mmd", {"latent": 0}, "latent"),
        ("wae-mmd", {"latent": -2}, "latent"),
        ("wae-mmd", {"weight": -1.0}, "weight: expected a finite number of at least 0"),
        ("wae-mmd", {"network.width": 0}, "width"),
        ("wae-mmd", {"penalty.kernel.scale": 0}, "scale"),
        ("wae-mmd", {"network": "dcgan"}, "dcgan"),
        ("vae", {"decoder.variance": 0}, "variance"),
        ("vae", {"decoder": "deterministic"}, "for x the decoder 'gaussian' or 'bernoulli'"),
        ("wae-mmd", {"decoder": "bernoulli"}, r"range \(0, 1\)"),
        ("vae", {"decoder": "bernoulli"}, r"range \(0, 1\)"),
        ("vae", {"encoder": "deterministic"}, "choose the gaussian encoder"),
        ("vae", {"prior": "sphere"}, "'gaussian'"),
        ("wae-gan", {"penalty.depth": -1}, "depth"),
        (
            "wae-mmd",
            {"encoder": "deterministic", "penalty": "conditional"},
            "Conditional needs an encoder with a density.*gaussian encoder",
        ),
        (
            "wae-mmd",
            {"encoder": "implicit", "penalty": "sum", "penalty.first": "conditional"},
            "Sum needs an encoder with a density",
        ),
        ("wae-mmd", {"penalty": "sum", "penalty.second_weight": -1.0}, "weights of at least 0, got -1.0 for Marginal"),
        ("wae-mmd", {"penalty": "sum", "penalty.first": "mmd", "penalty.first.kernel.scale": 0}, "positive.* scale"),
        ("pot", {"weight": -1.0}, "weight: expected a finite number of at least 0"),
        ("pot", {"penalty": CRITIC_OF_FIVE}, r"points \(3,\).*build it for points of this shape"),
        ("wae-gan", {"penalty": Marginal(Adversarial(mlp(2, 1), Logistic()))}, "build it for"),
        ("aae", {"encoder": "gaussian", "prior": "sphere"}, "'gaussian'"),
        ("beta-vae", {"beta": -1.0}, "beta: expected a finite number of at least 0"),
        ("info-vae", {"alpha": 1.5}, "alpha: expected a number of at most 1, got 1.5"),
        ("info-vae", {"weight": -0.5}, "lambda of at least 1 - alpha, 0.5, got -0.5"),
        ("info-vae", {"alpha": 0.5, "weight": 0.1}, "lambda of at least 1 - alpha"),
        ("sinkhorn-ae", {"penalty.cost": "hamming"}, "Hamming has no gradient.*such as manhattan"),
        ("sinkhorn-gan", {"discrepancy.cost": "hamming"}, "Hamming has no gradient.*such as manhattan"),
        ("minimum-distance", {"discrepancy": "exact", "discrepancy.cost": "hamming"}, "Hamming has no gradient"),
        ("gan", {"latent": 0}, "at least 1 latent dimension, got 0"),
        ("avb", {"latent": 0}, "at least 1 latent dimension, got 0"),
        ("info-vae", {"encoder": "implicit"}, "needs an encoder with a density"),
        ("swae", {"penalty.directions": 0}, "direction"),
        ("cwae", {"penalty.smoothing": 0.0}, "smoothing"),
        ("sinkhorn-ae", {"penalty.epsilon": 0.0}, "epsilon"),
        ("sinkhorn-ae", {"penalty": "mmd"}, "unknown penalty 'mmd'"),
        ("rae", {"weight": -1.0}, "weight: expected a finite number of at least 0"),
        ("rae", {"regulariser_weight": -1.0}, "regulariser_weight: expected a finite number of at least 0"),
        ("rae", {"regulariser": "dropout"}, "unknown regulariser 'dropout'"),
        ("wae-gan", {"penalty.offset": True, "prior": "uniform"}, "leave the offset out"),
        ("wae-gan", {"penalty.offset": True, "penalty.game": "kantorovich"}, "use the game logistic"),
        ("wae-mmd", {"cost": "hamming"}, "Hamming has no gradient.*such as manhattan"),
        ("gmmn-ae", {"cost": "hamming"}, "Hamming has no gradient"),
        ("pot", {"penalty": Joint(Adversarial(mlp(4, 1, 8, 1), LogRatio()))}, r"does not accept points \(5,\)"),
        ("mmd-gan", {"features": 0}, "features: expected at least 1 number"),
        ("ot-gan", {"lipschitz": "r1"}, "MinibatchEnergy has no witness function"),
        ("ebgan", {"code": 0}, "code: expected at least 1 coordinate"),
    ],
)
def test_parts_that_do_not_fit_are_refused(name: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        small(name, **options)


def test_it_is_built_where_gradients_are_off_too() -> None:
    with torch.no_grad():
        built = small("wae-mmd")
        with pytest.raises(ValueError, match="Hamming has no gradient"):
            small("wae-mmd", cost="hamming")
    sum(built(torch.randn(4, 2)).values()).backward()
    assert all(p.grad is not None for p in built.decoder.parameters())


def test_a_batch_of_one_is_refused_by_mmd_with_a_remedy() -> None:
    with pytest.raises(ValueError, match=r"at least 2 points .*take a larger batch"):
        small("wae-mmd")(torch.randn(1, 2))


def test_the_authors_settings_can_be_asked_for() -> None:
    given = {
        "transport_weight": 0.05,
        "noise": 0.01,
        "warm_start": 200,
        "schedule": "step",
        "network": "wae",
        "network.width": 8,
        "penalty.closed_form": False,
        "lr": 1e-3,
    }
    resolved = resolve("wae-mmd", given)
    assert resolved.build((1, 28, 28)).weights()["transport"] == 0.05
    gan = resolve("wae-gan", {"penalty.offset": True, "lr": 3e-4, "critic_lr": 1e-3, "weight": 1.0})
    assert gan.build((2,)).penalty.discrepancy.offset is not None
    assert (gan.loop["lr"], gan.loop["critic_lr"]) == (3e-4, 1e-3)


def twins(one: AutoEncoder, other: AutoEncoder) -> tuple[dict[str, Any], dict[str, Any]]:
    """The gradients of two models with the same weights, on the same points and the same noise."""
    other.load_state_dict(one.state_dict())
    x, found = torch.randn(9, 2), []
    for model in (one, other):
        torch.manual_seed(1)
        loss = sum(model(x).values())
        named = {key: value for key, value in model.named_parameters() if ".critic." not in key}
        gradients = torch.autograd.grad(loss, list(named.values()))
        found.append({"loss": loss.detach()} | dict(zip(named, gradients, strict=True)))
    return found[0], found[1]


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("other", ["pot", "wae-gan"])
@pytest.mark.parametrize("variance", [0.05, 5.0])
def test_aae_is_penalised_transport_at_twice_the_variance_over_twice_the_variance(
    variance: float, other: str, encoder: str
) -> None:
    options = {"encoder": encoder} | ({"noise": 0.0} if other == "wae-gan" else {})
    aae = small("aae", encoder=encoder, **{"decoder.variance": variance})
    scaled, plain = twins(small(other, weight=2 * variance, **options), aae)
    constant = math.log(2 * math.pi * variance)  # of a density on the plane, d = 2
    assert plain.pop("loss").item() - constant == pytest.approx(scaled.pop("loss").item() / (2 * variance), rel=1e-4)
    assert any(key.startswith("encoder") for key in plain)
    for key, gradient in plain.items():
        torch.testing.assert_close(gradient, scaled[key] / (2 * variance), rtol=1e-4, atol=1e-6)


def test_a_random_decoder_adds_its_variance_to_the_cost() -> None:
    x, variance = torch.randn(4000, 2), 0.3
    fixed = small("pot", encoder="deterministic")
    noisy = small("pot", encoder="deterministic", decoder="gaussian", **{"decoder.variance": variance})
    noisy.load_state_dict(fixed.state_dict())
    added = noisy(x)["transport"] - fixed(x)["transport"]
    assert added.item() == pytest.approx(2 * variance, rel=0.1)


@pytest.mark.parametrize(
    ("name", "kind"), [("sinkhorn-ae", "Entropic"), ("swae", "Sliced"), ("cwae", "CramerWold"), ("wae-mmd", "MMD")]
)
def test_each_penalty_is_that_of_its_name_on_the_codes(name: str, kind: str) -> None:
    model = small(name, noise=0.0, weight=3.0)
    x = torch.randn(9, 2)
    assert isinstance(model.penalty, Marginal)
    assert type(model.penalty.discrepancy).__name__ == kind
    torch.manual_seed(2)
    penalty = model(x)["penalty"]
    torch.manual_seed(2)
    assert penalty.item() == pytest.approx(
        3.0 * model.penalty.discrepancy.to_law(model.encode(x).z, model.prior()).item()
    )


def test_cwae_descends_the_logarithm() -> None:
    fixed: dict[str, Any] = {"weight": 1.0, "noise": 0.0, "encoder": "deterministic"}
    log, plain = small("cwae", **fixed), small("cwae", **fixed, **{"penalty.log": False})
    x = torch.randn(9, 2)
    assert log(x)["penalty"].item() == pytest.approx(plain(x)["penalty"].log().item(), rel=1e-5)


@pytest.mark.parametrize("name", ["wae-mmd", "wae-gan", "pot", "aae", "sinkhorn-ae", "swae", "cwae", "ae", "rae"])
def test_a_code_has_no_more_coordinates_than_x_unless_they_are_asked_for(name: str) -> None:
    for shape, wanted in [((2,), 2), ((1, 2, 2), 4), ((7,), 7), ((1, 8, 8), CODES), ((30,), CODES)]:
        model = resolve(name, {"network.width": 8}).build(shape)
        assert model.prior.latent == wanted
        assert model.encode(torch.rand(3, *shape)).z.shape == (3, wanted)
    assert resolve(name, {"network.width": 8, "latent": 5}).build((2,)).prior.latent == 5


@pytest.mark.parametrize("name", ["wae-mmd", "wae-gan", "sinkhorn-ae", "swae", "cwae"])
def test_codes_are_noisy_where_they_leave_nothing_of_x_out(name: str) -> None:
    for shape, latent, prior, kind in [
        ((2,), None, "normal", Gaussian),
        ((2,), 1, "normal", Deterministic),
        ((1, 8, 8), None, "mixture", Deterministic),
        ((1, 2, 2), None, "mixture", Gaussian),
        ((2,), 3, "sphere", Deterministic),
    ]:
        given = {"network.width": 8, "latent": latent, "prior": prior}
        assert isinstance(resolve(name, given).build(shape).encoder, kind), (shape, latent, prior)


@pytest.mark.parametrize("cost", [name for name in COSTS if name not in ("hamming", "negative-log-likelihood")])
def test_every_cost_descends_as_the_transport_term(cost: str) -> None:
    x = torch.rand(16, 2, 5, 4, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    model = resolve("wae-mmd", {"cost": cost, "network.width": 32, "latent": 8, "noise": 0.0}).build((2, 5, 4))
    y = model.decoder(model.encode(x).z).mean
    assert model(x)["transport"].item() == pytest.approx(COSTS[cost]()(x, y).mean().item(), rel=1e-5)
    optimiser, first = torch.optim.Adam(model.parameters(), 5e-3), model(x)["transport"].item()
    for _ in range(60):
        optimiser.zero_grad()
        sum(model(x).values()).backward()
        optimiser.step()
    assert model(x)["transport"].item() < 0.9 * first


def test_with_the_euclidean_cost_the_transport_term_bounds_w1() -> None:
    x = torch.randn(40, 2, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    model = resolve("wae-mmd", {"cost": "euclidean", "network.width": 8, "encoder": "deterministic"}).build((2,)).eval()
    y = model.decoder(model.encode(x).z).mean.detach()
    w1 = transport(x, y, "euclidean").value
    assert float(w1) <= model(x)["transport"].item() + 1e-6
    matched = torch.cdist(x, y).gather(1, torch.arange(40)[:, None]).mean()
    assert model(x)["transport"].item() == pytest.approx(matched.item(), rel=1e-5)


def test_the_laplacian_cost_is_for_images() -> None:
    with pytest.raises(ValueError, match="choose the cost manhattan or square for points"):
        small("wae-mmd", cost="laplacian")


def test_rae_is_the_papers_sum() -> None:
    model = small("rae", weight=0.3, regulariser_weight=0.2)
    x = torch.randn(9, 2)
    z = model.encode(x).z
    terms = model(x)
    assert terms["transport"].item() == pytest.approx((x - model.decoder(z).mean).square().sum(1).mean().item())
    assert terms["penalty"].item() == pytest.approx(0.3 * 0.5 * z.square().sum(1).mean().item())
    weights = sum(value.square().sum() for key, value in model.decoder.named_parameters() if key.endswith("weight"))
    assert terms["regulariser"].item() == pytest.approx(0.2 * weights.item(), rel=1e-5)
