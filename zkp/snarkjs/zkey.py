"""`.zkey` files: Groth16 proving keys as snarkjs keeps them.

Coordinates are little-endian in Montgomery form (times 2^256); the identity is all zeros.
Coefficients are stored times 2^512, so that snarkjs's product with a plain witness value comes out
in Montgomery form. Reading checks that points lie on their curves, G2 points of the verifying key
also their subgroup: a proof is verified before it leaves, which catches the rest.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import TypeVar

from zkp.curve.g1 import G1, G1Point, P
from zkp.curve.g2 import G2, Fp2, G2Point
from zkp.field import ELEMENT_BYTES, R
from zkp.groth16.keys import PUBLICS_MAX, Coefficient, InvalidKey, ProvingKey, VerifyingKey
from zkp.r1cs import WIRES_MAX
from zkp.snarkjs.sections import InvalidFile, Reader, encode_sections, read_sections

Point = TypeVar("Point")

DOMAIN_MAX = 1 << 24
COEFFICIENTS_MAX = 1 << 28

_MAGIC, _VERSION = b"zkey", 1
_PROTOCOL, _HEADER, _IC, _COEFFICIENTS, _A, _B1, _B2, _C, _H, _CONTRIBUTIONS = range(1, 11)
_GROTH16 = 1
_FORM = 1 << 256
_UNFORM = pow(_FORM, -1, P)
_COEFFICIENT_FORM = _FORM * _FORM % R
_COEFFICIENT_UNFORM = pow(_COEFFICIENT_FORM, -1, R)


def encode_zkey(key: ProvingKey) -> bytes:
    """The file of a key, without contributions: a single party made it."""
    verifying = key.verifying
    header = b"".join(
        (
            ELEMENT_BYTES.to_bytes(4, "little") + P.to_bytes(ELEMENT_BYTES, "little"),
            ELEMENT_BYTES.to_bytes(4, "little") + R.to_bytes(ELEMENT_BYTES, "little"),
            key.wires.to_bytes(4, "little"),
            verifying.publics.to_bytes(4, "little"),
            key.domain.to_bytes(4, "little"),
            _encode_g1([verifying.alpha1, key.beta1]),
            _encode_g2([verifying.beta2, verifying.gamma2]),
            _encode_g1([key.delta1]),
            _encode_g2([verifying.delta2]),
        )
    )
    coefficients = _encode_coefficients(key.coefficients)
    sections = (
        (_PROTOCOL, _GROTH16.to_bytes(4, "little")),
        (_HEADER, header),
        (_IC, _encode_g1(verifying.ic)),
        (_COEFFICIENTS, coefficients),
        (_A, _encode_g1(key.a)),
        (_B1, _encode_g1(key.b1)),
        (_B2, _encode_g2(key.b2)),
        (_C, _encode_g1(key.c)),
        (_H, _encode_g1(key.h)),
        # 64 bytes that name the constraints, then no contributions.
        (_CONTRIBUTIONS, hashlib.blake2b(coefficients).digest() + bytes(4)),
    )
    return encode_sections(_MAGIC, _VERSION, sections)


def decode_zkey(data: bytes) -> ProvingKey:
    """The key in a file. Raises `InvalidFile` for its form and `InvalidKey` for its points."""
    required = range(_PROTOCOL, _CONTRIBUTIONS)
    sections = read_sections(data, _MAGIC, _VERSION, required)
    if sections[_PROTOCOL].number(4) != _GROTH16:
        raise InvalidFile(".zkey: expected a Groth16 key, got one of another protocol")
    header = sections[_HEADER]
    header.expect_prime(P, ".zkey")
    header.expect_prime(R, ".zkey")
    wires = header.count(WIRES_MAX, "wires")
    publics = header.count(PUBLICS_MAX, "public signals")
    domain = header.count(DOMAIN_MAX, "rows")
    if domain.bit_count() != 1 or publics >= wires:
        raise InvalidFile(f".zkey: {domain} rows, {publics} of {wires} wires public: not a key")
    alpha1, beta1 = (_finite(point) for point in _decode_g1(header, 2))
    beta2, gamma2 = (_finite(point) for point in _decode_g2(header, 2))
    delta1 = _finite(_decode_g1(header, 1)[0])
    delta2 = _finite(_decode_g2(header, 1)[0])
    header.end(".zkey header")
    ic = tuple(_decode_g1(sections[_IC], publics + 1))
    verifying = VerifyingKey(alpha1, beta2, gamma2, delta2, ic)
    verifying.check()
    key = ProvingKey(
        verifying,
        beta1,
        delta1,
        wires,
        domain,
        _decode_coefficients(sections[_COEFFICIENTS], domain, wires),
        a=_decode_g1(sections[_A], wires),
        b1=_decode_g1(sections[_B1], wires),
        b2=_decode_g2(sections[_B2], wires),
        c=_decode_g1(sections[_C], wires - publics - 1),
        h=_decode_g1(sections[_H], domain),
    )
    for number in required:
        sections[number].end(f".zkey section {number}")
    return key


def _encode_coefficients(entries: Sequence[Coefficient]) -> bytes:
    parts = [len(entries).to_bytes(4, "little")]
    for matrix, row, wire, value in entries:
        parts.append(matrix.to_bytes(4, "little") + row.to_bytes(4, "little"))
        parts.append(wire.to_bytes(4, "little"))
        parts.append((value * _COEFFICIENT_FORM % R).to_bytes(ELEMENT_BYTES, "little"))
    return b"".join(parts)


def _decode_coefficients(reader: Reader, domain: int, wires: int) -> list[Coefficient]:
    entries = []
    for _ in range(reader.count(COEFFICIENTS_MAX, "coefficients")):
        matrix = reader.index(2, "matrix")
        row, wire = reader.index(domain, "row"), reader.index(wires, "wire")
        value = reader.element(R, "coefficient") * _COEFFICIENT_UNFORM % R
        entries.append(Coefficient(matrix, row, wire, value))
    return entries


def _encode_g1(points: Iterable[G1Point | None]) -> bytes:
    return b"".join(_encode_coordinates(point or (0, 0)) for point in points)


def _encode_g2(points: Iterable[G2Point | None]) -> bytes:
    return b"".join(
        bytes(4 * ELEMENT_BYTES)
        if point is None
        else _encode_coordinates(point[0]) + _encode_coordinates(point[1])
        for point in points
    )


def _encode_coordinates(pair: tuple[int, int]) -> bytes:
    low, high = (value * _FORM % P for value in pair)
    return low.to_bytes(ELEMENT_BYTES, "little") + high.to_bytes(ELEMENT_BYTES, "little")


def _decode_pair(reader: Reader) -> Fp2:
    low, high = reader.element(P, "coordinate"), reader.element(P, "coordinate")
    return low * _UNFORM % P, high * _UNFORM % P


def _decode_g1(reader: Reader, count: int) -> list[G1Point | None]:
    points: list[G1Point | None] = []
    for index in range(count):
        point = _decode_pair(reader)
        if point != (0, 0) and not G1.is_on_curve(point):
            raise InvalidKey(f".zkey: point {index} of a section is not on G1: the file is damaged")
        points.append(None if point == (0, 0) else point)
    return points


def _decode_g2(reader: Reader, count: int) -> list[G2Point | None]:
    points: list[G2Point | None] = []
    zero = ((0, 0), (0, 0))
    for index in range(count):
        point = _decode_pair(reader), _decode_pair(reader)
        if point != zero and not G2.is_on_curve(point):
            raise InvalidKey(f".zkey: point {index} of a section is not on G2: the file is damaged")
        points.append(None if point == zero else point)
    return points


def _finite(point: Point | None) -> Point:
    if point is None:
        raise InvalidKey(".zkey: a point of the header is the identity: the file is damaged")
    return point
