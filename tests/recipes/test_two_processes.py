"""Two processes equal one: every recipe of the table, in one launch that loops over it."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from tests.processes import start
from tests.small import CONVOLUTIONAL, NARROW, settled
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from remblai.critics import Adversarial, Logistic
from remblai.networks.batchnorm import BatchNorm1d
from remblai.recipes import RECIPES
from remblai.runtime import distributed
from remblai.training import State, steps

WARM, NORMED = "wae-mmd, warm start", "wae-mmd, batch norm"
ENTROPY = "wasserstein-rbm, entropy"
CODES = "wae-gan, batch norm"
LONG = {f"{name}, 50 steps": name for name in ("wae-mmd", "wae-gan", "wgan-gp")}
TWICE, FEATURES, CRITIC = "rae, gradient", "ebgan, batch norm", "dcgan, batch norm"
NAMES = [WARM, NORMED, ENTROPY, CODES, TWICE, FEATURES, CRITIC, *LONG, *RECIPES]
WORLD, BATCH, STEPS, MANY = 2, 12, 3, 50
DIRECTIONS = NARROW["penalty.directions"]
OPTIONS: dict[str, Any] = {
    **NARROW,
    "chains": BATCH,
    "binarise": "sample",
    "optimiser": "sgd",
    "critic_steps": 1,
    "lipschitz.bound": 0.5,
    "average": None,
    "batch_size": BATCH,
    "steps": STEPS,
}
IMAGES = {"network": "dcgan", "network.norm": "batch"}
OWN: dict[str, dict[str, Any]] = {
    WARM: {"warm_start": STEPS - 1},
    NORMED: IMAGES,
    TWICE: IMAGES | {"regulariser": "gradient"},
    FEATURES: IMAGES | {"critic": "dcgan", "critic.norm": "batch"},
    CRITIC: IMAGES | {"critic": "dcgan", "critic.norm": "batch"},
    "wasserstein-rbm": {"warm_start": STEPS - 1},
    ENTROPY: {"warm_start": 0, "form": "entropy"},
    **{name: {"steps": MANY, "optimiser": "adam", "average": 0.9} for name in LONG},
}
DRAWS = {
    torch.randint: "rand",
    torch.normal: "randn",
    torch.randn: "randn",
    torch.randn_like: "randn",
    torch.rand: "rand",
    torch.rand_like: "rand",
    torch.bernoulli: "rand",
    Tensor.bernoulli: "rand",
    Tensor.uniform_: "rand",
    Tensor.normal_: "randn",
}


class SharedDraws(TorchFunctionMode):
    """Random numbers that are a function of the call's number alone; a process takes its rows of those for each point
    or direction. So what two processes draw together is what one draws alone."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func not in DRAWS:
            return func(*args, **kwargs)
        with torch.random.fork_rng():
            like = func(*args, **kwargs)
        self.calls += 1
        generator = torch.Generator().manual_seed(self.calls)
        rows = like.shape[0] if like.dim() else 0
        whole = rows * distributed.world() in (BATCH, DIRECTIONS)
        shape = (rows * distributed.world(), *like.shape[1:]) if whole else like.shape
        drawn = getattr(torch, DRAWS[func])(shape, generator=generator, dtype=torch.float64)
        mine = drawn[distributed.rank() * rows :][:rows] if whole else drawn
        return self._as_asked(func, mine, args).to(like.dtype)

    def _as_asked(self, func: Any, drawn: Tensor, args: Any) -> Tensor:
        if func is torch.randint:
            low, high = args[:2]
            return low + ((high - low) * drawn).floor()
        if func is torch.normal:
            mean, deviation = args[:2]
            return mean + deviation * drawn
        if func in (torch.bernoulli, Tensor.bernoulli):
            return drawn < args[0]
        if func is Tensor.uniform_:
            low, high = (args[1:] or (0.0, 1.0))[:2]
            return args[0].copy_(low + (high - low) * drawn)
        if func is Tensor.normal_:
            mean, deviation = (args[1:] or (0.0, 1.0))[:2]
            return args[0].copy_(mean + deviation * drawn)
        return drawn


def trained(name: str) -> dict[str, Tensor]:
    """The recipe's weights after some steps, in float64, on this process's share of each batch."""
    given = OPTIONS | ({"critic.norm": "none", "critic": "dcgan"} if name in CONVOLUTIONAL else {})
    own = OWN.get(name, {})
    if name == CODES:
        own = {"penalty": Adversarial(nn.Sequential(nn.Linear(3, 8), BatchNorm1d(8), nn.Linear(8, 1)), Logistic())}
    how = settled(name.partition(",")[0], given | own)
    shape = (1, 5, 5) if name in CONVOLUTIONAL or "network.norm" in own else (2,)
    torch.manual_seed(distributed.rank())  # the first one's weights are everybody's
    objective = how.build(shape).double()
    state = State(objective, **how.loop)
    share = BATCH // distributed.world()
    mine = slice(share * distributed.rank(), share * (distributed.rank() + 1))
    generator = torch.Generator().manual_seed(1)
    whole = (torch.rand(BATCH, *shape, generator=generator, dtype=torch.float64) for _ in range(4 * how.loop["steps"]))
    batches = iter([x[mine] for x in whole])
    with SharedDraws():
        for _ in steps(state, batches):
            pass
    found = objective.state_dict() | ({} if state.average is None else state.average.values)
    return {key: value.detach().clone() for key, value in found.items()}


def work(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=WORLD)
    torch.save({name: trained(name) for name in NAMES}, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = Path(tmp_path_factory.mktemp("gloo"))
    start(work, str(folder), count=WORLD)
    return [torch.load(folder / f"{rank}.pt") for rank in range(WORLD)]


@pytest.mark.parametrize("name", NAMES)
def test_two_processes_train_as_one(told: list[dict[str, Any]], name: str) -> None:
    alone = trained(name)
    for each in told:
        for key, value in alone.items():
            atol, rtol = (1e-6, 0.0) if name in LONG else (1e-9, 1e-7)
            torch.testing.assert_close(
                each[name][key], value, atol=atol, rtol=rtol, msg=lambda told, key=key: f"{key}: {told}"
            )
