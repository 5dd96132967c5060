import json
import re
from dataclasses import replace

import pytest

from remblai.cli.main import main
from remblai.gallery import GALLERY
from remblai.gallery.entry import equal


@pytest.fixture
def call(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main(["gallery", *words])
        printed = capsys.readouterr()
        return ended.value.code, printed.out, printed.err

    return run


def test_one_entry_is_run_and_written(call, tmp_path):
    code, out, err = call("seven-points", "--out", "here")
    assert (code, err) == (0, "")
    assert "10 checks, 0 missed" in out
    assert (tmp_path / "here" / "index.html").exists()
    assert (tmp_path / "here" / "seven-points.png").exists()


def test_entries_of_earlier_calls_keep_their_pages_and_the_index_leads_there(call, tmp_path):
    for name in ("seven-points", "parallel-lines"):
        assert call(name, "--out", "here")[0] == 0
    (tmp_path / "here" / "mine.html").write_text("no entry")
    assert call("seven-points", "--out", "here")[0] == 0
    pages = {path.stem: path.read_text() for path in (tmp_path / "here").glob("*.html")}
    assert set(pages) == {"index", "seven-points", "parallel-lines", "mine"}
    assert 'id="seven-points"' in pages["index"] and 'id="parallel-lines"' not in pages["index"]
    links = re.findall('href="([^"#]+)"', pages["index"])
    assert [link for link in links if link.endswith(".html")] == ["parallel-lines.html"]
    assert 'id="parallel-lines"' in pages["parallel-lines"] and 'id="seven-points"' not in pages["parallel-lines"]
    for picture in (tmp_path / "here").glob("*.png"):
        assert any(picture.stem.startswith(name) for name in pages)


def test_json_is_one_object_with_every_check(call):
    code, out, _ = call("seven-points", "--json")
    assert code == 0
    checks = json.loads(out)["entries"]["seven-points"]
    assert checks[0]["found"] == pytest.approx(0.9)
    assert all(check["holds"] for check in checks)


def test_an_unknown_entry_is_answered_with_the_nearest(call, tmp_path):
    code, out, err = call("seven-point")
    assert (code, out) == (2, "")
    assert "Did you mean 'seven-points'" in err
    assert list(tmp_path.iterdir()) == []


def test_a_missed_check_fails_the_command(call, monkeypatch):
    entry = replace(GALLERY["seven-points"](), checks=(equal("one", 1.0, 2.0),))
    monkeypatch.setitem(GALLERY, "seven-points", lambda: entry)
    code, out, err = call("seven-points")
    assert code == 1
    assert "1 missed" in out
    assert "a check of the gallery was missed" in err


def test_a_folder_that_cannot_be_made_is_told_before_anything_runs(call, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("mine")
    monkeypatch.setitem(GALLERY, "seven-points", lambda: pytest.fail("it ran"))
    code, _, err = call("seven-points", "--out", "file")
    assert code == 2 and "file" in err
    assert (tmp_path / "file").read_text() == "mine"


def test_what_was_done_is_written_where_a_later_entry_fails(call, monkeypatch, tmp_path):
    monkeypatch.setattr("remblai.gallery.EXAMPLES", ("seven-points", "parallel-lines"))
    monkeypatch.setitem(GALLERY, "parallel-lines", lambda: (_ for _ in ()).throw(RuntimeError("out of luck")))
    code, _, _ = call("--out", "here")
    assert code == 1
    assert (tmp_path / "here" / "seven-points.png").exists()


def test_a_name_beside_all_experiments_is_refused(call):
    code, _, err = call("seven-points", "--experiments")
    assert code == 2 and "expected no name beside it" in err
