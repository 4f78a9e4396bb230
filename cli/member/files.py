"""What the `quorate member` commands read: files told apart by what is in them."""

from enum import StrEnum
from pathlib import Path

from cli.failure import CommandFailed
from ledger.bounded_file import read_bounded
from ledger.suite import STANDARD, KeySigner
from node.config import NodeFolder
from node.keyfile import load_private_key
from node.membership import MEMBERSHIP_BYTES_MAX, Membership, decode_membership

FILE_BYTES_MAX = MEMBERSHIP_BYTES_MAX
ORGANISATION_KEY = "organisation.key"
"""The key that signs membership documents, beside the organisation's CA."""


class Kind(StrEnum):
    """What a path can be."""

    AUTHORITY = "authority"
    NODE = "node"
    CERTIFICATE = "certificate"
    REQUEST = "request"
    REVOCATIONS = "revocations"
    MEMBERSHIP = "membership"


_MARKS = (
    (b"-----BEGIN CERTIFICATE REQUEST-----", Kind.REQUEST),
    (b"-----BEGIN X509 CRL-----", Kind.REVOCATIONS),
    (b"-----BEGIN CERTIFICATE-----", Kind.CERTIFICATE),
)
_DOCUMENT_START = b'{"body":'


def read_file(path: Path) -> bytes:
    """The file whole. Raises CommandFailed if it is no file or longer than any of ours."""
    if not path.is_file():
        raise CommandFailed(f"{path}: expected a file, found none; name the file that you got")
    return read_bounded(path, FILE_BYTES_MAX, CommandFailed)


def kind_of(path: Path) -> Kind:
    """What stands at `path`. Raises CommandFailed."""
    if path.is_dir():
        for name, kind in (("ca.crt", Kind.AUTHORITY), ("node.toml", Kind.NODE)):
            if (path / name).is_file():
                return kind
        raise CommandFailed(
            f"{path}: expected the folder of a CA (ca.crt) or of a node (node.toml), found "
            "neither; name another folder or a file"
        )
    data = read_file(path)
    if data.startswith(_DOCUMENT_START):  # which holds certificates too
        return Kind.MEMBERSHIP
    for mark, kind in _MARKS:
        if mark in data:
            return kind
    raise CommandFailed(
        f"{path}: expected a PEM certificate, request or revocation list, or a membership "
        "document, found something else; name another file"
    )


def load_document(path: Path) -> Membership:
    """A membership document, signed or not; of a node's folder, the one in force there."""
    return decode_membership(read_file(NodeFolder(path).membership if path.is_dir() else path))


def load_organisation_signer(path: Path) -> KeySigner:
    """The signer of an organisation's key file, or of the folder that holds it."""
    return KeySigner(STANDARD, load_private_key(path / ORGANISATION_KEY if path.is_dir() else path))
