"""What a figure from samples can be trusted for: floors, intervals and tests of P = Q."""

from remblai.statistics.statistic import Statistic
from remblai.statistics.subsampling import Confidence, Floor, floor, interval
from remblai.statistics.two_sample import Test, two_sample_test

__all__ = ["Confidence", "Floor", "Statistic", "Test", "floor", "interval", "two_sample_test"]
