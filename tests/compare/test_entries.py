import pytest

from remblai.compare.entries import entries_of


def test_recipes_with_options_and_grids_become_entries():
    found = entries_of(
        ["gan", "wae-mmd --weight 1"], [{"recipe": "wae-gan", "grid": {"latent": [2, 4], "weight": [1]}}]
    )
    assert [entry.label for entry in found] == [
        "gan",
        "wae-mmd weight=1",
        "wae-gan latent=2 weight=1",
        "wae-gan latent=4 weight=1",
    ]
    assert found[1].resolved().arguments["weight"] == 1.0


@pytest.mark.parametrize(
    ("models", "runs", "words"),
    [
        (["gan"], [], "at least 2 models"),
        (["gan", "gan"], [], "twice"),
        (["gan", "wae-mdm"], [], "wae-mmd"),
        (["gan", "wae-mmd --wieght 1"], [], "weight"),
        (["gan", "wae-mmd --weight ten"], [], "weight"),
        (["gan", "wae-mmd --steps 10"], [], "same budget"),
        (["gan", "wae-mmd --data digits"], [], "same for all"),
        (["gan", "wae-mmd '"], [], "as after `remblai train`"),
        (["gan"], [{"grid": {"weight": [1]}}], "expected a recipe"),
        (["gan"], [{"recipe": "wae-mmd", "grid": {"weight": 1}}], "lists of values"),
        (["gan"], [{"recipe": "wae-mmd", "grid": {"weight": list(range(30)), "latent": list(range(30))}}], "--most"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_is_trained(models, runs, words):
    with pytest.raises(ValueError, match=words):
        entries_of(models, runs)


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(ValueError, match="is not a run"):
        entries_of(["gan", str(tmp_path)])
