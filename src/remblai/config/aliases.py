"""Names that users bring from other libraries: what they are called here, and errors that say so."""

import difflib
import functools
import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from types import NoneType, UnionType
from typing import Any, ParamSpec, TypeVar, Union, get_args, get_origin

ALIASES: dict[str, str] = {
    "2-wasserstein": "wasserstein",
    "adversarial-autoencoder": "aae",
    "autoencoder": "ae",
    "chi-square": "pearson",
    "chi2": "pearson",
    "cityblock": "manhattan",
    "earth-mover": "wasserstein",
    "emd": "exact",
    "energy": "energy-distance",
    "euclidian": "euclidean",
    "fgan": "f-gan",
    "frechet-distance": "frechet",
    "gaussian-kernel": "gaussian",
    "generative-moment-matching": "gmmn",
    "highs": "linear-program",
    "infovae": "info-vae",
    "inverse-multiquadric": "imq",
    "jensenshannon": "jensen-shannon",
    "js": "jensen-shannon",
    "kl": "kullback-leibler",
    "l1": "manhattan",
    "l2": "euclidean",
    "lp": "linear-program",
    "minkowski": "power",
    "mmdvae": "mmd-vae",
    "mse": "square",
    "rbf": "gaussian",
    "reverse-kl": "reverse-kullback-leibler",
    "simplex": "network-simplex",
    "sinkhorn": "entropic",
    "sinkhorn-divergence": "entropic",
    "sliced-wasserstein": "sliced",
    "smooth-l1": "huber",
    "sqeuclidean": "square",
    "squared": "square",
    "squared-euclidean": "square",
    "swd": "sliced",
    "tv": "total-variation",
    "vanilla-gan": "gan",
    "w2": "wasserstein",
    "wae": "wae-mmd",
    "wgan-clip": "wgan",
    "wgangp": "wgan-gp",
}
"""A name from elsewhere -> the name here. It is used where the table that is asked has the second name."""

CLASSES = (
    "Labels are read from class folders and from the labels of .npz files; --label of `train` names a table's column, "
    "data_options={'label': ...} of remblai.train in Python; the class of what is drawn, encoded or decoded is "
    "--class, labels= in Python."
)

BY_CLASS = (
    "Every recipe is trained on classes: `train {0} --conditional`, in Python remblai.train('{0}', conditional=True)."
)

INCEPTION = (
    "{0} is {1} on Inception's features and no others: `remblai distance A B --metric {2}` and `remblai evaluate RUN "
    "--features inception`, in Python remblai.distance(a, b, metric='{2}') and remblai.evaluate(run, "
    "features='inception'). Other features give `{3}`."
)

ANSWERS: dict[str, str] = {
    "acgan": BY_CLASS.format("gan"),
    "automodel": "A run is loaded by remblai.load(folder).",
    "cgan": BY_CLASS.format("gan"),
    "cvae": BY_CLASS.format("vae"),
    "barycenter": "It is barycentre(laws).",
    "empirical-sinkhorn-divergence": "It is sinkhorn_divergence(x, y, epsilon), from values; POT's is from costs.",
    "emd-1d": "It is line.transport_cost(x, y).",
    "emd2-1d": "It is line.transport_cost(x, y).",
    "energydistance": "It is energy_distance().",
    "free-support-barycenter": "It is barycentre(laws, support=k).",
    "partial-wasserstein": "It is partial(a, b, C, mass=m).",
    "partial-wasserstein2": "It is partial(a, b, C, mass=m).value.",
    "sinkhorn-unbalanced": "It is sinkhorn(a, b, C, epsilon, unbalanced=rho).",
    "wasserstein-circle": "It is circle.transport_cost(x, y).",
    "dist": "Points and a cost go to transport(x, y, cost), which makes the matrix.",
    "emd2": "The value of a plan is emd(a, b, C).value.",
    "fid": INCEPTION.format("FID", "the Frechet distance", "fid", "frechet"),
    "gromov-wasserstein": "Gromov-Wasserstein distances are not offered: POT has them.",
    "gromov-wasserstein2": "Gromov-Wasserstein distances are not offered: POT has them.",
    "entropic-gromov-wasserstein": "Gromov-Wasserstein distances are not offered: POT has them.",
    "fused-gromov-wasserstein": "Gromov-Wasserstein distances are not offered: POT has them.",
    "lr-sinkhorn": "Low-rank couplings are not offered: OTT-JAX has them.",
    "inception-score": "It needs the logits of an Inception classifier, which are not here; `remblai evaluate`, "
    "remblai.evaluate in Python, gives the score of a classifier of the data's own classes.",
    "kid": INCEPTION.format("KID", "the kernel distance", "kid", "kernel_distance"),
    "classes": CLASSES,
    "label": CLASSES,
    "labels": CLASSES,
    "kernel-choice": "Use penalty.kernel.",
    "n-projections": "Use directions.",
    "num-epochs": "Use epochs.",
    "learning-rate": "Use lr.",
    "max-iter": "Use max_iterations for a solver, steps for training.",
    "n-epochs": "Use epochs.",
    "reg": "The entropic regularisation is called epsilon.",
    "reg-weight": "The penalty's weight is called weight.",
    "samplesloss": "It is discrepancies.Entropic; MMD and energy_distance are beside it.",
    "sinkhorn2": "It is sinkhorn(a, b, C, epsilon).cost, <P, C>; .value has the entropic term too.",
    "sliced-wasserstein-distance": "It is discrepancies.Sliced(directions)(x, y), the square.",
    "wasserstein-1d": "It is wasserstein(x, y, p=1) of numbers, the root; line.transport_cost is without the root.",
    "wasserstein-distance": "It is wasserstein(x, y, p=1).",
    "z-dim": "Use latent.",
    "latent-dim": "Use latent.",
    "lambda": "The penalty's weight is called weight.",
    "output": "Use out.",
    "w1": "Use wasserstein with p 1.",
    "workers": "Data stay in memory, so there are no workers; threads sets those of the CPU.",
    "biggan": "BigGAN is not offered; sn-gan is the game that it grew from.",
    "cyclegan": "Translation between two sets of images is not offered.",
    "ddim": "Diffusion models are not offered; flow-matching is the nearest.",
    "ddpm": "Diffusion models are not offered; flow-matching is the nearest.",
    "diffusion": "Diffusion models are not offered; flow-matching is the nearest.",
    "stylegan": "StyleGAN is not offered; gan, with R1 as its, is the nearest.",
    "vqvae": "Discrete codes are not offered.",
}
"""A name from elsewhere that has no counterpart in a table -> what to use."""

_CALLED: dict[str, tuple[str, ...]] = {
    "directions": ("n_projections", "num_projections", "projections"),
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


def hint(name: object, known: Iterable[str]) -> str:
    """What a name that a table lacks probably means: a sentence, or nothing."""
    names = list(known)
    if names_code(str(name)):
        return " A function of a file is a recipe or data only: use it in a recipe of yours, or pass it in Python."
    if sentence := answer(name, names):
        return f" {sentence}"
    near = difflib.get_close_matches(str(name), names, n=1) or difflib.get_close_matches(str(name).lower(), names, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def names_code(name: str) -> bool:
    """Whether a text names a file of Python, with or without what is meant in it."""
    return name.endswith(".py") or ".py:" in name


def answer(name: object, known: list[str]) -> str:
    """What leads a user on who asked for a name from elsewhere: the name here, a sentence, or nothing.

    Args:
        name: what was asked for; case, underscores and leading dashes do not matter.
        known: the names that are available where it was asked for.
    """
    plain = str(name).strip("-").lower().replace("_", "-").rpartition(".")[2]
    here = ALIASES.get(plain)
    if here in known:
        return f"It is called {here!r} here."
    return ANSWERS.get(plain, "")


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


def checked_options(function: Callable[P, R], called: str | None = None) -> Callable[P, R]:
    """The function, which answers an unknown keyword with a ValueError that names the nearest known one, text for a
    number and a broken number for a whole one with one that says so.

    Args:
        function: any; one that takes keywords of any name is left as it is.
        called: its name in the error; its own when None.
    """
    parameters = inspect.signature(function).parameters
    if any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
        return function
    known = [name for name in parameters if name != "self"]
    numbers = [name for name, one in parameters.items() if _is_number(one.annotation)]
    whole = [name for name in numbers if float not in _kinds(parameters[name].annotation)]
    places = list(parameters)

    @functools.wraps(function)
    def call(*args: P.args, **options: P.kwargs) -> R:
        for name in options:
            if name not in known:
                raise unknown_option(called or function.__name__, name, known)
        given = dict(zip(places, args, strict=False)) | options
        for name in numbers:
            if isinstance(given.get(name), str | bytes | Mapping):
                raise ValueError(f"{called or function.__name__}: {name}: expected a number, got {given[name]!r}.")
        for name in whole:
            if isinstance(value := given.get(name), float) and math.isfinite(value) and not value.is_integer():
                raise ValueError(f"{called or function.__name__}: {name}: expected a whole number, got {value!r}.")
        return function(*args, **options)

    return call


def _is_number(annotation: Any) -> bool:
    """Whether an annotation is of a number, or of one or None."""
    return all(one in (int, float, NoneType) for one in _kinds(annotation))


def _kinds(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def missing(module: str, name: str, known: Iterable[str]) -> AttributeError:
    """The error for a name that a module lacks: it leads on who knows the name from another library."""
    return AttributeError(f"module {module!r} has no attribute {name!r}.{hint(name, known)}")
