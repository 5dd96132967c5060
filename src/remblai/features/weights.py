"""Weights of classifiers in files: safetensors whose metadata say what they are, checked when they are read."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from remblai.features.small_classifier import Classifier
from remblai.runtime.files import whole

KIND = "remblai classifier 1"
"""The kind of file; its number changes with the architecture."""


class Stored(NamedTuple):
    """A classifier and what its file says of it.

    Attributes:
        model: in eval mode.
        sha256: of its tensors.
        facts: "data", "accuracy" (on the test split) and "rows" (that it was measured on).
    """

    model: Classifier
    sha256: str
    facts: dict[str, Any]


def digest_of(tensors: Mapping[str, Tensor], words: str = "") -> str:
    """The sha256 of tensors, by name: type, shape and bytes of each; and of `words`, which say what they are for."""
    found = hashlib.sha256(words.encode())
    for name, tensor in sorted(tensors.items()):
        array = tensor.detach().cpu().contiguous()
        found.update(f"{name} {array.dtype} {tuple(array.shape)}".encode())
        found.update(array.reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def write_classifier(path: Path, model: Classifier, facts: Mapping[str, Any]) -> str:
    """Writes a classifier, whole or not at all, and returns the sha256 of its tensors.

    Args:
        path: of the file.
        model: the classifier.
        facts: "data", "accuracy" and "rows", and others that are JSON.
    """
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    sha256 = digest_of(state)
    own = {"shape": list(model.shape), "classes": model.classes, "channels": model.convolutions[0].out_channels}
    words = {"kind": KIND, "sha256": sha256, "facts": json.dumps({**facts, "model": own}, sort_keys=True)}
    with whole(path) as temporary:
        temporary.write_bytes(save(state, metadata=words))
    return sha256


def read_classifier(path: Path) -> Stored:
    """Reads a classifier that `write_classifier` wrote.

    Raises:
        ValueError: not such a file, or its tensors are not those that were written.
    """
    try:
        with safe_open(path, framework="pt") as file:
            words = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dictionary
    except (OSError, SafetensorError) as problem:
        raise ValueError(f"{path} is no file of a classifier's weights ({problem}): name another file.") from None
    if words.get("kind") != KIND:
        raise ValueError(f"{path}: expected {KIND!r} in its metadata, got {words.get('kind')!r}: name another file.")
    sha256 = digest_of(tensors)
    if sha256 != words["sha256"]:
        raise ValueError(
            f"{path}: its tensors have the sha256 {sha256[:12]}..., its metadata say {words['sha256'][:12]}...: the "
            "file is damaged, take a new copy."
        )
    facts = json.loads(words["facts"])
    own = facts.pop("model")
    with torch.device("meta"):  # no weights are drawn: torch's generator stays where it is
        model = Classifier(tuple(own["shape"]), own["classes"], own["channels"])
    model.load_state_dict(tensors, assign=True)
    return Stored(model.eval().requires_grad_(False), sha256, facts)
