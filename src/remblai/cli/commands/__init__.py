"""What each command does, as functions whose signatures and docstrings are the command line's."""

from collections.abc import Callable

from remblai.cli.commands import about, runs, theory

COMMANDS: dict[str, Callable[..., None]] = {
    "sample": runs.sample_command,
    "fit": runs.fit_command,
    "encode": runs.encode_command,
    "reconstruct": runs.reconstruct_command,
    "interpolate": runs.interpolate_command,
    "evaluate": runs.evaluate_command,
    "report": runs.report_command,
    "distance": theory.distance_command,
    "gallery": theory.gallery_command,
    "list": about.list_command,
    "info": about.info_command,
}

__all__ = ["COMMANDS"]
