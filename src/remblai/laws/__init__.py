"""Laws: priors () -> P_Z, encoders x -> Q(Z|X), decoders z -> P(X|Z), as modules that return a torch Distribution."""

from collections.abc import Callable

from remblai.laws import decoders, encoders, priors
from remblai.laws.decoders import Decoder
from remblai.laws.delta import Delta
from remblai.laws.encoders import Encoder
from remblai.laws.priors import Prior

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

__all__ = ["DECODERS", "ENCODERS", "PRIORS", "Decoder", "Delta", "Encoder", "Prior"]
