"""The number-theoretic transform over the scalar field: a polynomial's coefficients and values.

Values stand in natural order: value i belongs to the i-th power of the root of unity.
"""

from collections.abc import Sequence
from functools import lru_cache

from zkp.field import R, inverse, root_of_unity


@lru_cache(maxsize=32)
def powers(base: int, count: int) -> tuple[int, ...]:
    """1, base, base^2, … : `count` of them."""
    row = [1] * count
    for index in range(1, count):
        row[index] = row[index - 1] * base % R
    return tuple(row)


def evaluate(coefficients: Sequence[int]) -> list[int]:
    """Values at all n-th roots of unity, n a power of two."""
    return _transform(coefficients, root_of_unity(len(coefficients)))


def interpolate(values: Sequence[int]) -> list[int]:
    """Coefficients of the polynomial with these values at the n-th roots of unity."""
    size = len(values)
    scale = inverse(size)
    return [v * scale % R for v in _transform(values, inverse(root_of_unity(size)))]


def shift(coefficients: Sequence[int], factor: int) -> list[int]:
    """Coefficients of f(factor · x)."""
    steps = powers(factor, len(coefficients))
    return [value * step % R for value, step in zip(coefficients, steps, strict=True)]


def _transform(values: Sequence[int], root: int) -> list[int]:
    """Cooley and Tukey, decimation in time: butterflies over the bit-reversed input."""
    size = len(values)
    bits = size.bit_length() - 1
    row = (
        [values[int(f"{index:0{bits}b}"[::-1], 2)] for index in range(size)] if bits else [*values]
    )
    twiddles = powers(root, size // 2) if size > 1 else ()
    half = 1
    while half < size:
        stride = size // (2 * half)
        steps = twiddles[::stride]
        for start in range(0, size, 2 * half):
            low, high = row[start : start + half], row[start + half : start + 2 * half]
            products = [value * step % R for value, step in zip(high, steps, strict=True)]
            row[start : start + half] = [a + b for a, b in zip(low, products, strict=True)]
            row[start + half : start + 2 * half] = [
                a - b for a, b in zip(low, products, strict=True)
            ]
        half *= 2
    return [value % R for value in row]
