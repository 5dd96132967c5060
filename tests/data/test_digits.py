"""The embedded digits are scikit-learn's."""

import numpy as np
from sklearn.datasets import load_digits

from remblai.data import load


def test_digits_are_the_1797_of_scikit_learn() -> None:
    data, truth = load("digits"), load_digits()
    array = data.train.rows.array
    assert np.array_equal(array[:, 0], np.round(truth.images * 255 / 16).astype(np.uint8))
    for split in (data.train, data.validation, data.test):
        assert split.labels is not None
        assert np.array_equal(split.labels.numpy(), truth.target[split.index.numpy()])
    assert (len(data.train), len(data.validation), len(data.test)) == (1347, 90, 360)
    assert (data.shape, data.range, data.classes) == ((1, 8, 8), (0.0, 1.0), list("0123456789"))
    assert data.split_note == "train, validation and test as the source keeps them"
