"""What is there to load, and what is not; what a loaded model answers is in test_trained.py."""

from pathlib import Path

import pytest

import remblai


@pytest.mark.parametrize(
    ("which", "words"), [("newest", "'last' or 'best'"), ("last", "is not a run"), ("best", "is not a run")]
)
def test_loading_what_is_not_there_is_refused(tmp_path: Path, which: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        remblai.load(tmp_path, which=which)
