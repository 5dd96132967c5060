"""Non-finite terms, found without waiting for the device."""

import torch
from torch import Tensor

Terms = dict[str, Tensor]
"""The named terms of one step, each a scalar."""


class NonFiniteGuard:
    """Remembers on the device the first step and term that was not finite, without waiting for the device.

    The terms of several steps are tested together: one by one the tests would cost as much as a small model's step.
    """

    TOGETHER = 64

    def __init__(self) -> None:
        self._first: Tensor | None = None
        self._names: list[str] = []
        self._codes: list[tuple[int, int]] = []
        self._values: list[Tensor] = []

    def observe(self, step: int, terms: Terms) -> None:
        """Notes a step's terms."""
        for name, term in terms.items():
            if name not in self._names:
                self._names.append(name)
            self._codes.append((step, self._names.index(name)))
            self._values.append(term.detach())
        if len(self._values) >= self.TOGETHER:
            self._test()

    def first_bad(self) -> tuple[int, str] | None:
        """The first bad step and term, or None. Waits for the device."""
        if self._values:
            self._test()
        if self._first is None:
            return None
        step, name = (int(value) for value in self._first.tolist())
        return (step, self._names[name]) if step else None

    def _test(self) -> None:
        """Finds the first bad value among those noted since the last test."""
        bad = ~torch.isfinite(torch.stack(self._values))
        codes = torch.tensor([(0, 0), *self._codes]).to(bad.device, non_blocking=True)
        code = codes.index_select(0, (bad.any() * (1 + torch.argmax(bad.to(torch.uint8)))).view(1))[0]
        self._first = code if self._first is None else torch.where(self._first[0] == 0, code, self._first)
        self._codes, self._values = [], []
