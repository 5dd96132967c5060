"""Drifting: its gradient against that of the discrepancy, the paper's drift against sums over pairs."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from remblai.critics import Adversarial, Kantorovich
from remblai.discrepancies import DISCREPANCIES, MMD, Discrepancy, Entropic, Exact, Sliced
from remblai.kernels import Energy, Gaussian
from remblai.laws import DECODERS, PRIORS
from remblai.networks.classes import Classes
from remblai.networks.mlp import mlp, perceptron
from remblai.objectives import Descent, Drifting, Generator, MeanShift
from remblai.training import State, steps

DISCREPANCIES_OF_POINTS: dict[str, Discrepancy] = {
    "mmd": MMD(Gaussian(2.0)),
    "energy": MMD(Energy()),
    "entropic": Entropic("square", epsilon=0.5, relative=False, tolerance=1e-9),
    "sliced": Sliced(),
    "exact": Exact("square"),
    "frechet": DISCREPANCIES["frechet"](),
    "covariance": DISCREPANCIES["covariance"](),
}


def parts() -> dict[str, object]:
    torch.manual_seed(0)
    network = perceptron((2,), width=16, depth=1)
    return {
        "decoder": DECODERS["deterministic"](network=network, latent=3, range=None),
        "prior": PRIORS["normal"](3),
    }


def gradients(objective: nn.Module, x: Tensor) -> list[Tensor]:
    torch.manual_seed(1)
    sum(objective(x).values()).backward()
    return [parameter.grad for parameter in objective.decoder.parameters() if parameter.grad is not None]


@pytest.mark.parametrize("name", DISCREPANCIES_OF_POINTS)
@pytest.mark.parametrize("step", [1.0, 0.25])
def test_its_gradient_is_the_step_times_that_of_the_discrepancy(name: str, step: float) -> None:
    x, d = torch.randn(24, 2, generator=torch.Generator().manual_seed(2)), DISCREPANCIES_OF_POINTS[name]
    wanted = gradients(Generator(**parts(), discrepancy=d), x)  # type: ignore[arg-type]
    found = gradients(Drifting(**parts(), drift=Descent(d), step=step, normalise=False), x)  # type: ignore[arg-type]
    assert found
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, step * other, atol=1e-6, rtol=1e-4)


def test_the_same_through_a_critic_which_is_trained_beside_it() -> None:
    torch.manual_seed(3)
    critic, x = mlp(2, 1, 8, 1), torch.randn(24, 2)
    wanted = gradients(Generator(**parts(), discrepancy=Adversarial(critic, Kantorovich())), x)  # type: ignore[arg-type]
    made = Drifting(**parts(), drift=Descent(Adversarial(critic, Kantorovich())), normalise=False)  # type: ignore[arg-type]
    for one, other in zip(gradients(made, x), wanted, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-4)
    before = [parameter.detach().clone() for parameter in critic.parameters()]
    for _ in itertools.islice(steps(State(made), itertools.repeat(x)), 2):
        pass
    assert all(not torch.equal(one, other) for one, other in zip(before[:2], critic.parameters(), strict=False))


def brute_force(x: Tensor, y: Tensor, temperature: float) -> Tensor:
    """The sum over pairs of data and samples of the docstring, one term at a time."""
    unit = float(torch.stack([(a - b).norm() for a in y for b in x]).mean())
    points = [*x, *y]
    kernel = [
        [
            0.0 if k - len(x) == i else math.exp(-float((b - a).norm()) / unit / temperature)
            for k, b in enumerate(points)
        ]
        for i, a in enumerate(y)
    ]
    columns = [sum(row[k] for row in kernel) for k in range(len(points))]
    weights = [[v / math.sqrt(sum(row) * columns[k]) for k, v in enumerate(row)] for row in kernel]
    found = []
    for row in weights:
        pairs = [row[j] * row[len(x) + k] * (x[j] - y[k]) for j, k in itertools.product(range(len(x)), range(len(y)))]
        found.append(torch.stack(pairs).sum(0))
    v = torch.stack(found)
    return unit / math.sqrt(x.shape[1]) * v / v.square().mean().sqrt()


def test_the_mean_shift_is_the_papers_sum_over_pairs() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(5, 3, generator=generator, dtype=torch.float64)
    y = torch.randn(4, 3, generator=generator, dtype=torch.float64) + 0.5
    torch.testing.assert_close(MeanShift((0.3,)).velocity(x, y), brute_force(x, y, 0.3))
    both = brute_force(x, y, 0.3) + brute_force(x, y, 1.0)
    torch.testing.assert_close(MeanShift((0.3, 1.0)).velocity(x, y), both)


@pytest.mark.parametrize(
    "drift", [MeanShift(), Descent(MMD(Gaussian(1.0)), (1.0, 3.0), True), Descent(Sliced(kind="axes"), normalise=True)]
)
def test_normalised_drifts_do_not_depend_on_the_scale_of_features(drift: MeanShift | Descent) -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(30, 2, generator=generator), 0.5 * torch.randn(30, 2, generator=generator)
    one, other = drift.velocity(x, y), drift.velocity(100.0 * x, 100.0 * y)
    torch.testing.assert_close(other, 100.0 * one, rtol=1e-3, atol=1e-2)


def test_samples_drift_to_data_far_away() -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(50, 2, generator=generator) + 5.0, torch.randn(50, 2, generator=generator)
    for drift in (MeanShift(), Descent(MMD(Energy())), Descent(Entropic("square")), Descent(Sliced())):
        v = drift.velocity(x, y)
        assert bool((v.mean(0) > 0).all())
        assert not v.requires_grad


def test_features_are_compared_and_not_trained() -> None:
    features = nn.Sequential(nn.Linear(2, 5), nn.Tanh())
    made = Drifting(**parts(), drift=MeanShift(), features=lambda x: [features(x), x])  # type: ignore[arg-type]
    module = Drifting(**parts(), drift=Descent(Sliced()), features=features)  # type: ignore[arg-type]
    x = torch.randn(16, 2)
    assert gradients(made, x)
    assert gradients(module, x)
    assert not any("features" in name for name, _ in module.named_parameters())
    assert module.estimate(x) is None


def test_what_cannot_drift_is_refused() -> None:
    with pytest.raises(ValueError, match="temperatures: expected positive, finite numbers, got none"):
        MeanShift(())
    with pytest.raises(ValueError, match=r"scales: expected positive, finite numbers, got 0\.0"):
        Descent(Sliced(), (0.0,))
    with pytest.raises(ValueError, match="step: expected positive"):
        Drifting(**parts(), drift=MeanShift(), step=-1.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"expected a function or module .*, got int"):
        Drifting(**parts(), drift=MeanShift(), features=3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least 2 samples, got 1"):
        MeanShift().velocity(torch.randn(3, 2), torch.randn(1, 2))


def test_a_mean_shift_does_not_depend_on_where_the_points_are() -> None:
    torch.manual_seed(0)
    x, y = torch.randn(64, 2), torch.randn(64, 2) + 0.5
    own = MeanShift().velocity(x, y)
    assert torch.allclose(MeanShift().velocity(x + 1000.0, y + 1000.0), own, rtol=0.02, atol=0.02)


def test_an_unbiased_drift_of_classes_is_none_where_the_laws_are_equal() -> None:
    torch.manual_seed(0)

    class Equal(nn.Module):
        """Draws of the data's own law, whatever the class."""

        def forward(self, z: Tensor) -> Independent:
            return Independent(Normal(z[:, :2], 1e-6 * torch.ones(len(z), 2)), 1)

    drift = Descent(MMD(Energy()))
    model = Drifting(Equal(), PRIORS["normal"](2), drift, normalise=False, classes=Classes(3), class_distance=2.0)
    inward = []
    for _ in range(600):
        x, labels = torch.randn(8, 2), torch.randint(0, 3, (8,))
        own = model._labels_of_samples(labels)
        y = model.generate(8, own).detach()
        v = drift.velocity(model._with_class(x, labels), model._with_class(y, own))[:, :2]
        inward.append(float((v * y).sum(1).mean()))
    mean, error = np.mean(inward), np.std(inward) / len(inward) ** 0.5
    assert abs(mean) < 4 * error
