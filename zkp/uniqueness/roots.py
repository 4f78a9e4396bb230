"""Square roots in the scalar field, by Tonelli and Shanks."""

from zkp.field import TWO_ADICITY, R, root_of_unity

_ODD = (R - 1) >> TWO_ADICITY


def square_root(value: int) -> int | None:
    """A root of `value` modulo r, None if it is not a square.

    >>> square_root(49) in (7, R - 7)
    True
    """
    value %= R
    if value == 0:
        return 0
    if pow(value, (R - 1) // 2, R) != 1:
        return None
    order, generator = TWO_ADICITY, root_of_unity(1 << TWO_ADICITY)
    root, rest = pow(value, (_ODD + 1) // 2, R), pow(value, _ODD, R)
    while rest != 1:
        exponent, square = 0, rest
        while square != 1:
            square, exponent = square * square % R, exponent + 1
        factor = pow(generator, 1 << (order - exponent - 1), R)
        order, generator = exponent, factor * factor % R
        root, rest = root * factor % R, rest * generator % R
    return root
