"""G1: y^2 = x^3 + 3 over the base field. Points are (x, y); see EIP-196."""

from collections.abc import Sequence

from zkp.curve.group import Group
from zkp.field import invert_all

# The base field's prime.
P = 21888242871839275222246405745257275088696311157297823662689037894645226208583

G1Point = tuple[int, int]


def add_all(pairs: Sequence[tuple[G1Point, G1Point]]) -> list[G1Point | None]:
    """Sums of independent pairs with one inversion in all: about seven products a pair."""
    p = P
    denominators = []
    for (x1, y1), (x2, y2) in pairs:
        if x1 != x2:
            denominators.append(x2 - x1)
        else:
            # Equal points are doubled; opposite ones give the identity, marked by 1 here.
            denominators.append(2 * y1 if y1 == y2 else 1)
    sums: list[G1Point | None] = []
    inverses = invert_all(denominators, p)
    for ((x1, y1), (x2, y2)), inverse in zip(pairs, inverses, strict=True):
        if x1 != x2:
            slope = (y2 - y1) * inverse % p
        elif y1 == y2:
            slope = 3 * x1 * x1 * inverse % p
        else:
            sums.append(None)
            continue
        x3 = (slope * slope - x1 - x2) % p
        sums.append((x3, (slope * (x1 - x3) - y1) % p))
    return sums


def negate(point: G1Point) -> G1Point:
    """The opposite point."""
    return point[0], P - point[1]


def is_on_curve(point: G1Point) -> bool:
    """Whether both coordinates are reduced and satisfy the curve's equation."""
    x, y = point
    return 0 <= x < P and 0 <= y < P and (y * y - x * x * x - 3) % P == 0


G1 = Group("G1", (1, 2), add_all, negate, is_on_curve)
