"""A published run: what the Hugging Face hub holds of one, and how it is read back.

model.safetensors (the weights that samples are drawn with), run.json, and perhaps metrics.json, samplers/ and
features/. There are no checkpoints: training cannot go on from it.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from remblai.runs.record import HUB
from remblai.runtime.text import first_line

WEIGHTS = "model.safetensors"
NAME = re.compile(r"[\w.-]+/[\w.-]+")
MISSING = "the hub needs the package huggingface_hub: pip install 'remblai[hub]'"
FILES = [WEIGHTS, "run.json", "metrics.json", "README.md", "samplers/**", "features/**"]
"""What is fetched of a repository."""


def is_hub(folder: object) -> bool:
    """Whether a run is named by its place on the hub, `hub:owner/name`."""
    return isinstance(folder, str) and folder.startswith(HUB)


def hub_name(name: str) -> str:
    """The name of a repository, without the `hub:`.

    Raises:
        ValueError: it is not owner/name.
    """
    bare = name.removeprefix(HUB)
    if not NAME.fullmatch(bare):
        raise ValueError(f"hub name: expected owner/name, got {bare!r}: write it as in hub:alice/digits.")
    return bare


def fetched(name: str) -> Path:
    """The folder that holds the repository `hub:owner/name`, fetched through the package huggingface_hub and its cache.

    Raises:
        ValueError: the package is not installed, or the hub does not give the repository.
    """
    repository = hub_name(name)
    try:
        import huggingface_hub  # an extra: only who reads from the hub needs it
    except ImportError as error:
        raise ValueError(MISSING) from error
    try:
        return Path(huggingface_hub.snapshot_download(repository, allow_patterns=FILES))
    except (OSError, ValueError) as problem:  # its errors of the connection and of the name are these
        raise ValueError(
            f"the hub does not give {repository!r} ({first_line(problem)}): check the name and the connection."
        ) from None


def is_published(folder: Path) -> bool:
    """Whether the folder holds a published run."""
    return (folder / WEIGHTS).is_file()


def read_weights(folder: Path) -> tuple[dict[str, Tensor], int]:
    """The weights and the step of the checkpoint that they are of. Nothing in the file is executed.

    Raises:
        ValueError: the file is damaged, or does not say its step.
    """
    path = folder / WEIGHTS
    try:
        with safe_open(path, "pt") as file:
            step = int((file.metadata() or {})["step"])
        return load_file(path), step
    except (SafetensorError, OSError, KeyError, ValueError) as problem:
        raise ValueError(f"{path} cannot be read ({problem}): fetch it again.") from None


def public_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """A run's settings without the places of files here, as of its data: the last name of a path stays."""
    public: dict[str, Any] = json.loads(json.dumps({name: settings[name] for name in settings if name != "loggers"}))
    data = public["data"]
    public |= {name: _without_places(public[name]) for name in ("recipe", "arguments", "loop") if name in public}
    if data.get("path") or (isinstance(data["spec"], str) and "/" in data["spec"] and not data["spec"].startswith(HUB)):
        data["spec"] = Path(data["spec"]).name
    data["spec"], data["path"] = _without_places(data["spec"]), None
    codes = data["units"].get("codes")
    if codes:
        codes["place"] = data["options"]["codes_of"] = public_place(codes["place"])
    return public


def _without_places(value: Any) -> Any:
    """The value with the public place of every text in it."""
    if isinstance(value, dict):
        return {name: _without_places(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_without_places(one) for one in value]
    return public_place(value) if isinstance(value, str) else value


def public_place(place: str) -> str:
    """The last name of a path from the root or from the home folder; another text, as a repository, as it is."""
    return Path(place).name if place.startswith(("/", "~/")) else place
