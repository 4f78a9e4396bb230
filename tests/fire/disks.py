"""A small disk of its own for a node's folder, so that a test can fill it and make room again.

A tmpfs: it needs root, and `why_not` says so where there is none. Nothing else's disk gets full.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

SIZE_MIB = 96
BALLAST = "ballast"
CHUNK = b"\0" * (1 << 20)
COMMAND_S_MAX = 30


def why_not() -> str | None:
    """Why no small disk can be made here; None if one can."""
    if os.geteuid() != 0:
        return "disk-full needs root: a node's folder is put on a small tmpfs"
    with tempfile.TemporaryDirectory() as folder:
        done = _mount(Path(folder))
        if done.returncode != 0:
            return f"disk-full needs a tmpfs, and it cannot be mounted: {done.stderr.strip()}"
        _unmount(Path(folder))
    return None


class SmallDisk:
    """Mounted over `folder` with what the folder held; `close` puts that back and unmounts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        aside = folder.with_name(folder.name + ".aside")
        folder.rename(aside)
        folder.mkdir()
        done = _mount(folder)
        assert done.returncode == 0, done.stderr
        shutil.copytree(aside, folder, dirs_exist_ok=True)
        shutil.rmtree(aside)

    def fill(self) -> None:
        """Leave not a byte."""
        with (self._folder / BALLAST).open("wb", buffering=0) as ballast:
            for size in (len(CHUNK), 4096, 1):
                try:
                    while ballast.write(CHUNK[:size]) == size:
                        pass
                except OSError:
                    continue

    def empty(self) -> None:
        """Make room again."""
        (self._folder / BALLAST).unlink()

    def close(self) -> None:
        """Unmount; what the node wrote is gone with the disk."""
        _unmount(self._folder)


def _mount(folder: Path) -> "subprocess.CompletedProcess[str]":
    return _run("mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m,mode=700", "tmpfs", str(folder))


def _unmount(folder: Path) -> None:
    done = _run("umount", str(folder))
    assert done.returncode == 0, done.stderr


def _run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, capture_output=True, text=True, timeout=COMMAND_S_MAX, check=False
    )
