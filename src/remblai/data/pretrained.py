"""A pretrained auto-encoder of the package diffusers, frozen: pictures become codes, and codes pictures.

Its weights come from a folder or from the Hugging Face hub. Nothing in its files is executed: config.json is read as
JSON and names a class of `CLASSES`, and weights are read from safetensors only.
"""

import importlib.util
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from remblai.data.halves import ToCodes, ToPictures
from remblai.runtime import devices
from remblai.runtime.files import sha256_of
from remblai.runtime.rng import seeded
from remblai.runtime.text import first_line

NAMED = {"sd-vae": "stabilityai/sd-vae-ft-mse", "rae": "nyu-visionx/RAE-dinov2-wReg-base-ViTXL-n08"}
"""Short names -> repositories of the Hugging Face hub."""
CLASSES: dict[str, tuple[float, float]] = {
    "AutoencoderDC": (-1.0, 1.0),
    "AutoencoderKL": (-1.0, 1.0),
    "AutoencoderRAE": (0.0, 1.0),
    "AutoencoderTiny": (-1.0, 1.0),
}
"""Classes of diffusers that encode pictures to codes (n, c, h, w) -> the values of black and white that each takes."""
SCALED_INSIDE = ("AutoencoderRAE",)
"""Classes whose `encode` and `decode` apply the scaling factor themselves."""
CONFIG, WEIGHTS = "config.json", "diffusion_pytorch_model.safetensors"
REPOSITORY = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
AT_ONCE = 8
"""Pictures that are encoded or decoded at once."""
INSTALL = "expected the package of the extra `latents`: pip install 'remblai[latents]'"


@dataclass(frozen=True)
class Pretrained:
    """A pretrained auto-encoder, whose weights are read when they are first needed, and checked then.

    Args:
        place: its folder, absolute, or its repository on the hub.
        kind: its class, of `CLASSES`.
        sha256: of the file of its weights.
        config: the sha256 of its config.json.
        shape: (c, h, w) of the pictures.
    """

    place: str
    kind: str
    sha256: str
    config: str
    shape: tuple[int, ...]

    @classmethod
    def from_json(cls, saved: Any) -> "Pretrained":
        """What run.json keeps of one.

        Raises:
            ValueError: it is not that.
        """
        names = set(cls.__dataclass_fields__)
        if not isinstance(saved, Mapping) or set(saved) != names or saved["kind"] not in CLASSES:
            raise ValueError(f"expected codes with {', '.join(sorted(names))} of a class of {', '.join(CLASSES)}")
        shape, words = saved["shape"], [saved[name] for name in ("place", "sha256", "config")]
        if not (isinstance(shape, list | tuple) and len(shape) == 3 and all(isinstance(word, str) for word in words)):
            raise ValueError(f"expected codes with texts and a shape (c, h, w), got {shape!r:.60} and {words!r:.200}")
        return cls(**{**saved, "shape": tuple(shape)})

    def __str__(self) -> str:
        return f"{self.kind} of {self.place} (sha256 {self.sha256[:12]})"

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """Codes (n, k, h', w'), on the CPU: the mean of the posterior, (mean - shift factor) * scaling factor.

        Args:
            x: (n, c, h, w) pictures on the scale 0 to 1.

        Raises:
            ValueError: an auto-encoder that moved, changed or cannot be read; codes that are not finite.
        """
        codes = _in_parts(self.halves()[0], x)
        if codes.ndim != 4 or not bool(codes.isfinite().all()):
            got = "NaN or infinite values" if codes.ndim == 4 else f"codes of shape {tuple(codes.shape)}"
            raise ValueError(
                f"codes_of: expected finite codes (n, c, h, w) of {self}, got {got}: use another auto-encoder."
            )
        return codes

    @torch.no_grad()
    def decode(self, z: Tensor) -> Tensor:
        """Pictures (n, c, h, w) on the scale 0 to 1, clipped to it, on the CPU, of codes as `encode` gives them.

        Raises:
            ValueError: an auto-encoder that moved, changed or cannot be read.
        """
        return _in_parts(self.halves()[1], z)

    def shape_of_code(self, first: Tensor) -> tuple[int, ...]:
        """The shape (k, h', w') of a code; refuses pictures that do not fit, or do not come back in their own size.

        Args:
            first: (1, c, h, w), one of the pictures on the scale 0 to 1.

        Raises:
            ValueError: other channels, or a size that its factor does not divide.
        """
        settings = _config(_folder(self.place), self.place)
        channels = settings.get("in_channels", settings.get("num_channels", 3))
        if first.shape[1] != channels:
            raise ValueError(
                f"codes_of: expected pictures of {channels} channels for the {self.kind} of {self.place}, got "
                f"{first.shape[1]}: read them as such with --channels {channels}."
            )
        h, w = first.shape[2:]
        try:
            code = self.encode(first)
            back = self.decode(code).shape[2:]
        except RuntimeError as problem:  # how torch says that shapes do not fit
            raise ValueError(
                f"codes_of: the {self.kind} of {self.place} does not take pictures of {h}x{w} pixels "
                f"({_words(problem)}): choose another --size."
            ) from None
        if tuple(back) != (h, w):
            raise ValueError(
                f"codes_of: expected pictures whose sides the factor of the {self.kind} of {self.place} divides, got "
                f"{h}x{w} pixels, which come back as {back[0]}x{back[1]}: resize them with --size {min(back)}."
            )
        return tuple(code.shape[1:])

    def halves(self) -> tuple[ToCodes, ToPictures]:
        """Its two halves, on its device.

        Raises:
            ValueError: an auto-encoder that moved, changed or cannot be read.
        """
        network: Any = _loaded(self.place, self.kind, self.sha256, self.config)
        settings: Mapping[str, Any] = network.config
        inside = self.kind in SCALED_INSIDE
        scaling = 1.0 if inside else float(settings.get("scaling_factor") or 1.0)
        shift = 0.0 if inside else float(settings.get("shift_factor") or 0.0)
        ends = CLASSES[self.kind]
        return ToCodes(network, ends, scaling, shift), ToPictures(network, ends, scaling, shift)


def _in_parts(half: nn.Module, rows: Tensor) -> Tensor:
    """What a half makes of the rows, a few at once, on the CPU."""
    device = next(half.parameters()).device
    return torch.cat([half(part.to(device)).cpu() for part in torch.split(rows, AT_ONCE)])


def pretrained(name: str, shape: tuple[int, ...]) -> Pretrained:
    """The auto-encoder of a name of `NAMED`, a folder or a repository of the hub, which is fetched.

    Args:
        name: of the auto-encoder.
        shape: (c, h, w) of the pictures.

    Raises:
        ValueError: no such folder or repository, one that holds no auto-encoder, or the package is not installed.
    """
    if importlib.util.find_spec("diffusers") is None:
        raise ValueError(f"codes_of: {INSTALL}.")
    place = NAMED.get(name, name)
    folder = _folder(place)
    kind = _config(folder, name)["_class_name"]
    where = str(folder.absolute()) if Path(place).expanduser().is_dir() else place
    return Pretrained(where, kind, sha256_of(folder / WEIGHTS), sha256_of(folder / CONFIG), shape)


def _folder(place: str) -> Path:
    """The folder with the files of an auto-encoder, fetched from the hub where no folder has that name."""
    path = Path(place).expanduser()
    if path.is_dir():
        return path
    if path.is_absolute() or not REPOSITORY.fullmatch(place):
        raise ValueError(
            f"codes_of: expected {', '.join(NAMED)}, a folder or owner/name on the hub, and there is no folder "
            f"{place}: name another, or, where a run was trained on its codes, put the auto-encoder back there."
        )
    try:
        import huggingface_hub  # comes with diffusers
    except ImportError:
        raise ValueError(f"codes_of: {INSTALL}.") from None
    try:
        return Path(huggingface_hub.snapshot_download(place, allow_patterns=[CONFIG, WEIGHTS]))
    except (OSError, ValueError, RuntimeError) as problem:  # its errors of the connection and of the name are these
        raise ValueError(
            f"codes_of: {place} is no folder here, and the hub does not give it ({_words(problem)}): "
            f"download {CONFIG} and {WEIGHTS} from https://huggingface.co/{place} into a folder and name it "
            "with --codes-of."
        ) from None


def _config(folder: Path, name: str) -> dict[str, Any]:
    """What config.json says, once it is sure that it is of an auto-encoder whose weights are there."""
    path = folder / CONFIG
    if not path.is_file():
        raise ValueError(
            f"codes_of: expected {CONFIG} and {WEIGHTS}, as save_pretrained of diffusers writes them, in {name}, which "
            f"has no {CONFIG}: name the folder of the auto-encoder itself (of a pipeline that is its folder vae)."
        )
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise ValueError(f"codes_of: {path} cannot be read ({_words(problem)}): take a new copy.") from None
    kind = settings.get("_class_name") if isinstance(settings, dict) else None
    if kind not in CLASSES:
        raise ValueError(
            f"codes_of: expected an auto-encoder of pictures, of class {', '.join(CLASSES)}, {path} names "
            f"{kind!r:.60}: use another."
        )
    if not (folder / WEIGHTS).is_file():
        raise ValueError(
            f"codes_of: {name} has no {WEIGHTS}; weights in other files are not read, for they could run code: save "
            "them with save_pretrained of diffusers, which writes safetensors."
        )
    assert isinstance(settings, dict)
    return settings


@lru_cache(maxsize=2)
def _loaded(place: str, kind: str, sha256: str, config: str) -> nn.Module:
    """The network, frozen, in eval mode, on the best device."""
    folder = _folder(place)
    found_kind = _config(folder, place)["_class_name"]
    found = {"weights": (sha256, sha256_of(folder / WEIGHTS)), CONFIG: (config, sha256_of(folder / CONFIG))}
    if changed := [name for name, (known, here) in found.items() if known != here]:
        known, here = found[changed[0]]
        raise ValueError(
            f"codes_of: expected the auto-encoder whose codes the run was trained on ({changed[0]} of sha256 "
            f"{known[:12]}), {place} holds another ({here[:12]}): put the first one back, or train anew."
        )
    if kind == "AutoencoderRAE" and importlib.util.find_spec("transformers") is None:
        raise ValueError("codes_of: AutoencoderRAE needs the package transformers too: pip install transformers.")
    try:
        import diffusers
    except ImportError:
        raise ValueError(f"codes_of: {INSTALL}.") from None
    try:
        with seeded(0):  # weights are drawn before they are read
            network, report = getattr(diffusers, found_kind).from_pretrained(
                str(folder),
                use_safetensors=True,
                local_files_only=True,
                low_cpu_mem_usage=False,
                torch_dtype=torch.float32,
                output_loading_info=True,
            )
    except Exception as problem:  # what diffusers raises depends on the bytes of a stranger's file
        raise _unfit(folder, _words(problem)) from None
    if missing := [*report["missing_keys"], *report["mismatched_keys"]]:
        raise _unfit(folder, f"{len(missing)} of its tensors are missing or of another shape")
    ready: nn.Module = network.eval().requires_grad_(False).to(devices.choose("auto"))
    return ready


def _unfit(folder: Path, words: str) -> ValueError:
    return ValueError(f"codes_of: {folder} cannot be read as an auto-encoder of diffusers ({words}): take a new copy.")


def _words(problem: Exception) -> str:
    return (first_line(problem) or type(problem).__name__)[:200]
