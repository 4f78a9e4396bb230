"""One scalar over many points: what a contribution to a set-up spends its time on.

All points go through the same doublings and additions, so that each step shares one inversion.
Time depends on the scalar, as everywhere in this package.
"""

from collections.abc import Sequence
from typing import TypeVar

from zkp.curve.group import Group
from zkp.curve.msm import add_columns
from zkp.field import R

Point = TypeVar("Point")

_WINDOW_BITS = 4


def multiply_all(
    group: Group[Point], points: Sequence[Point | None], scalar: int
) -> list[Point | None]:
    """scalar · point for each point, scalar in [0, r)."""
    assert 0 <= scalar < R, "the scalar is not reduced"
    table: list[list[Point | None]] = [[None] * len(points), list(points)]
    for _ in range((1 << _WINDOW_BITS) - 2):
        table.append(add_columns(group, table[-1], points))
    totals: list[Point | None] = [None] * len(points)
    mask = (1 << _WINDOW_BITS) - 1
    windows = -(-R.bit_length() // _WINDOW_BITS)
    for window in reversed(range(windows)):
        for _ in range(_WINDOW_BITS):
            totals = add_columns(group, totals, totals)
        digit = scalar >> window * _WINDOW_BITS & mask
        if digit:
            totals = add_columns(group, totals, table[digit])
    return totals
