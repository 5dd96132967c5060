"""The files of an exported model, each compared with the run, and what is known of them."""

import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

from remblai.data import Dataset
from remblai.deploy import check
from remblai.deploy.card import model_card
from remblai.deploy.figures import figures_of_export
from remblai.deploy.files import OPSET, Quantise, check_request, opset_of, write_float16, write_int8, write_part
from remblai.deploy.parts import Part, parts_of
from remblai.deploy.place import CARD, RECORD, building, check_place, move
from remblai.runs.data import data_like
from remblai.runs.figures import law_of_samples
from remblai.runs.load import load
from remblai.runs.model import Trained
from remblai.runs.published import public_settings
from remblai.runs.record import SCHEMA
from remblai.runtime.files import place as placed
from remblai.runtime.files import sha256_of, write_json


def export(
    trained: Trained | str | Path,
    out: str | Path,
    *,
    quantise: Quantise | None = None,
    opset: int = OPSET,
    sampler: str | None = None,
    data: Any = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Writes a model's encoder, decoder and sampler as ONNX files and `torch.export` archives, with a model card.

    Each file takes and gives data as they are: type, range, layout and standardisation are in the graph, and so is
    resizing where images were resized when they were read; the number of rows is free. Averaged weights are used where
    there are any.
    Each file is compared with the run on held-out data and kept only within its bound (`check.BOUNDS`).

    Returns what `export.json` holds: the files with their inputs, outputs and differences, and what is missing and why.

    Args:
        trained: the model, or its run's folder.
        out: the folder.
        quantise: float16 or int8: each ONNX file in this precision too, as NAME.float16.onnx or NAME.int8.onnx.
        opset: of the ONNX files.
        sampler: the law of codes that samples are decoded from, as for `Trained.sample`.
        data: the data that files are compared on, where those of the run were passed in Python or have moved.
        overwrite: replace an earlier export in the folder.

    Raises:
        ValueError: a model without encoder and decoder; a package that is not installed; an opset that is not written;
            a folder that holds anything else; data that are not there.
        RuntimeError: a file in float32 that differs from the run by more than its bound.
    """
    check_request(quantise, opset)
    place = placed(out)
    check_place(place, overwrite)
    trained = trained if isinstance(trained, Trained) else load(trained, device="cpu")
    parts, missing = parts_of(trained, sampler)
    dataset = data_like(trained.run.settings, trained.units, data) if trained.encodes or data is not None else None
    with building(place) as folder:
        files: dict[str, Any] = {}
        for part in parts:
            files |= _write(folder, part, trained, dataset, quantise, opset, missing)
        record = {
            "schema": SCHEMA,
            "recipe": trained.run.settings["recipe"],
            "step": trained.step,
            **law_of_samples(trained, sampler),
            "opset": opset,
            "columns": list(trained.units.columns or ()),
            "classes": trained.classes if trained.conditional else [],
            "files": files,
            "missing": missing,
        }
        write_json(folder / "run.json", public_settings(trained.run.settings))
        figures = figures_of_export(trained, sampler, dataset)
        (folder / CARD).write_text(model_card(trained, parts, record, figures), encoding="utf-8")
        write_json(folder / RECORD, record)
        move(folder, place)
    return record


def _write(
    folder: Path,
    part: Part,
    trained: Trained,
    dataset: Dataset | None,
    quantise: Quantise | None,
    opset: int,
    missing: dict[str, str],
) -> dict[str, Any]:
    """Writes the files of a part and compares each with the run; what is known of each."""
    inputs = check.inputs_of(part, trained, dataset)
    write_part(folder, part, inputs, opset)
    onnx, archive = folder / f"{part.name}.onnx", folder / f"{part.name}.pt2"
    precisions = {onnx: "float32", archive: "float32"}
    if quantise is not None:
        rounded = folder / f"{part.name}.{quantise}.onnx"
        precisions[rounded] = quantise
        if quantise == "float16":
            write_float16(onnx, rounded)
        else:
            write_int8(onnx, rounded, check.inputs_of(part, trained, dataset, split="train", seed=1))
    expected, found = check.expected_of(part, trained, inputs), {}
    for path, precision in precisions.items():
        run = check.run_archive if path == archive else check.run_onnx
        away = check.difference(part, run(path, inputs), expected, trained.units)
        if not away.within(precision):
            _leave_out(path, precision, away, missing)
            continue
        found[path.name] = {
            "precision": precision,
            "opset": None if path == archive else opset_of(path),
            "inputs": {name: _described(*of) for name, of in part.inputs.items()},
            "outputs": {part.output: list(part.output_shape)},
            "difference": asdict(away),
            "bound": dict([check.BOUNDS[precision]]),
            "sha256": sha256_of(path),
        }
    return found


def _leave_out(path: Path, precision: str, away: check.Difference, missing: dict[str, str]) -> None:
    """Removes a file of rounded weights whose difference is above its bound, with a warning.

    Raises:
        RuntimeError: a file in float32, which has to do what the run does.
    """
    kind, bound = check.BOUNDS[precision]
    value = away.largest if kind == "largest" else away.root_mean_square
    words = f"its {kind} difference from the run is {value:.2g} {away.scale}, above {bound:g}"
    if precision == "float32":
        raise RuntimeError(f"{path.name}: {words}: nothing is exported. Report it with the run's run.json")
    path.unlink()
    missing[path.name] = words
    warnings.warn(f"{path.name} is left out: {words}", stacklevel=3)


def _described(shape: tuple[int | str, ...], kind: Any) -> dict[str, Any]:
    return {"shape": list(shape), "type": str(kind).removeprefix("torch.")}
