"""One process per node folder: the pid file is locked while the node runs.

The lock dies with the process, so that a file left by a crash stops nobody.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from node.config import ConfigurationError


class PidFile:
    """Holds the folder for this process until `release`. Raises `ConfigurationError`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            other = os.pread(self._descriptor, 16, 0).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise ConfigurationError(
                f"the node in {path.parent} runs already (process {other}); stop that one first"
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Remove the file and give the folder free."""
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)
