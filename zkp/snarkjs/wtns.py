"""`.wtns` files: a witness, one field element per wire (circom's format, version 2)."""

from collections.abc import Sequence

from zkp.field import ELEMENT_BYTES, R
from zkp.snarkjs.sections import encode_sections, read_sections
from zkp.witness import pack

WITNESS_MAX = 1 << 24

_MAGIC, _VERSION = b"wtns", 2
_HEADER, _VALUES = 1, 2


def encode_wtns(witness: Sequence[int]) -> bytes:
    """The file of a witness."""
    header = ELEMENT_BYTES.to_bytes(4, "little") + R.to_bytes(ELEMENT_BYTES, "little")
    header += len(witness).to_bytes(4, "little")
    return encode_sections(_MAGIC, _VERSION, ((_HEADER, header), (_VALUES, pack(witness))))


def decode_wtns(data: bytes) -> tuple[int, ...]:
    """The witness in a file. Raises `InvalidFile`."""
    sections = read_sections(data, _MAGIC, _VERSION, required=(_HEADER, _VALUES))
    header, values = sections[_HEADER], sections[_VALUES]
    header.expect_prime(R, ".wtns")
    count = header.count(WITNESS_MAX, "values")
    header.end(".wtns header")
    witness = tuple(values.element(R, "witness value") for _ in range(count))
    values.end(".wtns values")
    return witness
