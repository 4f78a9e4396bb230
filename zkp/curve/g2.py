"""G2: y^2 = x^3 + 3/(9+u) over the quadratic extension. Points are ((x0, x1), (y0, y1)).

A coordinate (c0, c1) is c0 + c1·u with u^2 = -1: the order of `.zkey` files and snarkjs's JSON.
EVM calldata has it the other way round (EIP-197); `zkp.snarkjs.calldata` swaps.
"""

from collections.abc import Sequence

from zkp.curve.g1 import P
from zkp.curve.group import Group
from zkp.field import invert_all

Fp2 = tuple[int, int]
G2Point = tuple[Fp2, Fp2]

GENERATOR: G2Point = (
    (
        10857046999023057135944570762232829481370756359578518086990519993285655852781,
        11559732032986387107991004021392285783925812861821192530917403151452391805634,
    ),
    (
        8495653923123431417604973247489272438418190587263600148770280649306958101930,
        4082367875863433681332203403145435568316851327593401208105741076214120093531,
    ),
)


def fp2_multiply(a: Fp2, b: Fp2) -> Fp2:
    """A product in the quadratic extension."""
    a0, a1 = a
    b0, b1 = b
    low, high = a0 * b0, a1 * b1
    return (low - high) % P, ((a0 + a1) * (b0 + b1) - low - high) % P


def fp2_inverse(a: Fp2) -> Fp2:
    """1/a in the quadratic extension."""
    norm = pow(a[0] * a[0] + a[1] * a[1], -1, P)
    return a[0] * norm % P, -a[1] * norm % P


def fp2_root(value: Fp2) -> Fp2 | None:
    """A square root in the quadratic extension, None if there is none.

    p is 3 modulo 4, so with n a root of the norm, (real part ± n) / 2 is a square for one sign.
    """
    real, imaginary = value
    norm = (real * real + imaginary * imaginary) % P
    n = pow(norm, (P + 1) // 4, P)
    for signed in (n, -n):
        half = (real + signed) * ((P + 1) // 2) % P
        x = pow(half, (P + 1) // 4, P)
        if x * x % P != half:
            continue
        # A real value that is no square of a real one has an imaginary root.
        y = imaginary * pow(2 * x, -1, P) % P if x else pow(-real % P, (P + 1) // 4, P)
        root = (x, y)
        if fp2_multiply(root, root) == value:
            return root
    return None


# 3/(9+u), the twist's constant.
TWIST_B = fp2_multiply((3, 0), fp2_inverse((9, 1)))


def add_all(pairs: Sequence[tuple[G2Point, G2Point]]) -> list[G2Point | None]:
    """Sums of independent pairs with one inversion in all, of the denominators' norms."""
    p = P
    denominators = []
    norms = []
    for ((x0, x1), y), ((u0, u1), v) in pairs:
        d0, d1 = u0 - x0, u1 - x1
        if not d0 and not d1:
            d0, d1 = (2 * y[0], 2 * y[1]) if y == v else (1, 0)
        denominators.append((d0, d1))
        norms.append((d0 * d0 + d1 * d1) % p)
    sums: list[G2Point | None] = []
    rows = zip(pairs, denominators, invert_all(norms, p), strict=True)
    for (((x0, x1), (y0, y1)), ((u0, u1), (v0, v1))), (d0, d1), inverse in rows:
        if x0 != u0 or x1 != u1:
            n0, n1 = v0 - y0, v1 - y1
        elif y0 == v0 and y1 == v1:
            n0, n1 = 3 * (x0 + x1) * (x0 - x1) % p, 6 * x0 * x1 % p
        else:
            sums.append(None)
            continue
        # slope = n / d = n · conjugate(d) / norm(d)
        s0 = (n0 * d0 + n1 * d1) % p * inverse % p
        s1 = (n1 * d0 - n0 * d1) % p * inverse % p
        r0 = ((s0 + s1) * (s0 - s1) - x0 - u0) % p
        r1 = (2 * s0 * s1 - x1 - u1) % p
        t0, t1 = x0 - r0, x1 - r1
        sums.append(((r0, r1), ((s0 * t0 - s1 * t1 - y0) % p, (s0 * t1 + s1 * t0 - y1) % p)))
    return sums


def negate(point: G2Point) -> G2Point:
    """The opposite point."""
    x, (y0, y1) = point
    return x, (-y0 % P, -y1 % P)


def is_on_curve(point: G2Point) -> bool:
    """Whether all coordinates are reduced and satisfy the twist's equation."""
    x, y = point
    if not all(0 <= value < P for value in (*x, *y)):
        return False
    square, cube = fp2_multiply(y, y), fp2_multiply(x, fp2_multiply(x, x))
    return all((square[i] - cube[i] - TWIST_B[i]) % P == 0 for i in (0, 1))


G2 = Group("G2", GENERATOR, add_all, negate, is_on_curve)
