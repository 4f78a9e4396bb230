"""Seals, unseals and reseals a whole workspace; what was cut off goes on when it is run again.

What a workspace's seal is, is `workspace_seal.py`'s.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from workflows.workspace import read_plain, write_private
from workflows.workspace_seal import (
    SEAL_FILE,
    Seal,
    SealProblem,
    Secret,
    encode_seal,
    is_sealed,
    named_secret,
    new_keys,
    open_seal,
)

_KINDS = ("*.json", "envelope.key")
"""What says something about people or opens it: openings, declarations, details, notes, key."""
_PUBLIC = ("proof.json", "public.json")
"""Proofs go on chain, and other programs read these files as they are."""


def seal_workspace(root: Path, secret: Secret) -> int:
    """Seal all files that are not; how many. A workspace that has a seal keeps it.

    Raises SealProblem.
    """
    root = root.absolute()
    if not root.is_dir():
        raise SealProblem(f"{root}: there is no such workspace")
    if not (root / SEAL_FILE).exists():
        write_private(root / SEAL_FILE, encode_seal(secret, new_keys()))
    seal = open_seal(root)
    return _rewrite(root, lambda path, data: None if is_sealed(data) else seal.seal(path, data))


def reseal_workspace(root: Path, secret: Secret | None = None) -> int:
    """Fresh keys for all files, wrapped under another secret or the same; how many files.

    The old keys stay in the seal file until the last file is under the new one. Raises SealProblem.
    """
    root = root.absolute()
    held = open_seal(root)
    secret = secret or named_secret(root)
    fresh = Seal(root, new_keys(held))
    write_private(root / SEAL_FILE, encode_seal(secret, fresh.keys))
    count = _rewrite(
        root,
        lambda path, data: fresh.seal(path, fresh.open(path, data) if is_sealed(data) else data),
    )
    write_private(root / SEAL_FILE, encode_seal(secret, fresh.keys[:1]))
    return count


def unseal_workspace(root: Path) -> int:
    """Take the seal off; how many files. The seal file goes last. Raises SealProblem."""
    root = root.absolute()
    seal = open_seal(root)
    count = _rewrite(root, lambda path, data: seal.open(path, data) if is_sealed(data) else None)
    (root / SEAL_FILE).unlink()
    return count


def _rewrite(root: Path, change: Callable[[Path, bytes], bytes | None]) -> int:
    """Each file replaced by what `change` makes of it, None to leave it; how many."""
    count = 0
    for path in _files(root):
        changed = change(path, read_plain(path))
        if changed is not None:
            write_private(path, changed)
            count += 1
    return count


def _files(root: Path) -> Iterator[Path]:
    found = {path for kind in _KINDS for path in root.rglob(kind) if path.is_file()}
    yield from sorted(path for path in found if path.name not in (SEAL_FILE, *_PUBLIC))
