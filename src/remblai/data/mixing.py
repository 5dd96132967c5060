"""Numbers that are a function of an index alone, the same on every machine and with every version of numpy."""

import numpy as np
from numpy.typing import NDArray

_GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1
_ORDER = _MASK  # a key of its own: glyphs ordered by the number that chose their letter would come sorted


def mix(index: NDArray[np.int64] | NDArray[np.uint64], key: int = 0) -> NDArray[np.uint64]:
    """Scrambles each index into 64 bits that look random: the finaliser of SplitMix64.

    Args:
        index: whole numbers, any shape; negative ones are read modulo 2**64.
        key: another key is another stream of numbers.

    Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
    """
    offset = np.uint64((key * 0xD1B54A32D192ED03 + _GOLDEN) & _MASK)
    with np.errstate(over="ignore"):  # arithmetic modulo 2**64 is the point
        z = index.astype(np.uint64) * np.uint64(_GOLDEN) + offset
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(z ^ (z >> np.uint64(31)))


def uniform(index: NDArray[np.int64] | NDArray[np.uint64], key: int = 0) -> NDArray[np.float64]:
    """A number in [0, 1) for each index: the 53 highest bits of `mix`."""
    return (mix(index, key) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def permutation(n: int) -> NDArray[np.int64]:
    """The fixed permutation of 0..n-1 that every split uses.

    Not numpy's own: its generators may change between versions, and a test picture would then become a training one.
    """
    return np.argsort(mix(np.arange(n), _ORDER), kind="stable").astype(np.int64)
