"""A `.zkey` as a ceremony sees it: what contributions change, and what none of them may.

Delta, L (section 8), H (section 9) and the history (section 10) change; everything else is kept as
the bytes it came in and is compared as such. The points of what is kept are not looked at here:
they are the initial key's, which anybody makes anew from circuit and phase 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from zkp.curve.ate import g2_is_valid
from zkp.curve.g1 import G1Point
from zkp.curve.g2 import G2Point
from zkp.field import ELEMENT_BYTES
from zkp.groth16.keys import InvalidKey
from zkp.snarkjs.contributions import MpcParams, decode_mpc_params, encode_mpc_params
from zkp.snarkjs.points import (
    G1_BYTES,
    G2_BYTES,
    decode_finite_g1,
    decode_finite_g2,
    decode_g1,
    encode_g1,
    encode_g2,
)
from zkp.snarkjs.sections import InvalidFile, Reader, encode_sections, read_sections
from zkp.snarkjs.zkey import read_counts

_MAGIC, _VERSION = b"zkey", 1
_PROTOCOL, _HEADER, _L, _H, _HISTORY = 1, 2, 8, 9, 10
_GROTH16 = 1
_SECTIONS = range(_PROTOCOL, _HISTORY + 1)
_KEPT = tuple(number for number in _SECTIONS if number not in (_HEADER, _L, _H, _HISTORY))
# Primes with their sizes, three counts; then alpha and beta in G1, beta and gamma in G2.
_COUNTS_BYTES = 2 * (4 + ELEMENT_BYTES) + 3 * 4
_DELTA_AT = _COUNTS_BYTES + 2 * G1_BYTES + 2 * G2_BYTES


@dataclass(frozen=True, repr=False)
class CeremonyKey:
    """One state of a key. `before_delta` is the header up to delta, `kept` the sections 1, 3-7."""

    before_delta: bytes
    kept: tuple[bytes, ...]
    delta1: G1Point
    delta2: G2Point
    l: Sequence[G1Point | None]  # noqa: E741  (its name in every paper)
    h: Sequence[G1Point | None]
    history: MpcParams

    @property
    def wires(self) -> int:
        """How many signals the circuit has."""
        return read_counts(Reader(memoryview(self.before_delta)))[0]

    @property
    def publics(self) -> int:
        """How many of them a verifier is given."""
        return read_counts(Reader(memoryview(self.before_delta)))[1]


def encode_key(key: CeremonyKey) -> bytes:
    """The `.zkey` file."""
    changed = {
        _HEADER: key.before_delta + encode_g1([key.delta1]) + encode_g2([key.delta2]),
        _L: encode_g1(key.l),
        _H: encode_g1(key.h),
        _HISTORY: encode_mpc_params(key.history),
    }
    bodies = dict(zip(_KEPT, key.kept, strict=True)) | changed
    return encode_sections(_MAGIC, _VERSION, [(number, bodies[number]) for number in _SECTIONS])


def decode_key(data: bytes) -> CeremonyKey:
    """The key in a file. Raises `InvalidFile` for its form and `InvalidKey` for its points."""
    sections = read_sections(data, _MAGIC, _VERSION, _SECTIONS)
    kept = tuple(_all_of(sections[number]) for number in _KEPT)
    if kept[0] != _GROTH16.to_bytes(4, "little"):
        raise InvalidFile(".zkey: expected a Groth16 key, got one of another protocol")
    header = _all_of(sections[_HEADER])
    wires, publics, domain = read_counts(Reader(memoryview(header)))
    rest = Reader(memoryview(header[_DELTA_AT:]))
    delta1 = decode_finite_g1(rest, ".zkey delta")
    delta2 = decode_finite_g2(rest, ".zkey delta")
    rest.end(".zkey header")
    if not g2_is_valid(delta2):
        raise InvalidKey(".zkey: delta is no point of G2's subgroup: the file is damaged")
    key = CeremonyKey(
        before_delta=header[:_DELTA_AT],
        kept=kept,
        delta1=delta1,
        delta2=delta2,
        l=decode_g1(sections[_L], wires - publics - 1, ".zkey section L"),
        h=decode_g1(sections[_H], domain, ".zkey section H"),
        history=decode_mpc_params(sections[_HISTORY]),
    )
    for number in (_L, _H):
        sections[number].end(f".zkey section {number}")
    return key


def _all_of(section: Reader) -> bytes:
    return section.take(section.left)
