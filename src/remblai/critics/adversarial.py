"""A discrepancy that is a supremum over critics."""

import torch
from torch import Tensor, nn
from torch.func import functional_call

from remblai.costs import wide
from remblai.critics.augment import Adaptive
from remblai.critics.feature_games import SMALLEST, FeatureGame, KernelGame
from remblai.critics.games import Game, Logistic, LogRatio
from remblai.critics.lipschitz import Free, Lipschitz
from remblai.discrepancies.discrepancy import Discrepancy
from remblai.discrepancies.inputs import check_finite, check_samples, tensors
from remblai.distances.validation import ArrayLike
from remblai.laws import Prior
from remblai.runtime import distributed

POINT = 2
"""Dimensions of a batch of features."""


class Adversarial(Discrepancy):
    """sup over critics f of a game between the outputs f(x) of P and f(y) of Q; the only one with a critic to train.

    In the model's step (`forward`) and in `estimate` the critic does not change: the forward pass gets copies of its
    buffers (batch statistics, power iterations), and what it writes into them is discarded. In the critic's step
    (`adversary_loss`) they change, and no gradient reaches the model. After that step the loop calls `project`.

    Args:
        critic: x (n, ...) -> scores (n,) or (n, 1); for a game on features (n, k). With packing it sees (n, packing c,
            ...) for points (c, ...).
        game: the two players' losses.
        lipschitz: how the critic is constrained; None leaves it free.
        offset: a prior whose log-density of the scored point is added to its score, whichever sample it is from: the
            critic then learns minus the log-density of Q. For games whose best score is log p / q. Coordinates of a
            class behind those of the point are left out of it.
        packing: points that are scored together, joined along their first axis; a short tail of a sample is left out.
            A critic that sees several points at once sees whether they are alike. The game, and its estimate, is then
            between the laws of packs: for W1 it is from sqrt(packing) to packing times that of single points.

    Raises:
        ValueError: a critic or a game that the constraint does not support; an offset of constant density, together
            with packing, or in a game whose scores are not log-densities; packing below 1 or above the sample's size;
            or outputs of a wrong shape.

    Source of the offset: Mescheder et al., "Adversarial variational Bayes", section 3, arXiv 1701.04722. The code of
    the Wasserstein auto-encoders adds shapes (n, 1) and (n,) to logits (n, n): here each score gets
    the offset of its point. Packing: Lin et al., "PacGAN", section 3, arXiv 1712.04086.

    >>> import torch
    >>> from torch import nn
    >>> from remblai.critics import Adversarial, Clip, Kantorovich
    >>> d = Adversarial(nn.Linear(2, 1), Kantorovich(), Clip(0.01))
    >>> x, y = torch.zeros(4, 2), torch.ones(3, 2)
    >>> torch.equal(d.adversary_loss(x, y), -d.estimate(x, y))  # the critic raises what the model lowers
    True
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
            raise ValueError("adversarial: an offset belongs to the score of one point: leave out it or the packing.")
        if offset is not None and not isinstance(game, Logistic | LogRatio):
            raise ValueError(
                f"adversarial: expected scores that are log-densities, for the offset is one; those of "
                f"{type(game).__name__} are not: use the game logistic, or leave the offset out."
            )
        constraint = Free() if lipschitz is None else lipschitz
        if isinstance(game, FeatureGame) and not game.has_witness and constraint.differentiates_twice:
            raise ValueError(
                f"adversarial: {type(game).__name__} has no witness function whose gradient "
                f"{type(constraint).__name__} could penalise: constrain the critic by clip, spectral or orthogonal, or "
                "leave it free."
            )
        self.critic, self.game, self.lipschitz, self.offset, self.packing = critic, game, constraint, offset, packing
        self.compiles = game.compiles
        self.needs_all_samples = isinstance(game, FeatureGame) and game.pairs
        # whether each process has the points of all, which the critic's batch norm must not gather again
        self.sees_all = self.needs_all_samples
        self.lipschitz.prepare(critic)
        self.project()
        # in a list, so that it is the model's and not the critic's: an objective that augments has put it there
        self._steered: list[Adaptive] = []

    @property
    def draws_labels(self) -> bool:
        return isinstance(self.game, KernelGame) and self.game.distance.unbiased

    def steer(self, augmentation: Adaptive) -> None:
        """Lets the critic's scores of data steer an augmentation, in the critic's steps."""
        self._steered = [augmentation]

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """The model's loss: x (n, ...) ~ P, y (m, ...) ~ Q -> scalar; the critic is frozen."""
        check_samples(x, y)
        a = self._frozen(self._packed(x)) if self.game.reads_target else None
        return self.game.model(a, self._frozen(self._packed(y)))

    def adversary_loss(self, x: Tensor, y: Tensor) -> Tensor:
        """The critic's loss with its constraint's penalty; no gradient reaches x and y."""
        check_samples(x, y)
        x, y = self._packed(x.detach()), self._packed(y.detach())
        a, b = self._scored(x), self._scored(y)
        for augmentation in self._steered:
            augmentation.observe(a, self.packing)
        game = self.game
        score = (lambda t: game.witness(self._scored(t), a, b)) if isinstance(game, FeatureGame) else self._scored
        loss = game.critic(a, b)  # before the penalty, in whose order gradients are added
        penalty = self.lipschitz.penalty(score, x, y)
        if isinstance(penalty, Tensor) and penalty.numel() != 1:
            raise ValueError(
                f"lipschitz: expected one number from the penalty of {type(self.lipschitz).__name__}, got "
                f"{tuple(penalty.shape)}: take its mean."
            )
        return loss + penalty

    @torch.no_grad()
    def estimate(
        self,
        x: ArrayLike,
        y: ArrayLike,
        a: ArrayLike | None = None,
        b: ArrayLike | None = None,
        *,
        normalise: bool = False,
    ) -> Tensor:
        """The game's estimate of its distance (with packing, of packs) by this critic, without penalties; checks that
        values are finite, and refuses masses."""
        if a is not None or b is not None:
            self.require_masses()
        x, y = tensors(x, y)
        check_finite(x, y)
        return self.game.estimate(self._frozen(self._packed(x)), self._frozen(self._packed(y)))

    def project(self) -> None:
        """Brings the critic back under its constraint; the loop calls it after each of the critic's steps."""
        self.lipschitz.project(self.critic)

    @torch.no_grad()
    def check(self, point: Tensor) -> None:
        """Checks that the critic accepts such a point.

        Raises:
            ValueError: it does not.
        """
        z = point.expand(SMALLEST * self.packing, *point.shape)
        try:
            self.forward(z, z)
        except RuntimeError as problem:
            raise ValueError(
                f"adversarial: the critic does not accept points {tuple(point.shape)} ({problem}): build it for points "
                f"of this shape{f', {self.packing} at a time' if self.packing > 1 else ''}."
            ) from problem

    def score(self, z: Tensor) -> Tensor:
        """The critic's score of each point, or pack of points, with its offset: z (n, ...) -> (n,) or (n, k)."""
        return self._scored(self._packed(z))

    def _packed(self, z: Tensor) -> Tensor:
        if z.dtype == torch.float64:  # the type of arrays, which a critic in float32 does not accept
            z = z.to(next((p.dtype for p in self.critic.parameters()), z.dtype))
        if self.packing == 1:
            return z
        packs = len(z) // self.packing
        if packs == 0:
            raise ValueError(
                f"adversarial: expected at least {self.packing} points for one pack, got {len(z)}: use larger "
                "batches, or less packing."
            )
        return z[: packs * self.packing].reshape(packs, self.packing * z.shape[1], *z.shape[2:])

    def _frozen(self, z: Tensor) -> Tensor:
        buffers = {name: buffer.clone() for name, buffer in self.critic.named_buffers()}
        with distributed.single_process(self.sees_all):
            return self._checked(z, functional_call(self.critic, buffers, (z,)) if buffers else self.critic(z))

    def _scored(self, z: Tensor) -> Tensor:
        with distributed.single_process(self.sees_all):
            return self._checked(z, self.critic(z))

    def _checked(self, z: Tensor, outputs: Tensor) -> Tensor:
        n = len(z)
        if self.game.features:
            if outputs.dim() != POINT or len(outputs) != n or outputs.shape[1] == 0:
                raise ValueError(
                    f"adversarial: {type(self.game).__name__} expects features ({n}, k) from the critic, got "
                    f"{tuple(outputs.shape)}."
                )
            return wide(outputs)
        if outputs.shape not in ((n,), (n, 1)):
            raise ValueError(
                f"adversarial: expected scores ({n},) or ({n}, 1) from the critic, got {tuple(outputs.shape)}."
            )
        scores = wide(outputs.reshape(n))
        return scores if self.offset is None else scores + self.offset().log_prob(wide(z)[:, : self.offset.latent])
