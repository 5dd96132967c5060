"""The fitted laws that a run keeps: samplers/NAME/STEP/ with law.json and tensors.safetensors, checked when read."""

import copy
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as tensors_of
from safetensors.torch import save
from torch import Tensor

from remblai.config.registry import make, unknown
from remblai.laws import FITTED, SAMPLERS, ByClass, FittedLaw, LatentLaw, Prior
from remblai.objectives import Objective
from remblai.runs.checkpoints import name_of, plain
from remblai.runs.folder import Run
from remblai.runs.record import CUSTOM, SCHEMA
from remblai.runtime.files import whole_folder, write_json

FOLDER, FACTS, TENSORS = "samplers", "law.json", "tensors.safetensors"
Record = dict[str, Any]


class Laws:
    """The laws of codes of a run's model: its own, and those that were fitted to the codes of its step.

    Args:
        run: the run.
        objective: its model.
        step: of its checkpoint.
        own: the law that the recipe's samples are decoded from, not fitted; None where it is the objective's.
    """

    def __init__(self, run: Run, objective: Objective, step: int, own: FittedLaw | None) -> None:
        self.run, self.objective, self.step, self.own = run, objective, step, own
        self._fitted: dict[str, FittedLaw] = {}

    def get(self, name: str) -> LatentLaw:
        """The law of this name.

        Raises:
            ValueError: an unknown name, a law that has not been fitted to the codes of this step, or the prior of codes
                whose law a generator learned.
        """
        if name in ("prior", self.objective.latent_name):
            if name != self.objective.latent_name:
                raise ValueError(
                    f"sampler {name!r}: no term matches these codes to a prior: a {self.objective.latent_name} learned "
                    "their law. Leave the sampler out, or fit a law to the codes."
                )
            return self.objective.latent_law
        if name not in self._fitted:
            self._take(self._kept(name))
        return self._fitted[name]

    def keep(self, law: FittedLaw) -> None:
        """Keeps a law, with the run too."""
        keep_law(self.run, law, self.step)
        self._take(law)

    def _take(self, law: FittedLaw) -> None:
        self._fitted[law.name] = law.to(next(self.objective.parameters()).device)

    def _kept(self, name: str) -> FittedLaw:
        """The law that the run keeps under this name."""
        own = self.own if self.own is not None and name == self.own.name else None
        if name not in SAMPLERS and own is None:
            raise unknown("sampler", name, SAMPLERS)
        last, typed = self.run.pointed("last"), "" if own is not None else f" --sampler {name}"
        remedy = f"`remblai fit {self.run.folder}{typed}`"
        also = ""
        if last is not None and int(last.name) != self.step:  # the best checkpoint, or one before a damaged last one
            also = f"; on the command line, {remedy}"
            remedy = f"`remblai.fit(trained{f', {name!r}' * bool(typed)})`"
        classes = None if self.objective.classes is None else self.objective.classes.count
        try:
            return read_law(self.run, name, self.step, own, classes)
        except ValueError as problem:
            raise ValueError(f"{problem}: {remedy} fits it{also}.") from None


def density_of(law: LatentLaw) -> Callable[..., Tensor]:
    """The log-density (n,) under a law, as a function of codes (n, k) and perhaps labels, for a law of each class.

    Raises:
        ValueError: it is not known.
    """
    if isinstance(law, ByClass):
        return law.log_prob
    if not isinstance(law, Prior | FittedLaw):
        raise ValueError("sampler: the density of a generator is not known: fit a law to the codes.")
    return lambda codes, labels=None: law.log_prob(codes)


def keep_law(run: Run, law: FittedLaw, step: int) -> None:
    """Keeps a law that was fitted to the codes of the checkpoint of this step; those of steps that are gone go."""
    facts, tensors = law.state()
    content = save(plain(tensors))
    record: Record = {"schema": SCHEMA, "name": law.name, "step": step, "options": law.options, "state": facts}
    record = json.loads(json.dumps(record, default=lambda value: f"{CUSTOM}{type(value).__qualname__}"))
    with run.writing():
        with whole_folder(_place(run, law.name, step)) as temporary:
            (temporary / TENSORS).write_bytes(content)
            write_json(temporary / FACTS, record | {"sha256": _checksum(record, content)})
        _forget(run)


def read_law(
    run: Run, name: str, step: int, template: FittedLaw | None = None, classes: int | None = None
) -> FittedLaw:
    """The law that was kept under this name for the checkpoint of this step.

    Nothing that the folder names is executed: the law is a copy of `template`, or one of the table `FITTED`.

    Args:
        run: the run.
        name: of the law.
        step: of the checkpoint.
        template: the run's own law, where it is of this name.
        classes: how many a conditional model has.

    Raises:
        ValueError: there is none, or it is damaged.
    """
    place, earlier = _place(run, name, step), _place_before(run, name, step)
    if not (place.is_dir() or earlier.is_file()):
        raise ValueError(f"{run.folder}: no law {name!r} has been fitted to the codes of step {step}")
    path = place if place.is_dir() else earlier
    try:
        record, tensors = _read(place) if place.is_dir() else _read_before(earlier)
        law = template
        if law is None:
            law = make(FITTED, {"name": name} | record["options"], "sampler")
            law = law if classes is None else ByClass(law, classes)
        restored: FittedLaw = copy.deepcopy(law).restore(record["state"], tensors)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as problem:
        raise ValueError(f"{path} cannot be read ({problem})") from None
    return restored


def _place(run: Run, name: str, step: int) -> Path:
    return run.folder / FOLDER / name / name_of(step)


def _place_before(run: Run, name: str, step: int) -> Path:
    """Where version 0.1 kept the tensors of a law, alone."""
    return run.folder / FOLDER / f"{name}-{name_of(step)}.safetensors"


def _read(place: Path) -> tuple[Record, dict[str, Tensor]]:
    record, content = json.loads((place / FACTS).read_text()), (place / TENSORS).read_bytes()
    if record.pop("sha256") != _checksum(record, content):
        raise ValueError("it has changed since it was written")
    return record, tensors_of(content)


def _read_before(path: Path) -> tuple[Record, dict[str, Tensor]]:
    return {"options": {}, "state": {}}, tensors_of(path.read_bytes())


def _checksum(record: Record, content: bytes) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode() + content).hexdigest()


def _forget(run: Run) -> None:
    """Removes the laws of checkpoints that are gone; a published run has none, and keeps its laws."""
    names = {name_of(step) for step in run.steps_kept()}
    if not names:
        return
    laws = run.folder / FOLDER
    for path in laws.glob("*/[0-9]*"):
        if path.name not in names:
            shutil.rmtree(path)
    for path in laws.glob("*.safetensors"):
        if path.stem.rpartition("-")[2] not in names:
            path.unlink()
