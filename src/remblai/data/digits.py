"""Real handwriting, embedded: 1,797 digits of 8x8 pixels."""

from importlib import resources

import numpy as np

from remblai.data.dataset import Dataset
from remblai.data.mixing import permutation
from remblai.data.splits import Part, images


def digits() -> Dataset:
    """1,797 handwritten digits, 8x8 grey, labelled 0 to 9, shipped with the package: nothing is downloaded.

    360 are kept for testing and 90 for validation, by a fixed permutation: a tenth would be too few to measure with.
    Each pixel counted the ink of a 4x4 block of a 32x32 scan, 0 to 16; here round(255 / 16 times that), as uint8.

    Origin: the test part of "Optical Recognition of Handwritten Digits" by E. Alpaydin and C. Kaynak, 1998, UCI machine
    learning repository (doi 10.24432/C50P49), licence CC BY 4.0; the same 1,797 that scikit-learn ships.
    """
    with resources.as_file(resources.files("remblai.data") / "digits.npz") as path, np.load(path) as stored:
        pictures, labels = stored["images"], stored["labels"]
    test, validation, train = np.split(permutation(len(pictures)), [360, 450])
    places = {"train": train, "validation": validation, "test": test}
    parts = {name: Part(pictures[:, None], labels, positions) for name, positions in places.items()}
    return images("digits", parts, [str(digit) for digit in range(10)])
