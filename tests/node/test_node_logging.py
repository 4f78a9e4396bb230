"""Logs are JSON lines that hold neither contents nor keys."""

import json
import logging
from pathlib import Path

import pytest
import structlog

import node.logging
from node.config import LogConfig
from node.logging import configure_logging


@pytest.fixture(autouse=True)
def _restore():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        if handler not in handlers:
            handler.close()
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level)
    structlog.reset_defaults()


def test_lines_are_json_without_secrets(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    configure_logging(tmp_path, LogConfig())
    log = structlog.get_logger("group")
    log.info("block.stable", number=7, hash=b"\x01" * 32)
    log.warning("odd", payload=b"abc", private_key=b"\x02" * 32, frame=b"\x03" * 100)
    lines = [json.loads(line) for line in (tmp_path / "node.log").read_text().splitlines()]
    assert lines[0]["event"] == "block.stable"
    assert lines[0]["hash"] == "0x" + "01" * 32
    assert lines[1]["frame"] == "(100 bytes)"
    text = (tmp_path / "node.log").read_text() + capsys.readouterr().err
    assert "0202" not in text
    assert "abc" not in text


def test_the_terminal_hears_warnings_only(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    configure_logging(tmp_path, LogConfig())
    structlog.get_logger("group").info("quiet.thing")
    structlog.get_logger("group").warning("loud.thing")
    shown = capsys.readouterr().err
    assert "loud.thing" in shown
    assert "quiet.thing" not in shown


def test_brief_lines_in_a_file_end_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node.logging, "CONSOLE_FILE_BYTES_MAX", 2_000)
    console = tmp_path / "console.log"
    with console.open("w", encoding="utf-8") as file:
        monkeypatch.setattr("sys.stderr", file)
        configure_logging(tmp_path, LogConfig())
        for number in range(200):
            structlog.get_logger("group").warning("again", number=number)
    written = console.read_text(encoding="utf-8")
    assert 2_000 <= len(written) < 2_500
    assert written.endswith("node.log only\n")
    assert len((tmp_path / "node.log").read_text().splitlines()) == 200
