"""An exponential moving average of the model's weights, which samples and figures come from."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import _SpectralNorm

from remblai.networks.spectral import UnitNorm


class Average:
    """w_average <- decay * w_average + (1 - decay) * w, in float32; the decay grows from 0 over the first steps.

    Whole numbers and the singular vectors of a spectral norm are copied: a mean of unit vectors has another length.

    Args:
        module: the module whose named parameters and buffers are followed.
        names: which of its state's entries belong to the model's side; critics are left out.
        decay: in [0, 1); 0.999 averages over about 1,000 steps.

    Raises:
        ValueError: decay outside [0, 1).
    """

    def __init__(self, module: nn.Module, names: Iterable[str], decay: float) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"average: expected a decay in [0, 1), got {decay}; 0.999 is usual.")
        self.decay, self.updates = decay, 0
        self._weight = torch.ones((), device=next(module.parameters()).device)
        wanted = set(names)
        state = module.state_dict(keep_vars=True)
        self._live = {name: tensor for name, tensor in state.items() if name in wanted}
        self.values = {
            name: tensor.detach().clone().float() if tensor.is_floating_point() else tensor.detach().clone()
            for name, tensor in self._live.items()
        }
        directions = {f"{name}.{own}" for name, part in _unit_norms(module) for own, _ in part.named_buffers()}
        averaged = [
            name for name, tensor in self._live.items() if tensor.is_floating_point() and name not in directions
        ]
        self._weights, self._means = [self._live[name] for name in averaged], [self.values[name] for name in averaged]
        self._copied = [(self._live[name], self.values[name]) for name in self._live if name not in averaged]

    def update(self) -> None:
        """One step of the average."""
        self.advance()
        self.apply()

    def advance(self) -> None:
        """Counts the next step, whose weight is kept on the device."""
        self.updates += 1
        self._weight.fill_(1 - min(self.decay, self.updates / (self.updates + 10)))

    @torch.no_grad()
    def apply(self) -> None:
        """Moves the average by the weight of the last counted step, a tensor; what is not averaged is copied."""
        lives = [live.float() for live in self._weights]
        torch._foreach_lerp_(self._means, lives, [self._weight] * len(lives))
        for live, mean in self._copied:
            mean.copy_(live)

    @torch.no_grad()
    def load(self, values: dict[str, Tensor], updates: int) -> None:
        """Continues from saved values.

        Raises:
            ValueError: the saved names are not this model's.
        """
        if values.keys() != self.values.keys():
            raise ValueError("average: the saved weights do not have this model's names.")
        self.updates = updates
        for name, value in values.items():
            self.values[name].copy_(value)


def _unit_norms(module: nn.Module) -> list[tuple[str, nn.Module]]:
    """The divisions by a spectral norm in it, remblai's and torch's, whose buffers are singular vectors."""
    return [(name, part) for name, part in module.named_modules() if isinstance(part, UnitNorm | _SpectralNorm)]
