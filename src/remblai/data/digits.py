"""Real handwriting, embedded: 1,797 digits of 8x8 pixels."""

from importlib import resources

import numpy as np

from remblai.data.dataset import Dataset
from remblai.data.splits import WHOLE, Part, images


def digits() -> Dataset:
    """1,797 handwritten digits, 8x8 grey, labelled 0 to 9, shipped with the package: nothing is downloaded.

    Each pixel counted the ink of a 4x4 block of a 32x32 scan, 0 to 16; here round(255 / 16 times that), as uint8.

    Origin: the test part of "Optical Recognition of Handwritten Digits" by E. Alpaydin and C. Kaynak, 1998, UCI machine
    learning repository (doi 10.24432/C50P49), licence CC BY 4.0; the same 1,797 that scikit-learn ships.
    """
    with resources.as_file(resources.files("remblai.data") / "digits.npz") as path, np.load(path) as stored:
        pictures, labels = stored["images"], stored["labels"]
    return images("digits", {WHOLE: Part(pictures[:, None], labels)}, [str(digit) for digit in range(10)])
