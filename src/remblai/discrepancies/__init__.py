"""Discrepancies D(P, Q) through samples x ~ P (the target) and y ~ Q (the model)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from remblai.config.aliases import missing
from remblai.config.registry import Choice, make
from remblai.discrepancies.cramer_wold import CramerWold
from remblai.discrepancies.custom import Custom, as_discrepancy
from remblai.discrepancies.discrepancy import Discrepancy
from remblai.discrepancies.entropic import Entropic
from remblai.discrepancies.exact import Exact
from remblai.discrepancies.frechet import Frechet
from remblai.discrepancies.mmd import MMD
from remblai.discrepancies.moments import Covariance
from remblai.discrepancies.sliced import Sliced
from remblai.kernels import KERNELS, Energy, Kernel
from remblai.laws import Prior


def prior_scaled_mmd(
    prior: Prior, kernel: Annotated[Choice, KERNELS] = "imq", biased: bool = False, closed_form: bool = True
) -> MMD:
    """Squared maximum mean discrepancy, by default the unbiased estimate with the exact terms of the prior.

    Args:
        prior: where the kernel's scale is read from.
        kernel: how points are compared.
        biased: keep the terms i = j: at least 0, but not 0 on average when the laws are equal.
        closed_form: take the prior's terms exactly where they are known; off, sample the prior as the paper does.
    """
    return MMD(make(KERNELS, kernel, "kernel", interface=Kernel, prior=prior), biased, closed_form)


def energy_distance(biased: bool = False, closed_form: bool = True) -> MMD:
    """Squared energy distance, 2 E|X - Y| - E|X - X'| - E|Y - Y'|: MMD^2 with the kernel -|x - y|. It has no scale.

    Args:
        biased: keep the terms i = j: at least 0, but not 0 on average when the laws are equal.
        closed_form: take the prior's terms exactly where they are known.
    """
    return MMD(Energy(), biased, closed_form)


DISCREPANCIES: dict[str, Callable[..., Discrepancy]] = {
    "mmd": prior_scaled_mmd,
    "energy-distance": energy_distance,
    "sliced": Sliced,
    "cramer-wold": CramerWold,
    "entropic": Entropic,
    "exact": Exact,
    "frechet": Frechet,
    "covariance": Covariance,
}

__all__ = [
    "DISCREPANCIES",
    "MMD",
    "Covariance",
    "CramerWold",
    "Custom",
    "Discrepancy",
    "Entropic",
    "Exact",
    "Frechet",
    "Sliced",
    "as_discrepancy",
]

if not TYPE_CHECKING:  # a type checker would take any name for one of the module's

    def __getattr__(name: str) -> Any:
        """Refuses a name that is not here, with the one that is (PEP 562)."""
        raise missing(__name__, name, __all__)
