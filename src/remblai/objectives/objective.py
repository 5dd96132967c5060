"""The interface of every objective: terms to descend, an adversary's loss, samples, and what else a model can do."""

from collections.abc import Iterable
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from remblai.laws import Decoder, LatentLaw, LawByClass, Prior
from remblai.laws.own_priors import checked_prior, mean_or_zero, require_fixed
from remblai.networks.classes import Classes, beside, required
from remblai.networks.modes import evaluated, in_evaluation
from remblai.networks.shapes import Range
from remblai.objectives import given
from remblai.runtime.printing import settings


class Code(NamedTuple):
    """A batch and its codes: x (n, ...), the law Q(Z|X) and a draw z (n, k).

    Of a conditional model also coordinates (n, count) of each one's class, in units of the codes, and those of classes
    that are drawn by their shares, independently of the batch.
    """

    x: Tensor
    law: Distribution
    z: Tensor
    classes: Tensor | None = None
    drawn_classes: Tensor | None = None


class Objective(nn.Module):
    """What a model minimises: `objective(x)` gives named terms, whose sum is descended. It owns no loop.

    A conditional model has `classes`, and takes labels (n,) beside x wherever it takes x, beside codes in `decode`, and
    in `sample`, where labels are drawn by the classes' shares if none are given.

    Args:
        classes: of a conditional model.

    Attributes:
        encodes: whether the model has an encoder; then `encode` and `prior` are there.
        decodes: whether it turns codes into data; then `decode`, `prior` and `latent_law` are there.
        latent_name: the name of `latent_law`, as `--sampler` has it.
        estimate_meaning: what `estimate` says of the model, as the end of a sentence.
        prior: P_Z, the law of codes.
        shape: of one x, where the objective knows it.
    """

    encodes: ClassVar[bool] = False
    decodes: ClassVar[bool] = False
    latent_name: ClassVar[str] = "prior"
    estimate_meaning: ClassVar[str] = (
        "what the model's own discrepancy says, with its critic where it has one, of samples by the newest weights, "
        "which the critic plays against, not by the averaged ones."
    )
    prior: Prior
    shape: tuple[int, ...] | None = None

    def __init__(self, classes: Classes | None = None) -> None:
        super().__init__()
        self.classes = classes
        self._looked = False

    def __call__(self, x: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        """`forward`, of a batch that is checked: its kind, type and shape; of the first one its values, with a wait.

        Raises:
            ValueError: what is no batch x (n, ...) of floating point on the device of the model, labels that are not of
                a batch of such a model, or terms that are not a number each.
        """
        self.check_batch(x)
        self.check_labels(labels, x)
        return given.check_terms(super().__call__(x, *of(labels)), type(self).__name__)

    def check_batch(self, x: object) -> Tensor:
        """The batch, if the model can take it.

        Raises:
            ValueError: what is no tensor x (n, ...) of floating point, of the model's precision, shape and device, or
                is empty; of the first one also values outside the range of the model's own.
        """
        x = given.check_batch(x, self.shape, next(self.parameters(), None))
        if not self._looked:  # once: reading values waits for the device
            given.check_range(x, self.range_of_values)
            self._looked = True
        return x

    def extra_repr(self) -> str:
        """The arguments that it was made with."""
        return settings(self)

    def forward(self, x: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        """The terms of one batch x (n, ...), each weighted, each a scalar."""
        raise self._lacks("forward(x, labels=None) -> {name: scalar}")

    def adversary_loss(self, x: Tensor, labels: Tensor | None = None) -> Tensor | None:
        """What the objective's critics descend on this batch; None where there is no critic."""
        return None

    def warm_start(self, x: Tensor, labels: Tensor | None = None) -> dict[str, Tensor] | None:
        """The terms of the first phase, before the objective itself is descended; None where there is none."""
        return None

    def prepare(self, batch_size: int) -> None:
        """Measures what the objective must know of batches of this size; called once, before it is trained."""

    def adapt(self) -> None:
        """What moves after each step of the model but by no gradient, such as a weight; waits for no device."""

    def held_weight(self) -> dict[str, float] | None:
        """What a weight that is held by dual ascent does, as numbers; None where every weight is a number."""
        return None

    def weights(self) -> dict[str, float]:
        """The weight that each term carries, so that a log can show it raw; terms not named carry 1."""
        return {}

    def estimate(self, x: Tensor, labels: Tensor | None = None) -> Tensor | None:
        """A distance of data x (n, ...) and as many samples, such as the objective's own discrepancy; None for none.

        Of a conditional model it is one of the laws of data and class together.
        """
        return None

    def sample(self, n: int, labels: Tensor | None = None) -> Tensor:
        """n samples of the model, x (n, ...), without gradient."""
        raise self._lacks("sample(n, labels=None) -> x (n, ...)")

    def _lacks(self, method: str) -> ValueError:
        return ValueError(f"{type(self).__name__}: this objective has no {method}: define it in the class.")

    def encode(self, x: Tensor, labels: Tensor | None = None) -> Code:
        """The codes of x (n, ...): their law and a draw of it.

        Raises:
            ValueError: the model has no encoder.
        """
        if self.encodes:
            raise self._lacks("encode(x, labels=None) -> Code")
        raise ValueError(f"{type(self).__name__} has no encoder: use an auto-encoder, such as the recipe wae-mmd.")

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """The mean of P(X|Z) at codes z (n, k): x (n, ...).

        Raises:
            ValueError: the model has no codes.
        """
        if self.decodes:
            raise self._lacks("decode(z, labels=None) -> x (n, ...)")
        raise ValueError(f"{type(self).__name__} has no codes: use `sample`.")

    def take_sampling_steps(self, steps: int) -> None:
        """Draws samples by another number of steps.

        Raises:
            ValueError: a sample takes one step, or fewer than 1.
        """
        raise ValueError("sampling_steps: a sample of this model takes one step: leave it out, or use flow-matching.")

    def guide(self, guidance: float) -> None:
        """Takes another guidance for samples of a class.

        Raises:
            ValueError: the model is not guided.
        """
        raise ValueError("guidance: this model is not guided: leave it out, or use the recipe flow-matching.")

    @property
    def range_of_values(self) -> Range:
        """The range of the values of x: its decoder's, where it has one that says it; None is not known."""
        values: Range = getattr(getattr(self, "decoder", None), "range", None)
        return values

    @property
    def matches_prior(self) -> bool:
        """Whether a term matches the codes of data to the prior."""
        return False

    @property
    def latent_law(self) -> LatentLaw:
        """The law of codes that `sample` decodes."""
        return self.prior

    @evaluated
    def decode_from(self, law: LatentLaw, n: int, labels: Tensor | None = None) -> Tensor:
        """n samples x (n, ...): decoded draws of a law of codes, moved to the nearest point of the prior's support.

        Args:
            law: of codes; one that is fitted by class draws those of the labels' classes.
            n: how many.
            labels: (n,), of a conditional model; None draws them.
        """
        labels = self.labels_or_drawn(n, labels)
        codes = law.sample_of(labels) if labels is not None and isinstance(law, LawByClass) else law.sample(n)
        return self.decode(self.prior.nearest(codes), *of(labels))

    def labels_or_drawn(self, n: int, labels: Tensor | None) -> Tensor | None:
        """Labels for n samples: those that are given, else drawn by the classes' shares; None without classes.

        Raises:
            ValueError: n is no whole number of at least 0; labels of a model without classes, not as many as samples,
                or of no class.
        """
        given.check_number(n)
        if labels is None:
            return None if self.classes is None else self.classes.draw(n)
        given.check_labels(labels, n, self.classes, read=True)
        return labels

    def check_codes(self, z: Tensor, labels: Tensor | None = None) -> None:
        """Whether codes z (n, k), and labels beside them, are such as the model takes. Not while a graph is built.

        Raises:
            ValueError: what is no tensor of floating point, codes of another width, or labels as in `check_labels`.
        """
        if not torch.compiler.is_compiling():
            given.check_codes(z, self.prior.latent)
            self.check_labels(labels, z)

    def check_labels(self, labels: Tensor | None, rows: Tensor) -> None:
        """Whether labels are such as the model takes; on a CPU their values are read. Not while a graph is built.

        Raises:
            ValueError: not as many as rows (n, ...), of a model without classes, or of no class.
        """
        if labels is not None and not torch.compiler.is_compiling():  # an exported graph takes any number of rows
            given.check_labels(labels, len(rows), self.classes, given.on_host(labels))


def of(labels: Tensor | None) -> tuple[Tensor, ...]:
    """The labels as an argument that is there only where they are: parts without classes are called as without them."""
    return () if labels is None else (labels,)


@torch.no_grad()
def at_the_mean(decoder: Decoder, prior: Prior, classes: Classes | None = None) -> Distribution:
    """P(X|Z) at the prior's mean, one law (1,): the decoder's output in evaluation mode, which moves no statistics.

    At 0 of a law whose mean torch does not know, or that has none.

    Raises:
        ValueError: a law of codes of another shape than (latent,).
    """
    law_of_codes = checked_prior(prior)()
    if tuple(law_of_codes.event_shape) != (prior.latent,) or law_of_codes.batch_shape:
        raise ValueError(
            f"prior: expected a law of codes ({prior.latent},), its latent, without a batch, got event_shape "
            f"{tuple(law_of_codes.event_shape)} and batch_shape {tuple(law_of_codes.batch_shape)}."
        )
    mean = mean_or_zero(prior)[None]
    first = torch.zeros(1, dtype=torch.int64, device=mean.device)
    with in_evaluation(decoder):
        law: Distribution = decoder(beside(classes, mean, first))
    return law


def labels_of_samples(classes: Classes, labels: Tensor | None, drawn: bool) -> Tensor:
    """The labels of samples that are compared with data of these labels (n,): drawn by the classes' shares, or those.

    Args:
        classes: of the model.
        labels: of the data.
        drawn: as the discrepancy's `draws_labels` says.

    Raises:
        ValueError: no labels.
    """
    labels = required(labels)
    return classes.draw(len(labels)) if drawn else labels


def generated_law(decoder: Decoder, prior: Prior, objective: str, classes: Classes | None = None) -> Distribution:
    """P(X|Z) at the prior's mean, of an objective that sends a gradient through its draws, of codes that are drawn.

    Raises:
        ValueError: no gradient passes a draw, or a prior that learns, which none reaches.
    """
    law = at_the_mean(decoder, prior, classes)
    require_fixed(prior, "generator")
    if not law.has_rsample:
        raise ValueError(
            f"{objective}: no gradient passes a draw of {type(decoder).__name__}: "
            "choose the deterministic or gaussian decoder."
        )
    return law


def together(losses: Iterable[Tensor | None]) -> Tensor | None:
    """The sum of the losses of several critics, each trained on its own; None where there is no critic."""
    present = [loss for loss in losses if loss is not None]
    return torch.stack(present).sum() if present else None
