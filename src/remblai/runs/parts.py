"""What the options of a training stand for beyond themselves: feature maps, and the flow of an earlier run."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from remblai.data import Dataset
from remblai.features.weights import digest_of
from remblai.objectives import Flow
from remblai.objectives.reflow import Ends
from remblai.runs.features import used_features, with_features
from remblai.runs.load import load
from remblai.runs.resolve import Resolved
from remblai.runs.start import earlier_settings

REFLOW, RUN = "reflow", "coupling.run"


def with_parts(resolved: Resolved, dataset: Dataset, folder: Path | None = None) -> Resolved:
    """The recipe with the feature maps and the flow that its options name.

    Args:
        resolved: the recipe with its options.
        dataset: of the training.
        folder: of a run that is to be resumed.

    Raises:
        ValueError: as `with_features`; a run that holds no flow, one of other data, or another than that of the run to
            resume.
    """
    resolved = with_features(resolved, dataset, folder)
    run = resolved.arguments.get(RUN)
    if resolved.arguments.get("coupling") != REFLOW or not isinstance(run, str):
        return resolved
    return replace(resolved, parts={**resolved.parts, RUN: _ends(run, dataset, folder)})


def parts_record(resolved: Resolved) -> dict[str, Any]:
    """What run.json says of these parts: their names and checksums; nothing where there are none."""
    ends = resolved.parts.get(RUN)
    return used_features(resolved) | ({REFLOW: ends.source} if isinstance(ends, Ends) else {})


def _ends(folder: str, dataset: Dataset, resumed: Path | None) -> Ends:
    trained = load(folder, device="cpu")
    flow, settings = trained.objective, trained.run.settings
    if not isinstance(flow, Flow):
        raise ValueError(
            f"coupling.run: expected a run of flow-matching, got one of {settings['recipe']} in {folder}: name another."
        )
    if settings["data"]["fingerprint"] != dataset.fingerprint:
        raise ValueError(
            f"coupling.run: expected a run on the data of this training, got {folder}, whose data ("
            f"{settings['data']['name']}) have another fingerprint: train on its data, or name another run."
        )
    source = {"run": folder, "step": trained.step, "sha256": digest_of(flow.velocity.state_dict())}
    before = (earlier_settings(resumed) or {}).get(REFLOW, source)
    if before["sha256"] != source["sha256"]:
        raise ValueError(
            f"coupling.run: expected the flow of step {before['step']} of {before['run']}, with which {resumed} was "
            f"trained, got that of step {trained.step} of {folder}, which differs: train anew in another --out."
        )
    return Ends(flow, source)
