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


def test_runs_of_one_name_in_different_folders_are_called_by_their_paths(tmp_path):
    folders = [tmp_path / "a" / "mine", tmp_path / "b" / "mine", tmp_path / "c"]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "run.json").write_text("{}")
    assert [entry.label for entry in entries_of(list(map(str, folders)))] == [*map(str, folders[:2]), "c"]
    with pytest.raises(ValueError, match="twice"):
        entries_of([str(folders[0]), str(folders[0])])


def test_a_run_that_is_not_there_is_called_so(tmp_path):
    with pytest.raises(ValueError, match=r"there is no run .*none: expected the folder of one, or a recipe"):
        entries_of(["gan", str(tmp_path / "none")])
