"""What of a trained model is exported: encoder, decoder and sampler, as modules from the data's units to the data's."""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from remblai.deploy.noise import OfNoise, at_noise, is_fixed, of_noise
from remblai.deploy.units import FromData, ToData, input_shape, torch_type
from remblai.laws import Encoder, Prior
from remblai.objectives import AutoEncoder, CodeGenerator, Flow, Objective
from remblai.runs.model import Trained

CODES, NOISE = "codes", "noise"
UNUSED = {"encoder", "penalty", "cost", "regulariser", "discrepancy", "coupling", "drift", "generator"}
"""The modules of an objective that decoding does not read."""


@dataclass(frozen=True, eq=False)
class Part:
    """One file's model.

    Attributes:
        name: encoder, decoder or sampler.
        module: what is exported: float32 inside.
        inputs: name -> (shape, type), with names for axes of any length.
        output: its name.
        output_shape: its shape, with names alike.
    """

    name: str
    module: nn.Module
    inputs: dict[str, tuple[tuple[int | str, ...], torch.dtype]]
    output: str
    output_shape: tuple[int | str, ...]


class EncoderPart(nn.Module):
    """Data, and noise (n, k) where the encoder is random -> codes (n, k)."""

    def __init__(self, encoder: Encoder, from_data: FromData) -> None:
        super().__init__()
        self.encoder, self.from_data = encoder, from_data

    def forward(self, data: Tensor, noise: Tensor | None = None) -> Tensor:
        """The codes: of a random encoder those that the noise makes; noise of 0 is the middle of the law."""
        law = self.encoder(self.from_data(data))
        codes: Tensor = law.mean if noise is None else at_noise(law, noise)
        return codes


class DecoderPart(nn.Module):
    """Codes (n, k) -> the mean of P(X|Z) as data."""

    def __init__(self, objective: Objective, to_data: ToData) -> None:
        super().__init__()
        self.objective, self.to_data = objective, to_data

    def forward(self, codes: Tensor) -> Tensor:
        """The data (n, ...)."""
        data: Tensor = self.to_data(self.objective.decode(codes))
        return data


class SamplerPart(nn.Module):
    """Noise (n, width), standard normal -> samples as data: decoded codes of a law."""

    def __init__(self, law: OfNoise, prior: Prior, decoder: DecoderPart) -> None:
        super().__init__()
        self.law, self.prior, self.decoder = law, prior, decoder

    def forward(self, noise: Tensor) -> Tensor:
        """The data (n, ...)."""
        data: Tensor = self.decoder(self.prior.nearest(self.law(noise)))
        return data


def parts_of(trained: Trained, sampler: str | None = None) -> tuple[list[Part], dict[str, str]]:
    """What can be exported of a model, and of what cannot, why not.

    Args:
        trained: the model; its own copy stays as it is.
        sampler: the law of codes that samples are decoded from; None is the recipe's own.

    Raises:
        ValueError: neither an encoder nor a decoder, a conditional model, or a law of codes without a fit.
    """
    recipe = trained.run.settings["recipe"]
    if not (trained.encodes or trained.decodes):
        raise ValueError(
            f"{recipe} has neither an encoder nor a decoder to export: its samples come from chains. Take a recipe "
            "with one, such as wae-mmd or gan."
        )
    if trained.units.codes is not None:
        raise ValueError(
            f"{recipe} was trained on codes of {trained.units.codes.kind}, and such models cannot be exported: their "
            "pictures need the pretrained auto-encoder too. Sample with `remblai sample RUN`."
        )
    if trained.conditional:
        raise ValueError(
            f"{recipe} was trained with --conditional, and models of classes cannot be exported yet: train without it, "
            "or sample classes by `remblai sample RUN --class NAME`."
        )
    objective = copy.deepcopy(trained.objective).cpu()
    units, missing = trained.units, {}
    data = "images" if units.range else "points"
    options = trained.run.settings["data"].get("options") or {}
    whole, k = input_shape(units, options), objective.prior.latent
    own = ("n", *input_shape(units, {})[1:])
    parts = []
    encoder = _encoder(objective)
    if encoder is None:
        missing["encoder"] = f"{recipe} has no encoder"
    else:
        inputs: dict[str, tuple[tuple[int | str, ...], torch.dtype]] = {data: (whole, torch_type(units))}
        if not is_fixed(_law(encoder, objective)):
            inputs[NOISE] = (("n", k), torch.float32)
        parts.append(Part("encoder", EncoderPart(encoder, FromData(units, options)), inputs, CODES, ("n", k)))
    decoder = DecoderPart(_bare(objective), ToData(units))
    if isinstance(objective, Flow):
        missing["decoder"] = "the codes of a flow are its noise: the sampler is its decoder"
    else:
        parts.append(Part("decoder", decoder, {CODES: (("n", k), torch.float32)}, data, own))
    try:
        law = copy.deepcopy(trained.law(sampler))
        chain = SamplerPart(of_noise(law.cpu() if isinstance(law, nn.Module) else law), objective.prior, decoder)
        parts.append(Part("sampler", chain, {NOISE: (("n", chain.law.width), torch.float32)}, data, own))
    except ValueError as problem:
        if sampler is not None:
            raise
        missing["sampler"] = str(problem)
    for part in parts:
        part.module.eval().requires_grad_(False)
    return parts, missing


def _encoder(objective: Objective) -> Encoder | None:
    """The module x -> Q(Z|X)."""
    if isinstance(objective, CodeGenerator):
        objective = objective.auto_encoder
    return objective.encoder if isinstance(objective, AutoEncoder) else None


def _law(encoder: Encoder, objective: Objective) -> torch.distributions.Distribution:
    """The law of the codes of one datum."""
    assert objective.shape is not None
    with torch.no_grad():
        law: torch.distributions.Distribution = encoder(torch.zeros(1, *objective.shape))
    return law


def _bare(objective: Objective) -> Objective:
    """The objective without what `decode` does not read: a file would keep the weights of its critics."""
    bare = copy.copy(objective)
    bare._modules = {name: module for name, module in objective._modules.items() if name not in UNUSED}
    return bare
