"""Names and messages cannot act on a terminal."""

import pytest

from remblai.runtime.text import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é ü 漢", "plain é ü 漢"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\rb\x07\x00", "a\\rb\\x07\\x00"),
        ("a\nb", "a\nb"),
        ("\udcff", "\\udcff"),
        ("a\u202eb", "a\\u202eb"),
    ],
)
def test_control_characters_are_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown
