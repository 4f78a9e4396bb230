"""The three curve precompiles of EIP-196 and EIP-197 as functions from bytes to bytes.

For engines without a fast curve of their own. Gas (EIP-1108) is the engine's to charge; malformed
input raises `InvalidCurveInput`, and the engine takes all gas for it.
"""

from zkp.curve import ate, g1, g2, jacobian

_WORD_BYTES = 32
_POINT_BYTES = 2 * _WORD_BYTES
_PAIR_BYTES = 6 * _WORD_BYTES


class InvalidCurveInput(ValueError):
    """Coordinates that are not reduced, a point off its curve or outside its subgroup, a length."""


def ecadd(data: bytes) -> bytes:
    """Address 6: the sum of two points of G1; missing bytes are zeros, more are ignored."""
    padded = data[: 2 * _POINT_BYTES].ljust(2 * _POINT_BYTES, b"\0")
    return _encode(g1.G1.add(_decode_g1(padded[:_POINT_BYTES]), _decode_g1(padded[_POINT_BYTES:])))


def ecmul(data: bytes) -> bytes:
    """Address 7: a point of G1 times a 256-bit number."""
    padded = data[: _POINT_BYTES + _WORD_BYTES].ljust(_POINT_BYTES + _WORD_BYTES, b"\0")
    scalar = int.from_bytes(padded[_POINT_BYTES:])
    return _encode(jacobian.multiply(_decode_g1(padded[:_POINT_BYTES]), scalar))


def ecpairing(data: bytes) -> bytes:
    """Address 8: 1 as a word if the product of the pairings is one, else 0."""
    if len(data) % _PAIR_BYTES:
        raise InvalidCurveInput(f"expected a multiple of {_PAIR_BYTES} bytes, got {len(data)}")
    pairs = [
        (
            _decode_g1(data[start : start + _POINT_BYTES]),
            _decode_g2(data[start + _POINT_BYTES : start + _PAIR_BYTES]),
        )
        for start in range(0, len(data), _PAIR_BYTES)
    ]
    return int(ate.pairing_product_is_one(pairs)).to_bytes(_WORD_BYTES)


def _words(data: bytes) -> list[int]:
    return [
        int.from_bytes(data[start : start + _WORD_BYTES])
        for start in range(0, len(data), _WORD_BYTES)
    ]


def _decode_g1(data: bytes) -> g1.G1Point | None:
    x, y = _words(data)
    if x == 0 and y == 0:
        return None
    if not g1.is_on_curve((x, y)):
        raise InvalidCurveInput("expected reduced coordinates of a point of G1")
    return x, y


def _decode_g2(data: bytes) -> g2.G2Point | None:
    # The imaginary part comes first (EIP-197).
    x_imaginary, x_real, y_imaginary, y_real = _words(data)
    if not any((x_imaginary, x_real, y_imaginary, y_real)):
        return None
    point = ((x_real, x_imaginary), (y_real, y_imaginary))
    if not ate.g2_is_valid(point):
        raise InvalidCurveInput("expected reduced coordinates of a point of G2's subgroup")
    return point


def _encode(point: g1.G1Point | None) -> bytes:
    x, y = point or (0, 0)
    return x.to_bytes(_WORD_BYTES) + y.to_bytes(_WORD_BYTES)
