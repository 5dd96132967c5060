"""Drifting: generators whose samples are regressed on where a drift moves them."""

import math

import torch
from torch import Tensor, nn

from remblai.costs import wide
from remblai.costs.centre import central
from remblai.discrepancies import Discrepancy, as_discrepancy
from remblai.features.frozen import Frozen, MapOfSeveral
from remblai.laws import Decoder, Prior
from remblai.networks.classes import Classes, beside, required
from remblai.networks.modes import evaluated
from remblai.networks.pairs import paired
from remblai.objectives import given
from remblai.objectives.objective import Objective, generated_law, labels_of_samples, of, together
from remblai.runtime import distributed

TINY = 1e-12
"""Below it a distance or a drift counts as 0."""


class MeanShift(nn.Module):
    """The drift of the paper: a mean of the data near y minus a mean of the other samples near y.

    With a_ij the normalised kernel between y_i and all points, data x_j and other samples y_k together,

        V(y_i) = sum_jk a_ij a_ik (x_j - y_k),

    for each temperature; each drift is divided by its root mean square, and they are added up. The kernel exp(-|y - x|
    / temperature) is normalised over the points and over the samples, by the root of the product of the two softmax. It
    is no gradient of a discrepancy in general (arXiv 2604.06333).

    Args:
        temperatures: of the kernel, in units of the mean distance between data and samples.

    Raises:
        ValueError: no temperature, or one that is not positive; a single sample.

    Source: Deng, Li, Li, Du, He, "Generative modeling via drifting" (2026), section 3 and appendix A, arXiv 2602.04770.
    """

    gathers = True
    draws_labels = False

    def __init__(self, temperatures: tuple[float, ...] = (0.02, 0.05, 0.2)) -> None:
        super().__init__()
        _check_positive("temperatures", temperatures)
        self.temperatures = temperatures

    def check(self, point: Tensor) -> None:
        """Every point has a mean shift."""

    def adversary_loss(self, x: Tensor, y: Tensor) -> Tensor | None:
        """None: there is no critic."""
        return None

    @torch.no_grad()
    def velocity(self, x: Tensor, y: Tensor) -> Tensor:
        """The drift (m, ...) of samples y (m, ...), m at least 2, towards data x (n, ...)."""
        if len(y) < 2:
            raise ValueError(f"drift 'mean-shift': expected at least 2 samples, got {len(y)}: take a larger batch.")
        data, samples = x.flatten(1), y.flatten(1)
        centre = central(samples)  # far from 0 the two means round each other away
        data, samples = data - centre, samples - centre
        across, within = _distances(samples, data), _distances(samples, samples)
        unit = across.mean().clamp(min=TINY)
        within = within.masked_fill(torch.eye(len(y), dtype=torch.bool, device=y.device), torch.inf)
        distances = torch.cat([across, within], 1) / unit
        shifts = [_mean_shift(distances / one, data, samples) for one in self.temperatures]
        return _of_one_size(shifts, unit).reshape(y.shape)


class Descent(nn.Module):
    """Minus the gradient of a discrepancy in each sample: V(y_i) = -m dD(x, y) / dy_i for m samples.

    Args:
        discrepancy: D; where it has a critic, the critic is trained beside the model.
        scales: factors of the points; D is taken at each, and the drifts are added up.
        normalise: D sees points whose mean distance between data and samples is 1, times the scale, and the drift of
            each scale is divided by its root mean square.

    Raises:
        ValueError: no scale, or one that is not positive.
    """

    def __init__(self, discrepancy: Discrepancy, scales: tuple[float, ...] = (1.0,), normalise: bool = False) -> None:
        super().__init__()
        _check_positive("scales", scales)
        self.discrepancy, self.scales, self.normalise = as_discrepancy(discrepancy), scales, normalise
        self.gathers, self.draws_labels = self.discrepancy.needs_all_samples, self.discrepancy.draws_labels

    def check(self, point: Tensor) -> None:
        """Checks that D can be taken of such points (...), and leads them."""
        self.discrepancy.check(point)

    def adversary_loss(self, x: Tensor, y: Tensor) -> Tensor | None:
        """What D's critic descends, at every scale; None where there is no critic."""
        unit = self._unit(x, y)
        losses = [self.discrepancy.adversary_loss(one * x / unit, one * y / unit) for one in self.scales]
        return together(losses)

    def velocity(self, x: Tensor, y: Tensor) -> Tensor:
        """The drift (m, ...) of samples y (m, ...) towards data x (n, ...)."""
        unit = self._unit(x, y)
        drifts = []
        for one in self.scales:
            with torch.enable_grad():
                moved = y.detach().requires_grad_()
                value = self.discrepancy(one * x.detach() / unit, one * moved / unit)
                (gradient,) = torch.autograd.grad(value, moved)
            drifts.append(-len(y) * gradient)
        return _of_one_size(drifts, unit) if self.normalise else torch.stack(drifts).sum(0)

    @torch.no_grad()
    def _unit(self, x: Tensor, y: Tensor) -> Tensor:
        """The mean distance of data and samples, or 1."""
        if not self.normalise:
            return x.new_ones(())
        return _mean_distance(x, y) if self.gathers else _mean_distance(distributed.gather(x), distributed.gather(y))


class Drifting(Objective):
    """G is regressed on its own samples, moved: E |phi(G(Z)) - stop_gradient(phi(G(Z)) + step V(phi(G(Z))))|^2 / 2.

    With phi the identity, V a `Descent` and nothing normalised, the gradient of this loss is `step` times that of D: a
    `Generator` by D in another form. The paper's V is a `MeanShift`, in features of a strong network. A sample takes
    one step.

    With `normalise` the features are divided by the mean distance of data and samples over sqrt(dimensions), and the
    square is a mean over dimensions, not a sum. Under a drift that is normalised too the loss is nearly constant, and
    only its gradient means something.

    With classes the drift is one of features and class together, as a `Generator` has points and class: classes lie a
    distance of `class_distance` from each other, and only the features move. Samples have labels as those of a
    `Generator` by the same discrepancy; under a mean shift a sample has the label of the datum in its row.

    Args:
        decoder: z (n, k) -> P(X|Z); its draws are the model's points and must carry gradients. With classes it reads
            (n, k + count).
        prior: () -> P_Z.
        drift: V.
        features: phi, a function or a module, of one or several features, each of which has a drift of its own; it is
            not trained. None compares the points themselves.
        step: the length of the drift.
        normalise: whether features are normalised.
        classes: of a conditional model.
        class_distance: between the coordinates of two classes, in units of the features; where those are normalised,
            of their mean distance.

    Raises:
        ValueError: a step that is not positive, features that are no function, a decoder whose draws carry no gradient,
            or a drift that cannot be taken of such points.

    Source: Deng et al. (2026), arXiv 2602.04770; drifts as gradients of discrepancies: arXiv 2603.12366, 2605.05118.
    """

    decodes = True

    def __init__(
        self,
        decoder: Decoder,
        prior: Prior,
        drift: MeanShift | Descent,
        features: Frozen | MapOfSeveral | None = None,
        step: float = 1.0,
        normalise: bool = True,
        classes: Classes | None = None,
        class_distance: float = 1.0,
    ) -> None:
        super().__init__(classes)
        _check_positive("step", (step,))
        if features is not None and not callable(features):
            raise ValueError(
                f"features: expected a function or module x (n, ...) -> (n, k), got {type(features).__name__}: leave "
                "it out to compare the points themselves."
            )
        self.decoder, self.prior, self.drift, self.step, self.normalise = decoder, prior, drift, step, normalise
        self.class_distance = class_distance
        self.features = features if features is None or isinstance(features, Frozen) else Frozen(features)
        self._check()

    def generate(self, n: int, labels: Tensor | None = None) -> Tensor:
        """n points of the model, with gradient."""
        points: Tensor = self.decoder(beside(self.classes, self.prior.sample(n), labels)).rsample()
        return points

    def forward(self, x: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        own = self._labels_of_samples(labels)
        pairs = self._pairs(x, self.generate(len(x), own))
        return {"drift": torch.stack([self._way(a, b, labels, own) for a, b in pairs]).sum()}

    def adversary_loss(self, x: Tensor, labels: Tensor | None = None) -> Tensor | None:
        own = self._labels_of_samples(labels)
        with torch.no_grad():
            pairs = self._pairs(x, self.generate(len(x), own))
        joint = ((self._with_class(a, labels), self._with_class(b, own)) for a, b in pairs)
        return together(self.drift.adversary_loss(*self._everyone(a, b)) for a, b in joint)

    @evaluated
    def estimate(self, x: Tensor, labels: Tensor | None = None) -> Tensor | None:
        """The drift's discrepancy of data and samples; None of a mean shift, or where features are compared."""
        if not isinstance(self.drift, Descent) or self.drift.normalise or self.features is not None:
            return None
        own = self._labels_of_samples(labels)
        y = self._with_class(self.generate(len(x), own), own)
        return self.drift.discrepancy.estimate(self._with_class(x, labels), y)

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        self.check_codes(z, labels)
        mean: Tensor = self.decoder(beside(self.classes, z, labels)).mean
        return mean

    @evaluated
    def sample(self, n: int, labels: Tensor | None = None) -> Tensor:
        return self.decode(self.prior.sample(given.check_number(n)), *of(self.labels_or_drawn(n, labels)))

    def _pairs(self, x: Tensor, y: Tensor) -> list[tuple[Tensor, Tensor]]:
        """The features of data and of samples, normalised where that is asked for."""
        return [self._normalised(a, b) for a, b in zip(self._of(x), self._of(y), strict=True)]

    def _labels_of_samples(self, labels: Tensor | None) -> Tensor | None:
        return None if self.classes is None else labels_of_samples(self.classes, labels, self.drift.draws_labels)

    def _with_class(self, features: Tensor, labels: Tensor | None) -> Tensor:
        """The features as they are; with classes flat rows (n, d + count), the coordinates of the class behind."""
        if self.classes is None:
            return features
        unit = math.sqrt(features[0].numel()) if self.normalise else 1.0
        indicators = self.classes.one_hot(required(labels)).to(features)
        return paired(features, math.sqrt(0.5) * unit * self.class_distance * indicators)

    def _of(self, x: Tensor) -> list[Tensor]:
        """The features of x, in float32 or better; x itself where there are none."""
        return [wide(x)] if self.features is None else self.features(x)

    def _way(self, x: Tensor, y: Tensor, labels: Tensor | None, own: Tensor | None) -> Tensor:
        """Half of the mean squared way of features y (m, ...) with labels of their own to where they drift."""
        joint = self._with_class(x.detach(), labels), self._with_class(y.detach(), own)
        v = self.drift.velocity(*self._everyone(*joint))
        v = v[distributed.share(len(v), "samples")] if self.drift.gathers else v
        v = v if self.classes is None else v[:, : y[0].numel()].reshape(y.shape)  # a class stays what it is
        squares = (y - (y + self.step * v).detach()).square().flatten(1)
        return 0.5 * (squares.mean(1) if self.normalise else squares.sum(1)).mean()

    @torch.no_grad()
    def _scale(self, x: Tensor, y: Tensor) -> Tensor:
        return math.sqrt(x[0].numel()) / _mean_distance(distributed.gather(x), distributed.gather(y))

    def _normalised(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Features whose mean distance between data and samples is the root of their dimensions."""
        scale = self._scale(x, y) if self.normalise else 1.0
        return scale * x, scale * y

    def _everyone(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        return (distributed.gather(x), distributed.gather(y)) if self.drift.gathers else (x, y)

    @torch.no_grad()
    def _check(self) -> None:
        law = generated_law(self.decoder, self.prior, "drifting", self.classes)
        self.shape = tuple(law.mean.shape[1:])
        first = None if self.classes is None else torch.zeros(1, dtype=torch.int64, device=law.mean.device)
        for feature in self._of(law.mean):
            self.drift.check(self._with_class(feature, first)[0])


def _of_one_size(drifts: list[Tensor], unit: Tensor) -> Tensor:
    """The sum of the drifts, each of root mean square unit / sqrt(dimensions); one that is 0 stays 0."""
    size = unit / math.sqrt(drifts[0][0].numel())
    squares = [distributed.gather(v.square().mean()[None]).mean() for v in drifts]
    return torch.stack(
        [size * v / square.sqrt().clamp(min=TINY) for v, square in zip(drifts, squares, strict=True)]
    ).sum(0)


def _mean_distance(x: Tensor, y: Tensor) -> Tensor:
    """The mean distance of data x (n, ...) and samples y (m, ...)."""
    return _distances(x.flatten(1), y.flatten(1)).mean().clamp(min=TINY)


def _distances(x: Tensor, y: Tensor) -> Tensor:
    """|x_i - y_j| (n, m), about a point near the points: far from 0 a matrix product rounds them away."""
    centre = central(y)
    return torch.cdist(x - centre, y - centre)


def _mean_shift(distances: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The drift (m, d), from the distances (m, n + m) of samples to data and to each other, over the temperature."""
    weights = ((-distances).log_softmax(1) + (-distances).log_softmax(0)).mul(0.5).exp()
    to_data, to_samples = weights[:, : len(x)], weights[:, len(x) :]
    with torch.autocast(x.device.type, enabled=False):  # near the optimum the two cancel
        attraction = (to_data * to_samples.sum(1, keepdim=True)) @ x
        repulsion = (to_samples * to_data.sum(1, keepdim=True)) @ y
    return attraction - repulsion


def _check_positive(name: str, values: tuple[float, ...]) -> None:
    if not values or not all(0.0 < value < math.inf for value in values):
        raise ValueError(f"{name}: expected positive, finite numbers, got {', '.join(map(str, values)) or 'none'}.")
