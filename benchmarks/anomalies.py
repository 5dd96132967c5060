"""Anomaly detection with scikit-learn's estimators: area under the ROC curve on real tables, side by side.

    python benchmarks/anomalies.py            # a minute on 2 cores

One class is normal: half of it trains, the other half and all other rows are scored. The mean and the standard
deviation over splits stand beside IsolationForest, LocalOutlierFactor and the Mahalanobis distance of the same rows.
"""

import argparse

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import EllipticEnvelope
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from remblai import LatentDensity, OutlierDetector, VariationalAutoEncoder, WassersteinAutoEncoder

TABLES = {
    "breast cancer: benign": (load_breast_cancer, 1),
    "wine: first": (load_wine, 0),
    "digits: 0": (load_digits, 0),
}
STEPS = 800


def models(seed: int) -> dict[str, object]:
    """Every detector, by its name: `score_samples` is low for anomalies."""
    wae = WassersteinAutoEncoder(4, steps=STEPS, random_state=seed)
    return {
        "WassersteinAutoEncoder, reconstruction": wae,
        "WassersteinAutoEncoder + LatentDensity": make_pipeline(
            WassersteinAutoEncoder(4, steps=STEPS, random_state=seed), LatentDensity("gaussian", random_state=seed)
        ),
        "OutlierDetector": OutlierDetector(4, steps=STEPS, random_state=seed),
        "VariationalAutoEncoder, reconstruction": VariationalAutoEncoder(4, steps=STEPS, random_state=seed),
        "IsolationForest": IsolationForest(random_state=seed),
        "LocalOutlierFactor": make_pipeline(StandardScaler(), LocalOutlierFactor(novelty=True)),
        "EllipticEnvelope": EllipticEnvelope(random_state=seed, support_fraction=1.0),
    }


def area(model: object, x: NDArray[np.float64], normal: NDArray[np.bool_], seed: int) -> float:
    """The area under the ROC curve of one split."""
    rows = np.random.default_rng(seed).permutation(np.flatnonzero(normal))
    half = len(rows) // 2
    scored = np.concatenate([rows[half:], np.flatnonzero(~normal)])
    scores = model.fit(x[rows[:half]]).score_samples(x[scored])  # type: ignore[attr-defined]
    return float(roc_auc_score(normal[scored], scores))


def run(splits: int) -> None:
    """Prints a table of one line a detector."""
    print(f"{'':42}" + "".join(f"{name:>24}" for name in TABLES))
    for name in models(0):
        line = f"{name:42}"
        for load, normal in TABLES.values():
            source = load()
            areas = [area(models(seed)[name], source.data, source.target == normal, seed) for seed in range(splits)]
            line += f"{np.mean(areas):>15.3f} +- {np.std(areas, ddof=1):.3f}"
        print(line, flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--splits", type=int, default=3)
    run(parser.parse_args().splits)
