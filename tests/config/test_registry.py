"""Choices by name: flat and nested forms, contexts, conversions."""

import re
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

import pytest
from torch import nn

from remblai.config.convert import convert
from remblai.config.registry import Choice, LazyTable, flatten, make, nest, options
from remblai.costs import COSTS
from remblai.recipes import RECIPES


def small(shape: tuple[int, ...], size: float = 1.0) -> tuple[str, tuple[int, ...], float]:
    """Small.

    Args:
        shape: context.
        size: how small.
    """
    return "small", shape, size


def large(size: int = 10, extra: Literal["a", "b"] = "a") -> tuple[str, int, str]:
    """Large."""
    return "large", size, extra


INNER = {"small": small, "large": large}


def outer(prior: str, inner: Annotated[Choice, INNER, "what is inside"] = "small", flag: bool = False) -> object:
    """Outer."""
    return make(INNER, inner, shape=(2,)), flag


OUTER = {"outer": outer}


def whole(part: Annotated[Choice, OUTER] = {"name": "outer", "inner": "large"}, n: int = 3) -> object:  # noqa: B006
    """A function with a choice inside a choice, preset."""
    return make(OUTER, part, prior="p"), n


def test_flat_signature_follows_the_choices() -> None:
    assert [o.name for o in options(outer, {})] == ["inner", "inner.size", "flag"]
    assert [o.name for o in options(outer, {"inner": "large"})] == ["inner", "inner.size", "inner.extra", "flag"]
    assert options(outer, {})[0].help == "what is inside"
    assert options(outer, {})[1].help == "how small."


def test_a_preset_choice_brings_its_options_and_loses_them_with_another_choice() -> None:
    names = [o.name for o in options(whole, {})]
    assert names == ["part", "part.inner", "part.inner.size", "part.inner.extra", "part.flag", "n"]
    assert {o.name: o.default for o in options(whole, {})}["part.inner"] == "large"
    assert "part.inner.extra" not in [o.name for o in options(whole, {"part.inner": "small"})]


def test_make_injects_only_the_context_that_is_asked_for() -> None:
    assert make(INNER, "small", shape=(1,), prior=0) == ("small", (1,), 1.0)
    assert make(INNER, {"name": "large", "size": 4}, shape=(1,)) == ("large", 4, "a")
    live = object()
    assert make(INNER, live) is live  # type: ignore[arg-type]  # any object may be a part


def test_options_of_a_choice_that_is_left_as_it_is_need_no_name() -> None:
    table: dict[str, Callable[..., object]] = {"outer": outer}
    assert make(table, {"name": "outer", "inner": {"size": 4.0}}, prior="p") == (("small", (2,), 4.0), False)

    def preset(inner: Annotated[Choice, INNER, "inside"] = MappingProxyType({"name": "large", "extra": "b"})) -> object:
        return make(INNER, inner)

    assert make({"preset": preset}, {"name": "preset", "inner": {"size": 3}}) == ("large", 3, "b")


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("smal", "Did you mean 'small'"),
        ({"name": "small", "sise": 1}, "Did you mean 'size'"),
        ("x", "Known: large, small"),
    ],
)
def test_make_refuses_unknown_names_and_suggests(choice: Choice, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make(INNER, choice, shape=())


class Part:
    """The interface: what is made."""


def test_a_live_part_must_be_what_the_caller_needs() -> None:
    part = Part()
    assert make(INNER, part, "part", interface=Part) is part  # type: ignore[arg-type]  # any object may be a part
    assert make(INNER, "small", "part", interface=Part, shape=()) == ("small", (), 1.0)
    with pytest.raises(
        ValueError, match=r"part: expected a name.* or a Part \(what is made\), got 3 of type int.*large"
    ):
        make(INNER, 3, "part", interface=Part)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"a Part .* or a Path"):
        make(INNER, 3, "part", interface=(Part, Path))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("wae-mmd", {"penalty": 3}, r"penalty: expected a Discrepancy .* got 3 of type int"),
        (
            "wae-mmd",
            {"network": nn.Linear(2, 2)},
            r"network: expected .*a Network .*Linear",
        ),
        ("wae-mmd", {"prior": nn.Linear(2, 2)}, r"prior: expected .*a Prior "),
        ("gan", {"lipschitz": 1}, r"lipschitz: expected .*a Lipschitz "),
        ("gmmn", {"discrepancy": 1}, r"expected a Discrepancy .* got 1 of type int"),
        ("rae", {"regulariser": 1}, r"regulariser: expected .*a Regulariser "),
    ],
)
def test_recipes_say_what_a_part_is(name: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        RECIPES[name](shape=(4,), **options)


def test_a_lazy_table_is_read_where_it_is_used() -> None:
    table = LazyTable("remblai.costs:COSTS")
    assert dict(table) == COSTS
    assert len(table) == len(COSTS)


def test_unknown_choice_in_options_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown inner 'tiny'"):
        options(outer, {"inner": "tiny"})


def test_nest_and_flatten_are_inverse() -> None:
    nested = {"a": 1, "part": {"name": "outer", "inner": {"name": "large", "size": 2}, "flag": True}, "cost": "square"}
    flat = {"a": 1, "part": "outer", "part.inner": "large", "part.inner.size": 2, "part.flag": True, "cost": "square"}
    assert flatten(nested) == flat
    assert nest(flat) == nested
    assert nest(dict(reversed(flat.items()))) == nested


AUTO = Annotated[str, re.compile("auto(:.+)?"), "a number or auto"]


@pytest.mark.parametrize(
    ("value", "annotation", "expected"),
    [
        ("8", int, 8),
        ("1e3", int, 1000),
        (8.0, int, 8),
        ("0.5", float, 0.5),
        (3, float, 3.0),
        ("true", bool, True),
        ("none", float | None, None),
        (None, int | None, None),
        ("2", int | None, 2),
        ("0.5,0.9", tuple[float, float], (0.5, 0.9)),
        ([1, 2, 3], tuple[float, ...], (1.0, 2.0, 3.0)),
        (5, tuple[float, ...], (5.0,)),
        ("b", Literal["a", "b"], "b"),
        ("word", str, "word"),
        ("auto:2", float | AUTO, "auto:2"),
        ("2", float | AUTO, 2.0),
    ],
)
def test_convert(value: object, annotation: object, expected: object) -> None:
    found = convert("x", value, annotation)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("value", "annotation", "words"),
    [
        ("eight", int, "whole number"),
        ("8.5", int, "whole number"),
        (True, int, "whole number"),
        ("nan?", float, "a number"),
        ("nan", float, "a number, got 'nan'"),
        (float("nan"), float | None, "a number, got nan"),
        ("maybe", bool, "true or false"),
        (None, int, "whole number"),
        (None, tuple[int, ...] | int, "a value is needed"),
        ("1", tuple[float, float], "expected 2 values"),
        ("c", Literal["aa", "bb"], "Known: aa, bb"),
        (3, str, "a word"),
        ("inf", int, "whole number"),
        ("ten", float | AUTO, "expected a number or auto, got 'ten'"),
        ("ten", float | Annotated[str, re.compile("a|b")], "of the form a"),
    ],
)
def test_convert_says_what_was_expected_and_what_came(value: object, annotation: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        convert("x", value, annotation)
