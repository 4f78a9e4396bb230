"""What people read is what was said: names are no markup, and sentences keep their paths whole."""

import io
import json

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


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "latin-1"])
def test_machines_get_what_was_said_in_any_locale(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(written, encoding, write_through=True))
    emit({"label": "税务局"}, True, lambda: "")
    assert json.loads(written.getvalue().decode("utf-8")) == {"label": "税务局"}
