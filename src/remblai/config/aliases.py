"""Names that users bring from other libraries: what they are called here, and errors that say so."""

import difflib
import functools
import inspect
from collections.abc import Callable, Iterable
from typing import ParamSpec, TypeVar

NAMES: dict[str, dict[str, str]] = {
    "cost": {
        "sqeuclidean": "square",
        "squared_euclidean": "square",
        "mse": "square",
        "l2": "euclidean",
        "l1": "manhattan",
        "cityblock": "manhattan",
        "minkowski": "power",
        "smooth_l1": "huber",
        "cosine": "Divide the points by their lengths and use 'square', which is then twice the cosine distance.",
    },
    "divergence": {
        "kl": "kullback-leibler",
        "reverse-kl": "reverse-kullback-leibler",
        "js": "jensen-shannon",
        "jensenshannon": "jensen-shannon",
        "tv": "total-variation",
        "chi2": "pearson",
        "chi-square": "pearson",
    },
    "method": {"simplex": "network-simplex", "lp": "linear-program", "highs": "linear-program"},
}
"""For each kind of table: a name from elsewhere -> the name of the row, or a sentence where there is no such row."""

_CALLED: dict[str, tuple[str, ...]] = {
    "epsilon": ("reg", "eps", "regularization", "blur"),
    "cost": ("metric", "ground_cost", "cost_fn"),
    "C": ("M", "costs", "cost_matrix"),
    "costs": ("M", "C", "cost_matrix"),
    "max_iterations": ("numItermax", "max_iter", "maxiter", "n_iter", "num_iters", "iterations"),
    "epochs": ("numItermax", "max_iter", "maxiter", "n_iter", "max_iterations"),
    "tolerance": ("stopThr", "threshold", "tol", "atol"),
    "unbalanced": ("reg_m", "reach", "tau", "tau_a", "tau_b"),
    "a": ("u_weights", "weights", "weights_x"),
    "b": ("v_weights", "weights_y"),
    "x": ("u_values", "X_a", "X_s", "xs"),
    "y": ("v_values", "X_b", "X_t", "xt"),
    "start": ("warmstart", "init"),
    "g": ("warmstart", "init"),
    "batch": ("batch_size",),
    "samples": ("n_samples",),
    "seed": ("random_state",),
    "normalise": ("normalize", "normalized"),
}

OPTIONS: dict[str, tuple[str, ...]] = {
    name: tuple(option for option, names in _CALLED.items() if name in names)
    for name in dict.fromkeys(name for names in _CALLED.values() for name in names)
}
"""A keyword of POT, OTT, GeomLoss or SciPy -> the options here that it may mean."""

REMARKS: dict[str, str] = {
    "blur": " It is in the units of the cost: GeomLoss's blur s is epsilon = 2 s^2 for the cost 'square', s for "
    "'euclidean'.",
    "M": " A cost matrix goes to emd(a, b, C) or sinkhorn(a, b, C, epsilon).",
    "C": " A cost matrix goes to emd(a, b, C) or sinkhorn(a, b, C, epsilon).",
    "cost": " Points and a cost go to transport(x, y, cost); this function takes a cost matrix.",
    "metric": " Points and a cost go to transport(x, y, cost).",
    "p": " The exponent belongs to the cost, cost={'name': 'power', 'p': 3}, or to wasserstein(x, y, p=3).",
    "reg": " A regularised plan is sinkhorn's or transport's, with epsilon.",
    "epsilon": " A regularised plan is sinkhorn's or transport's, with epsilon.",
    "debias": " The debiased one is sinkhorn_divergence(x, y, epsilon).",
    "log": " The plan has its potentials, iterations and errors as attributes.",
    "verbose": " The plan has its potentials, iterations and errors as attributes.",
    "backend": " Tensors and arrays are both taken; answers are of the same kind.",
}
"""What else to say of a keyword."""

P = ParamSpec("P")
R = TypeVar("R")


def hint(kind: str, name: object, known: Iterable[str]) -> str:
    """What a name that a table lacks probably means: a sentence, or nothing."""
    names = list(known)
    elsewhere = NAMES.get(kind, {}).get(str(name).lower(), "")
    if elsewhere in names:
        return f" It is called {elsewhere!r} here."
    if " " in elsewhere:
        return f" {elsewhere}"
    near = difflib.get_close_matches(str(name), names, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def unknown_option(function: str, name: str, known: Iterable[str]) -> ValueError:
    """The error for a keyword that a function lacks: it names the nearest one, or where to go."""
    names = list(known)
    called = next((option for option in OPTIONS.get(name, ()) if option in names), None)
    near = difflib.get_close_matches(name, names, n=1)
    if called is not None:
        means = f" It is called {called!r} here."
    else:
        means = f" Did you mean {near[0]!r}?" if near and name not in REMARKS else ""
    return ValueError(f"{function}: unknown option {name!r}.{means}{REMARKS.get(name, '')} Known: {', '.join(names)}.")


def checked_options(function: Callable[P, R]) -> Callable[P, R]:
    """The function, which answers an unknown keyword with a ValueError that names the nearest known one."""
    known = list(inspect.signature(function).parameters)

    @functools.wraps(function)
    def call(*args: P.args, **options: P.kwargs) -> R:
        for name in options:
            if name not in known:
                raise unknown_option(function.__name__, name, known)
        return function(*args, **options)

    return call
