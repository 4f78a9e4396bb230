"""The folder that organisations share: files under the SHA-256 of their content.

Whoever can write to it can leave files out or put others in; a file that is not what its name says
is refused, so all that can be done is to delay.
"""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from ledger.bounded_file import read_bounded
from ledger.whole_file import write_whole

FILE_BYTES_MAX = 256 * 1024 * 1024
KEY, CONSTRAINTS, POWERS = "zkey", "r1cs", "ptau"


class MissingFile(Exception):
    """A file that the ledger names is not in the folder."""


class InvalidContent(ValueError):
    """A file whose content is not what its name says, or that is too large."""


@dataclass(frozen=True)
class FileDrop:
    """One folder for any number of ceremonies."""

    folder: Path

    def path(self, digest: bytes, kind: str) -> Path:
        """Where a file stands if it is here; `kind` is its suffix."""
        return self.folder / f"{digest.hex()}.{kind}"

    def put(self, data: bytes, kind: str) -> bytes:
        """Put a file in, whole or not at all; its hash. One that is there already is left alone."""
        digest = sha256(data).digest()
        path = self.path(digest, kind)
        if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
            return digest
        write_whole(path, data)
        return digest

    def get(self, digest: bytes, kind: str) -> bytes:
        """A file's content. Raises MissingFile and InvalidContent."""
        path = self.path(digest, kind)
        if not path.is_file():
            raise MissingFile(
                f"{path}: the file is not there; ask the organisation that made it, or any that "
                "has it, to put it into the folder"
            )
        data = read_file(path)
        if sha256(data).digest() != digest:
            raise InvalidContent(
                f"{path}: the content is not what the name says; remove the file and fetch it again"
            )
        return data


def read_file(path: Path) -> bytes:
    """A file of bounded length. Raises InvalidContent, and OSError."""
    return read_bounded(path, FILE_BYTES_MAX, InvalidContent)
