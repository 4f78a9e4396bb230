"""Reads a file whole, and never more of it than its reader takes.

For files that people, peers or a crash may have filled with anything. What the bytes say is their
reader's matter; files that hold secrets are `private_file`'s.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


class OversizedFile(ValueError):
    """A file with more bytes than its reader takes; the message names file, bound and size."""


def read_bounded(
    path: Path,
    bytes_max: int,
    refusal: Callable[[str], Exception] = OversizedFile,
    *,
    remedy: str = "name another file",
) -> bytes:
    """All of the file's bytes. Raises what `refusal` makes of the words, or OSError.

    What comes is counted, not what the file system says: a file may grow, or be a pipe.
    """
    with path.open("rb") as file:
        size_bytes = os.fstat(file.fileno()).st_size
        # Python takes memory for all that is asked for: the bound of a small file may be 1 GiB.
        data = file.read(min(size_bytes, bytes_max) + 1)
        if size_bytes < len(data) <= bytes_max:
            data += file.read(bytes_max + 1 - len(data))
    if len(data) > bytes_max:
        found = f"{size_bytes}" if size_bytes > bytes_max else "more"
        raise refusal(f"{path}: expected at most {bytes_max} bytes, found {found}: {remedy}")
    return data
