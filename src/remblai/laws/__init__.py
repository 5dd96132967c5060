"""Laws as modules that return a torch Distribution: priors () -> P_Z, encoders x -> Q(Z|X), decoders z -> P(X|Z), and
those fitted to codes after training."""

from collections.abc import Callable

from remblai.laws import decoders, encoders, fitted, priors
from remblai.laws.decoders import Decoder
from remblai.laws.delta import Delta
from remblai.laws.encoders import Encoder
from remblai.laws.fitted import ByClass, FittedLaw, LatentLaw, LawByClass
from remblai.laws.priors import Mixture, Normal, Prior, Sphere, Uniform

PRIORS: dict[str, Callable[..., Prior]] = {
    "normal": priors.Normal,
    "uniform": priors.Uniform,
    "sphere": priors.Sphere,
    "mixture": priors.Mixture,
}

ENCODERS: dict[str, Callable[..., Encoder]] = {
    "deterministic": encoders.Deterministic,
    "gaussian": encoders.Gaussian,
    "implicit": encoders.Implicit,
    "black-box": encoders.BlackBox,
}

DECODERS: dict[str, Callable[..., Decoder]] = {
    "deterministic": decoders.Deterministic,
    "gaussian": decoders.Gaussian,
    "bernoulli": decoders.Bernoulli,
}

FITTED: dict[str, Callable[..., FittedLaw]] = {
    law.name: law
    for law in (fitted.Gaussian, fitted.Mixture, fitted.Transport, fitted.Flow, fitted.TwoStage, fitted.Auto)
}
"""Laws fitted to codes (n, k) of data, after training."""


def prior() -> None:
    """The prior itself: nothing is fitted."""


SAMPLERS: dict[str, Callable[..., FittedLaw | None]] = {"prior": prior, **FITTED}
"""The laws of codes that samples can be decoded from."""

__all__ = [
    "DECODERS",
    "ENCODERS",
    "FITTED",
    "PRIORS",
    "SAMPLERS",
    "ByClass",
    "Decoder",
    "Delta",
    "Encoder",
    "FittedLaw",
    "LatentLaw",
    "LawByClass",
    "Mixture",
    "Normal",
    "Prior",
    "Sphere",
    "Uniform",
]
