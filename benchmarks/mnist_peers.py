"""pythae's models and samplers for `mnist.py`, on the networks of ours that the other rows have."""

import contextlib
import io
import logging
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pythae_networks import in_pythae
from remblai.networks.dcgan import dcgan

MODELS = ("WAE_MMD", "VAE", "RAE_L2", "Adversarial_AE")
SETTINGS: dict[str, dict[str, Any]] = {"WAE_MMD": {"reg_weight": 100.0}}
"""Where they are not pythae's defaults: its weight of the MMD, .03, is ours here."""
COMPONENTS = 10
Laws = Callable[[int], Iterator[tuple[str, Tensor]]]


def trained(
    name: str, images: Tensor, epochs: float, seed: int, threads: int, folder: Path
) -> tuple[Callable[[Tensor], Tensor], Laws]:
    """A model trained by pythae's own trainer: what reconstructs images, and its samples by pythae's samplers.

    Args:
        name: of the model's class.
        images: (n, 1, 28, 28).
        epochs: passes, rounded to whole ones.
        seed: of torch's generator.
        threads: of the CPU.
        folder: for what the trainer and the samplers write.
    """
    from pythae import models, samplers
    from pythae.data.datasets import BaseDataset

    logging.disable(logging.INFO)
    torch.manual_seed(seed)
    make_config = getattr(models, f"{name}{'_' * ('_' in name)}Config")
    config = make_config(input_dim=(1, 28, 28), latent_dim=8, **SETTINGS.get(name, {}))
    model = getattr(models, name)(config, **networks(random=name in ("VAE", "Adversarial_AE")))
    trainer_class, training = trainer_of(name, config)
    common = {"output_dir": str(folder), "num_epochs": round(epochs), "per_device_train_batch_size": 100}
    settings = common | {"seed": seed, "no_cuda": True} | falling(round(epochs), **training)
    configured = getattr(import_module("pythae.trainers"), f"{trainer_class.__name__}Config")(**settings)
    trainer = trainer_class(model, BaseDataset(images, torch.zeros(len(images))), None, configured)
    torch.set_num_threads(threads)
    with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
        trainer.train()
    model.eval()

    def laws(n: int) -> Iterator[tuple[str, Tensor]]:
        normal = samplers.NormalSampler(model)
        mixture = samplers.GaussianMixtureSampler(model, samplers.GaussianMixtureSamplerConfig(n_components=COMPONENTS))
        mixture.fit(images)
        for law, sampler in (("prior", normal), ("mixture", mixture)):
            yield law, sampler.sample(n, batch_size=500, return_gen=True).cpu()

    def reconstruct(x: Tensor) -> Tensor:
        with torch.no_grad():
            return torch.cat([model.reconstruct(part) for part in x.split(500)])

    return reconstruct, laws


def trainer_of(name: str, config: Any) -> tuple[type, dict[str, dict[str, Any]]]:
    """The trainer that pythae has for a model, and the learning rate (and more) of each of its optimisers."""
    from pythae import trainers

    both: dict[str, dict[str, Any]] = {"": {"learning_rate": 1e-3}}
    if name == "Adversarial_AE":
        critic = {"learning_rate": 5e-4}
        return trainers.AdversarialTrainer, {"autoencoder_": both[""], "discriminator_": critic}
    if name == "RAE_L2":  # pythae's pipeline has the decoder's weights decay by this
        decays = {"optimizer_params": {"weight_decay": config.reg_weight}}
        return trainers.CoupledOptimizerTrainer, {"encoder_": both[""], "decoder_": both[""] | decays}
    return trainers.BaseTrainer, both


def falling(epochs: int, **of: dict[str, Any]) -> dict[str, Any]:
    """The settings of pythae's optimisers, with the cosine schedule that the other rows have."""
    schedule = {"scheduler_cls": "CosineAnnealingLR", "scheduler_params": {"T_max": epochs}}
    return {prefix + key: value for prefix, own in of.items() for key, value in (own | schedule).items()}


def networks(random: bool) -> dict[str, nn.Module]:
    """The encoder and the decoder that the other rows have."""
    network = dcgan((1, 28, 28), 32)
    return in_pythae(network.encoder(16 if random else 8), network.decoder(8), random)
