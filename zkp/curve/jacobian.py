"""One scalar multiple of a G1 point without inversions on the way: for the precompile ecmul.

Jacobian coordinates (X / Z^2, Y / Z^3), formulas for a = 0 (Bernstein and Lange, EFD, dbl-2009-l
and madd). Sums of many points go through `zkp.curve.msm` instead.
"""

from zkp.curve.g1 import G1Point, P
from zkp.field import R

_Jacobian = tuple[int, int, int]


def multiply(point: G1Point | None, scalar: int) -> G1Point | None:
    """scalar · point for any non-negative scalar."""
    scalar %= R
    if point is None or scalar == 0:
        return None
    x, y = point
    total: _Jacobian = (x, y, 1)
    for digit in f"{scalar:b}"[1:]:
        total = _double(total)
        if digit == "1":
            total = _add(total, x, y)
    return _affine(total)


def _affine(point: _Jacobian) -> G1Point | None:
    x, y, z = point
    if z == 0:
        return None
    inverse = pow(z, -1, P)
    square = inverse * inverse % P
    return x * square % P, y * square * inverse % P


def _double(point: _Jacobian) -> _Jacobian:
    x, y, z = point
    b = y * y % P
    d = 4 * x * b % P
    e = 3 * x * x % P
    new_x = (e * e - 2 * d) % P
    return new_x, (e * (d - new_x) - 8 * b * b) % P, 2 * y * z % P


def _add(point: _Jacobian, x2: int, y2: int) -> _Jacobian:
    x1, y1, z1 = point
    if z1 == 0:
        return x2, y2, 1
    square = z1 * z1 % P
    h = (x2 * square - x1) % P
    r = (y2 * square * z1 - y1) % P
    if h == 0:
        return _double(point) if r == 0 else (1, 1, 0)
    h2 = h * h % P
    h3 = h * h2 % P
    v = x1 * h2 % P
    new_x = (r * r - h3 - 2 * v) % P
    return new_x, (r * (v - new_x) - y1 * h3) % P, z1 * h % P
