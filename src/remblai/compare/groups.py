"""Letters for models that cannot be told apart: two models share a letter where no test separates them."""

from collections.abc import Sequence
from string import ascii_lowercase

from remblai.statistics import Pair


def letters(labels: Sequence[str], pairs: Sequence[Pair]) -> dict[str, str]:
    """The letters of each model, in the order of the labels.

    Two models share a letter exactly where the test of their pair does not say which is better.

    Args:
        labels: the models, the best first.
        pairs: a test of every two of them.

    Source: Piepho 2004, "An algorithm for a letter-based representation of all-pairwise comparisons".
    """
    groups = [frozenset(labels)]
    for pair in pairs:
        if pair.better is None:
            continue
        split = [group for group in groups if {pair.first, pair.second} <= group]
        groups = [group for group in groups if group not in split]
        for group in split:
            groups += [group - {pair.first}, group - {pair.second}]
        groups = [group for group in dict.fromkeys(groups) if not any(group < other for other in groups)]
    groups.sort(key=lambda group: [label not in group for label in labels])
    names = [ascii_lowercase[i] if i < len(ascii_lowercase) else f"({i + 1})" for i in range(len(groups))]
    return {label: "".join(n for n, group in zip(names, groups, strict=True) if label in group) for label in labels}
