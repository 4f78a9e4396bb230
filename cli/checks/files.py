"""A node's files as the system sees them: who may read the keys, who owns what, room and rights."""

import os
import pwd
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from cli.finding import Finding
from cli.finding_codes import Code
from ledger.private_file import OTHERS_MODE_BITS
from node.config import NodeFolder

FILES_LOOKED_AT_MAX = 20_000
NAMED_MAX = 3
_MIB = 1 << 20


def findings_of_files(folder: NodeFolder, *, disk_free_bytes_min: int) -> list[Finding]:
    """Keys' modes, owners, the right to write, room."""
    return [
        *_of_keys(folder),
        _of_owners(folder),
        _of_writing(folder),
        _of_disk(folder, disk_free_bytes_min),
    ]


def _of_keys(folder: NodeFolder) -> Iterator[Finding]:
    open_to_others = False
    for path in sorted([*folder.keys.glob("*"), *folder.path.glob("groups/*/*.key*")]):
        mode = stat.S_IMODE(path.lstat().st_mode)
        if path.is_file() and mode & OTHERS_MODE_BITS:
            open_to_others = True
            yield Finding(
                Code.KEY_MODE,
                f"key {path.relative_to(folder.path)}",
                False,
                f"expected mode 600, found {mode:o}: others can reach {path}",
                f"chmod 600 {path}; if others may have read it, replace the key",
            )
    if not open_to_others:
        yield Finding(Code.KEY_MODE, "keys", True, "readable by their owner only")


def _of_owners(folder: NodeFolder) -> Finding:
    owner = folder.path.stat().st_uid
    foreign = [path for path in _some_files(folder.path) if path.lstat().st_uid != owner]
    if not foreign:
        return Finding(Code.OWNER, "owner", True, f"all belongs to {_user(owner)}")
    names = ", ".join(
        f"{path.relative_to(folder.path)} of {_user(path.lstat().st_uid)}"
        for path in foreign[:NAMED_MAX]
    )
    more = f" and {len(foreign) - NAMED_MAX} more" if len(foreign) > NAMED_MAX else ""
    return Finding(
        Code.OWNER,
        "owner",
        False,
        f"expected all files to belong to {_user(owner)}, who owns the folder, found {names}{more}",
        f"chown -R {_user(owner)} {folder.path}, and run quorate as that user",
    )


def _of_writing(folder: NodeFolder) -> Finding:
    places = [folder.path, folder.logs, folder.tls, folder.path / "groups"]
    places += sorted((folder.path / "groups").glob("*")) if places[-1].is_dir() else []
    shut = [path for path in places if path.is_dir() and not _is_writable(path)]
    if not shut:
        return Finding(Code.READ_ONLY, "right to write", True, "the owner may write")
    return Finding(
        Code.READ_ONLY,
        "right to write",
        False,
        f"expected folders that their owner can write, found {', '.join(map(str, shut))} read-only",
        "chmod u+w on them, or mount the disk writable",
    )


def _of_disk(folder: NodeFolder, free_bytes_min: int) -> Finding:
    free = shutil.disk_usage(folder.path).free
    if free >= free_bytes_min:
        return Finding(Code.DISK, "disk", True, f"{free // _MIB} MiB free")
    return Finding(
        Code.DISK,
        "disk",
        False,
        f"expected {free_bytes_min // _MIB} MiB free or more, found {free // _MIB} MiB free",
        "make room before the node has to stop",
    )


def _some_files(root: Path) -> Iterator[Path]:
    """Everything below, up to a bound: a store has thousands of files, all made alike."""
    count = 0
    for parent, folders, files in os.walk(root):
        for name in (*folders, *files):
            count += 1
            if count > FILES_LOOKED_AT_MAX:
                return
            path = Path(parent, name)
            if os.path.lexists(path):  # a running node removes files under our eyes
                yield path


def _is_writable(path: Path) -> bool:
    """By the mode too: root may write anywhere, the node's user may not."""
    is_mounted_writable = not os.statvfs(path).f_flag & os.ST_RDONLY
    return is_mounted_writable and bool(path.stat().st_mode & stat.S_IWUSR)


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
