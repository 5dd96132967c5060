"""Data as a model sees them: as they are loaded, as codes of a pretrained auto-encoder, or as normal scores."""

from collections.abc import Mapping
from typing import Any, Literal

from remblai import data as datasets
from remblai.data import Dataset
from remblai.data.coded import coded
from remblai.data.pretrained import Pretrained
from remblai.data.scored import scored
from remblai.data.sources import kept_sources

Scaling = Literal["standard", "normal-scores"]
OF_RUNS = {"codes_of", "scaling"}
"""The options of data that `data.load` does not have."""
AUTO = "auto"


def loaded(spec: Any, options: Mapping[str, Any], codes: Pretrained | None = None) -> Dataset:
    """What `data.load` returns, or the codes of it where the options say `codes_of`, or its normal scores.

    Args:
        spec: of the data.
        options: of the data; the scaling `auto` is that of normal scores for tables, and none of other data.
        codes: the auto-encoder of a run, which is taken, and must be unchanged, where the options name its place.

    Raises:
        ValueError: see `data.load`; options that the data do not have.
    """
    plain = dict(options)
    name, scaling = plain.pop("codes_of", None), plain.pop("scaling", None)
    if scaling in (None, "standard"):
        found = datasets.load(spec, **plain)
    else:
        with kept_sources():
            found = datasets.load(spec, **plain)
        table = found.units.columns is not None and found.units.mean is not None and found.units.scores is None
        if scaling != AUTO or table:
            found = scored(found)
    if name is None:
        return found
    return coded(found, codes if codes is not None and codes.place == name else name)


def recorded(options: Mapping[str, Any], dataset: Dataset) -> dict[str, Any]:
    """The options as run.json keeps them: the place of the auto-encoder in full, the scaling that was taken."""
    codes, found = dataset.units.codes, dict(options)
    if found.get("scaling") == AUTO:
        del found["scaling"]
    if "scaling" in found or dataset.units.scores is not None:
        found["scaling"] = "standard" if dataset.units.scores is None else "normal-scores"
    return found if codes is None else {**found, "codes_of": codes.place}


def chosen_scaling(
    asked: Scaling | None, base: Mapping[str, Any] | None, earlier: Mapping[str, Any] | None
) -> str | None:
    """The scaling that a training asks of its data; None leaves it to the settings of the run to repeat.

    Args:
        asked: on the command line.
        base: the settings of the run to repeat.
        earlier: those of the run to continue.
    """
    if asked is not None or base is not None:
        return asked
    return AUTO if earlier is None else earlier["data"]["options"].get("scaling")
