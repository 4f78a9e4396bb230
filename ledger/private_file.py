"""A file that holds a secret is its owner's alone, or it is not used: the rule, and its words.

For keys, tokens and grants of the node, its clients and the workflows alike. What the file holds
is its reader's matter.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

OTHERS_MODE_BITS = 0o077


class ExposedFile(ValueError):
    """A secret that others than its owner can reach; the message says what to do."""


def check_private(path: Path) -> None:
    """Raise ExposedFile if others can reach the file, OSError if it is not there."""
    _check(path, path.stat())


def read_private(path: Path, bytes_max: int) -> bytes:
    """The first `bytes_max` bytes. Raises ExposedFile or OSError.

    The file that is read is the one that was looked at, whatever is renamed meanwhile.
    """
    with path.open("rb") as file:
        _check(path, os.fstat(file.fileno()))
        return file.read(bytes_max)


def _check(path: Path, found: os.stat_result) -> None:
    mode = stat.S_IMODE(found.st_mode)
    if mode & OTHERS_MODE_BITS:
        raise ExposedFile(
            f"{path} can be read by others (mode {mode:o}): run chmod 600 on it, and have it "
            "replaced if others may have read it"
        )
