import inspect

import pytest

from remblai.config.aliases import NAMES, OPTIONS, checked_options, hint, unknown_option
from remblai.costs import COSTS
from remblai.distances import DIVERGENCES
from remblai.distances.exact import METHODS

TABLES = {"cost": COSTS, "divergence": DIVERGENCES, "method": METHODS}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in NAMES.items() for name in names])
def test_every_name_from_elsewhere_leads_to_a_row_or_says_what_to_do(kind: str, name: str) -> None:
    answer = NAMES[kind][name]
    if answer in TABLES[kind]:
        assert hint(kind, name, TABLES[kind]) == f" It is called {answer!r} here."
    else:
        assert " " in answer and hint(kind, name, TABLES[kind]) == f" {answer}"


def test_other_names_get_the_nearest_or_nothing() -> None:
    assert hint("cost", "sqare", COSTS) == " Did you mean 'square'?"
    assert hint("cost", "xyz", COSTS) == ""


def test_a_name_that_a_table_has_got_meanwhile_is_found_first() -> None:
    assert hint("cost", "L2", COSTS) == " It is called 'euclidean' here."


@checked_options
def solve(a: float, b: float = 0.0, *, epsilon: float = 1.0, max_iterations: int = 10) -> float:
    """What it does."""
    return a + b + epsilon + max_iterations


def test_known_options_pass_and_the_signature_stays() -> None:
    assert solve(1.0, b=2.0, epsilon=3.0) == 16.0
    assert list(inspect.signature(solve).parameters) == ["a", "b", "epsilon", "max_iterations"]
    assert solve.__doc__ == "What it does."


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("epsilonn", "solve: unknown option 'epsilonn'. Did you mean 'epsilon'"),
        ("reg", "It is called 'epsilon' here"),
        ("numItermax", "It is called 'max_iterations' here"),
        ("blur", "It is called 'epsilon' here. It is in the units of the cost"),
        ("p", "The exponent belongs to the cost"),
        ("xyz", "unknown option 'xyz'. Known: a, b, epsilon, max_iterations"),
    ],
)
def test_an_unknown_option_is_answered_with_the_nearest_or_where_to_go(name: str, says: str) -> None:
    with pytest.raises(ValueError) as caught:
        solve(1.0, **{name: 1})
    assert says in str(caught.value)


def test_an_option_that_a_function_lacks_is_not_called_by_a_name_it_lacks() -> None:
    assert "called" not in str(unknown_option("emd", "reg", ["a", "b", "C"]))
    assert all(options for options in OPTIONS.values())
