"""The fast pairing against py_ecc's, which is written to be read."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py_ecc import optimized_bn128 as reference

from zkp.backend import Backend
from zkp.curve import ate

R = reference.curve_order
scalars = st.integers(min_value=1, max_value=R - 1)


def g1(scalar: int) -> ate.G1Point:
    x, y = reference.normalize(reference.multiply(reference.G1, scalar))
    return int(x), int(y)


def g2(scalar: int) -> ate.G2Point:
    x, y = reference.normalize(reference.multiply(reference.G2, scalar))
    return (int(x.coeffs[0]), int(x.coeffs[1])), (int(y.coeffs[0]), int(y.coeffs[1]))


def as_reference(value: ate.Fp12) -> list[int]:
    """py_ecc's basis is powers of w with w^12 = 18 w^6 - 82, where our i is w^6 - 9."""
    coefficients = [0] * 12
    for odd, half in enumerate(value):
        for position, (real, imaginary) in enumerate(half):
            power = 2 * position + odd
            coefficients[power] = (coefficients[power] + real - 9 * imaginary) % ate.P
            coefficients[power + 6] = (coefficients[power + 6] + imaginary) % ate.P
    return coefficients


@settings(max_examples=3, deadline=None)
@given(scalars, scalars)
def test_the_value_equals_the_reference(a: int, b: int) -> None:
    ours = ate.final_exponentiation(ate.miller_product([(g1(a), g2(b))]))
    theirs = reference.pairing(
        reference.multiply(reference.G2, b), reference.multiply(reference.G1, a)
    )
    assert as_reference(ours) == [int(coefficient) for coefficient in theirs.coeffs]


@settings(max_examples=10, deadline=None)
@given(a=scalars, b=scalars, c=scalars)
def test_a_product_is_one_exactly_when_the_exponents_cancel(
    backend: Backend, a: int, b: int, c: int
) -> None:
    cancelling = [(g1(a), g2(b)), (g1(c), g2(1)), (g1(-(a * b + c) % R), g2(1))]
    assert backend.pairing_product_is_one(cancelling)
    assert not backend.pairing_product_is_one([*cancelling[:2], (g1(-(a * b + c) % R + 1), g2(1))])


def test_infinity_contributes_one(backend: Backend) -> None:
    assert backend.pairing_product_is_one([])
    assert backend.pairing_product_is_one([(None, g2(3)), (g1(3), None)])
    assert not backend.pairing_product_is_one([(None, g2(3)), (g1(3), g2(1))])


@pytest.mark.parametrize(
    ("point", "valid"),
    [
        (None, True),
        ((1, 2), True),
        ((1, ate.P - 2), True),
        ((1, 3), False),
        ((1 + ate.P, 2), False),
        ((0, 0), False),
    ],
)
def test_g1_points_are_checked(point: ate.G1Point, valid: bool) -> None:
    assert ate.g1_is_valid(point) is valid


def test_g2_points_of_the_subgroup_are_valid() -> None:
    assert ate.g2_is_valid(None)
    assert all(ate.g2_is_valid(g2(scalar)) for scalar in (1, 2, 12345, R - 1))


def test_a_twist_point_outside_the_subgroup_is_refused() -> None:
    outside = _twist_point_of_another_order()
    assert reference.is_on_curve(_lifted(outside), reference.b2)
    assert not ate.g2_is_valid(outside)


def test_a_point_off_the_twist_is_refused() -> None:
    (x, (y0, y1)) = g2(5) or pytest.fail("five times the generator is finite")
    assert not ate.g2_is_valid((x, (y0 + 1, y1)))
    assert not ate.g2_is_valid((x, (y0 + ate.P, y1)))


def _lifted(point: ate.G2Point) -> tuple[reference.FQ2, reference.FQ2, reference.FQ2]:
    assert point is not None
    return (reference.FQ2(point[0]), reference.FQ2(point[1]), reference.FQ2.one())


def _twist_point_of_another_order() -> ate.G2Point:
    """The first x = n + i on the twist; the cofactor is near 2^254, so its order is not r."""
    half = (ate.P + 1) // 2
    for n in range(1, 100):
        x = reference.FQ2((n, 1))
        real, imaginary = (int(c) for c in (x * x * x + reference.b2).coeffs)
        norm = pow(real * real + imaginary * imaginary, (ate.P + 1) // 4, ate.P)
        for sign in (norm, -norm):
            square = (real + sign) * half % ate.P
            root = pow(square, (ate.P + 1) // 4, ate.P)
            if root and root * root % ate.P == square:
                y = reference.FQ2((root, imaginary * pow(2 * root, -1, ate.P)))
                if y * y == x * x * x + reference.b2:
                    return (n, 1), (int(y.coeffs[0]), int(y.coeffs[1]))
    raise AssertionError("no point found")
