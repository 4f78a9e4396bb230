"""The optimal ate pairing of BN254 on plain integers: products of pairings, compared with one.

Fast enough for a node without the native engine: four pairings, as Groth16 needs, in some tens of
milliseconds, where py_ecc's readable one, which judges this one in the tests, takes half a second.
Algorithms: Vercauteren, "Optimal pairings" (2009); Scott et al., "On the final exponentiation"
(2009). Points are affine pairs of integers below `P`; the point at infinity is None.
"""

from collections.abc import Sequence

from zkp.curve import g1, g2
from zkp.curve.g1 import P
from zkp.curve.g2 import Fp2
from zkp.curve.g2 import fp2_inverse as _inverse2
from zkp.curve.g2 import fp2_multiply as _mul2

# The parameter u of the Barreto-Naehrig family.
U = 4965661367192848881

G1Point = g1.G1Point | None
G2Point = g2.G2Point | None
Fp6 = tuple[Fp2, Fp2, Fp2]
Fp12 = tuple[Fp6, Fp6]

# Fp2 = Fp[i] / (i^2 + 1); Fp6 = Fp2[v] / (v^3 - XI); Fp12 = Fp6[w] / (w^2 - v).
XI: Fp2 = (9, 1)
_ZERO: Fp2 = (0, 0)
_ONE: Fp2 = (1, 0)
_ONE12: Fp12 = ((_ONE, _ZERO, _ZERO), (_ZERO, _ZERO, _ZERO))


def _square2(a: Fp2) -> Fp2:
    a0, a1 = a
    return (a0 + a1) * (a0 - a1) % P, 2 * a0 * a1 % P


def _add2(a: Fp2, b: Fp2) -> Fp2:
    return a[0] + b[0], a[1] + b[1]


def _sub2(a: Fp2, b: Fp2) -> Fp2:
    return a[0] - b[0], a[1] - b[1]


def _times_xi(a: Fp2) -> Fp2:
    return 9 * a[0] - a[1], 9 * a[1] + a[0]


def _power2(a: Fp2, exponent: int) -> Fp2:
    result = _ONE
    for bit in bin(exponent)[2:]:
        result = _square2(result)
        if bit == "1":
            result = _mul2(result, a)
    return result


def _mul6(a: Fp6, b: Fp6) -> Fp6:
    """Karatsuba over Fp2: six products for nine. Sums may be unreduced, products never are."""
    a0, a1, a2 = a
    b0, b1, b2 = b
    t0, t1, t2 = _mul2(a0, b0), _mul2(a1, b1), _mul2(a2, b2)
    s12 = _mul2(_add2(a1, a2), _add2(b1, b2))
    s01 = _mul2(_add2(a0, a1), _add2(b0, b1))
    s02 = _mul2(_add2(a0, a2), _add2(b0, b2))
    x0, x1 = s12[0] - t1[0] - t2[0], s12[1] - t1[1] - t2[1]
    return (
        ((t0[0] + 9 * x0 - x1) % P, (t0[1] + 9 * x1 + x0) % P),
        (
            (s01[0] - t0[0] - t1[0] + 9 * t2[0] - t2[1]) % P,
            (s01[1] - t0[1] - t1[1] + 9 * t2[1] + t2[0]) % P,
        ),
        ((s02[0] - t0[0] - t2[0] + t1[0]) % P, (s02[1] - t0[1] - t2[1] + t1[1]) % P),
    )


def _add6(a: Fp6, b: Fp6) -> Fp6:
    return _add2(a[0], b[0]), _add2(a[1], b[1]), _add2(a[2], b[2])


def _sub6(a: Fp6, b: Fp6) -> Fp6:
    return _sub2(a[0], b[0]), _sub2(a[1], b[1]), _sub2(a[2], b[2])


def _negative6(a: Fp6) -> Fp6:
    return (-a[0][0], -a[0][1]), (-a[1][0], -a[1][1]), (-a[2][0], -a[2][1])


def _times_v(a: Fp6) -> Fp6:
    return _times_xi(a[2]), a[0], a[1]


def _reduce6(a: Fp6) -> Fp6:
    return (
        (a[0][0] % P, a[0][1] % P),
        (a[1][0] % P, a[1][1] % P),
        (a[2][0] % P, a[2][1] % P),
    )


def _inverse6(a: Fp6) -> Fp6:
    a0, a1, a2 = a
    c0 = _sub2(_square2(a0), _times_xi(_mul2(a1, a2)))
    c1 = _sub2(_times_xi(_square2(a2)), _mul2(a0, a1))
    c2 = _sub2(_square2(a1), _mul2(a0, a2))
    norm = _add2(_mul2(a0, c0), _times_xi(_add2(_mul2(a2, c1), _mul2(a1, c2))))
    factor = _inverse2(norm)
    return _mul2(c0, factor), _mul2(c1, factor), _mul2(c2, factor)


def _mul12(a: Fp12, b: Fp12) -> Fp12:
    low, high = _mul6(a[0], b[0]), _mul6(a[1], b[1])
    cross = _mul6(_add6(a[0], a[1]), _add6(b[0], b[1]))
    return _reduce6(_add6(low, _times_v(high))), _reduce6(_sub6(_sub6(cross, low), high))


def _square12(a: Fp12) -> Fp12:
    """(a0 + a1 w)^2 with two products: a0^2 + v a1^2 = (a0 + a1)(a0 + v a1) - a0 a1 - v a0 a1."""
    product = _mul6(a[0], a[1])
    mixed = _mul6(_add6(a[0], a[1]), _add6(a[0], _times_v(a[1])))
    return (
        _reduce6(_sub6(_sub6(mixed, product), _times_v(product))),
        _reduce6(_add6(product, product)),
    )


def _conjugate(a: Fp12) -> Fp12:
    """The p^6 power; the inverse of an element whose norm to Fp6 is one."""
    return a[0], _negative6(a[1])


def _inverse12(a: Fp12) -> Fp12:
    factor = _inverse6(_reduce6(_sub6(_mul6(a[0], a[0]), _times_v(_mul6(a[1], a[1])))))
    return _mul6(a[0], factor), _mul6(_negative6(a[1]), factor)


# w^(k (p - 1)) for k = 0 … 5: what Frobenius scales the coefficient of w^k by.
_GAMMA = [_power2(XI, k * (P - 1) // 6) for k in range(6)]


def _frobenius(a: Fp12) -> Fp12:
    """The p-th power: conjugate each coefficient of w^k, scale it by XI^(k (p - 1) / 6)."""

    def image(coefficient: Fp2, k: int) -> Fp2:
        return _mul2((coefficient[0], -coefficient[1]), _GAMMA[k])

    (a0, a2, a4), (a1, a3, a5) = a
    return (
        (image(a0, 0), image(a2, 2), image(a4, 4)),
        (image(a1, 1), image(a3, 3), image(a5, 5)),
    )


def _mul_by_line(f: Fp12, constant: int, b: Fp2, c: Fp2) -> Fp12:
    """f (constant + b w + c w^3): the shape that every line has on this twist."""
    f0, f1 = f
    sparse0, sparse1 = _mul6_sparse(f0, b, c), _mul6_sparse(f1, b, c)
    return (
        _reduce6(_add6(_scale6(f0, constant), _times_v(sparse1))),
        _reduce6(_add6(_scale6(f1, constant), sparse0)),
    )


def _scale6(a: Fp6, factor: int) -> Fp6:
    (x0, y0), (x1, y1), (x2, y2) = a
    return (x0 * factor, y0 * factor), (x1 * factor, y1 * factor), (x2 * factor, y2 * factor)


def _mul6_sparse(a: Fp6, b: Fp2, c: Fp2) -> Fp6:
    """a (b + c v)."""
    a0, a1, a2 = a
    t0, t1 = _mul2(a0, b), _mul2(a1, c)
    cross = _mul2(_add2(a0, a1), _add2(b, c))
    return (
        _add2(t0, _times_xi(_mul2(a2, c))),
        _sub2(_sub2(cross, t0), t1),
        _add2(_mul2(a2, b), t1),
    )


def _signed_bits(number: int) -> list[int]:
    """Non-adjacent form, least significant first: a third of the digits are not zero."""
    digits = []
    while number:
        digit = 2 - number % 4 if number % 2 else 0
        digits.append(digit)
        number = (number - digit) // 2
    return digits


# The loop runs over 6u + 2, the top digit being the starting point itself.
_LOOP = _signed_bits(6 * U + 2)[-2::-1]


def _endomorphism(point: tuple[Fp2, Fp2]) -> tuple[Fp2, Fp2]:
    """Frobenius carried to the twist."""
    (x0, x1), (y0, y1) = point
    return _mul2((x0, -x1), _GAMMA[2]), _mul2((y0, -y1), _GAMMA[3])


def _quotients(numerators: Sequence[Fp2], denominators: Sequence[Fp2]) -> list[Fp2]:
    """Each numerator over its denominator, with one inversion for all (Montgomery's trick)."""
    prefixes = [_ONE]
    for denominator in denominators:
        prefixes.append(_mul2(prefixes[-1], denominator))
    suffix = _inverse2(prefixes.pop())
    quotients: list[Fp2] = [_ZERO] * len(prefixes)
    for index in range(len(prefixes) - 1, -1, -1):
        inverse = _mul2(suffix, prefixes[index])
        quotients[index] = _mul2(numerators[index], inverse)
        suffix = _mul2(suffix, denominators[index])
    return quotients


class _Walk:
    """The Miller loop's running points T, one a pair, and the product of their lines."""

    def __init__(self, pairs: Sequence[tuple[tuple[int, int], tuple[Fp2, Fp2]]]) -> None:
        self.places = [place for place, _ in pairs]
        self.running = [point for _, point in pairs]
        self.value = _ONE12

    def double(self) -> None:
        slopes = _quotients(
            [_mul2((3, 0), _square2(x)) for x, _ in self.running],
            [(2 * y[0], 2 * y[1]) for _, y in self.running],
        )
        self._step(slopes, [x for x, _ in self.running])

    def add(self, points: Sequence[tuple[Fp2, Fp2]]) -> None:
        both = list(zip(self.running, points, strict=True))
        slopes = _quotients(
            [_sub2(q[1], t[1]) for t, q in both], [_sub2(q[0], t[0]) for t, q in both]
        )
        self._step(slopes, [x for x, _ in points])

    def _step(self, slopes: Sequence[Fp2], others: Sequence[Fp2]) -> None:
        """Multiply the lines' values in and move each T to its third intersection, reflected."""
        for index, (slope, other) in enumerate(zip(slopes, others, strict=True)):
            x, y = self.running[index]
            place_x, place_y = self.places[index]
            at_place = (-slope[0] * place_x % P, -slope[1] * place_x % P)
            product = _mul2(slope, x)
            self.value = _mul_by_line(self.value, place_y, at_place, _sub2(product, y))
            square = _square2(slope)
            new_x = ((square[0] - x[0] - other[0]) % P, (square[1] - x[1] - other[1]) % P)
            drop = _mul2(slope, _sub2(x, new_x))
            self.running[index] = (new_x, ((drop[0] - y[0]) % P, (drop[1] - y[1]) % P))


def miller_product(pairs: Sequence[tuple[G1Point, G2Point]]) -> Fp12:
    """The product of the pairs' Miller functions; infinity on either side contributes one."""
    finite = [(g1, g2) for g1, g2 in pairs if g1 is not None and g2 is not None]
    if not finite:
        return _ONE12
    walk = _Walk(finite)
    points = [g2 for _, g2 in finite]
    opposite = [(x, (-y[0], -y[1])) for x, y in points]
    for digit in _LOOP:
        walk.value = _square12(walk.value)
        walk.double()
        if digit:
            walk.add(points if digit > 0 else opposite)
    once = [_endomorphism(point) for point in points]
    twice = [_endomorphism(point) for point in once]
    walk.add(once)
    walk.add([(x, (-y[0], -y[1])) for x, y in twice])
    return walk.value


def _power_u(a: Fp12) -> Fp12:
    result = a
    for bit in bin(U)[3:]:
        result = _square12(result)
        if bit == "1":
            result = _mul12(result, a)
    return result


def final_exponentiation(value: Fp12) -> Fp12:
    """value to the (p^12 - 1) / r: the easy part, then Scott et al.'s chain over powers of u."""
    easy = _mul12(_conjugate(value), _inverse12(value))
    easy = _mul12(_frobenius(_frobenius(easy)), easy)
    first = _power_u(easy)
    second = _power_u(first)
    third = _power_u(second)
    frobenius1 = _frobenius(easy)
    frobenius2 = _frobenius(frobenius1)
    y0 = _mul12(_mul12(frobenius1, frobenius2), _frobenius(frobenius2))
    y1 = _conjugate(easy)
    y2 = _frobenius(_frobenius(second))
    y3 = _conjugate(_frobenius(first))
    y4 = _conjugate(_mul12(first, _frobenius(second)))
    y5 = _conjugate(second)
    y6 = _conjugate(_mul12(third, _frobenius(third)))
    # y0 y1^2 y2^6 y3^12 y4^18 y5^30 y6^36 by a vectorial addition chain.
    a = _mul12(_mul12(_square12(y6), y4), y5)
    b = _mul12(_mul12(y3, y5), a)
    a = _mul12(a, y2)
    b = _square12(_mul12(_square12(b), a))
    a = _mul12(b, y1)
    b = _mul12(b, y0)
    return _mul12(_square12(a), b)


def pairing_product_is_one(pairs: Sequence[tuple[G1Point, G2Point]]) -> bool:
    """Whether the product of e(g1, g2) over the pairs is one; points must have been checked."""
    return final_exponentiation(miller_product(pairs)) == _ONE12


def g1_is_valid(point: G1Point) -> bool:
    """Canonical coordinates on y^2 = x^3 + 3. The group has prime order: no cofactor to clear."""
    return point is None or g1.is_on_curve(point)


def g2_is_valid(point: G2Point) -> bool:
    """Canonical coordinates, on the twist, and in the subgroup of order r.

    On BN curves p is 6u^2 modulo r, so the endomorphism multiplies by 6u^2 exactly on the
    subgroup (Housni, Guillevic and Piellard, 2022, section 4.3).
    """
    if point is None:
        return True
    return g2.is_on_curve(point) and _multiply(point, 6 * U * U) == _endomorphism(point)


def _multiply(point: tuple[Fp2, Fp2], scalar: int) -> G2Point:
    """Double and add with Jacobian coordinates; any point of the twist, of whatever order."""
    px, py = point
    x, y, z = px, py, _ONE
    for bit in bin(scalar)[3:]:
        x, y, z = _double_jacobian(x, y, z)
        if bit == "1":
            x, y, z = _add_affine(x, y, z, px, py)
    if z == _ZERO:
        return None
    inverse = _inverse2(z)
    inverse_square = _square2(inverse)
    return _mul2(x, inverse_square), _mul2(y, _mul2(inverse, inverse_square))


def _double_jacobian(x: Fp2, y: Fp2, z: Fp2) -> tuple[Fp2, Fp2, Fp2]:
    a, b = _square2(x), _square2(y)
    c = _square2(b)
    d = _mul2((4, 0), _mul2(x, b))
    e = (3 * a[0], 3 * a[1])
    f = _square2(e)
    new_x = ((f[0] - 2 * d[0]) % P, (f[1] - 2 * d[1]) % P)
    g = _mul2(e, _sub2(d, new_x))
    return (
        new_x,
        ((g[0] - 8 * c[0]) % P, (g[1] - 8 * c[1]) % P),
        _mul2((2 * y[0], 2 * y[1]), z),
    )


def _add_affine(x: Fp2, y: Fp2, z: Fp2, px: Fp2, py: Fp2) -> tuple[Fp2, Fp2, Fp2]:
    if z == _ZERO:
        return px, py, _ONE
    z2 = _square2(z)
    h0, h1 = _sub2(_mul2(px, z2), x)
    h = (h0 % P, h1 % P)
    r0, r1 = _sub2(_mul2(py, _mul2(z2, z)), y)
    r = (r0 % P, r1 % P)
    if h == _ZERO:
        return _double_jacobian(x, y, z) if r == _ZERO else (_ONE, _ONE, _ZERO)
    h2 = _square2(h)
    h3 = _mul2(h, h2)
    v = _mul2(x, h2)
    square = _square2(r)
    new_x = ((square[0] - h3[0] - 2 * v[0]) % P, (square[1] - h3[1] - 2 * v[1]) % P)
    left, right = _mul2(r, _sub2(v, new_x)), _mul2(y, h3)
    return new_x, ((left[0] - right[0]) % P, (left[1] - right[1]) % P), _mul2(z, h)
