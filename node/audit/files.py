"""The audit log's files as the one process writes them: appended and synced, then the head.

A write that failed half way is taken back before the next one, so that no line stands twice.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from node.audit.chain import HEAD_FILE, Head

LOCK_FILE = "lock"
FILE_MODE = 0o600


class AuditInUse(Exception):
    """Another process writes this log."""


class AuditFiles:
    """`write` is called by one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock: int | None = None
        self._head: int | None = None

    def open(self) -> None:
        """Make the folder where it is missing and take its lock. Raises AuditInUse or OSError."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = os.open(self._folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, FILE_MODE)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AuditInUse(
                f"the audit log in {self._folder} is being written by another process: stop it"
            ) from None
        self._head = os.open(self._folder / HEAD_FILE, os.O_WRONLY | os.O_CREAT, FILE_MODE)

    def write(self, lines: Iterable[tuple[str, bytes]], head: Head) -> None:
        """Append lines to their files and sync them; then the head says how far. Raises OSError."""
        assert self._head is not None
        written: list[tuple[Path, int]] = []
        try:
            for name, entries in groupby(lines, lambda line: line[0]):
                path = self._folder / name
                written.append((path, path.stat().st_size if path.exists() else 0))
                self._append(path, b"".join(line for _, line in entries))
        except OSError:
            for path, size in written:
                if path.exists():
                    os.truncate(path, size)
            raise
        # Behind the lines always: what the head names is there. It needs no sync of its own, an
        # older head says less and nothing wrong.
        os.pwrite(self._head, head.encode(), 0)

    def _append(self, path: Path, data: bytes) -> None:
        is_new = not path.exists()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, FILE_MODE)
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
        if is_new:
            folder = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def close(self) -> None:
        """Sync the head and give the lock free."""
        if self._head is not None:
            os.fsync(self._head)
            os.close(self._head)
            self._head = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
