"""Pages of the site that stand outside docs/: the README is its first page, CONTRIBUTING and CHANGELOG are two more."""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages, with links to docs/ that begin there."""
    for source, name in PAGES.items():
        files.append(File.generated(config, name, content=linked((ROOT / source).read_text(encoding="utf-8"))))
    return files


def linked(text: str) -> str:
    """Links of a page at the root of the repository as those of a page of the site."""
    text = re.sub(r"\]\(docs/\)", "](tutorial-photographs.md)", text)
    text = text.replace("](docs/", "](")
    for source, name in PAGES.items():
        text = text.replace(f"]({source}", f"]({name}")
    return text
