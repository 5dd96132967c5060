"""Whether samples are of the class that was asked for: read by a classifier, or by the nearest held-out rows."""

import numpy as np
import pytest
import torch

from remblai.data import load
from remblai.features import Features, shipped
from remblai.metrics import fidelity_card
from remblai.metrics.by_class import by_neighbours, figure_of_agreement
from remblai.metrics.reading import read, verdict
from remblai.metrics.sets import Labelled, Sets

NAMES = ["a", "b", "c"]
CENTRES = 3.0 * torch.eye(3)


def table(seed, n=240):
    """Rows of three classes of other frequencies, of training, held-out and samples of each class in turn."""
    draws = torch.Generator().manual_seed(seed)
    labels = torch.multinomial(torch.tensor([0.6, 0.3, 0.1]), n, replacement=True, generator=draws)
    asked = torch.arange(n) % 3

    def rows(of):
        return CENTRES[of] + torch.randn(len(of), 3, generator=draws)

    return rows(labels.roll(1)), rows(labels), rows(labels.roll(7)), labels, asked, rows


def given(seed, answers):
    train, test, samples, labels, asked, rows = table(seed)
    labelled = Labelled(rows(answers(asked)), asked, labels, NAMES)
    return fidelity_card(train, test, samples, labelled=labelled, image=False, seed=seed)["class_agreement"]


def test_of_tables_the_nearest_held_out_rows_read_the_class():
    for seed in range(3):
        good, bad = given(seed, lambda asked: asked), given(seed, lambda asked: asked.roll(1))
        assert good["floor"] > 0.9
        assert abs(good["value"] - good["floor"]) < 3 * good["spread"]
        assert bad["value"] < 0.1
        assert good["chance"] == pytest.approx(1 / 3)
        assert good["sees"]["ignored classes"] < -3


def test_a_generator_that_ignores_the_class_is_outside_of_its_range():
    draws = torch.Generator().manual_seed(0)
    figure = given(0, lambda asked: torch.randint(3, asked.shape, generator=draws))
    (row,) = read({"class_agreement": figure})
    assert "standard deviations below the floor" in row.cue
    assert "Answers at random have 0.333." in row.says
    assert "outside of it: 1" in verdict([row])


def test_neighbours_are_those_of_brute_force_and_no_row_reads_itself():
    train, test, samples, labels, asked, rows = table(4, 40)
    labelled = Labelled(rows(asked), asked, labels, NAMES)
    of_held_out = by_neighbours(Sets(train, test, samples, image=False, labelled=labelled), labelled)[1]
    counts = np.bincount(labels, minlength=3)
    for place, row in enumerate(test):
        apart = (test - row).norm(dim=1)
        apart[place] = np.inf
        voters = counts - np.eye(3, dtype=int)[labels[place]]
        votes = sum(np.eye(3)[labels[near]] / voters for near in apart.argsort()[:5])
        assert of_held_out[place] == votes.argmax()


def test_perfect_samples_are_in_the_range_and_all_right_is_no_certainty():
    """17 of 20 or more are; that all of few samples are read rightly is no standard deviation of 0."""
    found = [given(seed, lambda asked: asked) for seed in range(20)]
    assert sum(abs(one["value"] - one["floor"]) <= 2 * one["spread"] for one in found) >= 17
    assert all(one["spread"] > 0 for one in found)


def test_a_classifier_that_answers_one_class_is_no_judge():
    rows = load("digits").train[:400]
    labels = (torch.arange(200) < 20).long()
    logits = torch.tensor([1.0, 0.0])
    always = Features("always", torch.nn.Flatten(), "0", logits=lambda features: logits.expand(len(features), 2))
    labelled = Labelled(rows[:200], torch.arange(200) % 2, labels, ["no", "yes"])
    sets = Sets(rows[200:], rows[:200], rows[200:], labelled=labelled, features=always)
    assert figure_of_agreement(sets) is None


def test_with_a_classifier_of_other_classes_neighbours_read():
    rows, labels = load("digits").train[:600], load("digits").train.labels[:600]
    small = Labelled(rows[300:500], labels[300:500] % 2, labels[:300] % 2, ["even", "odd"])
    figure = figure_of_agreement(Sets(rows[300:], rows[:300], rows[300:], labelled=small, features=shipped("digits")))
    assert figure is not None and "features" not in figure
    assert figure["floor"] > 0.9


def test_of_classes_with_few_rows_perfect_samples_are_at_the_floor():
    """20 classes in 100 held-out rows, 5 each: a row that leaves itself out has a voter less, and so has a sample."""
    centres, found = 3.0 * torch.randn(20, 4, generator=torch.Generator().manual_seed(7)), []
    for seed in range(20):
        draws = torch.Generator().manual_seed(seed)
        labels, asked = torch.randint(20, (100,), generator=draws), torch.arange(100) % 20
        train, test, samples, own = (
            centres[of] + torch.randn(100, 4, generator=draws) for of in (labels.roll(1), labels, labels, asked)
        )
        labelled = Labelled(own, asked, labels, [str(label) for label in range(20)])
        figure = figure_of_agreement(Sets(train, test, samples, image=False, seed=seed, labelled=labelled))
        found.append((figure["value"] - figure["floor"]) / figure["spread"])
    assert abs(np.mean(found)) < 0.7 and max(np.abs(found)) < 3
