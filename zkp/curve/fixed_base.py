"""Many multiples of one point, by a table of its windows: what a set-up spends its time on."""

from collections.abc import Sequence
from typing import TypeVar

from zkp.curve.group import Group
from zkp.curve.msm import add_columns
from zkp.field import R

Point = TypeVar("Point")

_WINDOW_BITS = 8


def multiples(group: Group[Point], base: Point, scalars: Sequence[int]) -> list[Point | None]:
    """scalar · base for each scalar in [0, r); None for zero."""
    table = _windows(group, base)
    totals: list[Point | None] = [None] * len(scalars)
    mask = (1 << _WINDOW_BITS) - 1
    for window, row in enumerate(table):
        shift = window * _WINDOW_BITS
        totals = add_columns(group, totals, [row[scalar >> shift & mask] for scalar in scalars])
    return totals


def _windows(group: Group[Point], base: Point) -> list[list[Point | None]]:
    """table[window][digit] = digit · 2^(8·window) · base; all windows grow together."""
    bases: list[Point | None] = [base]
    for _ in range(R.bit_length() // _WINDOW_BITS):
        step = bases[-1]
        for _ in range(_WINDOW_BITS):
            step = group.add(step, step)
        bases.append(step)
    columns: list[list[Point | None]] = [[None] * len(bases), bases]
    for _ in range((1 << _WINDOW_BITS) - 2):
        columns.append(add_columns(group, columns[-1], bases))
    return [list(row) for row in zip(*columns, strict=True)]
