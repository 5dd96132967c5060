import pytest

from remblai.cli.main import main


def completed(capsys, monkeypatch, *words):
    monkeypatch.setenv("_REMBLAI_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", " ".join(["remblai", *words]))
    monkeypatch.setenv("COMP_CWORD", str(len(words)))
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 0
    return [line.partition(",")[2] for line in capsys.readouterr().out.splitlines()]


def test_commands_are_completed(capsys, monkeypatch):
    assert completed(capsys, monkeypatch, "co") == ["compare"]


def test_options_of_a_command_are_completed(capsys, monkeypatch):
    assert completed(capsys, monkeypatch, "sample", "--sam") == ["--sampler", "--sampling-steps"]


def test_the_line_of_the_docs_gives_a_script(capsys, monkeypatch):
    monkeypatch.setenv("_REMBLAI_COMPLETE", "bash_source")
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 0
    assert "complete -o nosort -F _remblai_completion remblai" in capsys.readouterr().out
