"""Columns as normal scores and back, as modules: what `data.NormalScores` does, within a graph."""

import numpy as np
import torch
from torch import Tensor, nn

from remblai.data.normal_scores import NormalScores, slopes


class _Lines(nn.Module):
    """x (n, k) -> the heights (n, k) on the straight lines between knots and beyond them, column by column."""

    knots: Tensor
    heights: Tensor

    def __init__(self, knots: Tensor, heights: Tensor) -> None:
        super().__init__()
        self.register_buffer("knots", knots)
        self.register_buffer("heights", heights)

    def forward(self, x: Tensor) -> Tensor:
        """The heights (n, k), float64; of three knots at one place that in the middle."""
        reached = (x[:, :, None] >= self.knots).sum(-1) - 1  # a search by comparison, which every format has
        place = reached.clamp(0, self.knots.shape[1] - 2).T
        (low, start), (high, end) = (self._at(place + side) for side in (0, 1))
        before, middle = self._at((place - 1).clamp(min=0))
        line = start + (x.T - low) / (high - low) * (end - start)
        return torch.where((low == x.T) & (before == low), middle, line).T

    def _at(self, place: Tensor) -> tuple[Tensor, Tensor]:
        return self.knots.gather(1, place), self.heights.gather(1, place)


class ToScores(nn.Module):
    """Points (n, d) in the data's units -> the scores (n, k) of their columns that have any."""

    columns: Tensor

    def __init__(self, scores: NormalScores) -> None:
        super().__init__()
        self.register_buffer("columns", torch.tensor(scores.columns))
        values, heights = _knots(scores)
        self.lines = _Lines(values, heights)

    def forward(self, points: Tensor) -> Tensor:
        """The scores (n, k), float64."""
        found: Tensor = self.lines(points[:, self.columns])
        return found


class FromScores(nn.Module):
    """Scores (n, d) of the model -> the values (n, k) of the columns that have scores, within the data's ends."""

    columns: Tensor
    least: Tensor
    largest: Tensor

    def __init__(self, scores: NormalScores) -> None:
        super().__init__()
        self.register_buffer("columns", torch.tensor(scores.columns))
        self.register_buffer("least", torch.tensor([of[0] for of in scores.scores], dtype=torch.float64))
        self.register_buffer("largest", torch.tensor([of[-1] for of in scores.scores], dtype=torch.float64))
        values, heights = _knots(scores)
        self.lines = _Lines(heights, values)

    def forward(self, x: Tensor) -> Tensor:
        """The values (n, k), float64."""
        found: Tensor = self.lines(torch.maximum(torch.minimum(x[:, self.columns], self.largest), self.least))
        return found


def _knots(scores: NormalScores) -> tuple[Tensor, Tensor]:
    """Values and scores (k, m) at the knots, one more before them, and more after them up to one number."""
    most = 2 + max(map(len, scores.values))
    found = []
    for values, heights in zip(map(np.array, scores.values), map(np.array, scores.scores), strict=True):
        low, high = slopes(values, heights)
        after = np.arange(1.0, most - len(values))
        found.append(
            (
                np.concatenate([[values[0] - low], values, values[-1] + high * after]),
                np.concatenate([[heights[0] - 1.0], heights, heights[-1] + after]),
            )
        )
    values_of, scores_of = (torch.from_numpy(np.stack(of)) for of in zip(*found, strict=True))
    return values_of, scores_of
