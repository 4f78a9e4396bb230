"""What people read is what was said: names are no markup, and sentences keep their paths whole."""

import pytest

from cli.output import emit, emit_fields

NAMES = "[/red] [bold]x[/bold] :100: [a]"


def test_names_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    emit({}, False, lambda: f"Wrote {NAMES}")
    emit_fields(NAMES, {"file": NAMES}, False)
    assert capsys.readouterr().out.count(NAMES) == 3


def test_a_sentence_is_one_line_however_long(capsys: pytest.CaptureFixture[str]) -> None:
    sentence = f"Wrote /{'long/' * 40}file: sign it with quorate group sign"
    emit({}, False, lambda: sentence)
    assert capsys.readouterr().out == sentence + "\n"
