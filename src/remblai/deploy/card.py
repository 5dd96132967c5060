"""The model card: what the model is, what it was measured at, and how it runs without remblai."""

from collections.abc import Mapping, Sequence
from typing import Any

from remblai.data import Units
from remblai.data.mixed import Mixed
from remblai.deploy.figures import figures_of_run
from remblai.deploy.parts import CLASS, NOISE, Part
from remblai.runs.model import Trained
from remblai.runs.published import public_place
from remblai.runtime.text import printable


def model_card(trained: Trained, parts: Sequence[Part], record: Mapping[str, Any], figures: str) -> str:
    """The card of an export, as Markdown.

    Args:
        trained: the model.
        parts: that were exported.
        record: what `export.json` holds.
        figures: their section.
    """
    sections = [
        _head(trained),
        "## Run it\n\nWith the packages numpy and onnxruntime, in this folder:\n\n```python\n"
        + "\n".join(_lines(parts))
        + "\n```\n",
        _files(record),
        *([_classes(record)] if record["classes"] else []),
        figures,
        _data(trained),
    ]
    return "\n".join(sections)


def hub_card(trained: Trained, name: str) -> str:
    """The card of a run on the hub, as Markdown with the header that the hub reads."""
    header = "---\nlibrary_name: remblai\ntags:\n- remblai\n- optimal-transport\n- generative-model\n---\n\n"
    labels = f", labels={printable(trained.classes[0])!r}" if trained.conditional else ""
    code = f'import remblai\n\nrun = remblai.load("hub:{name}")\nx = run.sample(64{labels})'
    if trained.encodes:
        code += f"\nz = run.encode(x{labels})"
    return header + "\n".join(
        [_head(trained), f"## Run it\n\n```python\n{code}\n```\n", figures_of_run(trained), _data(trained)]
    )


def _head(trained: Trained) -> str:
    settings = trained.run.settings
    recipe, name = (printable(str(of)) for of in (settings["recipe"], settings["data"]["name"]))
    return (
        f"# {recipe} on {name}\n\n{trained.summary} Step {trained.step:,}, seed {settings['seed']}, remblai "
        f"{settings['versions']['remblai']}; `run.json` holds every option.\n"
    )


def _lines(parts: Sequence[Part]) -> list[str]:
    """Five lines or fewer that draw samples and encode them, or as much of it as there is."""
    known = {part.name: part for part in parts}
    names = [name for name in ("encoder", "sampler" if "sampler" in known else "decoder") if name in known]
    sessions = ", ".join(f'onnxruntime.InferenceSession("{name}.onnx")' for name in names)
    lines = ["import numpy, onnxruntime", f"{', '.join(names)} = {sessions}"]
    if names[-1] == "encoder":  # a model that does not decode: data of the user's own go in
        return lines
    source = known[names[-1]]
    start = next(iter(source.inputs))
    width = source.inputs[start][0][1]
    normal = f"numpy.random.default_rng(0).standard_normal((16, {width}), numpy.float32)"
    shape = ", ".join(map(str, source.output_shape[1:]))
    numbered = f', "{CLASS}": classes' * (CLASS in source.inputs)
    if numbered:
        count = len(source.classes)
        lines.append(f'{start}, classes = {normal}, numpy.arange(16, dtype="int64") % {count}  # a class for each row')
    else:
        lines.append(f"{start} = {normal}")
    lines.append(f'{source.output} = {names[-1]}.run(None, {{"{start}": {start}{numbered}}})[0]  # (16, {shape})')
    if "encoder" in names:
        extra = f', "{NOISE}": {start}[:, :{_code_width(known["encoder"])}]' * (NOISE in known["encoder"].inputs)
        lines.append(
            f'codes = encoder.run(None, {{"{source.output}": {source.output}{numbered}{extra}}})[0]  '
            f"# (16, {_code_width(known['encoder'])}), of data of your own too"
        )
    return lines


def _code_width(encoder: Part) -> int:
    return int(encoder.output_shape[1])


def _files(record: Mapping[str, Any]) -> str:
    rows = ["| file | precision | takes | gives | largest difference from the run | root mean square |"]
    rows.append("|---|---|---|---|---|---|")
    for name, file in record["files"].items():
        takes = ", ".join(f"{key} {_shape(of['shape'])} {of['type']}" for key, of in file["inputs"].items())
        gives = ", ".join(f"{key} {_shape(of)}" for key, of in file["outputs"].items())
        away = file["difference"]
        precision = file["precision"] + (f", opset {file['opset']}" if file["opset"] else ", `torch.export`")
        rows.append(
            f"| `{name}` | {precision} | {takes} | {gives} | {away['largest']:.1e} {away['scale']} "
            f"| {away['root_mean_square']:.1e} |"
        )
    flow = (
        f" Of the flow {record['sampling_steps']} steps with guidance {record['guidance']:g} are in the file."
        if "guidance" in record
        else ""
    )
    words = (
        "\nThe differences are those on "
        f"{max((file['difference']['rows'] for file in record['files'].values()), default=0)} rows by onnxruntime; of "
        "whole numbers what is beyond their rounding. `noise` is standard normal"
        + ("" if not _noisy(record) else "; of the encoder, which is random, 0 gives the middle of the law of a code")
        + f". Samples are decoded draws of the law `{record['sampler']}`.{flow}\n"
    )
    if any("height" in of["shape"] for file in record["files"].values() for of in file["inputs"].values()):
        words += "Images of any size go in: the middle square is cut out and resized in the graph.\n"
    absent = [f"- No {name}: {printable(why)}\n" for name, why in record["missing"].items()]
    return "## Files\n\n" + "\n".join(rows) + "\n" + words + ("\n" + "".join(absent) if absent else "")


def _classes(record: Mapping[str, Any]) -> str:
    """How a class is given."""
    named = ", ".join(f"{number} is `{printable(name)}`" for number, name in enumerate(record["classes"]))
    return (
        f"## Classes\n\n`{CLASS}` (n,) is the number of a class for each row: {named}. The names are also in the "
        "metadata of each ONNX file, as a list in JSON: "
        '`json.loads(sampler.get_modelmeta().custom_metadata_map["classes"])`. '
        "Another number is an error in onnxruntime on a CPU and in torch; a runtime that does not check look-ups gives "
        "an output that means nothing.\n"
    )


def _noisy(record: Mapping[str, Any]) -> bool:
    return any(NOISE in file["inputs"] for name, file in record["files"].items() if name.startswith("encoder"))


def _data(trained: Trained) -> str:
    data, units = trained.run.settings["data"], trained.units
    counts = ", ".join(f"{count:,} {name}" for name, count in data["splits"].items())
    shape = " x ".join(map(str, units.visible.shape))
    split = printable(str(data["split_note"] or counts)).rstrip(".")
    words = [f"{printable(str(data['name']))}: {'images' if units.range else 'points'} of {shape}; {split}."]
    if units.codes is not None:
        sides = " x ".join(map(str, units.shape))
        network = f"{units.codes.kind} `{printable(public_place(units.codes.place))}`"
        words.append(
            f"The model is one of codes {sides} of the pretrained {network} (sha256 {units.codes.sha256[:12]}), whose "
            "licence goes with its weights."
        )
    if units.columns:
        columns = ", ".join(f"`{printable(name)}`" for name in units.columns)
        words.append(f"Columns, in this order and in their own units: {columns}.")
    if units.mixed is not None:
        words.append(
            "Of a column of words there is one of 0 and 1 for each word, and the word of a sample is the largest of "
            "them; 0.5 or more in a column `is empty` is an empty cell; dates are days since 1970-01-01, true and "
            "false 1 and 0. A row that is put in has 1 for its word and 0 for all others; for an empty cell of numbers "
            f"or dates it has 1 in the column `is empty` and the mean of the data{_typical(units.mixed)}."
        )
    if whole := _whole(units):
        names = ", ".join(f"`{printable(name)}`" for name in whole)
        words.append(f"Whole numbers are given as the model has them, with decimals: round {names}.")
    if data["classes"]:
        words.append(f"Classes: {', '.join(f'`{printable(str(name))}`' for name in data['classes'])}.")
    return "## Data\n\n" + " ".join(words) + "\n"


def _whole(units: Units) -> list[str]:
    """The columns of whole numbers of a table whose columns are of several types."""
    if units.mixed is not None:
        return [one.name for one in units.mixed.fields if one.kind.startswith(("int", "uint"))]
    types = units.column_types or []
    return [name for name, kind in zip(units.columns or (), types, strict=False) if kind.kind in "iu"]


def _typical(mixed: Mixed) -> str:
    """What stands in empty cells, by column."""
    means = [f"`{printable(one.name)}` {one.typical:.6g}" for one in mixed.fields if one.gaps and not one.words]
    return f" ({', '.join(means)})" if means else ""


def _shape(shape: Sequence[int | str]) -> str:
    return f"({', '.join(map(str, shape))})"
