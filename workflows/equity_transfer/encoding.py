"""From a deal's words to the statement's field elements, in one canonical way.

Injective within each kind, below 2^248, so every value is a field element of BN254 as it stands.
Golden vectors: tests/vectors/tax/encoding.json.
"""

from ledger.values import keccak
from workflows.equity_transfer.identity import (
    Identity,
    IdentityType,
    credit_code_number,
    number_chars_max,
)

document_bytes_max = 16 * 1024 * 1024

# Part of the encoding: a number, once given, stays.
_TYPE_NUMBER = {
    IdentityType.RESIDENT: 1,
    IdentityType.PASSPORT: 2,
    IdentityType.HK_MACAO_PERMIT: 3,
    IdentityType.TAIWAN_PERMIT: 4,
    IdentityType.FOREIGN_RESIDENT: 5,
    IdentityType.ORGANISATION: 6,
}


class InvalidDocument(ValueError):
    """A contract document that cannot be committed to."""


def encode_identity(identity: Identity) -> int:
    """31 bytes, big-endian: type, length, then the number in ASCII, zeros at the end."""
    number = identity.number.encode("ascii")
    assert len(number) <= number_chars_max, "identity() bounds the number"
    head = bytes([_TYPE_NUMBER[identity.type], len(number)])
    return int.from_bytes(head + number.ljust(number_chars_max, b"\0"), "big")


def encode_company(code: str) -> int:
    """A canonical unified social credit code, packed in base 31 (below 2^90)."""
    return credit_code_number(code)


def encode_document(document: bytes) -> int:
    """keccak-256 of the document's bytes without the last 8 bits: 248 bits."""
    if not 0 < len(document) <= document_bytes_max:
        raise InvalidDocument(
            f"contract document: expected 1 to {document_bytes_max} bytes, got {len(document)}"
        )
    return int.from_bytes(keccak(document), "big") >> 8
