"""What a feature map is: images in, numbers out, with a name and a checksum that every figure on it carries."""

import copy
from collections.abc import Callable
from typing import Any, TypedDict

import torch
from torch import Tensor, nn

from remblai.features.source import Rows
from remblai.features.weights import digest_of
from remblai.runtime.precision import wide

AT_ONCE = 250
"""Images in one pass, at most."""
PROBES = 4
"""Images of noise whose features are part of the checksum of a function or a module of one's own."""

Map = Callable[[Tensor], Tensor]


class FeaturesUsed(TypedDict):
    """The features of a figure, as metrics.json has them: figures of different features are not comparable."""

    name: str
    sha256: str


class Features(nn.Module):
    """Images (n, c, h, w) on the scale 0 to 1 -> features (n, k), frozen; differentiable in the images.

    Args:
        name: what figures call them.
        network: the map, (n, ...) -> (n, k), or (n, ...) of any rank, which is flattened; a module is frozen.
        sha256: what tells these weights from others.
        shape: of the images that it takes, (c, h, w); None takes any.
        logits: features (n, k) -> log-odds (n, classes), where the features are those of a classifier.
        standard: whether these are the features of the published FID and KID.
        at_once: images in one pass.
        accuracy: of that classifier, the share of held-out labels that it reads; None where it is not known.
        in_units_of_data: whether features are as far from each other as the data are, those of others about as far as
            standardised ones.
    """

    def __init__(
        self,
        name: str,
        network: Map,
        sha256: str,
        *,
        shape: tuple[int, ...] | None = None,
        logits: Map | None = None,
        standard: bool = False,
        at_once: int = AT_ONCE,
        accuracy: float | None = None,
        in_units_of_data: bool = False,
    ) -> None:
        super().__init__()
        self.name, self.sha256, self.shape, self.logits = name, sha256, shape, logits
        self.standard, self.at_once, self.accuracy = standard, at_once, accuracy
        self.in_units_of_data = in_units_of_data
        self.network = network
        self.eval().requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """Features (n, k) of images, or rows, x (n, ...) in the model's own range; float32 or better.

        Raises:
            ValueError: images of another shape than these features take, or a map that gives no row for each image.
        """
        if self.shape is not None and tuple(x.shape[1:]) != self.shape:
            raise ValueError(
                f"features {self.name}: expected images of shape {self.shape}, got {tuple(x.shape[1:])}: choose other "
                "features, such as random-convolutions or pca, which take any size, or load the data with --size and "
                "--channels."
            )
        dtype = self._dtype()
        found: Any = self.network(x if dtype is None else x.to(dtype))
        if not isinstance(found, Tensor) or found.ndim < 2 or len(found) != len(x):
            what = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise ValueError(f"features {self.name}: expected a tensor ({len(x)}, k) of {len(x)} images, got {what}.")
        return wide(found.flatten(1))

    def train(self, mode: bool = True) -> "Features":
        """Stays in evaluation mode, whatever the mode: features are frozen."""
        return super().train(False)

    def _dtype(self) -> torch.dtype | None:
        """The type of the network's tensors of floating point, to which images are brought; None where it has none."""
        if not isinstance(self.network, nn.Module):
            return None
        tensors = (*self.network.parameters(), *self.network.buffers())
        return next((one.dtype for one in tensors if one.is_floating_point()), None)

    @torch.no_grad()
    def of(self, rows: Rows, name: str = "the images") -> Tensor:
        """Features (n, k) in float32, without gradient, a part at a time.

        Args:
            rows: images (n, ...): a tensor, an array, or anything with a length whose slices are that.
            name: what an error calls them.

        Raises:
            ValueError: no images, NaN or infinity, or images of another shape.
        """
        if len(rows) == 0:
            raise ValueError(f"features {self.name}: expected at least one row in {name}, got none.")
        found = []
        for start in range(0, len(rows), self.at_once):
            part = torch.as_tensor(rows[start : start + self.at_once]).to(torch.float32)
            if not bool(torch.isfinite(part).all()):
                raise ValueError(
                    f"features {self.name}: expected finite values, {name} hold NaN or infinity; remove these rows."
                )
            found.append(self(part).to(torch.float32))
        values = torch.cat(found)
        if not bool(torch.isfinite(values).all()):
            raise ValueError(f"features {self.name}: the map gives NaN or infinity for {name}: choose other features.")
        return values

    @property
    def used(self) -> FeaturesUsed:
        """The name and the checksum, for a figure."""
        return {"name": self.name, "sha256": self.sha256}


def own_features(part: Any, shape: tuple[int, ...]) -> Features:
    """A callable or a module of one's own as features; a module is copied, and the copy frozen.

    The checksum of a module is that of its tensors, its class's name and its features of a few images of fixed noise:
    what it does may be in neither of the first two. That of another callable is that of such features alone, for
    nothing else is known of it.

    Args:
        part: features, a module, or any callable (n, c, h, w) -> (n, k).
        shape: of the images.

    Raises:
        ValueError: not callable.
    """
    if isinstance(part, Features):
        return part
    if not callable(part):
        raise ValueError(
            f"features: expected a name, a mapping {{'name': ...}}, a torch module or a callable from images (n, c, h, "
            f"w) to features (n, k), got {part!r} of type {type(part).__name__}."
        )
    name = getattr(part, "__name__", type(part).__name__)
    if isinstance(part, nn.Module):
        own = copy.deepcopy(part).eval()
        tensors = {**part.state_dict(), "probes of the features": _probed(name, own, shape)}
        return Features(name, own, digest_of(tensors, type(part).__qualname__))
    return Features(name, part, digest_of({"probes": Features(name, part, "").of(_noise(shape), "a probe")}))


def _noise(shape: tuple[int, ...]) -> Tensor:
    return torch.rand(PROBES, *shape, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def _probed(name: str, module: nn.Module, shape: tuple[int, ...]) -> Tensor:
    """A module's features of noise: in float64 where it can, so that devices and threads agree after rounding."""
    noise = _noise(shape)
    try:
        found: Tensor = Features(name, copy.deepcopy(module).cpu().double(), "")(noise.double())
        return found.float()
    except (RuntimeError, TypeError):  # it has types or a device of its own
        tensors = [*module.parameters(), *module.buffers()]
        return Features(name, module, "").of(noise.to(tensors[0].device if tensors else "cpu"), "a probe")
