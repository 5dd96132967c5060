"""A discrepancy that is a supremum over critics."""

import torch
from torch import Tensor, nn
from torch.func import functional_call

from remblai.costs import wide
from remblai.discrepancies.discrepancy import Discrepancy, check_finite, check_samples
from remblai.discrepancies.games import Game
from remblai.discrepancies.lipschitz import Free, Lipschitz
from remblai.laws import Prior


class Adversarial(Discrepancy):
    """sup over critics f of a game between the scores f(x) of P and f(y) of Q; only one with a critic to train.

    In the model's turn (`forward`) and in `estimate` nothing of the critic moves: its buffers (batch statistics, power
    iterations) are lent as copies, so that what a forward pass writes into them is lost. In its own turn
    (`adversary_loss`) they move, and no gradient reaches the model. After that turn the loop calls `project`.

    Args:
        critic: x (n, ...) -> scores (n,) or (n, 1).
        game: the two players' losses.
        lipschitz: how the critic is held; None leaves it free.
        offset: a prior whose log-density of the scored point is added to its score, whichever sample it is from: the
            critic then learns minus the log-density of Q (for the logistic game against this prior).

    Raises:
        ValueError: a critic that the constraint cannot hold, an offset of constant density, or scores of a wrong shape.

    Source of the offset: Mescheder et al., "Adversarial variational Bayes", section 3, arXiv 1701.04722. The code of
    the Wasserstein auto-encoders adds shapes (n, 1) and (n,) to logits (n, n): here each point keeps its own.
    """

    needs_all_samples = False

    def __init__(
        self, critic: nn.Module, game: Game, lipschitz: Lipschitz | None = None, offset: Prior | None = None
    ) -> None:
        super().__init__()
        if offset is not None and offset.bounded:
            raise ValueError(
                f"adversarial: expected an offset with a density that varies, got {type(offset).__name__}, whose "
                "density is constant where its codes are: leave the offset out."
            )
        self.critic, self.game, self.offset = critic, game, offset
        self.lipschitz = Free() if lipschitz is None else lipschitz
        self.lipschitz.prepare(critic)
        self.project()

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The model's loss: x (n, ...) ~ P, y (m, ...) ~ Q -> scalar; the critic rests."""
        check_samples(x, y)
        a = self._at_rest(x) if self.game.reads_target else None
        return self.game.model(a, self._at_rest(y))

    def adversary_loss(self, x: Tensor, y: Tensor) -> Tensor:
        """The critic's loss with its constraint's penalty; no gradient reaches what made x and y."""
        check_samples(x, y)
        x, y = x.detach(), y.detach()
        return self.game.critic(self.score(x), self.score(y)) + self.lipschitz.penalty(self.score, x, y)

    @torch.no_grad()
    def estimate(self, x: Tensor, y: Tensor) -> Tensor:
        """The game's estimate of its distance with this critic, without penalties; checks that values are finite."""
        check_finite(x, y)
        return self.game.estimate(self._at_rest(x), self._at_rest(y))

    def project(self) -> None:
        """Brings the critic back under its constraint; the loop calls it after each of the critic's turns."""
        self.lipschitz.project(self.critic)

    def score(self, z: Tensor) -> Tensor:
        """The critic's score of each point, with its offset: z (n, ...) -> (n,)."""
        return self._with_offset(z, self.critic(z))

    def _at_rest(self, z: Tensor) -> Tensor:
        lent = {name: buffer.clone() for name, buffer in self.critic.named_buffers()}
        return self._with_offset(z, functional_call(self.critic, lent, (z,)) if lent else self.critic(z))

    def _with_offset(self, z: Tensor, scores: Tensor) -> Tensor:
        n = len(z)
        if scores.shape not in ((n,), (n, 1)):
            raise ValueError(
                f"adversarial: expected scores ({n},) or ({n}, 1) from the critic, got {tuple(scores.shape)}."
            )
        scores = wide(scores.reshape(n))
        return scores if self.offset is None else scores + self.offset().log_prob(wide(z))
