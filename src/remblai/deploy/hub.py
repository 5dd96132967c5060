"""What a run publishes on the Hugging Face hub: weights as safetensors, run.json, figures, laws and a card."""

import shutil
import tempfile
from pathlib import Path

from safetensors.torch import save

from remblai.deploy.card import hub_card
from remblai.runs import published
from remblai.runs.checkpoints import name_of, plain
from remblai.runs.figures import kept_figures
from remblai.runs.load import load
from remblai.runs.model import Trained
from remblai.runtime.files import write_json
from remblai.runtime.text import first_line

TAKEN = 409
"""The status of an answer that a name is taken."""


def push(trained: Trained | str | Path, name: str, *, private: bool = False, overwrite: bool = False) -> str:
    """Publishes a run on the Hugging Face hub, from where `remblai.load("hub:owner/name")` reads it.

    Returns its address.

    Args:
        trained: the model, or its run's folder.
        name: owner/name of the repository.
        private: whether a new repository is private.
        overwrite: write into a repository that is there already.

    Raises:
        ValueError: the package huggingface_hub is not installed, a name that is none or is taken, or the hub refuses.
    """
    repository = published.hub_name(name)
    try:
        import huggingface_hub  # an extra: only who publishes needs it
        from huggingface_hub.errors import HfHubHTTPError
    except ImportError as error:
        raise ValueError(published.MISSING) from error
    trained = trained if isinstance(trained, Trained) else load(trained, device="cpu")
    api = huggingface_hub.HfApi()
    with tempfile.TemporaryDirectory() as folder:
        write_published(Path(folder), trained, repository)
        try:
            address = str(api.create_repo(repository, private=private, exist_ok=overwrite))
            api.upload_folder(repo_id=repository, folder_path=folder, commit_message=f"Step {trained.step}")
        except HfHubHTTPError as problem:
            status = getattr(getattr(problem, "response", None), "status_code", None)
            if status == TAKEN and not overwrite:
                raise ValueError(
                    f"hub name {repository!r} is taken: name another, or add --overwrite to write into it."
                ) from None
            raise ValueError(
                f"the hub refuses {repository!r} ({first_line(problem)}): check the name and `hf auth login`."
            ) from None
    return address


def write_published(folder: Path, trained: Trained, name: str) -> None:
    """Writes what is published of a run into an empty folder, which `remblai.load` reads as it is.

    Args:
        folder: where.
        trained: the model.
        name: owner/name, for the card.
    """
    weights = save(plain(dict(trained.objective.state_dict())), {"format": "pt", "step": str(trained.step)})
    (folder / published.WEIGHTS).write_bytes(weights)
    write_json(folder / "run.json", published.public_settings(trained.run.settings))
    (folder / "README.md").write_text(hub_card(trained, name), encoding="utf-8")
    if kept_figures(trained):  # others would be read as those of the published weights
        shutil.copyfile(trained.folder / "metrics.json", folder / "metrics.json")
    for features in trained.folder.glob("features/*.safetensors"):
        (folder / "features").mkdir(exist_ok=True)
        shutil.copyfile(features, folder / "features" / features.name)
    for law in trained.folder.glob(f"samplers/*/{name_of(trained.step)}"):
        shutil.copytree(law, folder / law.relative_to(trained.folder))
