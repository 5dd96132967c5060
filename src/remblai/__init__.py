"""remblai trains, measures and explains generative models through optimal transport."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from remblai import (
        costs,
        critics,
        data,
        discrepancies,
        distances,
        features,
        kernels,
        laws,
        metrics,
        networks,
        objectives,
        recipes,
        statistics,
        training,
    )
    from remblai.compare.datasets import distance
    from remblai.compare.models import compare_models
    from remblai.compare.samples import evaluate_samples
    from remblai.deploy.folder import export
    from remblai.deploy.hub import push
    from remblai.estimators import (
        Generator,
        LatentDensity,
        OutlierDetector,
        TransportMap,
        VariationalAutoEncoder,
        WassersteinAutoEncoder,
    )
    from remblai.explorer.entry import explore
    from remblai.populations.entry import drift
    from remblai.recipes import recipe
    from remblai.runs.evaluate import evaluate, write_report
    from remblai.runs.fit import fit
    from remblai.runs.load import load
    from remblai.runs.model import Trained
    from remblai.runs.outliers import outliers
    from remblai.runs.train import train

__all__ = [
    "Generator",
    "LatentDensity",
    "OutlierDetector",
    "Trained",
    "TransportMap",
    "VariationalAutoEncoder",
    "WassersteinAutoEncoder",
    "compare_models",
    "costs",
    "critics",
    "data",
    "discrepancies",
    "distance",
    "distances",
    "drift",
    "evaluate",
    "evaluate_samples",
    "explore",
    "export",
    "features",
    "fit",
    "kernels",
    "laws",
    "load",
    "metrics",
    "networks",
    "objectives",
    "outliers",
    "push",
    "recipe",
    "recipes",
    "statistics",
    "train",
    "training",
    "write_report",
]

_HOMES = {
    "Generator": "remblai.estimators",
    "LatentDensity": "remblai.estimators",
    "OutlierDetector": "remblai.estimators",
    "Trained": "remblai.runs.model",
    "TransportMap": "remblai.estimators",
    "VariationalAutoEncoder": "remblai.estimators",
    "WassersteinAutoEncoder": "remblai.estimators",
    "compare_models": "remblai.compare.models",
    "distance": "remblai.compare.datasets",
    "drift": "remblai.populations.entry",
    "evaluate": "remblai.runs.evaluate",
    "evaluate_samples": "remblai.compare.samples",
    "explore": "remblai.explorer.entry",
    "export": "remblai.deploy.folder",
    "fit": "remblai.runs.fit",
    "load": "remblai.runs.load",
    "outliers": "remblai.runs.outliers",
    "push": "remblai.deploy.hub",
    "recipe": "remblai.recipes",
    "train": "remblai.runs.train",
    "write_report": "remblai.runs.evaluate",
}
"""The module of each public name that is no package. A name is imported at its first use: `import remblai` imports no
other module."""


def __getattr__(name: str) -> Any:
    """The public name, imported at its first use (PEP 562)."""
    if name == "__version__":
        from importlib.metadata import version

        return version("remblai")
    if name not in __all__:
        from remblai.config.aliases import missing

        raise missing("remblai", name, __all__)
    home = _HOMES.get(name)
    found = importlib.import_module(f"remblai.{name}") if home is None else getattr(importlib.import_module(home), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """The public names, and those that every module has; not what this file imports for itself."""
    return sorted({*(name for name in globals() if name.startswith("__")), *__all__})
