"""Codes of a pretrained auto-encoder: as diffusers gives them, standardised, and every refusal."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.small_codes import CHANNELS, SIDE, network, pictures, save_autoencoder, save_pictures

from remblai.data import Units, load
from remblai.data import pretrained as module
from remblai.data.coded import coded
from remblai.data.pretrained import CONFIG, WEIGHTS, Pretrained, pretrained
from remblai.networks.shapes import CodeShape, range_of

pytest.importorskip("diffusers", reason="the package of the extra latents is not installed")
SHAPE = (3, SIDE, SIDE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_autoencoder(tmp_path_factory.mktemp("autoencoder"))


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def test_encode_and_decode_equal_diffusers_own_code(folder: Path) -> None:
    x, theirs = pictures(11), network()  # more than are encoded at once
    own = pretrained(str(folder), SHAPE)
    with torch.no_grad():
        law = theirs.encode(2 * x - 1).latent_dist
        z = (law.mean - theirs.config.shift_factor) * theirs.config.scaling_factor
        y = theirs.decode(law.mean).sample.add(1).div(2).clamp(0, 1)
    assert torch.allclose(own.encode(x), z, atol=1e-5)
    assert torch.allclose(own.decode(z), y, atol=1e-5)
    assert own.encode(x).equal(own.encode(x))
    assert own.decode(20 * z).min() >= 0 and own.decode(20 * z).max() <= 1


@pytest.mark.parametrize("kind", ["AutoencoderTiny", "AutoencoderDC"])
def test_other_classes_of_diffusers(kind: str, tmp_path: Path) -> None:
    import diffusers

    options = {
        "AutoencoderTiny": {
            "encoder_block_out_channels": (8, 8),
            "decoder_block_out_channels": (8, 8),
            "num_encoder_blocks": (1, 1),
            "num_decoder_blocks": (1, 1),
            "latent_channels": 2,
        },
        "AutoencoderDC": {
            "latent_channels": 2,
            "encoder_block_out_channels": (8, 8),
            "decoder_block_out_channels": (8, 8),
            "encoder_layers_per_block": (1, 1),
            "decoder_layers_per_block": (1, 1),
            "encoder_block_types": "ResBlock",
            "decoder_block_types": "ResBlock",
            "encoder_qkv_multiscales": ((), ()),
            "decoder_qkv_multiscales": ((), ()),
            "scaling_factor": 0.5,
        },
    }[kind]
    torch.manual_seed(0)
    theirs = getattr(diffusers, kind)(**options).eval()
    theirs.save_pretrained(str(tmp_path))
    own, x = pretrained(str(tmp_path), SHAPE), pictures(2)
    own.shape_of_code(x[:1])
    with torch.no_grad():
        code = theirs.encode(2 * x - 1, return_dict=False)[0]  # the whole of AutoencoderTiny rounds codes to bytes
        expected = theirs.decode(code).sample.add(1).div(2).clamp(0, 1)
    assert torch.allclose(own.encode(x), code * theirs.config.scaling_factor, atol=1e-5)
    assert torch.allclose(own.decode(own.encode(x)), expected, atol=1e-5)


def test_codes_are_standardised_by_channel_and_come_back(folder: Path, tmp_path: Path) -> None:
    data = load(str(save_pictures(tmp_path / "pictures", 20)))
    found = coded(data, str(folder))
    x, own = found.train[:], found.units.codes
    assert own is not None and own.place == str(folder)
    assert x.shape == (16, CHANNELS, SIDE // 2, SIDE // 2)
    assert torch.allclose(x.double().mean((0, 2, 3)), torch.zeros(CHANNELS).double(), atol=1e-5)
    assert torch.allclose(x.double().var((0, 2, 3), correction=0), torch.ones(CHANNELS).double(), atol=1e-5)
    raw = own.encode(data.test[:])
    mean, deviation = (torch.tensor(of)[:, None, None] for of in (found.units.mean, found.units.deviation))
    assert torch.allclose(found.test[:], (raw - mean) / deviation, atol=1e-4)
    assert np.abs(found.units.restore(found.test[:]) - (own.decode(raw) * 255).permute(0, 2, 3, 1).numpy()).max() < 1.01
    assert torch.allclose(found.units.scale(data.units.restore(data.test[:])), found.test[:], atol=1e-4)
    assert Units.from_json(json.loads(json.dumps(found.units.to_json()))) == found.units
    assert found.seen is data and found.test.index.equal(data.test.index)


def test_codes_are_made_once(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = load(str(save_pictures(tmp_path / "pictures")))
    first = coded(data, str(folder))
    encoded = []
    own = Pretrained.encode
    monkeypatch.setattr(Pretrained, "encode", lambda of, x: encoded.append(len(x)) or own(of, x))
    again = coded(data, str(folder))
    assert max(encoded) == 1  # the picture on which sizes are tried
    assert again.train[:].equal(first.train[:]) and again.fingerprint == first.fingerprint


def test_the_fingerprint_is_of_pictures_and_weights(folder: Path, copy: Path, tmp_path: Path) -> None:
    data = load(str(save_pictures(tmp_path / "pictures")))
    tensors = load_file(copy / WEIGHTS)
    tensors["encoder.conv_in.bias"] += 0.5
    save_file(tensors, copy / WEIGHTS, {"format": "pt"})
    assert coded(data, str(folder)).fingerprint != data.fingerprint
    assert coded(data, str(folder)).fingerprint != coded(data, str(copy)).fingerprint


def test_values_of_codes_have_no_range() -> None:
    assert range_of((3, 8, 8)) == (0.0, 1.0)
    assert range_of(CodeShape((3, 8, 8))) is None
    assert range_of((5,)) is None


def _without(name: str) -> object:
    return lambda folder: (folder / name).unlink()


def _class(name: str) -> object:
    return lambda folder: (folder / CONFIG).write_text(json.dumps({"_class_name": name}))


def _damaged(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes(b"no tensors")


def _partly(folder: Path) -> None:
    tensors = load_file(folder / WEIGHTS)
    del tensors["decoder.conv_out.bias"]
    save_file(tensors, folder / WEIGHTS, {"format": "pt"})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_without(CONFIG), "has no config.json"),
        (_without(WEIGHTS), "weights in other files are not read"),
        (_class("UNet2DModel"), "expected an auto-encoder of pictures.*'UNet2DModel'"),
        (_class("VQModel"), "expected an auto-encoder of pictures"),
        (lambda folder: (folder / CONFIG).write_text("{"), "config.json cannot be read"),
        (lambda folder: (folder / CONFIG).write_text("[]"), "names None"),
        (_damaged, "cannot be read as an auto-encoder"),
        (_partly, "1 of its tensors are missing"),
    ],
)
def test_folders_that_hold_no_autoencoder(change: object, words: str, copy: Path) -> None:
    change(copy)  # type: ignore[operator]
    with pytest.raises(ValueError, match=words) as problem:
        pretrained(str(copy), SHAPE).encode(pictures(1))
    assert "\n" not in str(problem.value)


def test_pickles_are_not_read(copy: Path) -> None:
    torch.save(load_file(copy / WEIGHTS), copy / "diffusion_pytorch_model.bin")
    (copy / WEIGHTS).unlink()
    with pytest.raises(ValueError, match="they could run code"):
        pretrained(str(copy), SHAPE)


def test_an_autoencoder_that_changed_or_moved(copy: Path) -> None:
    known = pretrained(str(copy), SHAPE)
    with pytest.raises(ValueError, match=r"expected the auto-encoder whose codes .* holds another"):
        replace(known, sha256="0" * 64).encode(pictures(1))
    with pytest.raises(ValueError, match=r"there is no folder .* put the auto-encoder back there"):
        replace(known, place=str(copy / "elsewhere")).encode(pictures(1))


def test_pictures_that_do_not_fit(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"pictures of 3 channels .* got 1: .* --channels 3"):
        pretrained(str(folder), (1, SIDE, SIDE)).shape_of_code(torch.rand(1, 1, SIDE, SIDE))
    with pytest.raises(ValueError, match=r"got 17x16 pixels, which come back as 16x16: .*--size 16"):
        pretrained(str(folder), (3, 17, 16)).shape_of_code(torch.rand(1, 3, 17, 16))
    with pytest.raises(ValueError, match="expected pictures, ring holds points"):
        coded(load("ring"), str(folder))


def test_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def offline(name: str, **_: object) -> str:
        assert name == module.NAMED["sd-vae"]
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(ValueError, match=r"\(no route\): download config.json and .* --codes-of") as problem:
        pretrained("sd-vae", SHAPE)
    assert "\n" not in str(problem.value)


def test_a_repository_of_the_hub(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    asked = []

    def fetched(name: str, allow_patterns: list[str]) -> str:
        asked.append((name, allow_patterns))
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetched)
    found = pretrained("alice/vae", SHAPE)
    assert found.place == "alice/vae" and found.encode(pictures(1)).shape == (1, CHANNELS, 8, 8)
    assert all(of == ("alice/vae", [CONFIG, WEIGHTS]) for of in asked)


def test_no_package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ValueError, match=r"pip install 'remblai\[latents\]'"):
        pretrained(str(folder), SHAPE)


@pytest.mark.parametrize("changed", [{"kind": "os.system"}, {"shape": 3}, {"place": 5}, {"more": 1}])
def test_what_run_json_keeps_is_checked(changed: dict[str, object], folder: Path) -> None:
    saved = vars(pretrained(str(folder), SHAPE)) | changed
    with pytest.raises(ValueError, match="expected codes with"):
        Pretrained.from_json(saved)
