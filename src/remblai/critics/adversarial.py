"""A discrepancy that is a supremum over critics."""

import torch
from torch import Tensor, nn
from torch.func import functional_call

from remblai.costs import wide
from remblai.critics.feature_games import SMALLEST, FeatureGame
from remblai.critics.games import Game, Logistic, LogRatio
from remblai.critics.lipschitz import Free, Lipschitz
from remblai.discrepancies.discrepancy import Discrepancy, check_finite, check_samples
from remblai.laws import Prior
from remblai.runtime import distributed

POINT = 2
"""Dimensions of a batch of features."""


class Adversarial(Discrepancy):
    """sup over critics f of a game between the answers f(x) of P and f(y) of Q; only one with a critic to train.

    In the model's turn (`forward`) and in `estimate` nothing of the critic moves: its buffers (batch statistics, power
    iterations) are lent as copies, so that what a forward pass writes into them is lost. In its own turn
    (`adversary_loss`) they move, and no gradient reaches the model. After that turn the loop calls `project`.

    Args:
        critic: x (n, ...) -> scores (n,) or (n, 1); for a game on features (n, k). With packing it sees (n, packing c,
            ...) for points (c, ...).
        game: the two players' losses.
        lipschitz: how the critic is held; None leaves it free.
        offset: a prior whose log-density of the scored point is added to its score, whichever sample it is from: the
            critic then learns minus the log-density of Q. For games whose best score is log p / q.
        packing: points that are judged together, along their first axis; a short tail of a sample is left out. A
            critic that sees several at once sees that they are alike. The game is then between the laws of packs, of
            which the estimate tells: for W1 it is from the root of `packing` to `packing` times that of single points.

    Raises:
        ValueError: a critic or a game that the constraint cannot hold, an offset of constant density, beside packing or
            in a game of other scores, packing below 1 or above the sample's size, or answers of a wrong shape.

    Source of the offset: Mescheder et al., "Adversarial variational Bayes", section 3, arXiv 1701.04722. The code of
    the Wasserstein auto-encoders adds shapes (n, 1) and (n,) to logits (n, n): here each point keeps its own. Packing:
    Lin et al., "PacGAN", section 3, arXiv 1712.04086.
    """

    def __init__(
        self,
        critic: nn.Module,
        game: Game,
        lipschitz: Lipschitz | None = None,
        offset: Prior | None = None,
        packing: int = 1,
    ) -> None:
        super().__init__()
        if packing < 1 or packing != int(packing):
            raise ValueError(f"adversarial: expected packing of at least 1 point, a whole number, got {packing}.")
        if offset is not None and offset.bounded:
            raise ValueError(
                f"adversarial: expected an offset with a density that varies, got {type(offset).__name__}, whose "
                "density is constant where its codes are: leave the offset out."
            )
        if offset is not None and packing > 1:
            raise ValueError("adversarial: an offset belongs to the score of one point: leave it or packing out.")
        if offset is not None and not isinstance(game, Logistic | LogRatio):
            raise ValueError(
                f"adversarial: an offset is a log-density, as the scores of the logistic game are, those of "
                f"{type(game).__name__} are not: take the game logistic, or leave the offset out."
            )
        held = Free() if lipschitz is None else lipschitz
        if isinstance(game, FeatureGame) and not game.has_witness and held.differentiates_twice:
            raise ValueError(
                f"adversarial: {type(game).__name__} has no witness function whose slope {type(held).__name__} "
                "could penalise: hold the critic by clip, spectral or orthogonal, or leave it free."
            )
        self.critic, self.game, self.lipschitz, self.offset, self.packing = critic, game, held, offset, packing
        self.needs_all_samples = isinstance(game, FeatureGame) and game.pairs
        # whether each process has the points of all, which the critic's batch norm must not gather again
        self.sees_all = self.needs_all_samples
        self.lipschitz.prepare(critic)
        self.project()

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The model's loss: x (n, ...) ~ P, y (m, ...) ~ Q -> scalar; the critic rests."""
        check_samples(x, y)
        a = self._at_rest(self._packed(x)) if self.game.reads_target else None
        return self.game.model(a, self._at_rest(self._packed(y)))

    def adversary_loss(self, x: Tensor, y: Tensor) -> Tensor:
        """The critic's loss with its constraint's penalty; no gradient reaches what made x and y."""
        check_samples(x, y)
        x, y = self._packed(x.detach()), self._packed(y.detach())
        a, b = self._answer(x), self._answer(y)
        game = self.game
        score = (lambda t: game.witness(self._answer(t), a, b)) if isinstance(game, FeatureGame) else self._answer
        return game.critic(a, b) + self.lipschitz.penalty(score, x, y)

    @torch.no_grad()
    def estimate(self, x: Tensor, y: Tensor) -> Tensor:
        """The game's estimate of its distance (with packing, of packs) by this critic, without penalties; checks that
        values are finite."""
        check_finite(x, y)
        return self.game.estimate(self._at_rest(self._packed(x)), self._at_rest(self._packed(y)))

    def project(self) -> None:
        """Brings the critic back under its constraint; the loop calls it after each of the critic's turns."""
        self.lipschitz.project(self.critic)

    @torch.no_grad()
    def check(self, point: Tensor) -> None:
        """Whether the critic can judge such a point."""
        z = point.expand(SMALLEST * self.packing, *point.shape)
        try:
            self.forward(z, z)
        except RuntimeError as problem:
            raise ValueError(
                f"adversarial: the critic cannot judge points {tuple(point.shape)} ({problem}): build it for points of "
                f"this shape{f', {self.packing} at a time' if self.packing > 1 else ''}."
            ) from problem

    def score(self, z: Tensor) -> Tensor:
        """The critic's score of each point, or pack of points, with its offset: z (n, ...) -> (n,) or (n, k)."""
        return self._answer(self._packed(z))

    def _packed(self, z: Tensor) -> Tensor:
        if self.packing == 1:
            return z
        packs = len(z) // self.packing
        if packs == 0:
            raise ValueError(
                f"adversarial: expected at least {self.packing} points for one pack, got {len(z)}: take larger "
                "batches, or less packing."
            )
        return z[: packs * self.packing].reshape(packs, self.packing * z.shape[1], *z.shape[2:])

    def _at_rest(self, z: Tensor) -> Tensor:
        lent = {name: buffer.clone() for name, buffer in self.critic.named_buffers()}
        with distributed.single_process(self.sees_all):
            return self._checked(z, functional_call(self.critic, lent, (z,)) if lent else self.critic(z))

    def _answer(self, z: Tensor) -> Tensor:
        with distributed.single_process(self.sees_all):
            return self._checked(z, self.critic(z))

    def _checked(self, z: Tensor, answers: Tensor) -> Tensor:
        n = len(z)
        if self.game.features:
            if answers.dim() != POINT or len(answers) != n or answers.shape[1] == 0:
                raise ValueError(
                    f"adversarial: {type(self.game).__name__} expects features ({n}, k) from the critic, got "
                    f"{tuple(answers.shape)}."
                )
            return wide(answers)
        if answers.shape not in ((n,), (n, 1)):
            raise ValueError(
                f"adversarial: expected scores ({n},) or ({n}, 1) from the critic, got {tuple(answers.shape)}."
            )
        scores = wide(answers.reshape(n))
        return scores if self.offset is None else scores + self.offset().log_prob(wide(z))
