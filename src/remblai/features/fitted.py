"""Features that are fitted to data, in files: a run keeps those that its model is trained through."""

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from remblai.features.features import Features
from remblai.features.fixed import Components, of_components
from remblai.features.trained import Hidden, of_classifier
from remblai.features.weights import read_classifier, write_classifier
from remblai.runtime.files import whole

KIND = "remblai components 1"
"""The kind of a file of principal components."""


def write_fitted(path: Path, features: Features) -> None:
    """Writes features that were fitted to a data set, whole or not at all.

    Args:
        path: of the file, safetensors.
        features: `classifier` or `pca`.
    """
    network = features.network
    if isinstance(network, Hidden):
        write_classifier(path, network.model, {"name": features.name, "accuracy": features.accuracy})
        return
    assert isinstance(network, Components)
    words = {"kind": KIND, "name": features.name, "shape": json.dumps(features.shape)}
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    with whole(path) as temporary:
        temporary.write_bytes(save(state, metadata=words))


def read_fitted(path: Path) -> Features:
    """Reads what `write_fitted` wrote; the checksum is that of the tensors in the file.

    Raises:
        ValueError: no such file, or one that is damaged.
    """
    try:
        with safe_open(path, framework="pt") as file:
            words = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dictionary
    except (OSError, SafetensorError) as problem:
        raise ValueError(
            f"{path}: expected the features that the model was trained through, got no such file ({problem}): copy it "
            "from the folder of the run."
        ) from None
    if words.get("kind") != KIND:
        stored = read_classifier(path)
        return of_classifier(stored.facts["name"], stored)
    network = Components(tensors["mean"], tensors["axes"])
    return of_components(words["name"], network, tuple(json.loads(words["shape"])))
