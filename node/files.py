"""The few file operations that a write-ahead log needs, so that a test can tear and drop bytes.

`RealFiles` works in one folder. What is not synced may be lost or torn by a power cut.
"""

import os
from pathlib import Path
from typing import Protocol


class Files(Protocol):
    """Named files in one folder."""

    def names(self) -> list[str]:
        """The files there are, in order of name."""

    def read(self, name: str) -> bytes | None:
        """A whole file, None if it does not exist."""

    def append(self, name: str, data: bytes) -> None:
        """Add to the end of a file, creating it."""

    def overwrite(self, name: str, offset: int, data: bytes) -> None:
        """Replace bytes from `offset` on, creating the file and extending it as needed."""

    def truncate(self, name: str, size: int) -> None:
        """Cut an existing file to `size` bytes."""

    def sync(self, name: str) -> None:
        """Bytes and existence of a file survive a power cut once this returns."""

    def remove(self, name: str) -> None:
        """Remove a file; nothing happens if it does not exist. A power cut may undo it."""

    def close(self) -> None:
        """Release what is open; no other call follows."""


class RealFiles:
    """Files of one folder, created with mode 600; the folder is created if it is missing."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._descriptors: dict[str, int] = {}
        self._unsynced_names: set[str] = set()

    def names(self) -> list[str]:
        return sorted(path.name for path in self._folder.iterdir() if path.is_file())

    def read(self, name: str) -> bytes | None:
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def append(self, name: str, data: bytes) -> None:
        descriptor = self._descriptor(name)
        _write(descriptor, data, os.fstat(descriptor).st_size)

    def overwrite(self, name: str, offset: int, data: bytes) -> None:
        _write(self._descriptor(name), data, offset)

    def truncate(self, name: str, size: int) -> None:
        os.ftruncate(self._descriptor(name), size)

    def sync(self, name: str) -> None:
        os.fsync(self._descriptor(name))
        if name in self._unsynced_names:
            self._unsynced_names.remove(name)
            folder = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def remove(self, name: str) -> None:
        descriptor = self._descriptors.pop(name, None)
        if descriptor is not None:
            os.close(descriptor)
        self._unsynced_names.discard(name)
        (self._folder / name).unlink(missing_ok=True)

    def close(self) -> None:
        for descriptor in self._descriptors.values():
            os.close(descriptor)
        self._descriptors.clear()

    def _descriptor(self, name: str) -> int:
        descriptor = self._descriptors.get(name)
        if descriptor is None:
            path = self._folder / name
            # A file may have been created, and not synced, by a process that was killed.
            self._unsynced_names.add(name)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._descriptors[name] = descriptor
        return descriptor


def _write(descriptor: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view = view[written:]
        offset += written
