"""The networks of a model in words: their names, and the widths of their layers."""

from collections.abc import Iterator

from torch import nn

from remblai.critics import Adversarial
from remblai.networks import CRITICS, GENERATORS, NETWORKS, VELOCITIES
from remblai.objectives import Objective
from remblai.runs.resolve import Resolved

LAYERS = ((nn.Linear, "linear"), (nn.Conv2d, "conv"), (nn.ConvTranspose2d, "conv"))
MOST = 9
"""Layers whose widths are said one by one."""


def networks_in_words(objective: Objective, resolved: Resolved) -> str:
    """The networks as in "auto: encoder conv 32-64-128, linear 256-8; decoder linear 256-1152, conv 64-32-1".

    Args:
        objective: that was built.
        resolved: its recipe with the options, which name the networks.
    """
    tables = (NETWORKS, GENERATORS, CRITICS, VELOCITIES)
    options = [option.name for option in resolved.signature if any(option.table is table for table in tables)]
    names = {option: resolved.arguments[option] for option in options}
    words = [name if isinstance(name, str) else type(name).__name__ for name in names.values()]
    titles = ["" if option == "network" else f"{option} " for option in options]
    parts = [f"{name} {widths}" for name, part in _parts(objective) if (widths := _widths(part))]
    return ": ".join(filter(None, (", ".join(map(str.__add__, titles, words)), "; ".join(parts))))


def _parts(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The networks by what they are to the model; of a part that holds a critic, the critic."""
    for name, part in model.named_children():
        if isinstance(part, Objective):
            yield from ((f"{name}.{inner}", network) for inner, network in _parts(part))
        elif not any(isinstance(inner, Adversarial) for inner in part.modules()):
            yield name, part
        else:
            yield from (("critic", inner.critic) for inner in part.modules() if isinstance(inner, Adversarial))


def _widths(network: nn.Module) -> str:
    """Outputs of its layers in their order, by kind; where there are many layers, their number and range."""
    found = [(kind, width) for layer in network.modules() if (kind := _kind(layer)) and (width := _outputs(layer))]
    if len(found) > MOST:
        widths = [width for _, width in found]
        return f"{len(found)} layers of {min(widths)} to {max(widths)}"
    runs: list[tuple[str, list[int]]] = []
    for kind, width in found:
        if runs and runs[-1][0] == kind:
            runs[-1][1].append(width)
        else:
            runs.append((kind, [width]))
    return ", ".join(f"{kind} {'-'.join(map(str, widths))}" for kind, widths in runs)


def _kind(layer: nn.Module) -> str:
    return next((words for kind, words in LAYERS if isinstance(layer, kind)), "")


def _outputs(layer: nn.Module) -> int:
    return int(layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels)  # type: ignore[arg-type]  # of a layer of LAYERS
