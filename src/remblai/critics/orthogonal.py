"""Critics that are 1-Lipschitz by construction: orthogonal layers, and activations that keep the gradient's length."""

import math
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import ParametrizationList, register_parametrization

from remblai.critics.lipschitz import Lipschitz
from remblai.networks.mlp import RECTIFIERS
from remblai.networks.spectral import LAYERS

Activation = Literal["group-sort", "householder"]
Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d
REPLACED = (*RECTIFIERS, nn.PReLU)


class Orthogonal(Lipschitz):
    """A critic with |f(x) - f(y)| <= |x - y| for all x and y, whatever its weights: its estimate bounds W1 from below.

    Each linear layer gets a weight with orthonormal rows (or columns, where it widens), each activation of the ReLU
    family is replaced by one that permutes or reflects pairs of channels: a gradient of norm 1 passes through all
    layers unchanged. The layers' names and shapes stay; the stored weight, from which an orthonormal one is computed,
    is named `parametrizations.weight.original`, and `project` replaces it by the orthonormal one.

    A convolution's weight, as the matrix (out, in * height * width) of each group, has orthonormal rows or columns and
    is divided by the square root of the number of patches that a pixel can be in, for an axis ceil(kernel / stride).
    That bounds its norm by 1, and is loose where patches overlap: the gradients of such critics stay below 1.

    Biases start at 0 and are trained. With biases that start as `networks.mlp` draws them, from a normal law, training
    ended at 0.90 of W1 on the points of `remblai gallery bracket`, and at 0.998 from 0 (four seeds each).

    Args:
        activation: `group-sort`, the larger and the smaller of each pair; or `householder`, each pair reflected or not
            at a line whose angle is trained.

    Raises:
        ValueError: an unknown activation; or a critic with a part that has no known bound: normalisation (of the
            batch, and any other that divides by a standard deviation), pooling, sums of branches, drop-out,
            convolutions that are transposed or do not pad with zeros.

    Source: Anil, Lucas, Grosse, "Sorting out Lipschitz function approximation" (2019), arXiv 1811.05381; Singla,
    Singla, Feizi, "Improved deterministic l2 robustness" (2021), section 4, arXiv 2108.04062 (Householder).

    >>> import torch
    >>> from torch import nn
    >>> from remblai.critics import Orthogonal
    >>> critic = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 1))
    >>> Orthogonal().prepare(critic)
    >>> x = torch.randn(50, 8)
    >>> bool(((critic(x) - critic(-x)).abs()[:, 0] <= 2.0 * x.norm(dim=1) + 1e-4).all())
    True
    """

    def __init__(self, activation: Activation = "group-sort") -> None:
        if activation not in get_args(Activation):
            raise ValueError(
                f"orthogonal: expected activation {' or '.join(get_args(Activation))}, got {activation!r}."
            )
        self.activation: Activation = activation

    def prepare(self, critic: nn.Module) -> None:
        """Puts orthonormal weights on each layer, sets its bias to 0, and replaces the activations."""
        layers = [layer for layer in critic.modules() if isinstance(layer, LAYERS)]
        if not layers:
            raise ValueError("orthogonal: expected a critic with linear or convolution layers, got none.")
        _check(critic, "")
        self._replace(critic)
        for layer in layers:
            register_parametrization(layer, "weight", Orthonormal(layer))
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)

    @torch.no_grad()
    def project(self, critic: nn.Module) -> None:
        """Stores each layer's orthonormal weight as the one that the optimiser changes: steps keep their size."""
        for layer in critic.modules():
            if isinstance(layer, ParametrizationList) and isinstance(layer[0], Orthonormal):
                layer.original.copy_(layer[0](layer.original))

    def _replace(self, container: nn.Module, before: nn.Module | None = None) -> nn.Module | None:
        """Replaces the activations in a Sequential; `before` is the layer before it. Returns its last layer."""
        # not named_children(), which gives a part that stands twice once
        for name, part in container._modules.items():
            if part is None:
                continue
            if isinstance(part, LAYERS):
                before = part
            elif isinstance(part, nn.Flatten | nn.Unflatten):
                before = None
            elif isinstance(part, REPLACED):
                setattr(container, name, self._activation(before))
            else:
                before = self._replace(part, before)
        return before

    def _activation(self, before: nn.Module | None) -> nn.Module:
        if self.activation == "group-sort":
            return GroupSort()
        if before is None:
            raise ValueError(
                "orthogonal: expected a linear or convolution layer before each activation, got one after none or "
                "after a change of shape: move it, or use activation='group-sort'."
            )
        weight = next(before.parameters())
        return Householder(len(weight)).to(weight.device, weight.dtype)


class GroupSort(nn.Module):
    """The larger and the smaller of each pair of channels: x (n, c, ...) -> (n, c, ...). An odd last channel stays.

    Channel i is paired with channel i + c // 2. Also known as MaxMin: GroupSort with groups of two.

    Source: Anil, Lucas, Grosse (2019), section 4.1, arXiv 1811.05381.
    """

    def forward(self, x: Tensor) -> Tensor:
        a, b, rest = _pairs(x)
        return torch.cat([torch.maximum(a, b), torch.minimum(a, b), rest], 1)


class Householder(nn.Module):
    """Each pair (a, b) of channels is reflected at a line through 0 if it lies beyond it. An odd channel stays.

    With the line at the angle t / 2: (a, b) where a sin(t / 2) > b cos(t / 2), else (a cos t + b sin t, a sin t -
    b cos t). There is one t for each pair; it starts at pi / 2, where this is GroupSort.

    Args:
        channels: c of x (n, c, ...).

    Source: Singla, Singla, Feizi (2021), equation 5, arXiv 2108.04062.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.angle = nn.Parameter(torch.full((channels // 2,), math.pi / 2.0))

    def forward(self, x: Tensor) -> Tensor:
        a, b, rest = _pairs(x)
        angle = self.angle.reshape(-1, *(1,) * (x.dim() - 2))
        near = a * torch.sin(angle / 2.0) > b * torch.cos(angle / 2.0)
        cos, sin = torch.cos(angle), torch.sin(angle)
        return torch.cat([torch.where(near, a, a * cos + b * sin), torch.where(near, b, a * sin - b * cos), rest], 1)


def _pairs(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    half = x.shape[1] // 2
    return x[:, :half], x[:, half : 2 * half], x[:, 2 * half :]


class Orthonormal(nn.Module):
    """W -> the orthonormal factor of its QR decomposition, over sqrt(patches): the parametrisation of a layer's weight.

    Args:
        layer: the layer whose weight it is: linear, W (out, in), or a convolution, W (out, in / groups, ...).
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.groups, self.patches = 1, 1
        if isinstance(layer, Convolution):
            self.groups, self.patches = layer.groups, patches(layer)

    def forward(self, weight: Tensor) -> Tensor:
        """The weight that the layer uses."""
        with torch.autocast(weight.device.type, enabled=False):
            matrix = weight.reshape(self.groups, weight.shape[0] // self.groups, -1)
            wide = matrix.shape[1] < matrix.shape[2]
            q, r = torch.linalg.qr(matrix.mT if wide else matrix)
            q = torch.where(r.diagonal(dim1=1, dim2=2) < 0.0, -1.0, 1.0)[:, None] * q
            orthonormal: Tensor = q.mT if wide else q
            return orthonormal.reshape(weight.shape) / math.sqrt(self.patches)

    def right_inverse(self, weight: Tensor) -> Tensor:
        """The stored weight for an initial one: orthonormal, even where the weight is 0."""
        return self.forward(weight)


def patches(layer: Convolution) -> int:
    """The most patches of a convolution that one pixel is in: the product over the axes of ceil(kernel / stride).

    A dilation that shares no factor with the stride changes nothing; one that does takes fewer strides.
    """
    counts = [
        math.ceil(kernel * math.gcd(stride, dilation) / stride)
        for kernel, stride, dilation in zip(layer.kernel_size, layer.stride, layer.dilation, strict=True)
    ]
    return math.prod(counts)


ACCEPTED = (nn.Flatten, nn.Unflatten, nn.Identity, nn.Tanh, nn.Sigmoid, GroupSort, Householder)


def _check(part: nn.Module, name: str) -> None:
    """Refuses parts that have no known bound.

    Raises:
        ValueError: a part that is not a layer, an activation, a change of shape or a Sequential of these.
    """
    if isinstance(part, nn.Sequential):
        for inner, child in part.named_children():
            _check(child, f"{name}.{inner}".lstrip("."))
        return
    if isinstance(part, Convolution) and part.padding_mode != "zeros":
        raise ValueError(
            f"orthogonal: expected convolutions that pad with zeros, got padding_mode={part.padding_mode!r} at "
            f"{name or 'its top'}: other modes repeat pixels."
        )
    if not isinstance(part, LAYERS + REPLACED + ACCEPTED):
        raise ValueError(
            f"orthogonal: expected a Sequential of linear layers, convolutions, activations and flattening, got "
            f"{type(part).__name__} at {name or 'its top'}, whose gradient has no known bound of 1: leave it "
            "out (a stride halves an image without pooling), or use another constraint."
        )
