"""The files of one part: `torch.export` archives, ONNX in float32, float16 and int8."""

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from remblai.config.registry import unknown
from remblai.deploy.parts import Part

Quantise = Literal["float16", "int8"]
Arrays = Mapping[str, NDArray[Any]]
OPSET = 18
"""The oldest opset that torch writes, which most runtimes read; the default."""
NEWEST = 23
"""The newest opset that is written: later ones are younger than the runtimes that people have."""
MISSING = "exporting needs the packages onnx, onnxruntime and onnxscript: pip install 'remblai[export]'"
CLASSES = "classes"
"""In the metadata of the files of a conditional model: the names of its classes, a list in JSON."""
CALIBRATION = 32
"""Rows in a batch of the data from which the ranges of int8 are taken."""


def check_request(quantise: str | None, opset: int) -> None:
    """Refuses what cannot be written, before anything is loaded.

    Raises:
        ValueError: a package is not installed, an opset that torch does not write or onnxruntime does not read, or an
            unknown precision.
    """
    if quantise not in (None, "float16", "int8"):
        raise unknown("quantise", quantise, ["float16", "int8"])
    try:
        import onnxruntime  # noqa: F401  # all three are of one extra: only who exports needs them
        import onnxscript  # noqa: F401
        from onnx.defs import onnx_opset_version
    except ImportError as error:
        raise ValueError(MISSING) from error
    newest = min(onnx_opset_version(), NEWEST)
    if not OPSET <= opset <= newest:
        raise ValueError(
            f"opset: expected {OPSET} to {newest}, which torch {torch.__version__} writes, got {opset}: leave it out "
            f"for {OPSET}."
        )


def write_part(folder: Path, part: Part, examples: Arrays, opset: int) -> None:
    """Writes `NAME.pt2` and `NAME.onnx` into the folder: one trace of the module, the first axis of any length.

    Args:
        folder: where.
        part: what.
        examples: a row or more of each input.
        opset: of the ONNX file.
    """
    # two rows: a trace of one would take an axis of length 1 as one that is always so
    given = tuple(torch.from_numpy(np.resize(examples[name], (2, *examples[name].shape[1:]))) for name in part.inputs)
    axes = {
        name: torch.export.Dim(name) for shape, _ in part.inputs.values() for name in shape if isinstance(name, str)
    }
    dynamic = tuple(
        {place: axes[name] for place, name in enumerate(shape) if isinstance(name, str)}
        for shape, _ in part.inputs.values()
    )
    described = {CLASSES: json.dumps(part.classes)} if part.classes else {}
    with _quiet(), torch.no_grad():
        program = torch.export.export(part.module, given, dynamic_shapes=dynamic)
        archive = io.BytesIO()  # torch's own writer ends the process where the disk is full
        torch.export.save(program, archive, extra_files=described)
        (folder / f"{part.name}.pt2").write_bytes(archive.getbuffer())
        onnx = torch.onnx.export(
            program,
            opset_version=opset,
            dynamo=True,
            input_names=list(part.inputs),
            output_names=[part.output],
            verbose=False,
        )
        assert onnx is not None
        onnx.model.metadata_props.update(described)
        onnx.save(folder / f"{part.name}.onnx", external_data=False)


def write_float16(source: Path, target: Path) -> None:
    """Writes the ONNX file with weights and arithmetic in float16; inputs and outputs keep their types."""
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    with _quiet():
        model = convert_float_to_float16(onnx.load(source), keep_io_types=True, op_block_list=_float32_only())
    onnx.save(model, target)


def write_int8(source: Path, target: Path, calibration: Arrays) -> None:
    """Writes the ONNX file with layers in int8, whose ranges are those of real rows; inputs and outputs are as before.

    Args:
        source: the file in float32.
        target: where.
        calibration: rows of each input.
    """
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    with _quiet():
        quantize_static(
            source,
            target,
            _reader(calibration),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "ConvTranspose", "Gemm", "MatMul"],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )


def opset_of(path: Path) -> int:
    """The opset that an ONNX file states."""
    import onnx

    return int(next(one.version for one in onnx.load(path, load_external_data=False).opset_import if not one.domain))


def _reader(calibration: Arrays) -> Any:
    """The rows in batches, as the library reads them."""
    from onnxruntime.quantization import CalibrationDataReader

    class Rows(CalibrationDataReader):
        def __init__(self) -> None:
            n = len(next(iter(calibration.values())))
            self.batches = iter(
                {name: of[start : start + CALIBRATION] for name, of in calibration.items()}
                for start in range(0, n, CALIBRATION)
            )

        def get_next(self) -> dict[str, NDArray[Any]] | None:
            return next(self.batches, None)

    return Rows()


def _float32_only() -> list[str]:
    """Operators that stay in float32: what float16 would round away, and what onnxruntime has no float16 for."""
    from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST

    return [*DEFAULT_OP_BLOCK_LIST, "Cast", "Round", "Floor", "Clip", "Div"]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings and the log of the exporters, which say nothing to the user of a model."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
