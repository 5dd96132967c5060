"""Names from other libraries are answered with the names here."""

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

import remblai
from remblai import discrepancies, distances
from remblai.compare.measures import METRICS
from remblai.config.aliases import ALIASES, ANSWERS, OPTIONS, answer, checked_options, hint, unknown_option
from remblai.config.registry import unknown
from remblai.costs import COSTS
from remblai.critics import ALL_DISCREPANCIES
from remblai.distances import DIVERGENCES
from remblai.distances.exact import METHODS
from remblai.kernels import KERNELS
from remblai.recipes import RECIPES


@pytest.mark.parametrize(
    ("name", "known", "here"),
    [
        ("sqeuclidean", COSTS, "square"),
        ("l2", COSTS, "euclidean"),
        ("L1", COSTS, "manhattan"),
        ("cityblock", COSTS, "manhattan"),
        ("rbf", KERNELS, "gaussian"),
        ("energy", METRICS, "energy-distance"),
        ("emd", METRICS, "exact"),
        ("sinkhorn", METRICS, "entropic"),
        ("kl", METRICS, "kullback-leibler"),
        ("wae", RECIPES, "wae-mmd"),
        ("wgan_gp", RECIPES, "wgan-gp"),
        ("L2", COSTS, "euclidean"),
        ("simplex", METHODS, "network-simplex"),
        ("reverse_kl", DIVERGENCES, "reverse-kullback-leibler"),
    ],
)
def test_a_name_from_elsewhere_is_answered_with_the_name_here(name: str, known: dict[str, object], here: str) -> None:
    assert here in known
    assert repr(here) in str(unknown("part", name, known))


@pytest.mark.parametrize(
    ("name", "known", "words"),
    [
        ("fid", COSTS, "Inception"),
        ("kid", COSTS, "Inception"),
        ("cgan", RECIPES, "--conditional"),
        ("--label", [], "class folders"),
        ("reg", ["cost", "epsilon"], "epsilon"),
        ("penalty.lambda", ["weight"], "weight"),
    ],
)
def test_a_name_without_a_counterpart_is_answered_in_a_sentence(name: str, known: list[str], words: str) -> None:
    assert words in str(unknown("name", name, known))


def test_an_alias_is_offered_only_where_its_name_is_known() -> None:
    assert answer("sqeuclidean", list(KERNELS)) == ""
    assert answer("nonsense", list(COSTS)) == ""


def test_every_alias_leads_to_a_name_of_a_table_and_hides_none() -> None:
    names = {*RECIPES, *COSTS, *KERNELS, *METRICS, *ALL_DISCREPANCIES, *DIVERGENCES, *METHODS}
    assert set(ALIASES.values()) <= names
    assert not (set(ALIASES) | set(ANSWERS)) & set(RECIPES)


def test_other_names_get_the_nearest_or_nothing() -> None:
    assert hint("sqare", COSTS) == " Did you mean 'square'?"
    assert hint("xyz", COSTS) == ""


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


@pytest.mark.parametrize(
    ("module", "name", "words"),
    [
        (distances, "emd2", r"emd\(a, b, C\).value"),
        (distances, "gromov_wasserstein", "POT has them"),
        (distances, "wasserstien", "Did you mean 'wasserstein'"),
        (discrepancies, "SamplesLoss", "Entropic"),
        (remblai, "AutoModel", r"remblai.load\(folder\)"),
    ],
)
def test_an_attribute_from_elsewhere_is_answered(module: ModuleType, name: str, words: str) -> None:
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'. .*{words}"):
        getattr(module, name)


@pytest.mark.parametrize(
    ("part", "option", "here"),
    [(discrepancies.Sliced, "n_projections", "directions"), (discrepancies.Entropic, "blur", "epsilon")],
)
def test_a_keyword_of_a_discrepancy_from_elsewhere_is_answered(part: Any, option: str, here: str) -> None:
    with pytest.raises(ValueError, match=f"{part.__name__}: unknown option '{option}'. It is called '{here}' here"):
        part(**{option: 1.0})


@pytest.mark.parametrize("call", [lambda: solve("1"), lambda: solve(1.0, epsilon="1"), lambda: solve(1.0, b={})])
def test_text_for_a_number_is_refused_by_name(call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"solve: (a|b|epsilon): expected a number, got"):
        call()


def test_parts_refuse_text_for_a_number() -> None:
    with pytest.raises(ValueError, match="Sliced: directions: expected a number, got '100'"):
        discrepancies.Sliced("100")


def test_a_broken_number_for_a_whole_one_is_refused() -> None:
    @checked_options
    def solve(n: int, most: int | None = None, share: float = 0.5, either: int | float = 1) -> tuple[object, ...]:
        return n, most, share, either

    assert solve(2, 3.0, share=0.25, either=1.5) == (2, 3.0, 0.25, 1.5)  # type: ignore[arg-type]
    for given in ((2.5,), (2, 2.5)):
        with pytest.raises(ValueError, match=r"solve: (n|most): expected a whole number, got 2\.5"):
            solve(*given)  # type: ignore[arg-type]
