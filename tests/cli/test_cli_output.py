"""What people read is what was said: names are no markup, and sentences keep their paths whole."""

import io
import json

import pytest

from cli.network.commands import _status_table
from cli.network.supervise import NodeState
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


def test_the_status_of_a_network_fits_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    group = {
        "name": "equity",
        "stable": {"number": 104_321},
        "view": 12,
        "primary": "market-1",
        "quorum": 3,
        "missing": [{"node": "market-1"}],
        "role": "observer",
    }
    states = [NodeState("market-1", True, "py-evm", {"groups": [group]})]
    emit({}, False, lambda: _status_table(states))
    *_, head, _, row = capsys.readouterr().out.splitlines()
    assert head.split()[-2:] == ["missing", "note"]
    assert row.split()[0] == "market-1"
    assert row.split()[3:] == ["104321", "12", "market-1", "3", "market-1", "observer"]


def test_a_title_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    emit_fields("Transfer 转让 is PENDING", {"id": 1}, False)
    assert capsys.readouterr().out.splitlines()[0].strip() == "Transfer 转让 is PENDING"


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "latin-1"])
def test_machines_get_what_was_said_in_any_locale(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(written, encoding, write_through=True))
    emit({"label": "税务局"}, True, lambda: "")
    assert json.loads(written.getvalue().decode("utf-8")) == {"label": "税务局"}
