"""Names from other libraries are answered with the names here."""

import pytest

from remblai.compare.datasets import METRICS
from remblai.config.aliases import ALIASES, ANSWERS, answer
from remblai.config.registry import unknown
from remblai.costs import COSTS
from remblai.critics import ALL_DISCREPANCIES
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
        ("emd", METRICS, "exact"),
        ("sinkhorn", METRICS, "entropic"),
        ("kl", METRICS, "kullback-leibler"),
        ("wae", RECIPES, "wae-mmd"),
        ("wgan_gp", RECIPES, "wgan-gp"),
    ],
)
def test_a_name_from_elsewhere_is_answered_with_the_name_here(name: str, known: dict[str, object], here: str) -> None:
    assert here in known
    assert repr(here) in str(unknown("part", name, known))


@pytest.mark.parametrize(
    ("name", "known", "words"),
    [
        ("fid", METRICS, "Inception"),
        ("kid", METRICS, "Inception"),
        ("cgan", RECIPES, "Conditional generation"),
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
    names = {*RECIPES, *COSTS, *KERNELS, *METRICS, *ALL_DISCREPANCIES}
    assert set(ALIASES.values()) <= names
    assert not (set(ALIASES) | set(ANSWERS)) & set(RECIPES)
