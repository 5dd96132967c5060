"""A student's WAE-MMD on MNIST failed for seven reasons that stand in its code: tests that it is not so here."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import remblai
from remblai.critics import Adversarial
from remblai.discrepancies import MMD
from remblai.kernels import KERNELS
from remblai.laws import PRIORS
from remblai.networks import NETWORKS
from remblai.recipes import RECIPES
from remblai.runs.resolve import resolve
from remblai.training import State, steps

MLP = {"name": "mlp", "width": 16}


def squares(x: Tensor, y: Tensor) -> Tensor:
    return torch.stack([torch.stack([(a - b).square().sum() for b in y]) for a in x])


def test_1_the_kernel_sees_true_distances_and_each_sample_its_own() -> None:
    """Its squared distances were sums over wrong axes (-4193 where 16 is right), and one copy took X for Y."""
    torch.manual_seed(0)
    x, y = torch.randn(6, 8), 2 + torch.randn(6, 8)
    kernel = KERNELS["imq"](prior=PRIORS["normal"](latent=8), scales=(1.0,))
    for a, b in itertools.product((x, y), (x, y)):
        distances = squares(a, b)
        assert (distances >= 0).all()
        assert torch.allclose(kernel(a, b), 16.0 / (16.0 + distances), atol=1e-6)

    def off(k: torch.Tensor) -> torch.Tensor:
        return (k.sum() - k.diagonal().sum()) / 30

    expected = off(kernel(x, x)) + off(kernel(y, y)) - 2 * kernel(x, y).mean()
    assert MMD(kernel)(x, y).item() == pytest.approx(expected.item(), rel=1e-5)


def test_2_the_penalty_is_descended_not_ascended() -> None:
    """Its loss was `mse - mmd`: training drove the codes away from the prior."""
    torch.manual_seed(0)
    model = RECIPES["wae-mmd"]((2,), latent=2, network=MLP, weight=50.0, noise=0.0)
    state = State(model, lr=1e-2, steps=150)
    x = 4 + 3 * torch.randn(256, 2)

    def apart() -> float:
        return model.penalty(model.encode(x), model.prior()).item()  # type: ignore[union-attr,no-any-return,operator]

    before = apart()
    for step in steps(state, itertools.repeat(x)):
        last = step.terms
    assert apart() < 0.2 * before
    assert last["penalty"].item() == pytest.approx(50 * apart(), abs=0.5)


def test_3_the_penalty_has_a_weight() -> None:
    """It had no lambda."""
    x = torch.randn(16, 2)

    def penalty(weight: float) -> float:
        torch.manual_seed(0)
        return RECIPES["wae-mmd"]((2,), latent=2, network=MLP, weight=weight, noise=0.0)(x)["penalty"].item()

    assert penalty(10.0) == pytest.approx(10 * penalty(1.0), rel=1e-5)
    assert {"weight", "transport_weight"} <= resolve("wae-mmd").arguments.keys()


@pytest.mark.parametrize("n", [16, 64])
def test_4_the_cost_is_summed_over_pixels_and_neither_term_grows_with_the_batch(n: int) -> None:
    """Its error was a mean over 784 n numbers and its MMD n times too large: a ratio off by 2e5."""
    torch.manual_seed(0)
    model = RECIPES["wae-mmd"]((1, 28, 28), latent=2, network=MLP, penalty={"name": "mmd", "biased": True}).eval()
    x = torch.rand(8, 1, 28, 28)
    one, many = model(x), model(x.repeat(n // 8, 1, 1, 1))
    z = model.encode(x).z
    by_hand = (x - model.decoder(z).mean).square().flatten(1).sum(1).mean()
    assert one["transport"].item() == pytest.approx(by_hand.item(), rel=1e-5)
    for name in one:  # the same points several times over are the same law
        assert many[name].item() == pytest.approx(one[name].item(), rel=1e-3), name


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> remblai.Trained:
    folder = tmp_path_factory.mktemp("report") / "run"
    options = {"network": MLP, "evaluate_every": 0, "quiet": True, "device": "cpu"}
    return remblai.train("wae-mmd", data="digits", out=folder, steps=300, **options)


def test_5_a_reconstruction_comes_from_the_image(trained: remblai.Trained) -> None:
    """It showed `decoder(randn_like(z))`, hence "very different from the original"."""
    run = remblai.load(trained.folder)
    x = run.units.restore(torch.rand(1, 1, 8, 8)).repeat(20, axis=0)
    assert (run.reconstruct(x) == run.reconstruct(x)[0]).all()
    assert np.array_equal(run.reconstruct(x), run.decode(run.encode(x)))
    from remblai.data import load

    held = run.units.restore(load("digits").test[:200])
    kept, drawn = (((held.astype(float) - x) ** 2).mean() for x in (run.reconstruct(held), run.sample(200)))
    assert kept < 0.6 * drawn


def test_6_shown_models_are_in_evaluation_mode_and_adam_is_that_of_the_text(trained: remblai.Trained) -> None:
    """It never called `eval()`, and had beta1 0.9 and lr 5e-4 in the code where its text says 0.5 and 1e-3."""
    assert not any(part.training for part in trained.objective.modules())
    for name in ("wae-mmd", "wae-gan"):
        resolved = resolve(name, {"lr": 1e-3})
        state = State(resolved.build((2,)), **resolved.loop)
        (group,) = state.model.optimiser.param_groups
        assert isinstance(state.model.optimiser, torch.optim.Adam)
        assert (group["betas"], group["lr"]) == ((0.5, 0.999), 1e-3)
    model = RECIPES["wae-mmd"]((1, 28, 28), latent=2, network={"name": "dcgan", "width": 8}).eval()
    x = torch.rand(6, 1, 28, 28)
    assert torch.allclose(model.encode(x).z[:1], model.encode(x[:1]).z, atol=1e-5), "codes depend on the batch"


def test_7_the_networks_are_the_papers_and_there_is_a_wae_gan() -> None:
    """Its decoder reached 28 pixels by 7, 10, 13, 28 with unpadded convolutions, and there was no WAE-GAN."""
    nets = NETWORKS["wae"](shape=(1, 28, 28), width=8)
    sides: dict[str, list[int]] = {"encoder": [], "decoder": []}
    for name, net, x in (
        ("encoder", nets.encoder(8), torch.rand(2, 1, 28, 28)),
        ("decoder", nets.decoder(8), torch.rand(2, 8)),
    ):
        for part in net.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.register_forward_hook(lambda _, __, out, name=name: sides[name].append(out.shape[-1]))
        assert net(x).shape == ((2, 8) if name == "encoder" else (2, 1, 28, 28))
    assert sides == {"encoder": [14, 7, 4, 2], "decoder": [14, 28]}
    objective = RECIPES["wae-gan"]((1, 28, 28), latent=8, network="wae", penalty={"name": "adversarial"})
    critics = [part for part in objective.modules() if isinstance(part, Adversarial)]
    assert len(critics) == 1
    assert [m.out_features for m in critics[0].critic if isinstance(m, nn.Linear)] == [512] * 4 + [1]  # type: ignore[union-attr]


def test_the_report_of_a_run_shows_what_it_says(trained: remblai.Trained) -> None:
    assert (Path(trained.folder) / "report.html").is_file()
    assert trained.run.metrics() is not None
