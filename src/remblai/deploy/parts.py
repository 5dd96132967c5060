"""The parts of a model that are exported: encoder, decoder and sampler, as modules on data as they are."""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from remblai.deploy.noise import OfNoise, at_noise, is_fixed, of_noise
from remblai.deploy.units import FromData, ToData, input_shape, torch_type
from remblai.laws import Encoder, Prior
from remblai.objectives import AutoEncoder, CodeGenerator, Flow, Objective
from remblai.objectives.objective import of
from remblai.runs.model import Trained

CODES, NOISE, CLASS = "codes", "noise", "class"
UNUSED = {"encoder", "penalty", "cost", "regulariser", "discrepancy", "coupling", "drift", "generator"}
"""The modules of an objective that decoding does not read."""
Inputs = dict[str, tuple[tuple[int | str, ...], torch.dtype]]
"""Name -> (shape, type), with names for axes of any length."""


@dataclass(frozen=True, eq=False)
class Part:
    """One file's model.

    Attributes:
        name: encoder, decoder or sampler.
        module: what is exported: float32 inside.
        inputs: in the order in which the module takes them.
        output: its name.
        output_shape: its shape, with names for axes of any length.
        classes: of a conditional model, the names of the classes in the order of their numbers.
        law: of a sampler, the law of codes as a function of noise.
    """

    name: str
    module: nn.Module
    inputs: Inputs
    output: str
    output_shape: tuple[int | str, ...]
    classes: tuple[str, ...] = ()
    law: OfNoise | None = None


class EncoderPart(nn.Module):
    """Data, and noise (n, k) where the encoder is random -> codes (n, k)."""

    def __init__(self, encoder: Encoder, from_data: nn.Module) -> None:
        super().__init__()
        self.encoder, self.from_data = encoder, from_data

    def forward(self, data: Tensor, noise: Tensor | None = None, labels: Tensor | None = None) -> Tensor:
        """The codes: of a random encoder those that the noise makes; noise of 0 is the middle of the law."""
        law = self.encoder(self.from_data(data), *of(labels))
        codes: Tensor = law.mean if noise is None else at_noise(law, noise)
        return codes


class DecoderPart(nn.Module):
    """Codes (n, k) -> the mean of P(X|Z) as data."""

    def __init__(self, objective: Objective, to_data: nn.Module) -> None:
        super().__init__()
        self.objective, self.to_data = objective, to_data

    def forward(self, codes: Tensor, labels: Tensor | None = None) -> Tensor:
        """The data (n, ...)."""
        data: Tensor = self.to_data(self.objective.decode(codes, *of(labels)))
        return data


class SamplerPart(nn.Module):
    """Noise (n, width), standard normal -> samples as data: decoded codes of a law."""

    def __init__(self, law: OfNoise, prior: Prior, decoder: DecoderPart) -> None:
        super().__init__()
        self.law, self.prior, self.decoder = law, prior, decoder

    def forward(self, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        """The data (n, ...)."""
        data: Tensor = self.decoder(self.prior.nearest(self.law(noise, labels)), labels)
        return data


class Numbered(nn.Module):
    """A part of a conditional model, whose classes come as numbers (n,), int64, after its first input.

    A number that no class has is an error when the file is run, where the runtime checks look-ups: the indicators of
    the classes are looked up in a table that has no row for it.

    Args:
        part: which takes indicators (n, count) as `labels`.
        count: of classes.
    """

    table: Tensor

    def __init__(self, part: nn.Module, count: int) -> None:
        super().__init__()
        self.part = part
        self.register_buffer("table", torch.eye(count))

    def forward(self, first: Tensor, numbers: Tensor, noise: Tensor | None = None) -> Tensor:
        """What the part gives for these classes."""
        # ONNX counts negative places from the end of a table: here they are beyond it
        places = torch.where(numbers < 0, len(self.table), numbers)
        labels = nn.functional.embedding(places, self.table)
        found: Tensor = self.part(first, labels=labels) if noise is None else self.part(first, noise, labels)
        return found


def parts_of(trained: Trained, sampler: str | None = None) -> tuple[list[Part], dict[str, str]]:
    """The parts of a model that can be exported, and for each of the others the reason why it cannot.

    Args:
        trained: the model; its own copy stays as it is.
        sampler: the law of codes that samples are decoded from; None is the recipe's own.

    Raises:
        ValueError: neither an encoder nor a decoder, a law of codes without a fit, or a pretrained auto-encoder that
            moved or changed.
    """
    recipe = trained.run.settings["recipe"]
    if not (trained.encodes or trained.decodes):
        raise ValueError(
            f"{recipe} has neither an encoder nor a decoder to export: its samples come from chains. Take a recipe "
            "with one, such as wae-mmd or gan."
        )
    objective = copy.deepcopy(trained.objective).cpu()
    units, missing = trained.units.visible, {}
    data = "images" if units.range else "points"
    options = trained.run.settings["data"].get("options") or {}
    shape_in, shape_out, k = input_shape(units, options), input_shape(units, {}), objective.prior.latent
    classes = () if objective.classes is None else tuple(trained.classes)

    def part(name: str, module: nn.Module, inputs: Inputs, output: str, shape: tuple[int | str, ...]) -> Part:
        law = module.law if isinstance(module, SamplerPart) else None
        if classes:
            first, *others = inputs.items()
            inputs = dict([first, (CLASS, (("n",), torch.int64)), *others])
            module = Numbered(module, len(classes))
        return Part(name, module.eval().requires_grad_(False), inputs, output, shape, classes, law)

    parts = []
    encoder = _encoder(objective)
    if encoder is None:
        missing["encoder"] = f"{recipe} has no encoder"
    else:
        inputs: Inputs = {data: (shape_in, torch_type(units))}
        if not is_fixed(_law(encoder, objective)):
            inputs[NOISE] = (("n", k), torch.float32)
        parts.append(part("encoder", EncoderPart(encoder, FromData(trained.units, options)), inputs, CODES, ("n", k)))
    decoder = DecoderPart(_bare(objective), ToData(trained.units))
    if isinstance(objective, Flow):
        missing["decoder"] = "the codes of a flow are its noise: the sampler is its decoder"
    else:
        parts.append(part("decoder", decoder, {CODES: (("n", k), torch.float32)}, data, shape_out))
    try:
        law = copy.deepcopy(trained.law(sampler))
        chain = SamplerPart(of_noise(law.cpu() if isinstance(law, nn.Module) else law), objective.prior, decoder)
        parts.append(part("sampler", chain, {NOISE: (("n", chain.law.width), torch.float32)}, data, shape_out))
    except ValueError as problem:
        if sampler is not None:
            raise
        missing["sampler"] = str(problem)
    return parts, missing


def _encoder(objective: Objective) -> Encoder | None:
    """The module x -> Q(Z|X)."""
    if isinstance(objective, CodeGenerator):
        objective = objective.auto_encoder
    return objective.encoder if isinstance(objective, AutoEncoder) else None


def _law(encoder: Encoder, objective: Objective) -> torch.distributions.Distribution:
    """The law of the codes of one datum."""
    assert objective.shape is not None
    classes = () if objective.classes is None else (torch.eye(objective.classes.count)[:1],)
    with torch.no_grad():
        law: torch.distributions.Distribution = encoder(torch.zeros(1, *objective.shape), *classes)
    return law


def _bare(objective: Objective) -> Objective:
    """The objective without what `decode` does not read: a file would keep the weights of its critics."""
    bare = copy.copy(objective)
    kept = {name: module for name, module in objective._modules.items() if name not in UNUSED}
    bare._modules = {name: _bare(part) if isinstance(part, Objective) else part for name, part in kept.items()}
    return bare
