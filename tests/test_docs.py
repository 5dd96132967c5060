"""The docs say what the code says."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_reference_is_that_of_the_tables() -> None:
    page = runpy.run_path(str(ROOT / "docs" / "reference.py"))
    assert page["PATH"].read_text() == page["text"](), "run python docs/reference.py"


def test_links_and_pictures_of_the_pages_exist() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "benchmarks").glob("*.md")]
    for page in pages:
        for target in page.read_text().split("](")[1:]:
            name = target.partition(")")[0].partition("#")[0]
            if name and "://" not in name:
                assert (page.parent / name).exists(), f"{page.name} links to {name}"
