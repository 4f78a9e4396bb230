"""What a node writes about itself: JSON lines to `logs/node.log`, brief lines to standard error.

Neither transactions' contents nor keys: long bytes become their length, and fields whose names
speak of secrets are cut, whoever logged them.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import stat
import sys
from pathlib import Path
from typing import Any, TextIO

import structlog

from node.config import LogConfig

LOG_NAME = "node.log"
_BYTES_SHOWN_MAX = 32
_TEXT_SHOWN_MAX = 2_000
CONSOLE_FILE_BYTES_MAX = 4 << 20
_SECRET_WORDS = ("private", "secret", "password", "keystore", "payload", "raw", "calldata")


def guard_secrets(_logger: Any, _name: str, event: dict[str, Any]) -> dict[str, Any]:
    """Show hashes and addresses as hex, longer bytes as their length, secrets not at all."""
    for key, value in event.items():
        if any(word in key for word in _SECRET_WORDS):
            event[key] = "(not logged)"
        elif isinstance(value, bytes | bytearray | memoryview):
            data = bytes(value)
            short = len(data) <= _BYTES_SHOWN_MAX
            event[key] = "0x" + data.hex() if short else f"({len(data)} bytes)"
        elif isinstance(value, str) and len(value) > _TEXT_SHOWN_MAX:
            event[key] = value[:_TEXT_SHOWN_MAX] + "…"
    return event


class _BriefHandler(logging.StreamHandler[TextIO]):
    """Brief lines for a terminal or a journal; in a file, which nobody rotates, only so many."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._left: int | None = CONSOLE_FILE_BYTES_MAX if _is_file(stream) else None

    def emit(self, record: logging.LogRecord) -> None:
        if self._left is None:
            super().emit(record)
        elif self._left > 0:
            super().emit(record)
            self._left -= len(self.format(record)) + 1
            if self._left <= 0:
                self.stream.write(f"enough said here: the rest is in {LOG_NAME} only\n")
                self.flush()


def _is_file(stream: TextIO) -> bool:
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):
        return False  # no file behind it at all


def configure_logging(folder: Path, config: LogConfig, *, brief: bool = True) -> None:
    """Set up the process's logging once; `brief` also writes to standard error."""
    folder.mkdir(parents=True, exist_ok=True)
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        guard_secrets,
    ]
    to_file = logging.handlers.RotatingFileHandler(
        folder / LOG_NAME,
        maxBytes=config.file_bytes_max,
        backupCount=config.files_count_max - 1,
        encoding="utf-8",
    )
    to_file.setFormatter(_formatter(shared, structlog.processors.JSONRenderer(ensure_ascii=False)))
    handlers: list[logging.Handler] = [to_file]
    if brief:
        to_terminal = _BriefHandler(sys.stderr)
        to_terminal.setLevel(logging.WARNING)
        renderer = structlog.dev.ConsoleRenderer(colors=False, pad_event_to=0)
        to_terminal.setFormatter(_formatter(shared, renderer))
        handlers.append(to_terminal)
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(config.level.upper())
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _formatter(shared: list[Any], renderer: Any) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
