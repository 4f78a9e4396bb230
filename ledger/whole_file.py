"""Writes a small file whole or not at all, also across a power cut.

For documents that a node, an operator or a workflow replaces; logs that grow are no matter of it.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_whole(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Put `data` at `path`, synced, in place of what was there. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Two may write the same file at once: a node, and who administers it.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        replace_synced(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def replace_synced(source: Path, target: Path) -> None:
    """Rename a file or folder, and return once that survives a power cut. Raises OSError."""
    os.replace(source, target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
