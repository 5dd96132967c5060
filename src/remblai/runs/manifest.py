"""The contents of `run.json`: everything that is needed to repeat a run, and how the settings of two runs differ."""

import datetime
import math
import platform
from collections.abc import Container, Mapping, Sequence
from importlib.metadata import version
from typing import Any, Literal

import torch

from remblai.config.convert import convert
from remblai.config.registry import flatten
from remblai.data import SPLITS, Dataset
from remblai.data.pretrained import Pretrained
from remblai.recipes import RECIPES, Recipe
from remblai.runs.data import Spec, location
from remblai.runs.feed import is_images
from remblai.runs.resolve import Resolved, customs, find, flat_of, from_json, not_passed, resolve
from remblai.runtime import devices, distributed
from remblai.training import State

Precision = Literal["auto", "float32", "bfloat16"]
Compile = Literal["auto", "on", "off"]
Graph = Literal["auto", "on", "off"]
FROM_THE_LOOP = ("patience", "evaluate_every", "checkpoint_every", "keep")
"""What a run does beside its steps, which `train` takes from the run that it resumes or repeats."""
CRITIC_OPTIONS = ("critic_steps", "critic_lr", "critic_schedule", "own_batches")
"""Options of the loop that only critics have."""

OF_DATA = "data "
"""How a difference of the data of two runs begins."""


def now() -> str:
    """The time in UTC, as run.json writes it."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def resolve_run(recipe: str | Recipe | None, options: Mapping[str, Any], base: Mapping[str, Any] | None) -> Resolved:
    """Every option of a new run: those of the recipe or of the run to repeat, and what is given in addition.

    Raises:
        ValueError: unknown names, another recipe than that of the run to repeat, or a live part of it that is missing.
    """
    if base is None:
        if recipe is None:
            raise ValueError("recipe: expected a name such as wae-mmd, or from_run.")
        return resolve(recipe, options)
    if recipe is not None and base["recipe"] in RECIPES and find(recipe) is not RECIPES[base["recipe"]]:
        raise ValueError(f"from_run was made by {base['recipe']}: leave the recipe out to repeat it.")
    given = (
        flat_of(find(recipe or base["recipe"]), options) if recipe or base["recipe"] in RECIPES else flatten(options)
    )
    live = {name: given[name] for name in customs(base) if name in given}
    earlier = from_json(base, find(recipe) if recipe is not None else None, **live)
    _check_loop(base, earlier, given)
    overridden = tuple(f"{name}." for name in given)
    kept = {
        name: value for name, value in (earlier.arguments | earlier.loop).items() if not name.startswith(overridden)
    }
    return resolve(recipe or base["recipe"], kept | given)


def _check_loop(base: Mapping[str, Any], repeated: Resolved, given: Container[str]) -> None:
    """Refuses to repeat a loop with a function that is neither passed nor the recipe's own."""
    loop = repeated.to_json()["loop"]
    for name, value in customs(base).items():
        if name in base["loop"] and name not in given and loop[name] != value:
            raise not_passed(name, value)


def resolve_counts(resolved: Resolved, dataset: Dataset, epochs: float | None, steps_given: bool) -> None:
    """Reduces a default batch size to the size of the data, and converts epochs to steps.

    Raises:
        ValueError: steps and epochs both or neither, or epochs that are no number above 0.
    """
    loop, size = resolved.loop, len(dataset.train)
    if loop["batch_size"] > size and "batch_size" not in resolved.given:
        loop["batch_size"] = size
    if epochs is None:
        if loop["steps"] is None:
            raise ValueError(f"{resolved.recipe.name} has no default number of steps: give steps or epochs.")
        return
    if steps_given:
        raise ValueError("steps and epochs: give one of them, not both.")
    if not 0 < epochs < math.inf:
        raise ValueError(f"epochs: expected a number above 0, got {epochs}.")
    # a batch or an accumulation of 0 is refused by State
    loop["steps"] = max(1, int(epochs * (size // max(1, loop["batch_size"])) / max(1, loop["accumulate"])))


def check_critics(state: State, resolved: Resolved) -> None:
    """Refuses options of critics, other than the recipe's defaults, where no critic is trained.

    Raises:
        ValueError: there is one.
    """
    own = {option.name: option.default for option in resolved.loop_signature}
    idle = [name for name in CRITIC_OPTIONS if resolved.loop[name] != own[name]]
    if state.critics is None and idle:
        raise ValueError(
            f"{idle[0]}: this model trains no critic, so the option has no effect: leave it out, or choose a part "
            "with a critic, such as the penalty or discrepancy 'adversarial'."
        )


def repeated(
    base: Mapping[str, Any] | None,
    precision: Precision,
    compile: Compile,
    conditional: bool | None,
    augment: Sequence[str] | None,
) -> dict[str, Any]:
    """The options that were asked for; where one was not, what the run to repeat had.

    Args:
        base: the settings of that run; None of a run that repeats none.
        precision: as it was asked for; the others too.
        compile: whether losses are compiled.
        conditional: whether the model is; None is not asked.
        augment: names of augmentations; None is not asked.
    """
    if base is not None:
        precision = base["precision"] if precision == "auto" else precision
        compile = ("on" if base["compile"] else "off") if compile == "auto" else compile
        conditional = base.get("conditional") if conditional is None else conditional
        augment = base.get("augment") if augment is None else augment
    return {
        "precision": precision,
        "compile": compile,
        "conditional": convert("conditional", conditional or False, bool),
        "augment": tuple(augment or ()),
    }


def describe(
    resolved: Resolved,
    spec: Spec,
    dataset: Dataset,
    options: Mapping[str, Any],
    seed: int,
    device: torch.device,
    precision: str,
    compile: str,
    graph: str = "auto",
    conditional: bool = False,
    augment: Sequence[str] = (),
) -> dict[str, Any]:
    """The settings of a run that is about to start."""
    precision, compile = convert("precision", precision, Precision), convert("compile", compile, Compile)
    graph = convert("graph", graph, Graph)
    gpu = device.type == "cuda"
    if precision == "auto":
        precision = "bfloat16" if gpu and devices.has_bfloat16(device) else "float32"
    return resolved.to_json() | {
        "data": _describe_data(spec, dataset, options),
        "seed": seed,
        "conditional": conditional,
        "augment": list(augment),
        "device": torch.cuda.get_device_name(device) if gpu else "cpu",
        "precision": precision,
        "compile": compile == "on",
        # several processes exchange gradients within a step, which is not recorded
        "graph": graph == "on" or (graph == "auto" and gpu and distributed.world() == 1),
        "processes": distributed.world(),
        "layout": "channels-last" if is_images(dataset) else "plain",
        "float32": devices.arithmetic(device),
        "threads": torch.get_num_threads(),
        "versions": {
            "remblai": version("remblai"),
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": version("numpy"),
            "scikit-learn": version("scikit-learn"),
        },
        "started": now(),
        "ended": None,
        "status": "running",
    }


def _describe_data(spec: Spec, dataset: Dataset, options: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "spec": spec if isinstance(spec, str) else dict(spec),
        "options": dict(options),
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "shape": list(dataset.shape),
        "units": dataset.units.to_json(),
        "classes": dataset.classes,
        "splits": {name: len(dataset.split(name)) for name in SPLITS},
        "split_note": dataset.split_note,
        "path": location(spec),
        "notes": list(dataset.notes),
    }


def as_config(settings: Mapping[str, Any]) -> dict[str, Any]:
    """A run's settings as the options of `train` by name: what `config.yaml` holds.

    Live parts and data in memory, which no file can hold, are named as custom: `train` asks for them.
    """
    data = settings["data"]
    found = {"recipe": settings["recipe"], "data": data["spec"], "seed": settings["seed"]} | data["options"]
    units = data.get("units", {})
    if units.get("columns") and units.get("mean") and not units.get("scores"):
        found["scaling"] = "standard"  # a run of an earlier version does not say so, and a table has scores unasked
    found |= {"precision": settings["precision"], "compile": "on" if settings["compile"] else "off"}
    found |= {"graph": "on" if settings["graph"] else "off"} if "graph" in settings else {}
    found |= {"conditional": True} if settings.get("conditional") else {}
    found |= {"augment": settings["augment"]} if settings.get("augment") else {}
    found |= {name: settings[name] for name in FROM_THE_LOOP if settings.get(name) is not None}
    return flatten(found | settings["arguments"] | settings["loop"])


def dotted(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings by the names of the options of `train`, and what else is known of the run."""
    data = {f"data.{name}": settings["data"][name] for name in ("fingerprint", "split_note")}
    names = ("device", "threads", "started", "ended", "status")
    return as_config(settings) | data | {name: settings[name] for name in names}


def codes_in_words(codes: Mapping[str, Any] | None) -> str:
    """The auto-encoder of a run, as run.json keeps it, in words."""
    return "none" if codes is None else str(Pretrained.from_json(codes))


def _one_function(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether both recipes are one function of equal files, wherever these lie."""
    names = [str(side["recipe"]).rpartition(":")[2] for side in (old, new)]
    return old.get("code") is not None and old.get("code") == new.get("code") and names[0] == names[1]


def differences(old: Mapping[str, Any], new: Mapping[str, Any], given: Container[str] = ()) -> list[str]:
    """The settings in which a resumed run differs from the run on disk, in words; more steps are no difference.

    Args:
        old: of the run on disk; a version that did not have an option recorded nothing of it.
        new: of the request to resume it.
        given: the dotted names of the options that were asked for: an option that the old settings lack is a
            difference only there, for a default does what was done without the option.
    """
    found = []
    parts = ["recipe", "arguments", "loop", "seed", "precision", "compile"]
    # a run of another number of processes, which need not be equal, or of a version without graphs
    alike = "graph" in old and "graph" in new and old.get("processes") == new.get("processes")
    parts += ["graph"] * alike
    for part in parts:
        before, after = (flatten({part: side[part]}) for side in (old, new))
        for name in sorted(before.keys() | after.keys()):
            a, b = before.get(name), after.get(name)
            longer = name == "loop.steps" and b is not None and a is not None and b >= a
            option = name.removeprefix("arguments.").removeprefix("loop.")
            added = part in ("arguments", "loop") and name not in before and option not in given
            if a != b and not longer and not added and not (name == "recipe" and _one_function(old, new)):
                found.append(f"{option} was {a}, now {b}")
    for name in ("conditional", "augment"):
        was, is_now = old.get(name) or "off", new.get(name) or "off"
        if was != is_now:
            found.append(f"{name} was {was}, now {is_now}")
    was, is_now = ("normal-scores" if side["data"]["units"].get("scores") else "standard" for side in (old, new))
    if was != is_now:
        found.append(f"scaling was {was}, now {is_now}")
    was_codes, now_codes = (side["data"]["units"].get("codes") for side in (old, new))
    if was_codes != now_codes:
        found.append(f"codes_of was {codes_in_words(was_codes)}, now {codes_in_words(now_codes)}")
    elif old["data"]["fingerprint"] != new["data"]["fingerprint"]:  # the same data at another place are the same
        found += _of_data(old["data"], new["data"])
    return found


def _of_data(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """In what other data differ: their name, the options that they are read with, and what was read."""
    before, after = (
        {"spec": side["spec"], **side.get("options", {}), "fingerprint": side["fingerprint"]} for side in (old, new)
    )
    names = [name for name in dict.fromkeys([*before, *after]) if before.get(name) != after.get(name)]
    return [f"{OF_DATA}{name} was {before.get(name)}, now {after.get(name)}" for name in names]
