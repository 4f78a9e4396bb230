"""Writes what a command made to the file that its user named: whole, or not at all.

Unlike `ledger.whole_file`, which knows its folders, it follows links, feeds pipes and devices, and
blames the name that was given.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ledger.whole_file import replace_synced, write_whole

SECRET_MODE = 0o600


def write_result(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Put `data` at `path`, in place of any file there. Raises OSError, naming `path`."""
    with _blaming(path):
        target = path.resolve()  # a link stays, and what it points at is replaced
        if target.exists() and not target.is_file():
            target.write_bytes(data)  # a pipe or /dev/stdout: not to be renamed over
        else:
            write_whole(target, data, mode=mode)


@contextmanager
def result_stream(path: Path) -> Iterator[BinaryIO]:
    """A file to write into that stands at `path` once the block is through. Raises OSError."""
    # Two may write the same file at once.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}.new")
    with _blaming(path):
        file = draft.open("xb")
    try:
        with file:
            yield file  # what fails in the block need not be about this file
            file.flush()
            os.fsync(file.fileno())
        with _blaming(path):
            replace_synced(draft, path)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _blaming(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
