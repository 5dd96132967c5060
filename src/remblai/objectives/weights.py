"""A weight that is not a number: it rises or falls until a discrepancy of the codes is at a stated level."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from remblai.critics import Adversarial
from remblai.laws import Prior
from remblai.objectives.objective import Code
from remblai.objectives.penalties import Penalty
from remblai.runtime import distributed, rng

MULTIPLE = 2.0
"""The level that is asked for where none is stated, in standard deviations of the null."""
REPEATS = 100
"""Batches of the prior behind the null's mean and standard deviation, which is then right to 7 %."""
RATE = 0.005
"""The largest change of the weight's logarithm in a step."""
MEMORY = 0.95
"""Decay of the running mean of the level that decides the direction."""
LONG_MEMORY = 0.99
"""Decay of the running mean of the level that is reported."""
RANGE = 1000.0
"""The weight stays between its first value divided by this and times this: the cap."""
SMALLEST = 1e-12
"""The first weight, at least; and its inverse, at most."""
NEAR = 1.5
"""The level counts as reached up to this factor of what was asked, plus one standard deviation of the null."""


class HeldWeight(nn.Module):
    """A weight by dual ascent: it holds a discrepancy D of the codes at the null's mean plus `multiple` deviations.

    The null is D of as many draws of the prior as a batch has codes, against the prior: what D says of codes that are
    right. A step of size `RATE` at most changes log(weight) by the excess of D over its level, a running mean over
    some 20 steps. Under batch normalisation the codes of a training batch depend on each other, and their D is too
    small: there D is of the codes in evaluation mode. This is gradient ascent on the multiplier of the constrained
    problem

        minimise E c(X, G(Z))   subject to   D(Q_Z, P_Z) <= mean + multiple * deviation.

    The first weight makes the penalty of the first batch, above the null's mean, as large as its cost. Everything that
    it needs to go on is a buffer, so that a checkpoint holds it, and nothing waits for the device.

    Args:
        penalty: what the weight multiplies.
        prior: the law that codes should follow.
        measure: D, where it is not the penalty: of a penalty with a critic, whose value depends on the critic's
            training.
        multiple: the level, above 0, in standard deviations of the null above its mean.

    Raises:
        ValueError: a multiple that is not positive and finite, or a penalty without a null: none that compares the
            codes of a batch with the prior.

    Source: the ascent on a moving average of the constraint: Rezende and Viola, "Taming VAEs" (2018), arXiv 1810.00597.
    """

    log: Tensor
    used: Tensor
    first: Tensor
    value: Tensor
    level: Tensor
    long_level: Tensor
    null: Tensor
    steps: Tensor

    def __init__(
        self, penalty: Penalty, prior: Prior, measure: Penalty | None = None, multiple: float = MULTIPLE
    ) -> None:
        super().__init__()
        if not 0.0 < multiple < math.inf:
            raise ValueError(f"weight auto: expected a positive, finite multiple, as in auto:2, got {multiple}.")
        measured = penalty if measure is None else measure
        if not measured.reads_codes_alone:
            raise ValueError(
                f"weight auto: expected a penalty that compares a batch of codes with the prior, such as mmd, got "
                f"{type(penalty).__name__}, which has no level that right codes have: give a number."
            )
        self.multiple, self.measure = multiple, measure
        self._parts = (penalty, prior)  # a tuple hides them from torch: the objective owns them
        for name in ("log", "used", "first", "level", "long_level", "steps"):
            self.register_buffer(name, torch.zeros(()))
        self.register_buffer("value", torch.zeros(2))
        self.register_buffer("null", torch.tensor([0.0, 1.0]))

    def forward(self) -> Tensor:
        """The weight, without gradient."""
        return self.log.exp()

    def calibrate(self, n: int) -> None:
        """Measures the null for batches of n codes; the global generators stay as they are."""
        penalty, prior = self._parts
        measured = self.measure or penalty
        with rng.seeded(0, self.log.device), torch.no_grad(), distributed.single_process(wanted=True):
            draws = [prior().sample((n,)) for _ in range(REPEATS)]
            values = torch.stack([measured(Code(z, prior(), z), prior()) for z in draws])
        self.null.copy_(torch.stack([values.mean(), values.std()]))

    def observe(self, code: Code, transport: Tensor, penalty: Tensor, evaluated: Code | None = None) -> None:
        """Notes a batch: its codes, the weighted cost, and the penalty without its weight.

        Args:
            code: the codes that the penalty is of.
            transport: the weighted cost.
            penalty: without its weight.
            evaluated: the codes as they are after training, where those of a training batch depend on each other.
        """
        mean, deviation = self.null.unbind()
        own, prior = self._parts
        with torch.no_grad():
            value = penalty
            if evaluated is not None or self.measure is not None:
                value = (self.measure or own)(evaluated or code, prior())
            size = (penalty - mean).abs() if self.measure is None else penalty.abs()
            ratio = transport.abs() / torch.maximum(size, deviation)
            self.value.copy_(distributed.gather(torch.stack([value, ratio])[None]).mean(0))

    @torch.no_grad()
    def ascend(self) -> None:
        """Moves the weight by the batch that was noted last: one step of the ascent."""
        mean, deviation = self.null.unbind()
        level = (self.value[0] - mean) / deviation / self.multiple
        is_first = self.steps == 0
        self.first.copy_(torch.where(is_first, self.value[1].clamp(SMALLEST, 1.0 / SMALLEST).log(), self.first))
        self.steps.add_(1)
        for name, memory in (("level", MEMORY), ("long_level", LONG_MEMORY)):
            running = getattr(self, name)
            running.lerp_(level, (1.0 / self.steps).clamp_min(1.0 - memory))
        self.used.copy_(self.log)
        moved = torch.where(is_first, self.first, self.log) + RATE * (self.level - 1.0).clamp(-1.0, 1.0)
        self.log.copy_(moved.clamp(self.first - math.log(RANGE), self.first + math.log(RANGE)))

    def last(self) -> float:
        """The weight of the last step. Waits for the device."""
        return float(self.used.exp())

    def facts(self) -> dict[str, float]:
        """The weight and what it does, as numbers for a log. Waits for the device.

        Returns:
            `value` of the weight in the last step; `level`, the running mean of D over some hundred steps, and `asked`,
            both in standard deviations of the null above its mean; `null_mean` and `null_deviation`; `cap`, the most
            that the weight can be.
        """
        mean, deviation = self.null.tolist()
        return {
            "value": self.last(),
            "level": self.multiple * float(self.long_level),
            "asked": self.multiple,
            "null_mean": mean,
            "null_deviation": deviation,
            "cap": RANGE * float(self.first.exp()),
        }


def is_reached(facts: Mapping[str, float]) -> bool:
    """Whether a held weight, of which `HeldWeight.facts` are the numbers, brought the codes to the level asked for."""
    return facts["level"] <= NEAR * facts["asked"] + 1.0


def weight_in_words(facts: Mapping[str, float]) -> str:
    """What a held weight came to, and whether the level was reached, from `HeldWeight.facts`."""
    words = (
        f"the weight is {facts['value']:.4g}: the codes' discrepancy is {facts['level']:.2f} standard deviations of "
        f"its null above the null's mean, where at most {facts['asked']:g} are asked for"
    )
    if is_reached(facts):
        return words
    capped = facts["value"] >= 0.99 * facts["cap"]
    why = f"the weight is at its cap of {facts['cap']:.4g}" if capped else "it was still rising: train longer"
    return f"{words}; that is not reached, {why}"


def parse_weight(weight: str) -> float:
    """The multiple that `auto` or `auto:MULTIPLE` asks for.

    Raises:
        ValueError: another word.
    """
    word, colon, number = weight.partition(":")
    try:
        if word == "auto":
            return float(number) if colon else MULTIPLE
    except ValueError:
        pass
    raise ValueError(f"weight: expected a number, auto, or auto:MULTIPLE as in auto:2, got {weight!r}.")


def has_critic(penalty: Penalty) -> bool:
    """Whether a part of the penalty is a critic."""
    return any(isinstance(part, Adversarial) for part in penalty.modules())
