"""Curve points as bytes, in the three forms that snarkjs uses.

Files hold coordinates little-endian in Montgomery form (times 2^256), real part first. Hashes of
ceremonies take them big-endian and plain, imaginary part first: both coordinates, or x alone with
flags in its highest bits. The identity is all zeros but for the flag of the short form.
"""

from collections.abc import Iterable

from zkp.curve.g1 import G1, G1Point, P
from zkp.curve.g2 import G2, Fp2, G2Point
from zkp.field import ELEMENT_BYTES
from zkp.groth16.keys import InvalidKey
from zkp.snarkjs.sections import Reader

G1_BYTES = 2 * ELEMENT_BYTES
G2_BYTES = 4 * ELEMENT_BYTES

_FORM = 1 << 256
_UNFORM = pow(_FORM, -1, P)
_NEGATIVE, _IDENTITY = 0x80, 0x40
_ZERO2 = ((0, 0), (0, 0))


def encode_g1(points: Iterable[G1Point | None]) -> bytes:
    """A row of points of G1 as files hold it."""
    return b"".join(_encode_pair(point or (0, 0)) for point in points)


def encode_g2(points: Iterable[G2Point | None]) -> bytes:
    """A row of points of G2 as files hold it."""
    return b"".join(
        bytes(G2_BYTES) if point is None else _encode_pair(point[0]) + _encode_pair(point[1])
        for point in points
    )


def decode_g1(reader: Reader, count: int, what: str = ".zkey") -> list[G1Point | None]:
    """The next `count` points of G1. Raises `InvalidKey` for one that is off the curve."""
    points: list[G1Point | None] = []
    for index in range(count):
        point = _decode_pair(reader)
        if point != (0, 0) and not G1.is_on_curve(point):
            raise InvalidKey(
                f"{what}: point {index} of a section is not on G1: the file is damaged"
            )
        points.append(None if point == (0, 0) else point)
    return points


def decode_g2(reader: Reader, count: int, what: str = ".zkey") -> list[G2Point | None]:
    """The next `count` points of G2, on their curve; subgroups are not checked."""
    points: list[G2Point | None] = []
    for index in range(count):
        point = _decode_pair(reader), _decode_pair(reader)
        if point != _ZERO2 and not G2.is_on_curve(point):
            raise InvalidKey(
                f"{what}: point {index} of a section is not on G2: the file is damaged"
            )
        points.append(None if point == _ZERO2 else point)
    return points


def decode_finite_g1(reader: Reader, what: str) -> G1Point:
    """The next point of G1, which must not be the identity."""
    (point,) = decode_g1(reader, 1, what)
    if point is None:
        raise InvalidKey(f"{what}: a point is the identity: the file is damaged")
    return point


def decode_finite_g2(reader: Reader, what: str) -> G2Point:
    """The next point of G2, which must not be the identity."""
    (point,) = decode_g2(reader, 1, what)
    if point is None:
        raise InvalidKey(f"{what}: a point is the identity: the file is damaged")
    return point


def g1_uncompressed(point: G1Point | None) -> bytes:
    """64 bytes for a hash: x, y."""
    return b"".join(value.to_bytes(ELEMENT_BYTES) for value in point or (0, 0))


def g2_uncompressed(point: G2Point | None) -> bytes:
    """128 bytes for a hash: x and y, each with its imaginary part first."""
    (x0, x1), (y0, y1) = point or _ZERO2
    return b"".join(value.to_bytes(ELEMENT_BYTES) for value in (x1, x0, y1, y0))


def g1_compressed(point: G1Point | None) -> bytes:
    """32 bytes for a hash: x, and whether y is the greater of the two roots."""
    if point is None:
        return _flagged(bytes(ELEMENT_BYTES), _IDENTITY)
    x, y = point
    return _flagged(x.to_bytes(ELEMENT_BYTES), _NEGATIVE if is_greater(y) else 0)


def g2_compressed(point: G2Point | None) -> bytes:
    """64 bytes for a hash: x, and whether y is the greater of the two roots."""
    if point is None:
        return _flagged(bytes(2 * ELEMENT_BYTES), _IDENTITY)
    (x0, x1), y = point
    encoded = x1.to_bytes(ELEMENT_BYTES) + x0.to_bytes(ELEMENT_BYTES)
    return _flagged(encoded, _NEGATIVE if is_greater2(y) else 0)


def is_greater(value: int) -> bool:
    """Whether a coordinate is greater than its opposite."""
    return value > P // 2


def is_greater2(value: Fp2) -> bool:
    """The same in the quadratic extension: the imaginary part decides unless it is zero."""
    return is_greater(value[1]) if value[1] else is_greater(value[0])


def _flagged(encoded: bytes, flags: int) -> bytes:
    return bytes((encoded[0] | flags,)) + encoded[1:]


def _encode_pair(pair: Fp2) -> bytes:
    low, high = (value * _FORM % P for value in pair)
    return low.to_bytes(ELEMENT_BYTES, "little") + high.to_bytes(ELEMENT_BYTES, "little")


def _decode_pair(reader: Reader) -> Fp2:
    low, high = reader.element(P, "coordinate"), reader.element(P, "coordinate")
    return low * _UNFORM % P, high * _UNFORM % P
