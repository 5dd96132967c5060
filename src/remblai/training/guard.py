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
    """Terms that are tested together, where the names of the terms do not change before."""

    def __init__(self) -> None:
        self._first: Tensor | None = None
        self._patterns: list[tuple[str, ...]] = []
        self._window: list[Tensor] = []
        self._names: tuple[str, ...] = ()
        self._began = 0
        self._next = 0

    def observe(self, step: int, terms: Terms) -> None:
        """Notes a step's terms."""
        names = tuple(terms)
        if self._window and (names != self._names or step != self._next):
            self._test()
        if not self._window:
            self._names, self._began = names, step
        self._window += [term.detach() for term in terms.values()]
        self._next = step + 1
        if len(self._window) >= self.TOGETHER:
            self._test()

    def first_bad(self) -> tuple[int, str] | None:
        """The first bad step and term, or None. Waits for the device."""
        if self._window:
            self._test()
        if self._first is None:
            return None
        step, pattern, place = (int(value) for value in self._first.tolist())
        return (step, self._patterns[pattern][place]) if step else None

    def _test(self) -> None:
        """Finds the first bad value among those noted since the last test, by sums and products on the device."""
        if self._names not in self._patterns:
            self._patterns.append(self._names)
        bad = ~torch.isfinite(torch.stack(self._window))
        index, width = torch.argmax(bad.to(torch.uint8)), len(self._names)
        step, place = index.div(width, rounding_mode="floor") + self._began, index.remainder(width)
        pattern = torch.full_like(step, self._patterns.index(self._names))
        code = torch.stack([step, pattern, place]) * bad.any()
        self._first = code if self._first is None else torch.where(self._first[0] == 0, code, self._first)
        self._window = []
