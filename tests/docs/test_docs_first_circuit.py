"""The tutorial on circuits does what it says: its blocks are run, its outputs compared."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import command

TUTORIAL = Path(__file__).resolve().parents[2] / "docs" / "tutorial"
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str) -> list[tuple[str, str]]:
    """Language and text of each fenced block."""
    return _BLOCK.findall((TUTORIAL / page).read_text(encoding="utf-8"))


def test_the_page_prints_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "grant"}
    printed, compared = "", 0
    for language, text in blocks("first-circuit.md"):
        if language == "python":
            exec(compile(text, "grant.py", "exec"), names)
            printed = capsys.readouterr().out
        elif language == "sh":
            arguments = text.removeprefix("quorate ").split()
            printed = CliRunner().invoke(command(arguments[:1]), arguments).output
        else:
            assert printed == text
            compared += 1
    assert compared == 8


def test_both_languages_have_the_same_blocks() -> None:
    assert blocks("first-circuit.zh.md") == blocks("first-circuit.md")
