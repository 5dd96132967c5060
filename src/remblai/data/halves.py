"""The two halves of a pretrained auto-encoder as modules, pictures -> codes and codes -> pictures."""

import copy
from typing import Any

from torch import Tensor, nn


class ToCodes(nn.Module):
    """Pictures (n, c, h, w) on the scale 0 to 1 -> codes (n, k, h', w'): (mean - shift) * scaling.

    Args:
        network: of diffusers; the mean is that of the posterior, or the code itself where it has none.
        ends: the values of black and white that the network takes.
        scaling: the scaling factor.
        shift: the shift factor.
    """

    def __init__(self, network: Any, ends: tuple[float, float], scaling: float, shift: float) -> None:
        super().__init__()
        self.network, self.ends, self.scaling, self.shift = network, ends, scaling, shift

    def forward(self, x: Tensor) -> Tensor:
        """The codes, float32."""
        low, high = self.ends
        law = self.network.encode(x * (high - low) + low, return_dict=False)[0]
        mean: Tensor = law if isinstance(law, Tensor) else law.mode()
        return ((mean - self.shift) * self.scaling).float()


class ToPictures(nn.Module):
    """Codes (n, k, h', w'), as `ToCodes` gives them -> pictures (n, c, h, w) on the scale 0 to 1, clipped to it.

    Arguments as those of `ToCodes`.
    """

    def __init__(self, network: Any, ends: tuple[float, float], scaling: float, shift: float) -> None:
        super().__init__()
        self.network, self.ends, self.scaling, self.shift = network, ends, scaling, shift

    def forward(self, z: Tensor) -> Tensor:
        """The pictures, float32."""
        low, high = self.ends
        y = self.network.decode(z / self.scaling + self.shift, return_dict=False)[0]
        pictures: Tensor = ((y.float() - low) / (high - low)).clamp(0.0, 1.0)
        return pictures


class _Doubled(nn.Module):
    """Upsample2D of diffusers without its branches on the number of rows, which a graph for any number cannot have."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.conv = layer.conv

    def forward(self, x: Tensor, output_size: int | None = None) -> Tensor:
        found: Tensor = self.conv(nn.functional.interpolate(x, scale_factor=2.0, mode="nearest"))
        return found


def for_graph(half: ToCodes | ToPictures) -> nn.Module:
    """A copy on the CPU that can be traced for any number of rows, without the weights of the other half."""
    copied = copy.deepcopy(half).cpu()
    unused = ("decoder", "post_quant_conv") if isinstance(half, ToCodes) else ("encoder", "quant_conv")
    for name in unused:
        if getattr(copied.network, name, None) is not None:
            setattr(copied.network, name, None)
    for name, layer in list(copied.named_modules()):
        if _doubles(layer):
            copied.set_submodule(name, _Doubled(layer))
    return copied


def _doubles(layer: Any) -> bool:
    """Whether a layer is the Upsample2D that all decoders of AutoencoderKL have: nearest pixels, then a convolution."""
    return (
        type(layer).__name__ == "Upsample2D"
        and layer.use_conv
        and layer.interpolate
        and not layer.use_conv_transpose
        and layer.norm is None
        and layer.name == "conv"
    )
