"""An account's private folder: keys, openings and the steps' own records, one file each.

Folders have mode 700 and files 600 from their first byte; a file is whole or absent, because it
is written beside its place and renamed. It is not a database and holds nothing shared.
"""

import json
from pathlib import Path
from typing import Any

from ledger.bounded_file import read_bounded
from ledger.whole_file import write_whole
from workflows.json_text import InvalidJson, decode_json
from workflows.workspace_seal import SEAL_FILE, SealProblem, is_sealed, seal_of

file_bytes_max = 32 * 1024 * 1024


class InvalidWorkspaceFile(ValueError):
    """A file of the workspace that is not what this program writes."""


def write_private(path: Path, data: bytes) -> None:
    """Put `data` at `path`, mode 600, whole or not at all, synced to disk."""
    _make_folder(path.parent)
    write_whole(path, data, mode=0o600)


def _make_folder(folder: Path) -> None:
    """The folder and its missing parents, mode 700 each; `mkdir(parents=True)` opens those up."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def read_plain(path: Path) -> bytes:
    """The file's bytes as they stand. Raises InvalidWorkspaceFile or OSError."""
    return read_bounded(path, file_bytes_max, InvalidWorkspaceFile, remedy="restore the file")


def write_secret(path: Path, data: bytes) -> None:
    """As `write_private`; sealed where the workspace is. Raises SealProblem."""
    seal = seal_of(path)
    write_private(path, data if seal is None else seal.seal(path, data))


def read_secret(path: Path) -> bytes:
    """What `write_secret` wrote. Raises SealProblem."""
    return opened_content(path, read_plain(path))


def opened_content(path: Path, data: bytes) -> bytes:
    """The content of a file of a workspace from its bytes on disk. Raises SealProblem."""
    seal = seal_of(path)
    if is_sealed(data):
        if seal is None:
            raise SealProblem(
                f"{path.name} is sealed, and no folder above it has a {SEAL_FILE}: restore that "
                "one from a backup"
            )
        return seal.open(path, data)
    if seal is not None:
        raise SealProblem(
            f"{path.name} is not sealed in a workspace that is: it was put there from outside, or "
            "the sealing was cut off; look at it, then run `quorate desk seal` again"
        )
    return data


def write_private_json(path: Path, document: object) -> None:
    """As `write_secret`, for a JSON document that people may read."""
    text = json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True)
    write_secret(path, text.encode() + b"\n")


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file of the workspace."""
    try:
        document = decode_json(read_secret(path), bytes_max=file_bytes_max)
    except InvalidJson:
        document = None
    if not isinstance(document, dict):
        raise InvalidWorkspaceFile(f"{path.name}: expected one JSON object; restore the file")
    return document
