"""What fitted laws that map noise to codes by modules share: their samples, their state, a small training loop."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from remblai.laws.fitted.base import FittedLaw
from remblai.laws.fitted.whitening import Whitening
from remblai.runtime.rng import seeded


class PushedNoise(FittedLaw):
    """The law of mapped noise N(0, I), whose map is made of modules.

    `assemble(facts)` builds the modules, `fit` trains them, a file keeps both.

    Attributes:
        noise_per_coordinate: standard normal numbers behind each of a code's coordinates.
        parts: the modules by name, once fitted.
        facts: what `assemble` needs and what `fit` has to say, as JSON.
    """

    noise_per_coordinate: ClassVar[int] = 1

    def __init__(self) -> None:
        super().__init__()
        self.parts: nn.ModuleDict | None = None
        self.facts: dict[str, Any] = {}

    def assemble(self, facts: Mapping[str, Any]) -> nn.ModuleDict:
        """The parts, of the sizes that the facts say, not trained."""
        raise NotImplementedError

    def fitted(self) -> nn.ModuleDict:
        """The parts.

        Raises:
            ValueError: the law has not been fitted.
        """
        if self.parts is None:
            raise ValueError(f"sampler {self.name!r}: the law has not been fitted yet: call fit(codes) first.")
        return self.parts

    @property
    def whitening(self) -> Whitening:
        """The map between codes and whitened ones, which every such law has.

        Raises:
            ValueError: the law has not been fitted.
        """
        part = self.fitted()["whitening"]
        assert isinstance(part, Whitening)
        return part

    @property
    def noise_width(self) -> int:
        """Standard normal numbers behind one code."""
        return self.noise_per_coordinate * len(self.whitening.mean)

    def from_noise(self, x: Tensor) -> Tensor:
        """The codes (n, k) that noise x (n, noise_width) is mapped to."""
        raise NotImplementedError

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        mean = self.whitening.mean
        return self.from_noise(torch.randn(n, self.noise_width, device=mean.device, dtype=mean.dtype))

    def state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        return self.facts, dict(self.fitted().state_dict())

    def restore(self, facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Self:
        with seeded(0):
            parts = self.assemble(facts)
        wanted = parts.state_dict()
        if tensors.keys() != wanted.keys():
            raise ValueError(
                f"expected the tensors {', '.join(sorted(wanted))}, got {', '.join(sorted(tensors)) or 'none'}"
            )
        shapes = {name: tuple(tensor.shape) for name, tensor in wanted.items()}
        if wrong := [name for name, tensor in tensors.items() if tuple(tensor.shape) != shapes[name]]:
            name = wrong[0]
            raise ValueError(f"expected {name} of shape {shapes[name]}, got {tuple(tensors[name].shape)}")
        parts.load_state_dict(dict(tensors))
        return self.take(parts, facts)

    def take(self, parts: nn.ModuleDict, facts: Mapping[str, Any]) -> Self:
        """Becomes the law of these parts, in evaluation mode."""
        self.parts, self.facts = parts.eval().requires_grad_(False), dict(facts)
        return self


def descend(
    law: str,
    network: nn.Module,
    loss: Callable[[], Tensor],
    iterations: int,
    lr: float,
    after: Mapping[int, Callable[[], None]] | None = None,
) -> None:
    """Steps of Adam on the loss of a batch that the function draws, with a rate that falls to 0 along a cosine.

    Args:
        law: its name in the error.
        network: whose parameters move.
        loss: draws a batch and gives its loss, a scalar.
        iterations: steps.
        lr: the first learning rate.
        after: what is called after a step, by its number from 1.

    Raises:
        ValueError: weights that are no finite numbers at the end.
    """
    optimiser = torch.optim.Adam(network.parameters(), lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(1, iterations))
    network.train()
    for step in range(1, iterations + 1):
        optimiser.zero_grad(set_to_none=True)
        loss().backward()  # type: ignore[no-untyped-call]  # torch has no types for it
        optimiser.step()
        schedule.step()
        if after and step in after:
            after[step]()
    network.eval()
    if not all(bool(one.isfinite().all()) for one in network.parameters()):
        raise ValueError(f"sampler {law!r}: the fit diverged at lr {lr:g}: take a smaller lr.")


def check_counts(law: str, **counts: int) -> None:
    """Checks that options which count are at least 1.

    Raises:
        ValueError: one is not, by its name.
    """
    for name, count in counts.items():
        if count < 1:
            raise ValueError(f"sampler {law!r}: expected {name} of at least 1, got {count}.")
