"""What a figure from samples can be trusted for: floors, intervals and tests of P = Q."""

from remblai.statistics.intrinsic_dimension import Dimension, maximum_likelihood, two_neighbours
from remblai.statistics.pairs import Pair, compare_pairs, holm, prediction_interval
from remblai.statistics.statistic import Floor, Statistic, halves
from remblai.statistics.subsampling import Confidence, floor, interval
from remblai.statistics.two_sample import Test, two_sample_test

__all__ = [
    "Confidence",
    "Dimension",
    "Floor",
    "Pair",
    "Statistic",
    "Test",
    "compare_pairs",
    "floor",
    "halves",
    "holm",
    "interval",
    "maximum_likelihood",
    "prediction_interval",
    "two_neighbours",
    "two_sample_test",
]
