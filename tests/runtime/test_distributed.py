"""Two processes equal one."""

from typing import Any

import pytest
import torch
import torch.distributed as dist
from tests.processes import start
from torch import Tensor, nn

from remblai.discrepancies import MMD
from remblai.kernels import KERNELS
from remblai.laws import PRIORS
from remblai.objectives import Code, Marginal
from remblai.runtime import devices, distributed, rng

WORLD, LOSSES = 2, 4


def setting() -> tuple[nn.Module, Tensor, Tensor, Marginal, Any]:
    torch.manual_seed(0)
    net, x, p = nn.Linear(3, 2).double(), torch.randn(16, 3).double(), torch.randn(16, 2).double()
    net.register_parameter("shift", nn.Parameter(torch.zeros(16, 2).double()))
    prior = PRIORS["normal"](latent=2).double()
    penalty = Marginal(MMD(KERNELS["gaussian"](prior=prior).double()))
    return net, x, p, penalty, prior()


def losses(net: nn.Module, x: Tensor, p: Tensor, penalty: Marginal, law: Any, mine: slice) -> list[Tensor]:
    """A discrepancy to a sample of all processes, and the penalty as an objective calls it."""
    z = net(x[mine])
    slope = torch.autograd.grad((distributed.gather(z) ** 3).sum(), z, create_graph=True)[0]
    return [
        MMD(KERNELS["imq"](prior=PRIORS["normal"](latent=2)).double())(p, distributed.gather(z)),
        penalty(Code(x[mine], law, z), law),
        (distributed.gather(z) + net.shift).square().sum(),  # the sum hands one gradient to both
        distributed.gather(slope).square().sum()
        / distributed.world() ** 2,  # a slope is the sum of what each process says
    ]


def gradients(mine: slice) -> list[tuple[Tensor, dict[str, Tensor]]]:
    found = []
    for number in range(LOSSES):
        net, *rest = setting()
        loss = losses(net, *rest, mine)[number]
        loss.backward()
        distributed.average_gradients(net.parameters())
        found.append((loss.detach(), {name: p.grad for name, p in net.named_parameters() if p.grad is not None}))
    return found


def work(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=WORLD)
    x = torch.arange(6.0).reshape(3, 2) + 100 * rank
    own = nn.Parameter(torch.zeros(2))
    own.grad = torch.tensor([1.0, 2.0]) + rank
    still = nn.Parameter(torch.zeros(1))
    distributed.average_gradients([own, still])
    rng.seed(3)
    layer = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    layer[1].running_mean += rank
    distributed.begin_as_one(layer)
    told = {
        "world": (distributed.world(), distributed.rank()),
        "rows": distributed.gather(x),
        "average": own.grad,
        "still": still.grad,
        "draw": torch.rand(4),
        "layer": layer.state_dict(),
        "gradients": gradients(slice(8 * rank, 8 * (rank + 1))),
    }
    torch.save(told, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("gloo")
    start(work, str(folder), count=WORLD)
    return [torch.load(folder / f"{rank}.pt") for rank in range(WORLD)]


def test_each_process_knows_its_place(told: list[dict[str, Any]]) -> None:
    assert [each["world"] for each in told] == [(2, 0), (2, 1)]


def test_rows_come_in_the_order_of_ranks(told: list[dict[str, Any]]) -> None:
    own = torch.arange(6.0).reshape(3, 2)
    for each in told:
        assert torch.equal(each["rows"], torch.cat([own, own + 100]))


def test_gradients_are_averaged_and_missing_ones_stay_missing(told: list[dict[str, Any]]) -> None:
    for each in told:
        assert torch.equal(each["average"], torch.tensor([1.5, 2.5]))
        assert each["still"] is None


def test_each_process_has_a_stream_of_its_own(told: list[dict[str, Any]]) -> None:
    assert not torch.equal(told[0]["draw"], told[1]["draw"])


def test_all_begin_with_the_first_ones_weights_and_buffers(told: list[dict[str, Any]]) -> None:
    rng.seed(3)
    first = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).state_dict()
    for each in told:
        assert all(torch.equal(each["layer"][name], value) for name, value in first.items())


@pytest.mark.parametrize("number", range(LOSSES))
def test_gathered_values_and_gradients_equal_those_of_one_process(told: list[dict[str, Any]], number: int) -> None:
    value, gradient = gradients(slice(None))[number]
    for each in told:
        theirs, by_rank = each["gradients"][number]
        assert abs(theirs - value).item() < 1e-12
        for name, expected in gradient.items():
            assert (by_rank[name] - expected).norm() < 1e-12 * expected.norm()


def test_the_setting_tells_gathered_from_apart() -> None:
    value, _ = gradients(slice(None))[0]
    net, x, p, _, _ = setting()
    apart = MMD(KERNELS["imq"](prior=PRIORS["normal"](latent=2)).double())(p[:8], net(x[:8]))
    assert abs(apart.item() - value.item()) > 1e-3


def test_one_process_is_the_trivial_case() -> None:
    x = torch.randn(3, 2)
    assert distributed.gather(x) is x
    assert (distributed.world(), distributed.rank()) == (1, 0)
    parameter = nn.Parameter(torch.zeros(2))
    parameter.grad = torch.ones(2)
    distributed.average_gradients([parameter])
    assert torch.equal(parameter.grad, torch.ones(2))


def test_the_same_seed_is_the_same_stream_of_every_generator() -> None:
    import random

    import numpy as np

    def draw(value: int) -> tuple[float, float, float]:
        rng.seed(value)
        return random.random(), float(np.random.rand()), torch.rand(1).item()

    assert draw(5) == draw(5)
    assert all(a != b for a, b in zip(draw(5), draw(6), strict=True))


def test_devices_by_name() -> None:
    assert devices.choose("cpu") == torch.device("cpu")
    assert devices.choose("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("name", ["gpu", "cuda:99", ""])
def test_a_device_that_is_not_here_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="device: "):
        devices.choose(name)


def test_rows_are_shared_out_evenly_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert distributed.share(7, "chains") == slice(0, 7)
    monkeypatch.setattr(distributed, "world", lambda: 3)
    monkeypatch.setattr(distributed, "rank", lambda: 1)
    assert distributed.share(6, "chains") == slice(2, 4)
    with pytest.raises(ValueError, match=r"chains: expected a multiple of the 3 processes.*got 7: use 6 or 9"):
        distributed.share(7, "chains")


def test_seeded_without_a_seed_goes_on_with_the_global_generator() -> None:
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    with rng.seeded(None):
        assert torch.equal(torch.rand(2), expected)
