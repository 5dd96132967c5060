"""The commands by which a model leaves its folder, as functions whose signatures are the command line's."""

from collections.abc import Mapping
from typing import Any, Literal

from remblai.cli.commands.models import Sampler
from remblai.cli.output import show, show_json
from remblai.runtime.files import place


def export(
    run: str,
    *,
    out: str,
    quantise: Literal["float16", "int8"] | None = None,
    opset: int = 18,
    sampler: Sampler = None,
    guidance: float | None = None,
    sampling_steps: int | None = None,
    data: str | None = None,
    overwrite: bool = False,
    json: bool = False,
    recipe: str | None = None,
    data_options: Mapping[str, Any] | None = None,
) -> None:
    """Writes encoder, decoder and sampler as ONNX and torch.export files that need no remblai, with a model card.

    Each file is compared with the run on held-out data; the differences are printed and written.

    Args:
        run: the run's folder.
        out: the folder to write.
        quantise: each ONNX file in this precision too, float16 or int8.
        opset: of the ONNX files.
        sampler: the law of the codes that samples are decoded from; the recipe's own when not given.
        guidance: of a flow, towards the class: 1 its law, above 1 more typical samples; as the run says when not given.
        sampling_steps: of a flow, from noise to a sample; as the run says when not given.
        data: the data that the files are compared on; the run's own when not given.
        overwrite: replace an earlier export in the folder.
        json: print JSON and nothing else.
        recipe: path/to/file.py:function, for a run that was made by a recipe of your own.
    """
    place(out)
    from remblai.deploy.files import check_request

    check_request(quantise, opset)
    from remblai.cli.flow import set_flow
    from remblai.deploy.folder import export as export_to
    from remblai.runs.data import data_like
    from remblai.runs.load import load

    trained = load(run, device="cpu", recipe=recipe)
    set_flow(trained, sampling_steps, guidance)
    compared: Any = None
    if data is not None or data_options:
        if not trained.encodes:
            raise ValueError(
                "data: this model has no encoder, so its files are compared on draws: leave --data and its options out."
            )
        compared = data_like(trained.run.settings, trained.units, data, data_options)
    record = export_to(
        trained, out, quantise=quantise, opset=opset, sampler=sampler, data=compared, overwrite=overwrite
    )  # fmt: skip
    if json:
        show_json(record)
        return
    for name, file in record["files"].items():
        away = file["difference"]
        show(
            f"{name}: {file['precision']}; on {away['rows']} rows the largest difference from the run is "
            f"{away['largest']:.1e}, the root mean square {away['root_mean_square']:.1e} ({away['scale']})"
        )
    for name, why in record["missing"].items():
        show(f"no {name}: {why}")
    show(out)


def push(run: str, name: str, *, private: bool = False, overwrite: bool = False, recipe: str | None = None) -> None:
    """Publishes a run on the Hugging Face hub: `hub:owner/name` then names it wherever a run's folder does.

    Args:
        run: the run's folder.
        name: owner/name of the repository.
        private: a new repository is private.
        overwrite: write into a repository that is there already.
        recipe: path/to/file.py:function, for a run that was made by a recipe of your own.
    """
    from remblai.deploy.hub import push as push_to
    from remblai.runs.load import load

    show(push_to(load(run, device="cpu", recipe=recipe), name, private=private, overwrite=overwrite))
