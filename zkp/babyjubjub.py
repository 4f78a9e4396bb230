"""Baby Jubjub: the twisted Edwards curve over BN254's scalar field, on plain integers.

a·x² + y² = 1 + d·x²·y² with the parameters of EIP-2494, as circomlib has them. Its addition law is
complete (a is a square, d is not), so no point needs a case of its own. Not constant time.
"""

from typing import NamedTuple

from zkp.field import R

A, D = 168700, 168696
# The prime order of the subgroup; the curve has eight times as many points.
SUBGROUP_ORDER = 2736030358979909402780800718157159386076813972158567259200215660948447373041
COFACTOR = 8


class Point(NamedTuple):
    """An affine point; coordinates in [0, r)."""

    x: int
    y: int


IDENTITY = Point(0, 1)
# The generator of the subgroup, 8 times the curve's own generator.
BASE = Point(
    5299619240641551281634865583518297030282874472190772894086521144482721001553,
    16950150798460657717958625567821834550301663161624707787222815936182638968203,
)


class InvalidPoint(ValueError):
    """Coordinates that are not those of a point on the curve."""


def is_on_curve(point: Point) -> bool:
    """Whether both coordinates are reduced and satisfy the equation."""
    x, y = point
    if not (0 <= x < R and 0 <= y < R):
        return False
    return (A * x * x + y * y - 1 - D * x * x * y * y) % R == 0


def check_point(point: Point, what: str) -> Point:
    """The point if it lies on the curve, else `InvalidPoint`."""
    if not is_on_curve(point):
        raise InvalidPoint(f"{what}: expected a point on Baby Jubjub with coordinates below r")
    return point


def add(left: Point, right: Point) -> Point:
    """The sum of any two points on the curve."""
    return _affine(_add(_projective(left), _projective(right)))


def multiply(point: Point, scalar: int) -> Point:
    """scalar · point, for a scalar of at least zero."""
    assert scalar >= 0, "expected a scalar of at least zero"
    total, power = (0, 1, 1), _projective(point)
    while scalar:
        if scalar & 1:
            total = _add(total, power)
        power, scalar = _add(power, power), scalar >> 1
    return _affine(total)


Projective = tuple[int, int, int]


def _projective(point: Point) -> Projective:
    return point.x, point.y, 1


def _affine(point: Projective) -> Point:
    x, y, z = point
    scale = pow(z, -1, R)
    return Point(x * scale % R, y * scale % R)


def _add(left: Projective, right: Projective) -> Projective:
    """The unified projective law (Bernstein et al., Twisted Edwards Curves, 2008, section 6)."""
    z = left[2] * right[2] % R
    square = z * z % R
    xx, yy = left[0] * right[0] % R, left[1] * right[1] % R
    cross = D * xx % R * yy % R
    minus, plus = square - cross, square + cross
    mixed = ((left[0] + left[1]) * (right[0] + right[1]) - xx - yy) % R
    return z * minus * mixed % R, z * plus * (yy - A * xx) % R, minus * plus % R
