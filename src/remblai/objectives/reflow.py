"""The second stage of a rectified flow: noise is joined with the end of its own path in a flow that is trained."""

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn


class Carries(Protocol):
    """A trained flow, such as `Flow`."""

    velocity: nn.Module

    def arrive(self, z: Tensor, labels: Tensor | None = None) -> Tensor: ...

    def to(self, device: torch.device) -> Any: ...


class Ends:
    """The ends of the paths of a trained flow. It is no module: nothing of the flow is trained or saved again.

    Args:
        flow: the trained flow, in evaluation mode.
        source: where it is from, for run.json: plain JSON.
    """

    def __init__(self, flow: Carries, source: Mapping[str, Any] | None = None) -> None:
        self.flow, self.source = flow, dict(source or {})

    @torch.no_grad()
    def __call__(self, noise: Tensor, *labels: Tensor) -> Tensor:
        """The ends (n, d) of noise (n, d), with labels (n,) of a conditional flow."""
        self.flow.to(noise.device)
        with torch.autocast(noise.device.type, enabled=False):
            return self.flow.arrive(noise, *labels).flatten(1).to(noise.dtype)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Ends":
        return self


class Reflow(nn.Module):
    """Each draw of the noise with the end of its path in a flow that was trained before: one path joins the two.

    A flow that is trained on such pairs has the same law at its end, and no larger transport cost for any convex cost;
    repeated, its paths become straight, and one step of Euler's method follows a straight path exactly. The data are
    not read: what the first flow lost stays lost.

    Args:
        run: the folder of a run of flow-matching on the same data, which `train` reads; in Python also `Ends`. Samples
            of the trained model do not need it.
        start: whether training starts from the weights of that run, for which the velocity must be of its kind.

    Source: Liu, Gong and Liu, "Flow straight and fast" (2023), sections 2.1 and 2.2, arXiv 2209.03003.
    """

    compiles = False

    def __init__(self, run: str | Ends | None = None, start: bool = True) -> None:
        super().__init__()
        self.run, self.start = run, start

    def forward(self, noise: Tensor, data: Tensor, labels: Tensor | None = None) -> Tensor:
        """The partners (n, d) of the noise (n, d).

        Raises:
            ValueError: the run is not read.
        """
        if not isinstance(self.run, Ends):
            raise ValueError(
                f"coupling 'reflow': expected a trained flow, got {self.run!r}: train by `remblai train` or "
                "`remblai.train` with --coupling.run RUN, the folder of a run of flow-matching."
            )
        return self.run(noise) if labels is None else self.run(noise, labels)

    def begin(self, velocity: nn.Module) -> None:
        """Gives a velocity the weights of the run, where that is asked for and the run is read.

        Raises:
            ValueError: it is of another kind.
        """
        if not (self.start and isinstance(self.run, Ends)):
            return
        weights, own = self.run.flow.velocity.state_dict(), velocity.state_dict()
        if {name: value.shape for name, value in weights.items()} != {name: part.shape for name, part in own.items()}:
            raise ValueError(
                "coupling 'reflow': expected a velocity of the kind and size of the run's, got another: choose its "
                "--velocity and options, or start anew with --no-coupling.start."
            )
        velocity.load_state_dict(weights)
