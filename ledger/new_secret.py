"""Makes the file of a secret: its owner's alone from the first byte, and never over another file.

For keys, passwords and tokens. What reads them is `private_file`.
"""

from __future__ import annotations

import os
from pathlib import Path


def write_new_secret(path: Path, data: bytes) -> None:
    """A file of mode 600, synced. Raises FileExistsError if one is there, or OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        # Half a key is of no use, and would be in the way of the next try.
        path.unlink(missing_ok=True)
        raise
