"""Runs a benchmark again by the Python of an environment that has the peers, made once under a cache folder."""

import os
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import torch

INSIDE = "REMBLAI_PEERS_INSIDE"
PYTHAE = "pythae==0.1.2"
NEEDS = {"pydantic": "pydantic>=2", "imageio": "imageio", "sklearn": "scikit-learn", "cloudpickle": "cloudpickle"}
"""What pythae imports besides torch."""


def inside_pythae(cache: Path) -> None:
    """Has this script run where pythae is, without the packages that it names and does not need to train."""
    inside(cache, PYTHAE.replace("==", "-"), [PYTHAE], NEEDS, bare=True)


def inside(cache: Path, name: str, peers: Sequence[str], needs: Mapping[str, str], bare: bool = False) -> None:
    """Returns at once where the peers are there; otherwise makes the environment, runs this script in it and exits.

    The environment sees what this one has, torch above all: no second torch is installed.

    Args:
        cache: where environments are kept.
        name: of the environment.
        peers: packages to install, with their versions.
        needs: modules that the peers import, and the packages to install where they are missing.
        bare: install the peers without what they depend on.
    """
    if os.environ.get(INSIDE):
        return
    home = cache / name
    python = home / "bin" / "python"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path), INSIDE: "1"}
    if not (home / "ready").exists():
        venv.create(home, with_pip=True, clear=True)
        missing = [package for module, package in needs.items() if find_spec(module) is None]
        for packages, extra in ((peers, ["--no-deps"] if bare else _pins(home)), (missing, _pins(home))):
            if packages:
                command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *extra]
                done = subprocess.run(
                    [*command, *packages], env=environment, capture_output=True, text=True, check=False
                )
                if done.returncode:
                    raise SystemExit(f"installing {' '.join(packages)} failed:\n{done.stderr}")
        (home / "ready").touch()
    sys.exit(subprocess.run([str(python), *sys.argv], env=environment, check=False).returncode)


def _pins(home: Path) -> list[str]:
    """A constraint that stops pip from bringing another torch."""
    path = home / "constraints.txt"
    path.write_text(f"torch=={torch.__version__}\n")
    return ["--constraint", str(path)]
