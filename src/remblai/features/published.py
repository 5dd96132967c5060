"""Features of published networks: Inception, DINOv2 and CLIP, through torch-fidelity and timm (the extra `features`).

Nothing of them comes with this package: weights come from the hub, or from a file that the user names.
"""

import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from remblai.features.features import Features
from remblai.features.weights import digest_of
from remblai.runtime.files import sha256_of
from remblai.runtime.rng import seeded

INCEPTION = (
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth"
)
INCEPTION_SHA256 = "6726825d"
"""What the sha256 of the published file begins with."""
SIDE = 224
MEANWHILE = (
    "Meanwhile `--features` random-convolutions, pca or, for labelled data, classifier give `frechet` and "
    "`kernel_distance` without any download."
)
INSTALL = "expected the packages of the extra `features`: pip install 'remblai[features]'"


def inception(weights: str | None = None) -> Features:
    """2,048 features of Inception v3 as FID and KID take them: RGB bytes, resized to 299 as TensorFlow 1 did.

    Args:
        weights: the file of the weights; None takes torch's hub folder, and downloads them there. Features are
            those of `fid` and `kid` only where the file is the published one, whose sha256 begins with 6726825d.

    Raises:
        ValueError: packages or weights that are not there, or a file of something else.

    Source: Heusel et al. 2017, arXiv 1706.08500; torch-fidelity (github toshas/torch-fidelity), whose extractor it is.
    """
    kind = _imported("torch_fidelity.feature_extractor_inceptionv3", "inception").FeatureExtractorInceptionV3
    path = _inception_file() if weights is None else _named_file("inception", weights)
    _tensors("inception", path)  # as data only: the extractor itself would run what a file of code holds
    try:
        with seeded(0):  # weights are drawn before they are read
            network = kind("inception", ["2048"], feature_extractor_weights_path=str(path))
    except (RuntimeError, KeyError, TypeError) as problem:
        raise _wrong_file("inception", path, problem) from None
    sha256 = sha256_of(path)
    return Features(
        "inception", _Bytes(network), sha256, standard=sha256.startswith(INCEPTION_SHA256), at_once=50
    )  # fmt: skip


def dinov2(weights: str | None = None, model: str = "vit_large_patch14_dinov2.lvd142m") -> Features:
    """Features of DINOv2, images resized to 224 (bicubic, antialiased) and normalised as it was trained.

    Args:
        weights: the file of timm's weights; None takes those of the Hugging Face hub.
        model: of timm; the one of the published FD-DINOv2 takes about a second an image on a CPU, and
            vit_small_patch14_dinov2.lvd142m a twentieth of that.

    Raises:
        ValueError: packages or weights that are not there, or a file of something else.

    Source: Stein et al. 2023, arXiv 2306.04675.
    """
    return _of_timm("dinov2", model, weights)


def clip(weights: str | None = None, model: str = "vit_base_patch32_clip_224.openai") -> Features:
    """Features of CLIP's image side, images resized to 224 (bicubic, antialiased) and normalised as it was trained.

    Args:
        weights: the file of timm's weights; None takes those of the Hugging Face hub.
        model: of timm.

    Raises:
        ValueError: packages or weights that are not there, or a file of something else.

    Source: Kynkaanniemi et al. 2023, arXiv 2203.06026.
    """
    return _of_timm("clip", model, weights)


class _Bytes(nn.Module):
    """An extractor of RGB bytes fed with images on the scale 0 to 1: rounded, and so without a gradient."""

    def __init__(self, network: Callable[[Tensor], tuple[Tensor, ...]]) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network(_rgb(x).mul(255.0).round().clamp(0, 255).to(torch.uint8))[0]


class _Resized(nn.Module):
    """A network of normalised RGB images of one side."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, network: nn.Module, mean: tuple[float, ...], deviation: tuple[float, ...]) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1))
        self.register_buffer("deviation", torch.tensor(deviation).view(-1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        resized = nn.functional.interpolate(_rgb(x), (SIDE, SIDE), mode="bicubic", antialias=True).clamp(0.0, 1.0)
        found: Tensor = self.network((resized - self.mean) / self.deviation)
        return found


def _rgb(x: Tensor) -> Tensor:
    """Images (n, 3, h, w) of grey ones (1 channel, or 2 with alpha) or colour ones (3, or 4 with alpha)."""
    if x.ndim != 4 or x.shape[1] not in (1, 2, 3, 4):
        raise ValueError(f"features: expected images (n, c, h, w) of 1 to 4 channels, got shape {tuple(x.shape)}.")
    return x[:, :1].expand(-1, 3, -1, -1) if x.shape[1] < 3 else x[:, :3]


def _of_timm(name: str, model: str, weights: str | None) -> Features:
    timm = _imported("timm", name)
    path = None if weights is None else _named_file(name, weights)
    if path is not None:
        _tensors(name, path)  # as data only, before timm reads it
    place: dict[str, Any] = {} if path is None else {"pretrained_cfg_overlay": {"file": str(path)}}

    def drawn(seed: int) -> nn.Module:
        with seeded(seed):  # timm fits the places of patches to the side, and leaves the head of the file out
            network: nn.Module = timm.create_model(model, pretrained=True, num_classes=0, img_size=SIDE, **place)
        return network

    try:
        network = drawn(0)
        sha256 = digest_of(network.state_dict(), model)
        # timm passes over weights that the file lacks: they stay as they were drawn
        if path is not None and digest_of(drawn(1).state_dict(), model) != sha256:
            raise ValueError("it lacks some of them")
    except (OSError, RuntimeError, ValueError, KeyError) as problem:
        if path is not None:
            raise _wrong_file(name, path, problem) from None
        raise _no_weights(name, f"https://huggingface.co/timm/{model}", problem) from problem
    settings: Any = network.pretrained_cfg
    return Features(f"{name} ({model})", _Resized(network, settings["mean"], settings["std"]), sha256, at_once=25)


def _imported(module: str, name: str) -> Any:
    """A module of an optional package.

    Raises:
        ValueError: it cannot be imported.
    """
    import importlib

    try:
        return importlib.import_module(module)
    except (ImportError, RuntimeError) as problem:  # a torchvision for another torch is a RuntimeError
        raise ValueError(f"features {name}: {INSTALL}, got {problem}. {MEANWHILE}") from None


def _inception_file() -> Path:
    """The published weights in torch's hub folder, downloaded where they are not there yet."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / INCEPTION.rpartition("/")[2]
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(INCEPTION, str(path), hash_prefix=INCEPTION_SHA256, progress=False)
        except (urllib.error.URLError, OSError, RuntimeError) as problem:
            raise _no_weights("inception", INCEPTION, problem) from problem
    return path


def _named_file(name: str, weights: str) -> Path:
    path = Path(weights).expanduser()
    if not path.is_file():
        raise ValueError(f"features {name}: expected a file of weights, {weights} is none. {MEANWHILE}")
    return path


def _tensors(name: str, path: Path) -> dict[str, Tensor]:
    """The tensors of a file, read as data: nothing in it is run."""
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as problem:  # what torch's reader raises depends on the bytes of a stranger's file
        raise _wrong_file(name, path, problem) from None
    if not isinstance(found, dict) or not all(isinstance(part, Tensor) for part in found.values()):
        raise _wrong_file(name, path, TypeError(f"it holds {type(found).__name__}"))
    return found


def _no_weights(name: str, where: str, problem: Exception) -> ValueError:
    words = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
    return ValueError(
        f"features {name}: the weights are not on this machine and cannot be downloaded ({words}). Take them from "
        f"{where} and name the file with --features.weights FILE. {MEANWHILE}"
    )


def _wrong_file(name: str, path: Path, problem: Exception) -> ValueError:
    words = " ".join(str(problem).split())[:300] or type(problem).__name__
    sha256 = sha256_of(path)
    return ValueError(
        f"features {name}: expected the network's weights, {path} (sha256 {sha256[:12]}...) holds something else "
        f"({words}): name another file."
    )
