"""Work on many pictures on every core, in order."""

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from PIL import Image, UnidentifiedImageError
from tqdm import tqdm

from remblai.data.pixels import DAMAGE, UnfitError
from remblai.runtime.devices import processors

T = TypeVar("T")
BLOCK = 32

Result = tuple[int, T | None, str | None]
"""The number of a picture, what the work returned, or the reason why it could not be done."""


def each(work: Callable[[int], T], numbers: Sequence[int], what: str) -> Iterator[Result[T]]:
    """Runs `work` over the numbers of pictures; one that is damaged or unfit comes with the reason.

    Args:
        work: number -> result.
        numbers: of the pictures.
        what: what the progress bar says.
    """

    def block(part: Sequence[int]) -> list[Result[T]]:
        return [_tried(work, number) for number in part]

    parts = [numbers[first : first + BLOCK] for first in range(0, len(numbers), BLOCK)]
    pool = ThreadPoolExecutor(processors())
    try:
        with tqdm(total=len(numbers), desc=what, unit="image", file=sys.stderr, disable=None, delay=0.5) as bar:
            for results in pool.map(block, parts):
                yield from results
                bar.update(len(results))
    finally:
        pool.shutdown(cancel_futures=True)


def _tried(work: Callable[[int], T], number: int) -> Result[T]:
    try:
        return number, work(number), None
    except UnfitError as error:
        return number, None, str(error)
    except Image.DecompressionBombError as error:
        size = (re.findall(r"\d+", str(error)) or ["N"])[0]
        reason = f"has {size} pixels, more than are decoded, for such a file may be a decompression bomb"
        return number, None, f"{reason}: --max-pixels {size} raises the limit"
    except UnidentifiedImageError:
        return number, None, "cannot be decoded: its bytes are no image of a known format"
    except FileNotFoundError:
        return number, None, "cannot be decoded: there is no such file, or it is a link to one that is not there"
    except DAMAGE as error:
        return number, None, f"cannot be decoded: {str(error) or type(error).__name__}"
