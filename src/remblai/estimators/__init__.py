"""scikit-learn's view of remblai: estimators for pipelines, grid searches and anomaly detection on tables."""

from remblai.estimators.autoencoders import VariationalAutoEncoder, WassersteinAutoEncoder
from remblai.estimators.density import LatentDensity
from remblai.estimators.generator import Generator
from remblai.estimators.outliers import OutlierDetector
from remblai.estimators.transport_map import TransportMap

__all__ = [
    "Generator",
    "LatentDensity",
    "OutlierDetector",
    "TransportMap",
    "VariationalAutoEncoder",
    "WassersteinAutoEncoder",
]
