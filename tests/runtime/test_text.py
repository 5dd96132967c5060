"""Names and messages cannot act on a terminal."""

import pytest

from remblai.runtime.text import one_line, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é ü 漢", "plain é ü 漢"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\rb\x07\x00", "a\\rb\\x07\\x00"),
        ("a\nb", "a\nb"),
        ("\udcff", "\\udcff"),
        ("a\u202eb\u2028", "a\\u202eb\\u2028"),
        ("50\N{NO-BREAK SPACE}%", "50\N{NO-BREAK SPACE}%"),
    ],
)
def test_control_characters_are_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_what_is_to_stay_stays() -> None:
    assert printable("a\nb\t\x00", keep="\n\t") == "a\nb\t\\x00"
    assert one_line("a\x1b[2Jb\n\u202ec é") == r"a\x1b[2Jb\n\u202ec é"
