"""A law of codes for each class: what samples of a conditional auto-encoder are decoded from."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Self

import torch
from torch import Tensor

from remblai.laws.fitted.base import FittedLaw
from remblai.networks.classes import one_hot


class ByClass(FittedLaw):
    """Q_Z|c for each class c, each by a law of the same kind; a draw without a label is one of their mixture by shares.

    A class of too few codes (`FittedLaw.fewest`) has the law of all codes. The law `auto` chooses for each class by its
    held-out codes.

    Args:
        law: not fitted; each class has a copy of it.
        count: how many classes there are.
    """

    def __init__(self, law: FittedLaw, count: int) -> None:
        super().__init__()
        self.name = law.name  # type: ignore[misc]  # a run finds it under the name of its kind
        self.has_density, self.count = law.has_density, count
        self.laws = torch.nn.ModuleList(copy.deepcopy(law) for _ in range(count))
        self.shares = torch.full((count,), 1.0 / count)

    @property
    def options(self) -> dict[str, Any]:
        return self._of(0).options

    def fit(self, codes: Tensor, labels: Tensor | None = None) -> Self:
        if labels is None:
            raise ValueError("labels: expected those of the codes, for the model is conditional, got none.")
        labels = labels.cpu()
        counts = torch.bincount(labels, minlength=self.count)
        self.shares = counts.float() / counts.sum()
        for number, count in enumerate(counts.tolist()):
            own = labels == number if count >= self._of(number).fewest else torch.ones_like(labels, dtype=torch.bool)
            self._of(number).fit(codes[own.to(codes.device)])
        return self

    def sample(self, n: int) -> Tensor:
        return self.sample_of(torch.multinomial(self.shares, n, replacement=True))

    def sample_of(self, labels: Tensor) -> Tensor:
        """A code (n, k) of the class of each label (n,)."""
        order = labels.cpu().argsort(stable=True)
        counts = torch.bincount(labels.cpu(), minlength=self.count).tolist()
        drawn = torch.cat([self._of(number).sample(count) for number, count in enumerate(counts) if count])
        return drawn[order.argsort().to(drawn.device)]

    def log_prob(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """The logarithm of the density (n,) at codes z (n, k): of the law of each one's class, where that is known.

        Args:
            z: the codes.
            labels: (n,), or weights (n, count) of a mixture of classes; None is the mixture by their shares.
        """
        each = torch.stack([self._of(number).log_prob(z) for number in range(self.count)], 1)
        weights = self.shares if labels is None else one_hot(labels, self.count)
        return torch.logsumexp(each + weights.to(each).log(), 1)

    @property
    def choice(self) -> str:
        return "; ".join(f"class {name}: {choice}" for name, choice in self.choices().items())

    def choices(self, classes: Sequence[str] | None = None) -> dict[str, str]:
        names = [str(number) for number in range(self.count)] if classes is None else classes
        found = {name: self._of(number).choice for number, name in enumerate(names)}
        return found if self._of(0).choice else {}

    def state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        states = [self._of(number).state() for number in range(self.count)]
        facts = {"by_class": [own for own, _ in states], "shares": self.shares.tolist()}
        tensors = {f"{number}.{name}": value for number, (_, own) in enumerate(states) for name, value in own.items()}
        return facts, tensors

    def restore(self, facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Self:
        if len(facts["by_class"]) != self.count:
            raise ValueError(f"expected the laws of {self.count} classes, got {len(facts['by_class'])}")
        self.shares = torch.tensor(facts["shares"])
        for number, own in enumerate(facts["by_class"]):
            prefix = f"{number}."
            mine = {name.removeprefix(prefix): of for name, of in tensors.items() if name.startswith(prefix)}
            self._of(number).restore(own, mine)
        return self

    def _of(self, number: int) -> FittedLaw:
        law = self.laws[number]
        assert isinstance(law, FittedLaw)
        return law
