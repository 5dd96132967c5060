"""The names of the package: each is there after `import remblai` alone, and no other is shown."""

from importlib.metadata import version

import pytest

import remblai


@pytest.mark.parametrize("name", remblai.__all__)
def test_a_name_needs_no_other_import(name: str) -> None:
    found = remblai.__getattr__(name)  # by itself: another import may have left the name behind
    assert found.__name__.rpartition(".")[2] == name


def test_only_public_names_are_shown() -> None:
    assert [name for name in dir(remblai) if not name.startswith("__")] == sorted(remblai.__all__)


def test_the_version_is_that_of_the_package() -> None:
    assert remblai.__version__ == version("remblai")
    with pytest.raises(AttributeError, match="no attribute 'wasserstein'"):
        _ = remblai.wasserstein
