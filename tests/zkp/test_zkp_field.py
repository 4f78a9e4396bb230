"""The scalar field and its transform, against their definitions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from py_ecc.bn128 import curve_order

from zkp import ntt
from zkp.backend import Backend
from zkp.field import InvalidElement, R, check_element, inverse, invert_all, root_of_unity

elements = st.integers(0, R - 1)
rows = st.integers(0, 5).flatmap(lambda k: st.lists(elements, min_size=1 << k, max_size=1 << k))


def test_the_prime_is_the_curves_order() -> None:
    assert curve_order == R


@given(st.lists(st.integers(1, R - 1), max_size=20))
def test_inverses(values: list[int]) -> None:
    inverses = invert_all(values)
    assert [v * i % R for v, i in zip(values, inverses, strict=True)] == [1] * len(values)
    assert inverses == [inverse(value) for value in values]


def test_zero_has_no_inverse() -> None:
    with pytest.raises(ZeroDivisionError):
        inverse(R)
    with pytest.raises(ZeroDivisionError):
        invert_all([1, 0])


@pytest.mark.parametrize("log", range(29))
def test_roots_of_unity_are_primitive_and_nested(log: int) -> None:
    root = root_of_unity(1 << log)
    assert pow(root, 1 << log, R) == 1
    assert log == 0 or pow(root, 1 << (log - 1), R) == R - 1
    assert log == 0 or root * root % R == root_of_unity(1 << (log - 1))


@given(coefficients=rows)
def test_the_transform_evaluates_at_all_roots(backend: Backend, coefficients: list[int]) -> None:
    size = len(coefficients)
    root = root_of_unity(size)
    values = backend.evaluate(coefficients)
    for index in range(size):
        point = pow(root, index, R)
        assert values[index] == sum(c * point**k for k, c in enumerate(coefficients)) % R
    assert backend.interpolate(values) == coefficients


@given(st.lists(elements, min_size=8, max_size=8), st.integers(1, R - 1))
def test_a_shift_scales_the_argument(coefficients: list[int], factor: int) -> None:
    shifted = ntt.shift(coefficients, factor)
    assert sum(shifted) % R == sum(c * pow(factor, k, R) for k, c in enumerate(coefficients)) % R


@pytest.mark.parametrize("value", [-1, R, R + 1, 1 << 300])
def test_unreduced_numbers_are_refused_by_name(value: int) -> None:
    with pytest.raises(InvalidElement, match="the price"):
        check_element(value, "the price")
